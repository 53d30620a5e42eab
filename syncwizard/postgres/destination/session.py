"""The settings of a session that writes rows at the destination."""

import time
import uuid

import psycopg

from syncwizard.errors import Fenced
from syncwizard.postgres.connection import Connection
from syncwizard.postgres.destination.progress import lock_task

# A killed engine's session ends as soon as its server notices the closed socket; that is waited for.
LOCK_SECONDS = 15.0


def prepare_writing(connection: Connection) -> bool:
    """Makes triggers and foreign keys stay quiet where we are allowed to; whether we are (rule 15)."""
    # Row statements are far too short for just-in-time compilation to pay.
    connection.execute("SET jit = off")
    # A staged batch reaches the table by its key. The planner fears random reads and would rather read all of a
    # table of a million rows for 3,500 of them: 500 ms a batch instead of 30.
    connection.execute("SET enable_hashjoin = off; SET enable_mergejoin = off")
    try:
        connection.execute("SET session_replication_role = 'replica'")
    except psycopg.errors.InsufficientPrivilege:
        return False
    return True


def hold_task(connection: Connection, task_id: uuid.UUID) -> None:
    """Takes the task's advisory lock for this session. Raises Fenced when another engine holds it."""
    deadline = time.monotonic() + LOCK_SECONDS
    while not lock_task(connection, task_id):
        if time.monotonic() > deadline:
            raise Fenced(
                "another engine writes for this task",
                where="destination",
                remedy="the task runs elsewhere: pause it there, or end that engine",
            )
        time.sleep(0.1)
