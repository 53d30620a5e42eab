"""What must hold before a task may start, one item a check."""
