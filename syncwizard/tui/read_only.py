"""Screens that look and change nothing: which of their actions are not offered then. And screens in a browser."""

import os

# Set by --read-only.
READ_ONLY = "SYNCWIZARD_READ_ONLY"
# By the last part of their ids, on the screens of tasks. The wizard is not reached.
CHANGING = frozenset(
    {"pause", "resume", "resync", "release", "sequences", "new", "clone", "demo"}
    | {"compare", "halt", "repair", "try_again", "run_edited", "skip"}
    | {"retry_change", "edit_values", "quarantine"}
)
# What takes a terminal: the demo is another program over it.
AT_A_TERMINAL = frozenset({"demo"})
WEB_DRIVER = "textual.drivers.web_driver:WebDriver"


def is_served() -> bool:
    """Whether a browser shows the screens of this process, by `serve`."""
    return os.environ.get("TEXTUAL_DRIVER") == WEB_DRIVER


def is_read_only() -> bool:
    """Whether the screens of this process change nothing."""
    return bool(os.environ.get(READ_ONLY))


def is_refused(action: str) -> bool:
    """Whether the action of a screen of tasks is not offered."""
    return (action in CHANGING and is_read_only()) or (action in AT_A_TERMINAL and is_served())
