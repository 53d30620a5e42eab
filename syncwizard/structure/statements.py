"""A statement of a dump: its text, what kind of definition it is, and the names it speaks of."""

from typing import Literal

import msgspec

from syncwizard.task.names import FunctionName, ObjectName, TableName

Kind = Literal[
    "aggregate",
    "cast",
    "check constraint",
    "check constraint validation",
    "cluster",
    "collation",
    "column setting",
    "comment",
    "default",
    "domain constraint",
    "exclusion constraint",
    "extension",
    "extension dependency",
    "foreign key",
    "foreign key validation",
    "function",
    "identity",
    "index",
    "index partition",
    "index setting",
    "inheritance",
    "materialized view",
    "materialized view refresh",
    "not-null constraint",
    "operator",
    "operator class",
    "operator family",
    "other",
    "partition",
    "policy",
    "primary key",
    "privilege",
    "replica identity",
    "row security",
    "rule",
    "schema",
    "sequence",
    "sequence owner",
    "session",
    "statistics",
    "table",
    "table setting",
    "text search configuration",
    "text search dictionary",
    "trigger",
    "type",
    "unique constraint",
    "unique index",
    "view",
]


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """One statement. What is filled in depends on its kind.

    `name` is the object that it makes or changes, with its schema; `table` the table it belongs to; `parent` the
    partitioned table or index it is attached to; `references` the other table of a foreign key; `sequence` that of an
    identity column; `column` the one it changes, `setting` what it sets there; `index` the index it speaks of
    (constraints have an index of their own name); `only` an index or a constraint on the parent alone. `method`: the
    access method of an index, what kind of object a comment, privilege or extension dependency speaks of, when a
    trigger fires, `update` for a rule on that. `roles`: whom a privilege is for. `unknown`: the message of the parser
    that does not know it. `optional`: it may be refused.
    """

    kind: Kind
    text: str
    name: ObjectName
    arguments: tuple[str, ...] = ()
    table: TableName | None = None
    parent: ObjectName | None = None
    references: TableName | None = None
    index: ObjectName | None = None
    sequence: ObjectName | None = None
    column: str = ""
    method: str = ""
    only: bool = False
    roles: tuple[str, ...] = ()
    not_valid: bool = False
    setting: str = ""
    unknown: str = ""
    optional: bool = False

    @property
    def function(self) -> FunctionName:
        """The name of a function statement."""
        return FunctionName(self.name.schema, self.name.name, self.arguments)
