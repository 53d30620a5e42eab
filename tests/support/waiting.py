"""Waiting for a condition, never for time to pass."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")

POLL_SECONDS = 0.02


def until(condition: Callable[[], Found | None], timeout: float = 30.0, what: str = "") -> Found:
    """Calls `condition` until it answers with something true, and returns that.

    Fails the test after `timeout` seconds; `what` says what was waited for.
    """
    deadline = time.monotonic() + timeout
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:g} s: {what or condition!r}; last answer {found!r}")
        time.sleep(POLL_SECONDS)
