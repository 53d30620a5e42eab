"""The heartbeat: a row a task in a table of ours at the source; its stream tells latency and moves the slot."""

from collections.abc import Callable
from typing import LiteralString

from psycopg import errors, sql

from syncwizard.errors import TaskFailed
from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection, scalar
from syncwizard.remedies import resync, to_do
from syncwizard.rows.changes import Beat
from syncwizard.rows.heartbeat import next_generation

HEARTBEAT_MARK = "syncwizard: heartbeat of synchronization tasks"

# A lock on the table must not hold up what shares the session: the heartbeat may be late.
LOCK_TIMEOUT_MILLISECONDS = 200

# To read it has time where nothing else shows which history it is: a connection is compared once.
READ_TIMEOUT_MILLISECONDS = 5_000

# Between two tries to write one that has to be written.
AGAIN_SECONDS = 0.5

# In one transaction and one round trip.
_BEAT: LiteralString = (
    "SET LOCAL lock_timeout = {timeout}; "
    "UPDATE public.dts_postgres_heartbeat SET beats = beats + 1, beat_at = pg_catalog.clock_timestamp()"
    " WHERE slot_name = {slot} RETURNING beats, (pg_catalog.date_part('epoch', beat_at) * 1000000)::bigint"
)

# The source's disk has it, and with it all that was committed before, when this returns.
_FLUSHED: LiteralString = (
    "; SELECT pg_catalog.set_config('synchronous_commit', 'local', true)"
    " WHERE pg_catalog.current_setting('synchronous_commit') = 'off'"
)


def create_heartbeat(connection: Connection, slot: str, known: int = 0) -> None:
    """Creates the table when it is not there and adds this task's row, which counts on beyond the number `known`.

    A table of that name without our mark is not ours: TaskFailed, and it is left alone.
    """
    with connection.transaction():
        # Two tasks may start at once: the second waits and then finds the table.
        connection.execute("SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('syncwizard heartbeat'))")
        if not heartbeat_exists(connection):
            connection.execute(query("heartbeat_create"))
        elif not has_mark(connection):
            raise TaskFailed(
                "public.dts_postgres_heartbeat exists and does not belong to syncwizard",
                where="source",
                remedy=to_do("rename or drop that table", then="resume"),
            )
        connection.execute(
            "INSERT INTO public.dts_postgres_heartbeat (slot_name, beats) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            (slot, next_generation(known) if known else 0),
        )


def drop_heartbeat(connection: Connection, slot: str) -> None:
    """Removes this task's row, and the table with the last one."""
    with connection.transaction():
        connection.execute("SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('syncwizard heartbeat'))")
        if not heartbeat_exists(connection) or not has_mark(connection):
            return
        connection.execute("DELETE FROM public.dts_postgres_heartbeat WHERE slot_name = %s", (slot,))
        if not scalar(connection, "SELECT EXISTS (SELECT FROM public.dts_postgres_heartbeat)"):
            connection.execute("DROP TABLE public.dts_postgres_heartbeat")


def beat(connection: Connection, slot: str) -> float:
    """Commits one heartbeat; the source's clock in seconds since the epoch.

    Raises TaskFailed when the row or the table is gone: latency could not be measured any more. Raises psycopg's
    LockNotAvailable when the table is locked.
    """
    return _beat(connection, slot, _BEAT).at / 1e6


def beat_after(connection: Connection, slot: str, wait: Callable[[float], object]) -> Beat:
    """Commits a heartbeat after what was read, and makes it durable at the source: a history that has this one has all
    that was read. Waits for the table where it is locked, `wait(seconds)` between two tries. Raises TaskFailed."""
    while True:
        try:
            return _beat(connection, slot, _BEAT + _FLUSHED)
        except errors.LockNotAvailable:
            wait(AGAIN_SECONDS)


def _beat(connection: Connection, slot: str, statements: LiteralString) -> Beat:
    text = sql.SQL(statements).format(timeout=sql.Literal(LOCK_TIMEOUT_MILLISECONDS), slot=sql.Literal(slot))
    try:
        cursor = connection.execute(text)
        cursor.nextset()
        row = cursor.fetchone()
    except errors.UndefinedTable:
        row = None
    if row is None:
        raise TaskFailed(
            "the heartbeat of this task is gone from public.dts_postgres_heartbeat",
            where="source",
            detail="no row of a table was lost: a resync makes it again and copies no table",
            remedy=resync(),
        )
    return Beat(int(row[0]), int(row[1]))


def read_beat(connection: Connection, slot: str, timeout_milliseconds: int = READ_TIMEOUT_MILLISECONDS) -> Beat | None:
    """The task's heartbeat as it is now, also over a replication session; None where there is none.

    Raises psycopg's LockNotAvailable when the table is locked for longer than the timeout.
    """
    statement = sql.SQL(
        "SET LOCAL lock_timeout = {}; "
        "SELECT beats, (pg_catalog.date_part('epoch', beat_at) * 1000000)::bigint"
        " FROM public.dts_postgres_heartbeat WHERE slot_name = {}"
    ).format(sql.Literal(timeout_milliseconds), sql.Literal(slot))
    try:
        cursor = connection.execute(statement)
        cursor.nextset()
        row = cursor.fetchone()
    except errors.UndefinedTable:
        row = None
    return None if row is None else Beat(int(row[0]), int(row[1]))


def beats(connection: Connection, slot: str) -> bool:
    """Whether the task's heartbeat is there."""
    if not heartbeat_exists(connection):
        return False
    found: LiteralString = "SELECT EXISTS (SELECT FROM public.dts_postgres_heartbeat WHERE slot_name = %s)"
    return bool(scalar(connection, found, slot))


def has_mark(connection: Connection) -> bool:
    """Whether the table carries our mark."""
    mark = scalar(
        connection,
        "SELECT pg_catalog.obj_description(pg_catalog.to_regclass('public.dts_postgres_heartbeat'), 'pg_class')",
    )
    return bool(mark == HEARTBEAT_MARK)


def heartbeat_exists(connection: Connection) -> bool:
    """Whether there is a table of that name, ours or not."""
    return bool(scalar(connection, "SELECT pg_catalog.to_regclass('public.dts_postgres_heartbeat') IS NOT NULL"))
