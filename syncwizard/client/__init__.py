"""Finds, starts and talks to engines; the same client serves every face."""
