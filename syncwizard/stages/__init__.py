"""What a task does, one room a stage: each module has run(context)."""
