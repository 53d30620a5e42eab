"""Checks and generated columns that call functions: evaluated once, as a session with an empty search_path does it."""

from collections.abc import Sequence
from typing import LiteralString

import msgspec
import psycopg
from psycopg import sql

from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection, quoted, scalar

# One row of one table: what takes longer waits for something.
EVALUATION_LIMIT = "10s"
# The rows of the first pages are those that were stored longest ago.
SAMPLED_ROWS = 1000
# A function, table, type, column or schema that is not found: what an unqualified name ends in.
NOT_FOUND = ("42883", "42P01", "42704", "42703", "3F000")


class CalledExpression(msgspec.Struct, frozen=True, array_like=True):
    """A check or generated column and the functions of users it calls.

    `kind`: `constraint` or `generated column`. `signatures`: the functions as SQL writes them. `schemas`: where they
    are. `trusted`: all of them belong to superusers.
    """

    kind: str
    name: str
    schema: str
    table: str
    expression: str
    signatures: list[str]
    schemas: list[str]
    trusted: bool

    def __str__(self) -> str:
        return f"{self.kind} {self.name} of {self.schema}.{self.table}"


def read_called_expressions(connection: Connection, tables: Sequence[int]) -> list[CalledExpression]:
    """The expressions of the tables, by OID, that call functions of users; each text once."""
    rows = connection.execute(query("evaluated_expressions"), {"tables": list(tables)})
    return sorted((msgspec.convert(row, CalledExpression) for row in rows), key=str)


def evaluate(connection: Connection, called: CalledExpression, search_path: Sequence[str] = ()) -> psycopg.Error | None:
    """The server's error when the expression is evaluated for one row, with NULLs for a table without rows.

    The transaction is read-only and rolled back.
    """
    row = sql.SQL(
        "SELECT ({}) FROM (SELECT 1) AS one LEFT JOIN LATERAL (SELECT * FROM ONLY {} LIMIT 1) AS {} ON true"
    ).format(
        sql.SQL(called.expression),
        quoted(called.schema, called.table),
        sql.Identifier(called.table),
    )
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(_limits(search_path))
            connection.execute(row)
    except psycopg.Error as error:
        if connection.closed:
            raise
        return error
    return None


def other_values(connection: Connection, column: CalledExpression) -> int | None:
    """How many of some rows hold another value in a stored generated column than its expression gives today: a
    function was replaced after they were stored. None: not determined. The transaction is read-only.
    """
    compared = sql.SQL(
        "SELECT count(*) FROM (SELECT * FROM ONLY {table} LIMIT {rows}) AS {alias}"
        " WHERE {column}::text IS DISTINCT FROM CAST(({expression}) AS {type})::text"
    )
    read_type: LiteralString = (
        "SELECT pg_catalog.format_type(atttypid, atttypmod) FROM pg_catalog.pg_attribute"
        " WHERE attrelid = %s::pg_catalog.regclass AND attname = %s"
    )
    table = quoted(column.schema, column.table)
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(_limits())
            type_name = scalar(connection, read_type, table.as_string(connection), column.name)
            found = connection.execute(
                compared.format(
                    table=table,
                    rows=sql.Literal(SAMPLED_ROWS),
                    alias=sql.Identifier(column.table),
                    column=sql.Identifier(column.name),
                    expression=sql.SQL(column.expression),
                    type=sql.SQL(type_name),
                )
            ).fetchone()
    except psycopg.Error:
        if connection.closed:
            raise
        return None
    return int(found[0]) if found else None


def _limits(search_path: Sequence[str] = ()) -> sql.Composed:
    """For a transaction that evaluates what users wrote."""
    path = sql.SQL(", ").join(map(sql.Literal, search_path)) if search_path else sql.Literal("")
    return sql.SQL(
        "SET LOCAL search_path = {}; SET LOCAL statement_timeout = {}; SET LOCAL transaction_read_only = on"
    ).format(path, sql.Literal(EVALUATION_LIMIT))


def is_not_found(error: psycopg.Error) -> bool:
    """Whether a name was not found."""
    return error.sqlstate in NOT_FOUND


def working_path(connection: Connection, called: CalledExpression) -> list[str]:
    """The shortest search_path by which the expression can be evaluated; empty when none of those tried is."""
    row = connection.execute("SELECT reset_val FROM pg_catalog.pg_settings WHERE name = 'search_path'").fetchone()
    usual = [name.strip().strip('"') for name in (row[0] if row else "").split(",")]
    usual = [name for name in usual if name and name != "$user"]
    own = list(dict.fromkeys(called.schemas))
    for path in (own, [*own, called.schema], [*own, called.schema, *usual]):
        candidate = list(dict.fromkeys(path))
        if evaluate(connection, called, candidate) is None:
            return candidate
    return []
