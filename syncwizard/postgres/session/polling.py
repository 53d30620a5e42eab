"""Waits for the socket of a login that libpq takes step by step."""

import select
import time

from psycopg import OperationalError, pq


def ready(connection: pq.abc.PGconn, polled: pq.PollingStatus, deadline: float) -> bool:
    """Waits until libpq can go on, until `deadline` (of the monotonic clock) at most; whether it can."""
    try:
        descriptor = connection.socket
    except OperationalError:
        # There is none yet or any more: the next poll says why.
        return True
    reading = [descriptor] if polled == pq.PollingStatus.READING else []
    writing = [] if reading else [descriptor]
    return any(select.select(reading, writing, [], max(0.0, deadline - time.monotonic())))
