"""Commands on a task: release and resync."""
