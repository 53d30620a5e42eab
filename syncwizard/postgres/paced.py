"""Reads what a comparison compares at a pace, row by row through a cursor: for servers that have other work to do."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from psycopg import sql

from syncwizard.postgres.comparing import Reading, Sums, hash_statement, key_statement, row_statement
from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection, scalar
from syncwizard.rows.comparison import HashedRow


class Pace(Protocol):
    """Holds a reader to a number of rows and bytes a second."""

    def quantum(self, row_bytes: float) -> int:
        """How many rows to read at once."""

    def pay(self, rows: int, row_bytes: float) -> None:
        """Waits until so many rows are paid for."""


def read_sums(connection: Connection, readings: Sequence[Reading], pace: Pace) -> Sums:
    """As comparing.read_sums."""
    sums: Sums = {}
    for bucket, hashed in _read(connection, readings, hash_statement, pace):
        rows, before = sums.get(bucket, (0, 0))
        sums[bucket] = rows + 1, before + hashed
    return sums


def read_count(connection: Connection, readings: Sequence[Reading], pace: Pace) -> int:
    """As comparing.read_count."""
    return sum(1 for _ in _read(connection, readings, row_statement, pace))


def read_rows(
    connection: Connection, readings: Sequence[Reading], buckets: Sequence[int], pace: Pace
) -> list[HashedRow]:
    """As comparing.read_rows; every row is looked at, so there should be few buckets."""
    wanted = set(buckets)
    found = [
        (bucket, tuple(key), hashed)
        for bucket, hashed, key in _read(connection, readings, key_statement, pace)
        if bucket in wanted
    ]
    return sorted(found, key=lambda row: row[0])


def _read(
    connection: Connection, readings: Sequence[Reading], statement: Callable[[Reading], sql.Composed], pace: Pace
) -> Iterator[Any]:
    for reading in readings:
        row_bytes = float(scalar(connection, query("row_bytes"), reading.oid) or 0.0)
        with connection.cursor("syncwizard_paced") as cursor:
            cursor.execute(statement(reading))
            while rows := cursor.fetchmany(pace.quantum(row_bytes)):
                yield from rows
                pace.pay(len(rows), row_bytes)
