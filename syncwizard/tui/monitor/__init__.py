"""The monitor of one task: its screen, its lines and charts, and the link to its engine."""
