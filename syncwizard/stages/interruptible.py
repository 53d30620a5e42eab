"""Statements of a stage that a pause ends at once, however long they would run."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from syncwizard.errors import End, SyncwizardError
from syncwizard.postgres.session.cancelling import cancel_until
from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.session.trouble import translated
from syncwizard.stages.context import Context


@contextmanager
def interruptible(context: Context, connection: Connection, end: End, doing: str) -> Iterator[None]:
    """Cancels the session's statements inside the block when the task is to pause: raises Cancelled then.

    Other errors of the server become ours, as by `translated`; `doing` completes "while …".
    """
    done = threading.Event()
    context.cancellation.check()
    context.cancellation.on_cancel(lambda: None if done.is_set() else cancel_until(done, connection))
    try:
        with translated(end, doing):
            yield
    except SyncwizardError:
        context.cancellation.check()
        raise
    finally:
        done.set()
