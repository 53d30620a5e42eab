"""Embedded servers with a sample knowledge base, to try everything without servers of one's own."""
