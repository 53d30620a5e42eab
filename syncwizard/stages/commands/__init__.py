"""What a person orders of a task: release and resync."""
