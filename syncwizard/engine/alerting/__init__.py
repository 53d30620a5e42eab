"""Alerts of a task: `rules` decides, `book` remembers, `watch` drives both, and the other modules deliver."""
