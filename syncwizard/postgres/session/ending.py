"""Ends sessions of a server, and waits until they are gone: what they hold would be in the way of what follows."""

import time
from collections.abc import Iterable

from syncwizard.postgres.session.connection import Connection

WAIT_SECONDS = 5.0
POLL_SECONDS = 0.02


def end_backends(connection: Connection, pids: Iterable[int]) -> None:
    """Ends the server's processes, and waits up to five seconds for them to go.

    In Python, because the server's own function waits from version 14 on only. Raises psycopg's InsufficientPrivilege.
    """
    wanted = list(pids)
    for pid in wanted:
        connection.execute("SELECT pg_catalog.pg_terminate_backend(%s)", (pid,))
    deadline = time.monotonic() + WAIT_SECONDS
    while wanted and time.monotonic() < deadline and _any_left(connection, wanted):
        time.sleep(POLL_SECONDS)


def _any_left(connection: Connection, pids: list[int]) -> bool:
    # Inside a transaction the view would keep showing what it showed first.
    connection.execute("SELECT pg_catalog.pg_stat_clear_snapshot()")
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_stat_activity WHERE pid = ANY (%s))", (pids,)
    ).fetchone()
    return row is not None and bool(row[0])
