"""Watches over the terminal, or the pipe in its place: when it goes, so do we, without a spinning thread."""

import os
import select
import signal
import threading
from collections.abc import Callable

# How often the terminal is looked at where its hang-up cannot be waited for.
LOOK_MILLISECONDS = 2000
# As a shell reports the end of a program by this signal.
HANGUP_EXIT_CODE = 128 + signal.SIGHUP


def end_with_terminal(descriptor: int, last_words: Callable[[], None]) -> None:
    """Ends the process as soon as the terminal, or the other side of the pipe, behind `descriptor` is gone; returns at
    once.

    An orderly end is not possible then: what is still to be drawn waits for a terminal that never reads it. So
    `last_words` is called, from another thread, to keep what must not be lost, and the process is gone.
    """

    is_terminal = os.isatty(descriptor)

    def watch() -> None:
        while not hung_up(descriptor, LOOK_MILLISECONDS, is_terminal=is_terminal):
            pass
        leave(last_words)

    threading.Thread(target=watch, name="terminal-watch", daemon=True).start()


def leave(last_words: Callable[[], None]) -> None:
    """Says the last words and ends the process, without waiting for any thread."""
    try:
        last_words()
    finally:
        os._exit(HANGUP_EXIT_CODE)


def hung_up(descriptor: int, timeout_milliseconds: int, *, is_terminal: bool = True) -> bool:
    """Whether the terminal, or the other side of the pipe, is gone, waiting so long for that to happen."""
    poller = select.poll()
    # Nothing but a hang-up or an error ends the wait: input is read elsewhere.
    poller.register(descriptor, 0)
    events = poller.poll(timeout_milliseconds)
    return bool(events) or (is_terminal and not os.isatty(descriptor))
