"""What each event makes of a state, by topic; `task.reducer` has the whole of it."""
