"""A task while it is set up: the draft, the choice of objects, and what they come from."""
