"""Cancelling a session's statement from another thread, also when the request comes a moment too early."""

import threading
from contextlib import suppress

import psycopg

from syncwizard.postgres.session.connection import Connection

# A request that arrives between two statements is lost, so it is repeated.
REPEAT_SECONDS = 0.3
REQUEST_TIMEOUT_SECONDS = 5.0


def is_busy(connection: Connection) -> bool:
    """Whether a statement runs in the session."""
    return connection.info.transaction_status is psycopg.pq.TransactionStatus.ACTIVE


def cancel_until(done: threading.Event, connection: Connection) -> None:
    """Asks the server to cancel what the session runs, in the background, again and again until `done` is set."""
    threading.Thread(target=_repeat, args=(done, connection), name="cancel", daemon=True).start()


def _repeat(done: threading.Event, connection: Connection) -> None:
    while not done.is_set() and not connection.closed:
        with suppress(psycopg.Error):
            connection.cancel_safe(timeout=REQUEST_TIMEOUT_SECONDS)
        done.wait(REPEAT_SECONDS)
