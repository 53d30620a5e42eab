"""Does a server still answer? And the end of sessions that wait for one that does not."""

import os
import select
import socket
import threading
import time
from contextlib import suppress

import psycopg

from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.session.ending import end_backends
from syncwizard.task.specification import TaskSpec

POLL_SECONDS = 0.5


def answers(connection: Connection, seconds: float, stopped: threading.Event) -> bool:
    """Whether an answer comes within so many seconds, and before `stopped` is set; the session is of no use otherwise.

    Raises psycopg's error when the session was lost.
    """
    pgconn = connection.pgconn
    readable = select.poll()
    readable.register(pgconn.socket, select.POLLIN)
    pgconn.send_query(b"SELECT 1")
    deadline = time.monotonic() + seconds
    while not stopped.is_set():
        pgconn.flush()
        if readable.poll(POLL_SECONDS * 1000):
            pgconn.consume_input()
        while not pgconn.is_busy():
            if pgconn.get_result() is None:
                return True
        # Looked at last: what came while this process was held up has come in time.
        if time.monotonic() > deadline:
            break
    return False


def end_sessions(
    connection: Connection, spec: TaskSpec, *, longer_than_seconds: float = 0.0, builds: bool = False
) -> None:
    """Ends the task's other sessions in this database that are open for longer: what they hold would be in the way of
    their successors.

    Without `builds` one that builds an index CONCURRENTLY is left to it: the server finishes the build without a
    client.
    """
    values = {"name": f"syncwizard {spec.short_id} ", "seconds": longer_than_seconds, "builds": builds}
    end_backends(connection, [pid for (pid,) in connection.execute(query("task_sessions_end"), values)])


def shut(connection: Connection) -> None:
    """Ends the session from another thread: what waits there for an answer gets the error of a lost connection."""
    with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.pgconn.socket)) as wire:
        wire.shutdown(socket.SHUT_RDWR)
