"""Constraints between rows, of one table and of two."""

from collections.abc import Iterable

import msgspec

from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection


class ForeignKey(msgspec.Struct, frozen=True, kw_only=True):
    """A foreign key; tables by OID. `referenced`: the columns of the other table, in the order of `columns`."""

    name: str
    table: int
    other: int
    columns: tuple[str, ...]
    referenced: tuple[str, ...]


class KeepingApart(msgspec.Struct, frozen=True, kw_only=True):
    """A unique index or exclusion constraint of a table, by OID. `columns`: those that it compares by equality."""

    name: str
    table: int
    columns: tuple[str, ...]


def read_foreign_keys(connection: Connection, tables: Iterable[int]) -> list[ForeignKey]:
    """Those of the tables, given by OID."""
    rows = connection.execute(query("foreign_keys_between"), {"tables": list(tables)})
    return [
        ForeignKey(name=name, table=table, other=other, columns=tuple(columns), referenced=tuple(referenced))
        for name, table, other, columns, referenced in rows
    ]


def read_keeping_apart(connection: Connection, tables: Iterable[int]) -> list[KeepingApart]:
    """Those of the tables, given by OID."""
    rows = connection.execute(query("keeping_apart"), {"tables": list(tables)})
    return [KeepingApart(name=name, table=table, columns=tuple(columns)) for name, table, columns in rows]
