"""Definitions at the destination: before the rows, after them, and beside the stream."""
