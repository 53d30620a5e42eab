"""Which names in a definition are those of the task's own objects, and what they are called at the destination; pure.

What an extension or the server brings keeps its name: it is not among the task's needs.
"""

from collections.abc import Iterable
from collections.abc import Mapping as MappingOf
from functools import cached_property

import msgspec

from syncwizard.structure.needs import Needs
from syncwizard.structure.statements import Statement
from syncwizard.task.mapping import Mapping
from syncwizard.task.names import ObjectName, TableName


class LeftOutColumn(Exception):
    """A definition speaks of a column that does not travel."""

    def __init__(self, table: TableName, column: str) -> None:
        super().__init__(f"it needs column {column} of {table}, which is left out")


class OwnNames(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """The names of a task's needs.

    - `roots`: of partitions, by their names; `indexes`: the table of each index.
    - `existing`: the columns of tables that the destination keeps as they are, in its order, by the source's names of
      the tables and the destination's of the columns.
    """

    mapping: Mapping
    needs: Needs
    roots: MappingOf[TableName, TableName] = {}
    indexes: MappingOf[ObjectName, TableName] = {}
    existing: MappingOf[TableName, tuple[str, ...]] = {}

    @property
    def same(self) -> bool:
        """Whether everything has the name at both ends that it has at the source."""
        return self.mapping.same

    def relation(self, schema: str, name: str) -> tuple[str, str]:
        """A table, view or sequence."""
        if TableName(schema, name) in self.needs.all_tables or ObjectName(schema, name) in self.needs.views:
            table = self.mapping.table(TableName(schema, name))
            return table.schema, table.name
        if ObjectName(schema, name) in self.needs.sequences:
            sequence = self.mapping.sequence(
                ObjectName(schema, name), self.needs.sequence_owners.get(ObjectName(schema, name))
            )
            return sequence.schema, sequence.name
        return self.type(schema, name)

    def type(self, schema: str, name: str) -> tuple[str, str]:
        """A type, that of a table's rows too."""
        row = TableName(schema, name) in self.needs.all_tables or ObjectName(schema, name) in self.needs.views
        if row or ObjectName(schema, name) in self.needs.types:
            found = self.mapping.object(ObjectName(schema, name))
            return found.schema, found.name
        return schema, name

    def function(self, schema: str, name: str) -> tuple[str, str]:
        """A function, whatever its arguments."""
        if (schema, name) in self._functions or ("aggregate", ObjectName(schema, name)) in self.needs.others:
            return self.mapping.schema(schema), name
        return schema, name

    def other(self, schema: str, name: str) -> tuple[str, str]:
        """An operator, a class or family of operators, a collation, what text search has."""
        if (schema, name) in self._others:
            found = self.mapping.object(ObjectName(schema, name))
            return found.schema, found.name
        return schema, name

    def index(self, schema: str, name: str) -> tuple[str, str]:
        """An index, by the table it belongs to."""
        table = self.indexes.get(ObjectName(schema, name))
        if table is None:
            return self.schema(schema), name
        found = self.mapping.index(table, name)
        return found.schema, found.name

    def schema(self, name: str) -> str:
        """A schema that holds any of the task's objects."""
        return self.mapping.schema(name) if name in self._schemas else name

    def column(self, table: TableName, name: str) -> str:
        """A column of a table of the source; raises LeftOutColumn."""
        if table not in self.needs.all_tables:
            return name
        edited = self.mapping.edited(table, self.roots.get(table, table))
        if name in self.needs.left_out_columns.get(table, ()) or not self.mapping.travels(edited, name):
            raise LeftOutColumn(table, name)
        return self.mapping.column(edited, name)

    def travels(self, table: TableName, name: str) -> bool:
        """Whether the column is at the destination."""
        try:
            self.column(table, name)
        except LeftOutColumn:
            return False
        return True

    def in_order(self, table: TableName, columns: Iterable[str]) -> list[str] | None:
        """What queries know the columns of a table as, in the order that the destination has them: the source's names.

        None where that are the destination's names. `columns`: the source's, in its order.
        """
        kept = [name for name in columns if self.travels(table, name)]
        here = {self.column(table, name): name for name in kept}
        there = self.existing.get(table, tuple(here))
        if all(here.get(name, name) == name for name in there):
            return None
        taken = set(here.values())
        return [here[name] if name in here else _free(name, taken) for name in there]

    @cached_property
    def _functions(self) -> frozenset[tuple[str, str]]:
        return frozenset((function.schema, function.name) for function in self.needs.functions)

    @cached_property
    def _others(self) -> frozenset[tuple[str, str]]:
        return frozenset((name.schema, name.name) for _, name in self.needs.others)

    @cached_property
    def _schemas(self) -> frozenset[str]:
        return frozenset(self.needs.schemas)


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name


def trees_of(statements: Iterable[Statement]) -> dict[TableName, TableName]:
    """The topmost table of each partition."""
    parents = {
        statement.table: TableName(statement.parent.schema, statement.parent.name)
        for statement in statements
        if statement.kind == "partition" and statement.table is not None and statement.parent is not None
    }

    def root_of(table: TableName) -> TableName:
        while table in parents:
            table = parents[table]
        return table

    return {table: root_of(table) for table in parents}


def indexes_of(statements: Iterable[Statement]) -> dict[ObjectName, TableName]:
    """The table of each index and of each constraint that has one."""
    return {
        statement.index: statement.table
        for statement in statements
        if statement.index is not None and statement.table is not None
    }
