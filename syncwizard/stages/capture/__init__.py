"""Capture: replica identities, heartbeat, publication and slot, before anything is copied (DESIGN rule 1)."""
