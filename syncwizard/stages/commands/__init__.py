"""Commands on a task: release, resync, switchover."""
