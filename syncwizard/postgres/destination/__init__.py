"""The destination's side: progress, apply, staging, indexes."""
