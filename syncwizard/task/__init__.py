"""The task as data: specification, events, reducer; imports nothing of ours but errors."""
