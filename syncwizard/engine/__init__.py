"""The background process of one task, and its children."""
