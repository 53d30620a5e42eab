"""Statements that lock the user's tables at the source, without making the user's sessions queue behind us."""

from collections.abc import Callable, Sequence

from psycopg import errors, sql

from syncwizard.errors import TaskFailed
from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection, scalar
from syncwizard.remedies import to_do
from syncwizard.task.names import TableName
from syncwizard.task.redaction import without_literals
from syncwizard.task.text import span

# A statement that waits for a lock also blocks every session that comes after it: the wait must be short, and then
# the queue must be let through before the next attempt.
LOCK_TIMEOUT_MILLISECONDS = 2000
LOCK_ATTEMPTS = 15
LOCK_PAUSE_SECONDS = 2.0

Wait = Callable[[float], None]


def with_short_locks(connection: Connection, tables: Sequence[TableName], statement: sql.Composed, wait: Wait) -> None:
    """Runs the statement in a transaction of its own, with several short attempts; `wait(seconds)` between them.

    Raises TaskFailed that names the sessions which hold the tables.
    """
    for attempt in range(1, LOCK_ATTEMPTS + 1):
        try:
            with connection.transaction():
                connection.execute(
                    sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(LOCK_TIMEOUT_MILLISECONDS))
                )
                connection.execute(statement)
            return
        except errors.LockNotAvailable as error:
            if attempt == LOCK_ATTEMPTS:
                holders = lock_holders(connection, tables)
                several = "the task's tables" if len(tables) > 1 else str(tables[0])
                raise TaskFailed(
                    f"could not lock {several} at the source in {LOCK_ATTEMPTS} attempts",
                    detail=" ".join(str(error).split()),
                    where="source",
                    remedy=to_do(
                        f"end these sessions or wait for them: {holders}" if holders else "the sessions have gone",
                        then="resume",
                    ),
                    sqlstate=error.sqlstate or "",
                ) from error
        wait(LOCK_PAUSE_SECONDS)


def lock_holders(connection: Connection, tables: Sequence[TableName]) -> str:
    """The sessions that hold locks on the tables, for display: process id, user, since when, what they ran without
    the values in it."""
    schemas, names = [table.schema for table in tables], [table.name for table in tables]
    rows = connection.execute(query("lock_holders"), (schemas, names)).fetchall()
    return "; ".join(
        f"process {pid} of {user}, transaction open for {span(seconds)}: {without_literals(text)}"
        for pid, user, seconds, text in rows
    )


def keeps_waiting(connection: Connection, pid: int) -> bool:
    """Whether another session waits for a lock on a relation that the process `pid` holds."""
    return bool(scalar(connection, query("kept_waiting"), pid))


def limit_lock_waits(connection: Connection, seconds: int) -> None:
    """Statements of the session fail that wait for a lock for longer."""
    connection.execute(sql.SQL("SET lock_timeout = {}").format(sql.Literal(seconds * 1000)))
