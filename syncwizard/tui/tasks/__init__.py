"""The list of tasks."""
