"""The objects of the source that a task needs at the destination, by name."""

from collections.abc import Mapping
from functools import cached_property

import msgspec

from syncwizard.structure.checks import LateCheck
from syncwizard.task.names import FunctionName, ObjectName, TableName


class Extension(msgspec.Struct, frozen=True, kw_only=True):
    """An installed extension; one that is not `required` is only in a schema that is selected whole."""

    name: str
    schema: str
    version: str
    required: bool = True


class LeftOutObject(msgspec.Struct, frozen=True):
    """Something selected that cannot be created, and why; `table` for triggers and rules, `signature` for functions."""

    kind: str
    name: ObjectName
    table: TableName | None
    reason: str

    signature: tuple[str, ...] | None = None

    @property
    def described(self) -> str:
        """Its name as events write it: functions with their arguments, triggers and rules with their table."""
        if self.signature is not None:
            return str(FunctionName(self.name.schema, self.name.name, self.signature))
        return str(self.name) if self.table is None else f"{self.name.name} on {self.table}"

    def __str__(self) -> str:
        name = str(self.name) if self.table is None else self.described
        return f"{self.kind} {name} ({self.reason})"


class TablePart(msgspec.Struct, frozen=True, order=True):
    """Something of a table or view with a statement of its own: an index, foreign key, trigger, rule or statistics.

    `why`: the reason why no dump has it; empty for what must be in one.
    """

    kind: str
    name: ObjectName
    table: TableName
    why: str = ""

    def __str__(self) -> str:
        return f"{self.name.name} on {self.table}"


class Needs(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """The selected `tables` and what they need to be created.

    `required_tables` are not selected, but a selected one inherits from them, has a column of their row type or
    calls a function that reads them: they are created and stay empty. `others` are pairs of a kind, as
    pg_identify_object names it, and a name. `views` has
    materialized ones too, of which the `populated` ones hold rows at the source. `left_out` are selected and cannot be,
    `tried` may be refused by the destination.
    `parts` are what the tables and views have at the source. `extension_tables` are selected and come with their
    extension. `late_checks` are made after the rows. `sequence_owners`: the table of the column that each sequence
    belongs to. `left_out_columns` do not travel: those that the task leaves out, and generated ones that need one of
    these.
    """

    tables: frozenset[TableName] = frozenset()
    required_tables: frozenset[TableName] = frozenset()
    types: frozenset[ObjectName] = frozenset()
    sequences: frozenset[ObjectName] = frozenset()
    functions: frozenset[FunctionName] = frozenset()
    others: frozenset[tuple[str, ObjectName]] = frozenset()
    extensions: tuple[Extension, ...] = ()
    views: frozenset[ObjectName] = frozenset()
    populated: frozenset[ObjectName] = frozenset()
    left_out: tuple[LeftOutObject, ...] = ()
    tried: tuple[LeftOutObject, ...] = ()
    parts: frozenset[TablePart] = frozenset()
    extension_tables: frozenset[TableName] = frozenset()
    late_checks: tuple[LateCheck, ...] = ()
    sequence_owners: Mapping[ObjectName, TableName] = {}
    left_out_columns: Mapping[TableName, frozenset[str]] = {}

    @cached_property
    def all_tables(self) -> frozenset[TableName]:
        """The tables that are created."""
        return self.tables | self.required_tables

    @cached_property
    def described(self) -> frozenset[ObjectName]:
        """What a comment may speak of, tables and functions left out."""
        return self.types | self.sequences

    @cached_property
    def without(self) -> frozenset[tuple[str, ObjectName, TableName | None]]:
        """What is left out, by kind, name and table."""
        return frozenset((entry.kind, entry.name, entry.table) for entry in self.left_out)

    @cached_property
    def doubtful(self) -> frozenset[tuple[str, str]]:
        """What is tried, by kind and name."""
        return frozenset((entry.kind, entry.described) for entry in self.tried)

    @property
    def schemas(self) -> list[str]:
        """The schemas that hold any of it, extensions left out."""
        named = {table.schema for table in self.all_tables}
        named |= {name.schema for name in self.types | self.sequences | self.views}
        named |= {function.schema for function in self.functions}
        return sorted(named | {name.schema for _, name in self.others})
