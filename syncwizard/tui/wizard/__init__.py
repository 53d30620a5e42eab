"""The wizard: one screen, a step a file, answers in the draft."""
