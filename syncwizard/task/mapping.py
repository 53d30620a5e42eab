"""Where the names of the source go at the destination, and where those of the destination come from (DESIGN rule 19).

Asked by everything that speaks of both ends; nothing else compares their names. Today's task files rename nothing, so
`Mapping.of` gives the identity.
"""

from collections.abc import Iterable
from collections.abc import Mapping as MappingOf
from typing import Self

import msgspec

from syncwizard.task.names import FunctionName, ObjectName, TableName
from syncwizard.task.specification import TaskSpec


class Mapping(msgspec.Struct, frozen=True, kw_only=True):
    """What has another name at the destination; all else keeps its own.

    `schemas` by their names; `objects` (tables, views, sequences, …) by schema and name, to a name whole, with its
    schema; `columns` by table and name, both the source's.
    """

    schemas: MappingOf[str, str] = {}
    objects: MappingOf[tuple[str, str], tuple[str, str]] = {}
    columns: MappingOf[TableName, MappingOf[str, str]] = {}

    @classmethod
    def of(cls, spec: TaskSpec) -> Self:
        """The mapping of a task."""
        return cls()

    def schema(self, name: str) -> str:
        """The destination's schema for what is in this one of the source and has no name of its own."""
        return self.schemas.get(name, name)

    def table(self, table: TableName) -> TableName:
        """The destination's table that takes the rows of this one.

        >>> mapping = Mapping(schemas={"sales": "eu"}, objects={("sales", "orders"): ("eu", "orders_eu")})
        >>> print(mapping.table(TableName("sales", "orders")), mapping.table(TableName("sales", "items")))
        eu.orders_eu eu.items
        """
        return TableName(*self._mapped(table.schema, table.name))

    def object(self, name: ObjectName) -> ObjectName:
        """The destination's name of a view, sequence, type or index of the source."""
        return ObjectName(*self._mapped(name.schema, name.name))

    def function(self, name: FunctionName) -> FunctionName:
        """The destination's name of a function of the source."""
        return FunctionName(*self._mapped(name.schema, name.name), name.arguments)

    def column(self, table: TableName, name: str) -> str:
        """The destination's column that takes the values of this one; `table` is the source's.

        >>> mapping = Mapping(columns={TableName("public", "t"): {"note": "remark"}})
        >>> mapping.column(TableName("public", "t"), "note"), mapping.column(TableName("public", "t"), "id")
        ('remark', 'id')
        """
        return self.columns.get(table, {}).get(name, name)

    def column_names(self, table: TableName, names: Iterable[str]) -> list[str]:
        """The destination's columns for these, in their order."""
        renamed = self.columns.get(table)
        return [renamed.get(name, name) for name in names] if renamed else list(names)

    def sources(self, target: TableName, among: Iterable[TableName]) -> list[TableName]:
        """The tables among these whose rows go to a table of the destination.

        >>> mapping = Mapping(objects={("a", "t"): ("c", "t"), ("b", "t"): ("c", "t")})
        >>> tables = [TableName("a", "t"), TableName("b", "t"), TableName("b", "u")]
        >>> [str(table) for table in mapping.sources(TableName("c", "t"), tables)]
        ['a.t', 'b.t']
        """
        return [table for table in among if self.table(table) == target]

    def _mapped(self, schema: str, name: str) -> tuple[str, str]:
        return self.objects.get((schema, name)) or (self.schema(schema), name)
