"""A statement of a task's plan: its number for life, its phase, and what the stages must know of it."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from syncwizard.structure.statements import Kind, Statement
from syncwizard.task.names import ObjectName, TableName

Phase = Literal["pre-data", "keys", "constraints", "indexes"]
PHASES: tuple[Phase, ...] = ("pre-data", "keys", "constraints", "indexes")

VECTOR_METHODS = ("hnsw", "ivfflat")
# What makes a constraint hold for all rows, by what makes it hold for changes.
VALIDATIONS: Mapping[str, Kind] = {
    "foreign key validation": "foreign key",
    "check constraint validation": "check constraint",
}
# What rows need before they can be copied and changed. Of a later phase nothing is: keys and rows are there by then.
ESSENTIAL = frozenset(
    {
        "schema",
        "extension",
        "type",
        "collation",
        "sequence",
        "table",
        "table setting",
        "inheritance",
        "partition",
        "identity",
        "not-null constraint",
        "replica identity",
    }
)
# Refused by some destinations (a build without lz4, say) without harm to the rows.
OPTIONAL: frozenset[Kind] = frozenset(
    {"column setting", "comment", "extension dependency", "statistics", "index setting", "cluster", "privilege"}
)


class PlannedStatement(msgspec.Struct, frozen=True, kw_only=True):
    """A statement of the plan; `position` is its number for life.

    `index`, `table`, `references` and `object` (what it makes) are the destination's names, set where a stage has to
    look whether it is there already; `source_table`, `source_references` and `source_object` are the source's names. A
    `concurrent` one is an index that is built while changes are applied. `optional`: it may be refused, which is then
    reported.
    `constraints`: names that later statements give to constraints of the table that it makes, and a server may give to
    others.
    """

    position: int
    phase: Phase
    kind: str
    name: str
    text: str
    table: TableName | None = None
    references: TableName | None = None
    index: ObjectName | None = None
    object: ObjectName | None = None
    source_table: TableName | None = None
    source_references: TableName | None = None
    source_object: str = ""
    method: str = ""
    concurrent: bool = False
    optional: bool = False
    constraints: tuple[str, ...] = ()

    @property
    def vector(self) -> bool:
        """Whether it builds an index of pgvector."""
        return self.method in VECTOR_METHODS

    @property
    def essential(self) -> bool:
        """Whether rows can be neither copied nor changed without it."""
        return self.phase == "keys" or (self.phase == "pre-data" and self.kind in ESSENTIAL)

    def validates(self, other: "PlannedStatement") -> bool:
        """Whether it validates the constraint that the other makes."""
        same = (self.table, self.object) == (other.table, other.object)
        return VALIDATIONS.get(self.kind) == other.kind and same


def describe(statement: Statement) -> str:
    """The statement's object for people: constraints with their table."""
    if statement.kind == "function":
        return str(statement.function)
    if statement.kind == "cast":
        return statement.name.name
    if statement.column and not statement.setting:
        return f"{statement.name}.{statement.column}"
    if statement.kind == "privilege":
        return " ".join(statement.text.split())
    if statement.column:
        return f"{statement.setting} of column {statement.column} of {statement.table}"
    if statement.table is not None and str(statement.table) != str(statement.name) and statement.kind != "partition":
        return f"{statement.name.name} on {statement.table}"
    return str(statement.name)
