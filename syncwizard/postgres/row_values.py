"""Reads one row of a table by its key, value by value, as a comparison sees them."""

from collections.abc import Iterable, Sequence

import msgspec
from psycopg import sql

from syncwizard.postgres.comparing import Reading, rows_of
from syncwizard.postgres.repairing import KeyColumn
from syncwizard.postgres.session.connection import Connection, predicate

# Of a longer value its beginning is shown; all of its bytes say whether it differs.
SHOWN_CHARACTERS = 2000


class Value(msgspec.Struct, frozen=True):
    """The text of a value, cut where it is long, None for NULL; `digest` of all of its bytes."""

    text: str | None
    digest: str | None


def read_row(
    connection: Connection, readings: Iterable[Reading], typed: Sequence[KeyColumn], key: Sequence[str]
) -> list[Value] | None:
    """The values of the row with this key in the order of the readings' columns, None where there is no such row.

    `typed`: the key's columns with their operators, so that an index finds the row; without them all rows are read.
    """
    for reading in readings:
        row = connection.execute(_statement(reading, typed, key)).fetchone()
        if row is not None:
            return [Value(text, digest) for text, digest in zip(*row, strict=True)]
    return None


def _statement(reading: Reading, typed: Sequence[KeyColumn], key: Sequence[str]) -> sql.Composed:
    wanted = _typed(typed, key) if typed else _by_text(reading.key_columns, key)
    conditions = [*wanted, *([predicate(reading.condition)] if reading.condition else [])]
    # Arrays: a list of results has room for fewer columns than a table.
    return sql.SQL("SELECT ARRAY[{}]::text[], ARRAY[{}]::text[] FROM {} AS t WHERE {} LIMIT 1").format(
        sql.SQL(", ").join(map(_text, reading.columns)),
        sql.SQL(", ").join(sql.SQL("pg_catalog.md5({})").format(image) for image in reading.images),
        rows_of(reading),
        sql.SQL(" AND ").join(conditions),
    )


def _typed(columns: Sequence[KeyColumn], key: Sequence[str]) -> list[sql.Composable]:
    return [
        sql.SQL("{} {} {}::{}").format(
            sql.Identifier("t", column.name),
            sql.SQL(column.equal),  # type: ignore[arg-type, unused-ignore]
            sql.Literal(text),
            sql.SQL(column.type_name),  # type: ignore[arg-type, unused-ignore]
        )
        for column, text in zip(columns, key, strict=True)
    ]


def _by_text(columns: Sequence[str], key: Sequence[str]) -> list[sql.Composable]:
    return [
        sql.SQL("pg_catalog.format('%s', {}) = {}").format(sql.Identifier("t", column), sql.Literal(text))
        for column, text in zip(columns, key, strict=True)
    ]


def _text(column: str) -> sql.Composed:
    name = sql.Identifier("t", column)
    # IS NULL is true of a composite whose fields are all NULL.
    return sql.SQL(
        "CASE WHEN {} IS DISTINCT FROM NULL THEN pg_catalog.left(pg_catalog.format('%s', {}), {}) END"
    ).format(name, name, sql.Literal(SHOWN_CHARACTERS))
