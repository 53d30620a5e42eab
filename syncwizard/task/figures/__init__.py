"""Figures of a running task: samples, rates, time left, retention, and their past."""
