"""The settings of a session that writes rows at the destination, and the lock that lets one engine write."""

import time
import uuid

import msgspec
import psycopg

from syncwizard.errors import Fenced
from syncwizard.postgres.destination.layout import migrate_layout
from syncwizard.postgres.destination.progress import Ledger
from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.session.ending import end_backends
from syncwizard.remedies import to_do

# A killed engine's session ends as soon as its server notices the closed socket; that is waited for.
LOCK_SECONDS = 15.0
# The parts of an engine that write. There is one engine, with the lock; others of them are left over.
WRITING_PARTS = ("capture", "planner", "copy", "lock", "apply")


class LockHolder(msgspec.Struct, frozen=True, kw_only=True):
    """The session that holds a task's lock. `ours`: it was opened by this very engine, which has lost it."""

    pid: int
    since: str
    ours: bool


def prepare_writing(connection: Connection) -> bool:
    """Switches triggers and foreign keys off for the session where its account may; whether it may (rule 15)."""
    # A staged batch reaches the table by its key. The planner fears random reads and would rather read all of a
    # table of a million rows for 3,500 of them: 500 ms a batch instead of 30.
    connection.execute("SET enable_hashjoin = off; SET enable_mergejoin = off")
    try:
        connection.execute("SET session_replication_role = 'replica'")
    except psycopg.errors.InsufficientPrivilege:
        return False
    return True


def follow_configuration(connection: Connection) -> None:
    """Lets the session's commits wait for what the server's configuration says from now on, which is changed while a
    task runs for weeks; each transaction of the progress sees to it that they wait for the disk at least."""
    connection.execute("RESET synchronous_commit")


def hold_task(connection: Connection, task_id: uuid.UUID, owner: int) -> None:
    """Takes the task's advisory lock for this session, and ends sessions that earlier ones of the task left behind: a
    network may keep them open for hours, with the locks of what they did not commit. Then brings an older layout to
    the newest.

    `owner` is a number of the engine's own. Raises Fenced when another engine holds the lock, LayoutNewer.
    """
    deadline = time.monotonic() + LOCK_SECONDS
    ledger = Ledger(connection, task_id)
    while not ledger.lock():
        holder = _find_holder(connection, task_id, owner)
        if holder is not None and holder.ours:
            end_backends(connection, [holder.pid])
        elif time.monotonic() > deadline:
            raise _fenced(holder)
        else:
            time.sleep(0.1)
    connection.execute("SELECT pg_catalog.pg_advisory_lock_shared(%s)", (owner,))
    names = [f"syncwizard {task_id.hex[:12]} {part}" for part in WRITING_PARTS]
    left = connection.execute(
        "SELECT pid FROM pg_catalog.pg_stat_activity"
        " WHERE application_name = ANY (%s) AND datname = pg_catalog.current_database()"
        # A commit that waits for a standby is not to be hurried, and not in the way for good.
        " AND pid <> pg_catalog.pg_backend_pid() AND wait_event IS DISTINCT FROM 'SyncRep'",
        (names,),
    )
    end_backends(connection, [pid for (pid,) in left])
    migrate_layout(connection)


def _find_holder(connection: Connection, task_id: uuid.UUID, owner: int) -> LockHolder | None:
    values = {"task": int.from_bytes(task_id.bytes[:8], "big", signed=True), "owner": owner}
    row = connection.execute(query("lock_holder_of_task"), values).fetchone()
    return None if row is None else LockHolder(pid=row[0], since=row[1], ours=row[2])


def _fenced(holder: LockHolder | None) -> Fenced:
    if holder is None:
        return Fenced(
            "another engine writes for this task", where="destination", remedy=to_do(ELSEWHERE, then="resume")
        )
    return Fenced(
        "another engine writes for this task",
        where="destination",
        detail=f"process {holder.pid} at the destination has its lock and is connected since {holder.since}",
        remedy=to_do(
            ELSEWHERE,
            "if none is left, end its session",
            statements=[f"SELECT pg_terminate_backend({holder.pid})"],
            then="resume",
        ),
    )


ELSEWHERE = "the task runs elsewhere: pause it there, or end that engine"
