"""Pages over the monitor of a task: each is about one thing, and leads back by Esc."""
