"""A table's definition as the source's catalogue had it after a command; `postgres/sql/table_definition.sql` makes it.
Pure."""

from collections.abc import Callable, Iterable
from typing import Literal

import msgspec

_WITH_INDEX = ("PRIMARY KEY", "UNIQUE", "EXCLUDE")


class OwnedSequence(msgspec.Struct, frozen=True, kw_only=True):
    """The sequence of a column. `kind`: 'a' for one of `serial` or OWNED BY, 'i' for that of an identity column."""

    schema: str
    name: str
    kind: str
    type: str
    start: int
    increment: int
    minimum: int
    maximum: int
    cache: int
    cycle: bool

    @property
    def counting(self) -> str:
        """Its options without the type, as SQL."""
        return (
            f"START WITH {self.start} INCREMENT BY {self.increment} MINVALUE {self.minimum} MAXVALUE {self.maximum}"
            f" CACHE {self.cache} {'CYCLE' if self.cycle else 'NO CYCLE'}"
        )


class ColumnDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """A column. `number` is its attribute number, by which it is known under every name.

    - `type`: with its modifiers, qualified; `default`: an expression, that of a generated column, too.
    - `generated`: '', 's', 'v'; `identity`: '', 'a' (ALWAYS), 'd'; `collation`: where it is not that of the type.
    - `missing`: what rows have that were there before the column, as a list of one text; None without.
    - `implied`: the type has a default of its own; `sequence`: the one that it owns.
    - `storage`, `usual_storage`: as in pg_attribute and pg_type; `compression`: '' and `statistics`: -1 for those
      of the server. None in what earlier versions wrote down.
    """

    number: int
    name: str
    type: str
    not_null: bool
    default: str | None
    generated: str
    identity: str
    collation: str | None
    missing: list[str] | None
    implied: bool
    comment: str | None
    sequence: OwnedSequence | None = None
    storage: str | None = None
    usual_storage: str | None = None
    compression: str | None = None
    statistics: int | None = None


class Attached(msgspec.Struct, frozen=True, kw_only=True):
    """What belongs to a table and no row needs. `definition`: the statement that makes it; `enabled`: of a trigger or a
    rule, as in the catalogue (O: but on a replica; D: no; R: on a replica; A: always); `on_update`: a rule that is
    that. `role`: of a privilege, and `revoke`: what takes it back."""

    kind: Literal["trigger", "rule", "policy", "row security", "statistics", "privilege"]
    name: str
    definition: str
    enabled: str = "O"
    on_update: bool = False
    role: str = ""
    revoke: str = ""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A constraint or an index. `columns`: by number, 0 for an expression; `references`: schema and name of the table
    that a foreign key points to. The definition of a constraint is what follows its name; that of an index begins with
    UNIQUE where it is that, and goes on behind USING."""

    oid: int
    name: str
    definition: str
    columns: list[int]
    references: list[str] | None = None


class Partition(msgspec.Struct, frozen=True, kw_only=True):
    """What makes a table a partition. `root`: the OID of the topmost partitioned table; `schema`, `parent`: the name of
    the one that it belongs to; `bound`: FOR VALUES …, or DEFAULT; `by`: how it is partitioned itself, if it is."""

    root: int
    schema: str
    parent: str
    bound: str
    by: str | None


class Definition(msgspec.Struct, frozen=True, kw_only=True):
    """A table. `related`: it has ancestors or descendants; `storage`: another one after its rows were rewritten.
    `options`: storage parameters, each as name=value; they and what is `attached` are None in what earlier versions
    wrote down. `by`: how a partitioned table divides its rows, and over how many `leaves`."""

    relation: int
    schema: str
    name: str
    kind: str
    persistence: str
    storage: int
    related: bool
    columns: list[ColumnDefinition]
    constraints: list[Part]
    indexes: list[Part]
    comment: str | None
    partition: Partition | None = None
    options: list[str] | None = None
    attached: list[Attached] | None = None
    by: str | None = None
    leaves: int = 0

    @property
    def stands_alone(self) -> bool:
        """Whether it is an ordinary table that shares no definition with others."""
        return self.kind == "r" and self.persistence == "p" and not self.related

    @property
    def is_root(self) -> bool:
        """Whether it is the topmost table of a partition tree, whose definition is that of all of it."""
        return self.kind == "p" and self.persistence == "p" and self.partition is None


def parse_definition(text: str) -> Definition:
    """The definition that a row of the source holds. Raises msgspec.DecodeError."""
    return msgspec.json.decode(text, type=Definition)


def same_columns(one: Definition, other: Definition) -> bool:
    """Whether both have the same name and columns, but for what VACUUM FULL changes: what old rows have in them."""
    return (one.schema, one.name) == (other.schema, other.name) and _columns(one) == _columns(other)


def _columns(definition: Definition) -> list[ColumnDefinition]:
    return [
        msgspec.structs.replace(
            column, missing=None, sequence=None, storage=None, usual_storage=None, compression=None, statistics=None
        )
        for column in definition.columns
    ]


def with_names_of_parts(definition: Definition, name_of: Callable[[str], str]) -> Definition:
    """The definition with other names of indexes, and of constraints that have one."""

    def named(part: Part) -> Part:
        return msgspec.structs.replace(part, name=name_of(part.name))

    return msgspec.structs.replace(
        definition,
        constraints=[
            named(part) if part.definition.startswith(_WITH_INDEX) else part for part in definition.constraints
        ],
        indexes=[named(part) for part in definition.indexes],
    )


def by_name(parts: Iterable[Part]) -> dict[str, Part]:
    """The constraints or indexes by their names."""
    return {part.name: part for part in parts}


def part_names(definition: Definition) -> set[str]:
    """The names of its constraints and indexes."""
    return {part.name for part in [*definition.constraints, *definition.indexes]}


def row_rules(definition: Definition) -> tuple[object, ...]:
    """What rows of the table have to be like."""
    columns = [(each.number, each.name, each.type, each.not_null, each.generated) for each in definition.columns]
    return columns, sorted((part.name, part.definition) for part in [*definition.constraints, *definition.indexes])


def why_not_copied(before: Definition, after: Definition) -> str:
    """What keeps rows of a table as it is by now out of one with an earlier definition, or lets later changes of that
    definition spoil them; empty where nothing does. That a column is gone which may be NULL is no such thing."""
    was = {column.number: column for column in before.columns}
    for column in after.columns:
        old = was.pop(column.number, None)
        if old is None:
            return f"column {column.name} came"
        if old.name != column.name:
            return f"column {old.name} was renamed to {column.name}"
        if (old.type, old.generated) != (column.type, column.generated):
            return f"column {column.name} got another type"
        if old.not_null and not column.not_null:
            return f"column {column.name} was allowed to be NULL"
    gone = next((column.name for column in was.values() if column.not_null and not column.generated), None)
    return f"column {gone} was dropped" if gone else ""
