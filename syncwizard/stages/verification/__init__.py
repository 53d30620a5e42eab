"""Verification: both ends compared at one commit while changes are applied (rule 24)."""
