"""Incremental synchronization: catching up to the sync point, then following every change."""
