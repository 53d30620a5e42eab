"""Screens that look and change nothing: which of their actions are not offered then. And screens in a browser."""

import os

from syncwizard.tui.settings import Settings

# Set by --read-only.
READ_ONLY = "SYNCWIZARD_READ_ONLY"
# By the last part of their ids, on the screens of tasks. The wizard is not reached.
CHANGING = frozenset(
    {"pause", "pause_table", "resume", "resync", "release", "sequences", "new", "clone", "demo"}
    | {"compare", "halt", "repair", "try_again", "run_edited", "skip"}
    | {"retry_change", "edit_values", "quarantine"}
)
# By config.yaml: each application says it anew.
_by_settings = False
# What takes a terminal: the demo is another program over it.
AT_A_TERMINAL = frozenset({"demo"})
WEB_DRIVER = "textual.drivers.web_driver:WebDriver"


def is_served() -> bool:
    """Whether a browser shows the screens of this process, by `serve`."""
    return os.environ.get("TEXTUAL_DRIVER") == WEB_DRIVER


def is_read_only() -> bool:
    """Whether the screens of this process change nothing."""
    return _by_settings or bool(os.environ.get(READ_ONLY))


def keep_to(settings: Settings) -> None:
    """From now on as the settings say; what `--read-only` or `serve` asked for stays."""
    global _by_settings
    _by_settings = settings.read_only


def is_refused(action: str) -> bool:
    """Whether the action of a screen of tasks is not offered."""
    return (action in CHANGING and is_read_only()) or (action in AT_A_TERMINAL and is_served())
