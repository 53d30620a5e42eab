"""Screens that walk through themselves: a script of steps as data, what plays it, and the line about each step."""
