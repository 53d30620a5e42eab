"""Synchronizes PostgreSQL databases: schema, full copy, continuous changes."""

__version__ = "0.1.0"
