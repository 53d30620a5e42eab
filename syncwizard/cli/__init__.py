"""The commands: thin, and never importing textual."""
