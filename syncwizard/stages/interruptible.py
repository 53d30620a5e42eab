"""Statements of a stage that a pause ends at once, however long they would run."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from syncwizard.errors import End, SyncwizardError
from syncwizard.postgres.session.answering import shut
from syncwizard.postgres.session.cancelling import cancel_until
from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.session.trouble import translated
from syncwizard.stages.context import Context


@contextmanager
def interruptible(
    context: Context, connection: Connection, end: End, doing: str, *, outlives_attempt: bool = False
) -> Iterator[None]:
    """Cancels the session's statements inside the block when the task is to pause: raises Cancelled then.

    Other errors of the server become ours, as by `translated`; `doing` completes "while …". `outlives_attempt`: where
    only the attempt ends, the server is left to finish the statement, for which the next attempt waits.
    """
    done = threading.Event()
    context.cancellation.check()

    def interrupt() -> None:
        if done.is_set():
            return
        if outlives_attempt and context.cancellation.for_another_attempt:
            shut(connection)
        else:
            cancel_until(done, connection)

    context.cancellation.on_cancel(interrupt)
    try:
        with translated(end, doing):
            yield
    except SyncwizardError:
        context.cancellation.check()
        raise
    finally:
        done.set()
