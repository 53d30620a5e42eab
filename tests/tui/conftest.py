"""One clock, one zone, one theme and an empty home: what a screen shows is the same on every machine."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def calm_terminal(state_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing of the terminal and the place of whoever runs the tests."""
    for name in ("NO_COLOR", "COLORTERM", "TMUX", "TEXTUAL_THEME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()
