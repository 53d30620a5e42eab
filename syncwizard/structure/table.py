"""The shape of a table: columns with their types, keys, partitions. Pure: `postgres.catalog` reads it."""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from syncwizard.task.names import TableName


class ValueType(NamedTuple):
    """What a column holds: types are the same at both ends when both parts are equal.

    `name` is schema-qualified through arrays and domains as format_type prints it under an empty search_path, without
    modifiers. `structure` says how the domains, ranges and composites in it are built that users have made.
    """

    name: str
    structure: str

    def __str__(self) -> str:
        """For people: a type that users built, with how.

        >>> str(ValueType("public.d[]", "public.d as numeric(8,2)")), str(ValueType("public.d", "public.d as bigint"))
        ('public.d[] (public.d as numeric(8,2))', 'public.d as bigint')
        """
        if not self.structure or self.structure.startswith(f"{self.name} "):
            return self.structure or self.name
        return f"{self.name} ({self.structure})"


class TypeFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A type and how its values can travel: `binary`, `textual` and `local` as in Column."""

    type: ValueType
    binary: bool
    textual: bool
    local: str


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """A live column, in attribute order. `identity`: '', 'a' (ALWAYS), 'd'; `generated`: '', 's', 'v'.

    `declared_type` is the type's name with its modifiers; `binary` says that the type, all the way down, has send and
    receive functions and holds no OID whose meaning is local to its database (reg* and friends); `textual` that the
    stream has to be text for it: for such an OID, and for what pgoutput cannot send in binary. `local` lists the types
    in it whose values name or count things of their own database or server. `long`: a value may be stored out of its
    row, and is then left out of an update that does not change it; `exact`: equal texts have equal bytes;
    `enumerated`: its type is an enumeration.
    """

    name: str
    number: int
    type: ValueType
    declared_type: str
    not_null: bool
    identity: str
    generated: str
    binary: bool
    textual: bool
    local: str
    long: bool = True
    exact: bool = True
    enumerated: bool = False


class Index(msgspec.Struct, frozen=True, kw_only=True):
    """A unique index over plain columns; `complete` has no predicate and no expression.

    `collations`: for each column the collation by which texts of other bytes may be equal, else empty. `temporal`:
    WITHOUT OVERLAPS, which is no index that INSERT ... ON CONFLICT takes.
    """

    name: str
    oid: int
    columns: tuple[str, ...]
    primary: bool
    immediate: bool
    complete: bool
    valid: bool
    replica_identity: bool
    collations: tuple[str, ...]
    temporal: bool

    @property
    def addresses(self) -> bool:
        """Whether its columns name one row of the table at every moment."""
        return self.immediate and self.complete and self.valid and not self.temporal


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """An ordinary or partitioned table. `root`: the topmost partitioned table it belongs to, else itself.

    `replica_identity`: 'd', 'n', 'f', 'i' as in pg_class. `heap_bytes`: the main fork, `bytes` with TOAST.
    `hashed`: a partition by a hash that is another in another database ('local') or encoding ('encoding').
    `extension`: the one that makes it, and may fill it; a `configured` one holds rows of users: those that meet
    `condition`, all where that is empty.
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
    hashed: str = ""
    extension: str = ""
    configured: bool = False
    condition: str = ""

    def scattered(self, *, recoded: bool) -> bool:
        """Whether rows of this partition belong to others of its tree at the destination; `recoded`: the encodings of
        the databases differ."""
        return self.hashed == "local" or (recoded and self.hashed == "encoding")

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
            # A deferrable primary key is no replica identity: UPDATE would fail once published. One WITHOUT OVERLAPS
            # is, but it addresses no row at the destination.
            chosen = [each for each in self.unique_indexes if each.primary and each.immediate and not each.temporal]
        else:
            chosen = []
        return frozenset(chosen[0].columns) if chosen else None

    def keeps_unique(self, key: Index) -> bool:
        """Whether two rows of this (source) table are at no moment equal in the key of a destination's table.

        Otherwise one of them would be lost at the destination: an insert there overwrites the row that is equal.
        """
        loose = dict(zip(key.columns, key.collations, strict=True))
        return any(
            index.addresses
            and loose.keys() >= set(index.columns)
            and all(loose[name] in ("", own) for name, own in zip(index.columns, index.collations, strict=True))
            for index in self.unique_indexes
        )

    def keys(self, sent: Iterable[str]) -> list[Index]:
        """The unique indexes that address one row of this table by columns among `sent`.

        Immediate, complete, over NOT NULL columns; the primary key first, then the shortest.
        """
        available = set(sent) & {column.name for column in self.columns if column.not_null}
        found = [index for index in self.unique_indexes if index.addresses and available.issuperset(index.columns)]
        return sorted(found, key=lambda index: (not index.primary, len(index.columns), index.name))


def apply_key(source: Table, destination: Table, sent: Iterable[str]) -> Index | None:
    """The index of the destination's table by which changes find their row, if there is one (DESIGN rule 8).

    `sent` are the columns that come with an old row.
    """
    return next((index for index in destination.keys(sent) if source.keeps_unique(index)), None)
