"""What happens to a row between the ends; pure, no I/O."""
