"""Tests against real servers; see conftest.py for the fixtures they share."""
