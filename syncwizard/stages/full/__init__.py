"""Full synchronization: every table under a pair (LSN, snapshot), chunk by chunk."""
