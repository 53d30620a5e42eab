"""Tables as the catalogue of an end describes them: columns, keys, partitions, sizes. No query per table."""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from syncwizard.postgres.connection import Connection
from syncwizard.postgres.queries import query
from syncwizard.task.events import TableName


class SourceType(NamedTuple):
    """A type of the source by its qualified name; `binary`: its values can be sent in binary form."""

    name: str
    binary: bool


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """A live column, in attribute order. `identity`: '', 'a' (ALWAYS), 'd'; `generated`: '', 's', 'v'.

    `type_name` is schema-qualified through arrays and domains as format_type prints it under an empty
    search_path, without modifiers, which `declared_type` has; `binary` says that the type, all the way down,
    has send and receive functions and holds no OID whose meaning is local to its database (reg* and friends);
    `textual` that the stream has to be text for it: for such an OID, and for what pgoutput cannot send in binary.
    """

    name: str
    number: int
    type_oid: int
    type_name: str
    declared_type: str
    not_null: bool
    identity: str
    generated: str
    binary: bool
    textual: bool


class Index(msgspec.Struct, frozen=True, kw_only=True):
    """A unique index over plain columns; `complete` has no predicate and no expression."""

    name: str
    oid: int
    columns: tuple[str, ...]
    primary: bool
    immediate: bool
    complete: bool
    valid: bool
    replica_identity: bool


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """An ordinary or partitioned table. `root`: the topmost partitioned table it belongs to, else itself.

    `replica_identity`: 'd', 'n', 'f', 'i' as in pg_class. `heap_bytes`: the main fork, `bytes` with TOAST.
    """

    oid: int
    name: TableName
    kind: str
    is_partition: bool
    root: TableName
    persistence: str
    replica_identity: str
    owned: bool
    estimated_rows: int
    heap_bytes: int
    bytes: int
    columns: tuple[Column, ...]
    unique_indexes: tuple[Index, ...]

    @property
    def partitioned(self) -> bool:
        """True for a partitioned parent, which holds no rows itself."""
        return self.kind == "p"

    @property
    def stored_columns(self) -> tuple[Column, ...]:
        """The columns that are copied and applied: all but generated ones."""
        return tuple(column for column in self.columns if not column.generated)

    def identity_columns(self) -> frozenset[str] | None:
        """The columns that updates and deletes identify rows with; None for no usable identity."""
        if self.replica_identity == "f":
            return frozenset(column.name for column in self.stored_columns)
        if self.replica_identity == "i":
            chosen = [index for index in self.unique_indexes if index.replica_identity]
        elif self.replica_identity == "d":
            # A deferrable primary key is no replica identity: UPDATE would fail once published.
            chosen = [index for index in self.unique_indexes if index.primary and index.immediate]
        else:
            chosen = []
        return frozenset(chosen[0].columns) if chosen else None

    def apply_key(self, sent: Iterable[str]) -> Index | None:
        """The unique index that addresses one row of this (destination) table by columns among `sent`.

        Immediate, complete, over NOT NULL columns; the primary key first, then the shortest.
        """
        available = set(sent)
        not_null = {column.name for column in self.columns if column.not_null}
        candidates = [
            index
            for index in self.unique_indexes
            if index.immediate
            and index.complete
            and index.valid
            and not_null.issuperset(index.columns)
            and available.issuperset(index.columns)
        ]
        candidates.sort(key=lambda index: (not index.primary, len(index.columns), index.name))
        return candidates[0] if candidates else None


def read_tables(connection: Connection, schemas: Iterable[str], *, sizes: bool = True) -> list[Table]:
    """All ordinary and partitioned tables of the schemas, with columns and unique indexes, ordered by name.

    Three queries whatever the number of tables. Unlogged and temporary tables are listed with their persistence.
    Without `sizes` both byte counts are 0, and no table's lock is waited for.
    """
    names = list(schemas)
    columns: dict[int, list[Column]] = {}
    for oid, *rest in connection.execute(query("catalog_columns"), (names,)):
        columns.setdefault(oid, []).append(
            Column(
                name=rest[0],
                number=rest[1],
                type_oid=rest[2],
                type_name=rest[3],
                not_null=rest[4],
                identity=rest[5],
                generated=rest[6],
                binary=rest[7],
                textual=rest[8],
                declared_type=rest[9],
            )
        )
    indexes: dict[int, list[Index]] = {}
    for oid, *rest in connection.execute(query("catalog_unique_indexes"), (names,)):
        indexes.setdefault(oid, []).append(
            Index(
                name=rest[0],
                oid=rest[1],
                columns=tuple(rest[2]),
                primary=rest[3],
                immediate=rest[4],
                complete=rest[5],
                valid=rest[6],
                replica_identity=rest[7],
            )
        )
    return [
        Table(
            oid=row[0],
            name=TableName(row[1], row[2]),
            kind=row[3],
            is_partition=row[4],
            root=TableName(row[5], row[6]),
            persistence=row[7],
            replica_identity=row[8],
            owned=row[9],
            estimated_rows=row[10],
            heap_bytes=row[11],
            bytes=row[12],
            columns=tuple(columns.get(row[0], ())),
            unique_indexes=tuple(indexes.get(row[0], ())),
        )
        for row in connection.execute(query("catalog_tables"), {"schemas": names, "sizes": sizes})
    ]
