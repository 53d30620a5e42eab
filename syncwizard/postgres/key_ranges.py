"""Ranges of a table's key, between bounds that the planner's statistics have: for samples of both ends."""

from collections.abc import Sequence
from typing import LiteralString

from psycopg import sql

from syncwizard.postgres.comparing import Reading
from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection, scalar

# Their order is that of their bytes or numbers on every server; that of texts is the collation's.
ORDERED: dict[str, LiteralString] = {
    "smallint": "smallint",
    "integer": "integer",
    "bigint": "bigint",
    "uuid": "uuid",
    "date": "date",
    "timestamp without time zone": "timestamp",
    "timestamp with time zone": "timestamptz",
}


def read_bounds(connection: Connection, reading: Reading, type_name: str) -> list[str]:
    """Those of the first column of the key, in order; none where the ends may order it differently."""
    if type_name not in ORDERED:
        return []
    return list(dict.fromkeys(scalar(connection, query("key_bounds"), reading.oid, reading.key_columns[0]) or []))


def within(reading: Reading, type_name: str, bounds: Sequence[str], chosen: Sequence[tuple[int, int]]) -> sql.Composed:
    """A condition on the key's first column: the ranges from bound to bound, half-open. What lies before the first or
    behind the last bound belongs to the outer ranges.

    >>> from syncwizard.task.names import TableName
    >>> reading = Reading(relation=TableName("a", "b"), oid=1, images=(), key_columns=("id",))
    >>> print(within(reading, "integer", ["1", "5", "9", "12"], [(0, 1), (2, 3)]).as_string())
    ("t"."id" < '5'::integer OR "t"."id" >= '9'::integer)
    """
    column = sql.Identifier("t", reading.key_columns[0])
    cast = sql.SQL(ORDERED[type_name])

    def bound(number: int) -> sql.Composed:
        return sql.SQL("{}::{}").format(sql.Literal(bounds[number]), cast)

    parts: list[sql.Composable] = []
    for first, behind in chosen:
        limits = [sql.SQL("{} >= {}").format(column, bound(first))] if first else []
        if behind < len(bounds) - 1:
            limits.append(sql.SQL("{} < {}").format(column, bound(behind)))
        parts.append(sql.SQL(" AND ").join(limits) if limits else sql.SQL("true"))
    return sql.SQL("({})").format(sql.SQL(" OR ").join(parts))
