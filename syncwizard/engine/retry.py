"""Decides what is tried again, for how long and how often; pure but for the clock."""

import time

import msgspec

from syncwizard.errors import ChangeFailed, EndpointError, SyncwizardError
from syncwizard.task.specification import Retry

# Quick at first, because most trouble is a restart or a cut connection; then sparing of a server that is down.
BACK_OFF_SECONDS = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)

# Trouble that returns so soon after it seemed over, with nothing done for good, is the same: its window goes on.
STABLE_SECONDS = 60.0


# The clock when the engine began, less the steady one.
_BEGAN = time.time() - time.monotonic()


def steady_time() -> float:
    """Seconds since the epoch, without the jumps that the machine's clock made since the engine began: they must
    neither end patience early nor prolong it."""
    return _BEGAN + time.monotonic()


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """One stretch of trouble; times are seconds since the epoch. `ended` when it seemed over."""

    since: float
    until: float
    attempts: int = 0
    ended: float | None = None


def is_lost(error: SyncwizardError) -> bool:
    """Whether it is a connection that was lost, or cannot be had for now."""
    return isinstance(error, EndpointError) and error.transient and error.lost


def minutes_allowed(error: SyncwizardError, retry: Retry) -> int | None:
    """How long the error is worth trying again, None when it is not.

    >>> lost = EndpointError("lost", end="source", transient=True)
    >>> minutes_allowed(lost, Retry(connection_minutes=720))
    720
    >>> minutes_allowed(EndpointError("wrong password", end="source", transient=False), Retry()) is None
    True
    """
    if isinstance(error, ChangeFailed):
        # The destination may be put right meanwhile (DESIGN rule 12): a row out of the way, a disk enlarged.
        return retry.other_minutes
    if not isinstance(error, EndpointError) or not error.transient:
        return None
    return retry.connection_minutes if error.lost else retry.other_minutes


def next_window(previous: Window | None, now: float, minutes: int) -> Window:
    """The window that a failure at `now` belongs to: the one before, where that is open or ended just now.

    >>> first = next_window(None, 100.0, 10)
    >>> first.since, first.until, first.attempts
    (100.0, 700.0, 1)
    >>> next_window(first, 130.0, 10).attempts
    2
    >>> next_window(msgspec.structs.replace(first, ended=200.0), 210.0, 10).since
    100.0
    >>> next_window(msgspec.structs.replace(first, ended=200.0), 300.0, 10).since
    300.0
    """
    if previous is None or (previous.ended is not None and now - previous.ended >= STABLE_SECONDS):
        return Window(since=now, until=now + minutes * 60, attempts=1)
    # The kind of trouble may have changed, and with it the patience.
    until = previous.since + minutes * 60
    return Window(since=previous.since, until=until, attempts=previous.attempts + 1)


def delay_seconds(window: Window, now: float) -> float | None:
    """How long to wait before the next attempt, None when the window is over.

    >>> delay_seconds(Window(since=0, until=60, attempts=1), 1.0)
    0.2
    >>> delay_seconds(Window(since=0, until=60, attempts=99), 60.0) is None
    True
    """
    if now >= window.until:
        return None
    wanted = BACK_OFF_SECONDS[min(window.attempts, len(BACK_OFF_SECONDS)) - 1]
    return min(wanted, window.until - now)
