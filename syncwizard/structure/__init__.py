"""What happens to a definition between the ends; pure, no I/O."""
