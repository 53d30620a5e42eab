"""Rows for which a script failed, set aside at the destination where the task file asks for it."""

import uuid

import psycopg

from syncwizard.postgres.session.connection import Connection, scalar
from syncwizard.rows.changes import Projected
from syncwizard.rows.projection import Projection
from syncwizard.task.names import TableName, quote

# Of a value, and not of the connection, of rights or of other rows: data exceptions, NULL in a NOT NULL column, CHECK.
_OF_A_VALUE = ("23502", "23514")
# Only what a person has to look at: an error that is in every row is one of the script.
MOST_A_CHUNK = 10_000

INSERT = (
    "INSERT INTO syncwizard.dead_letters"
    " (task_id, schema_name, table_name, operation, key, row, reason, sqlstate, lsn) "
)


def is_of_a_row(error: psycopg.Error) -> bool:
    """Whether the error comes of the values of a row."""
    state = error.sqlstate or ""
    return state.startswith("22") or state in _OF_A_VALUE


def shown(projection: Projection, prefix: str) -> tuple[str, str]:
    """SQL of a row's key and of what of it travels unchanged, as JSON; `prefix` is what its columns are read from."""
    places = {name: at for at, name in enumerate(projection.columns)}
    unchanged = [output.source for output in projection.outputs if output.source is not None]
    return _json(projection.key, places, prefix), _json(unchanged, places, prefix)


def _json(columns: "tuple[str, ...] | list[str]", places: dict[str, int], prefix: str) -> str:
    if not columns:
        return "NULL::jsonb"
    values = ", ".join(f"{prefix}.c{places[name]} AS {quote(name)}" for name in columns)
    return f"(SELECT pg_catalog.to_jsonb(x) FROM (SELECT {values}) AS x)"


class DeadLetters:
    """Those of one task."""

    def __init__(self, connection: Connection, task_id: uuid.UUID) -> None:
        self._connection = connection
        self._task_id = task_id

    def add_copied(self, table: TableName, key: str | None, row: str | None, error: psycopg.Error) -> None:
        """Notes a row of the copy, in the transaction of its chunk; `key` and `row` are JSON."""
        self._connection.execute(
            INSERT + "VALUES (%s, %s, %s, 'COPY', %s::jsonb, %s::jsonb, %s, %s, NULL)",
            (self._task_id, table.schema, table.name, key, row, words_of(error), error.sqlstate or ""),
        )

    def copied(self, table: TableName) -> int:
        """How many rows of a table the copy has set aside: by this run of it, and by those before."""
        return int(
            scalar(
                self._connection,
                "SELECT pg_catalog.count(*) FROM syncwizard.dead_letters"
                " WHERE task_id = %s AND schema_name = %s AND table_name = %s AND operation = 'COPY'",
                self._task_id,
                table.schema,
                table.name,
            )
        )

    def forget(self, table: TableName) -> None:
        """Removes those of a table whose copy begins again."""
        self._connection.execute(
            "DELETE FROM syncwizard.dead_letters WHERE task_id = %s AND schema_name = %s AND table_name = %s",
            (self._task_id, table.schema, table.name),
        )


def words_of(error: Exception) -> str:
    """What the server says, in one line."""
    return " ".join(str(error).split())


def insert_text(projected: Projected, base: str, after: int) -> str:
    """Notes the row that `base` gives. Parameters behind the first `after`: task, schema, table, operation, reason,
    SQLSTATE, LSN."""
    key, row = shown(projected.projection, "b")
    task, schema, table, operation, reason, state, lsn = (f"${after + number}" for number in range(1, 8))
    return (
        f"{INSERT}SELECT {task}::uuid, {schema}::text, {table}::text, {operation}::text, {key}, {row},"
        f" {reason}::text, {state}::text, {lsn}::pg_lsn FROM ({base}) AS b"
    )
