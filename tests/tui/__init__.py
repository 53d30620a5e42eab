"""The screens, driven by keys over replayed journals; a few in a real pseudo terminal."""
