"""The set-up of a task as questions on plain lines: for screen readers, slow lines, and terminals that cannot draw."""
