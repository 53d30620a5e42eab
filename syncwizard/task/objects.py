"""What a task takes, and how it arrives: the keys of `objects` in the task file."""

from collections.abc import Iterable
from functools import cached_property
from typing import Literal

import msgspec

Operation = Literal["insert", "update", "delete", "truncate", "ddl"]


class TableObject(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A table by its name at the source, and in what it differs at the destination.

    - `name`: at the destination.
    - `columns`: names of columns at the source, and their names at the destination.
    - `exclude_columns`: columns that do not travel.
    - `where`: an SQL condition over the source's columns; rows that fail it do not travel.
    - `operations`: those that are applied, None for what the schema's entry says.
    - `etl`: a script of the transformation language.
    - `origin_column`: the destination's column that is filled with `database.schema.table` of the row's origin.
    - `origin_keys`: a condition over the key that all rows of the table meet, and none of those merged with it.
    """

    table: str
    name: str | None = None
    columns: dict[str, str] = {}
    exclude_columns: list[str] = []
    where: str | None = None
    operations: list[Operation] | None = None
    etl: str | None = None
    origin_column: str | None = None
    origin_keys: str | None = None

    @property
    def merges(self) -> bool:
        """Whether it may share its table of the destination with others."""
        return self.origin_column is not None or self.origin_keys is not None


class RenameRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    r"""Renames what matches: `pattern` is a regular expression for a whole name, `name` the new one, with `\1` for the
    first group."""

    pattern: str
    name: str


class SchemaObjects(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True, dict=True
):
    """A selected schema: whole (less `exclude`) when it names no objects, else the objects it names.

    - `name`: the schema's at the destination.
    - `operations`: those that are applied to its tables, None for all.
    - `overrides`: tables of a whole schema that differ at the destination.
    - `rename`: rules for objects that no entry names, those created later too; the first that matches counts.
    """

    schema: str
    name: str | None = None
    operations: list[Operation] | None = None
    exclude: list[str] = []
    overrides: list[TableObject] = []
    rename: list[RenameRule] = []
    tables: list[TableObject] = []
    sequences: list[str] = []
    views: list[str] = []
    materialized_views: list[str] = []
    functions: list[str] = []
    types: list[str] = []

    @property
    def whole(self) -> bool:
        """True when everything in the schema is selected."""
        return not self.tables and not self.named

    @property
    def described(self) -> list[TableObject]:
        """The tables that have an entry of their own, selected by it or not."""
        return [*self.tables, *self.overrides]

    @property
    def named(self) -> list[tuple[str, str]]:
        """Kind and name of each object that is selected by name, tables left out."""
        kinds = {
            "sequence": self.sequences,
            "view": self.views,
            "materialized view": self.materialized_views,
            # Procedures and aggregates too, all of the name.
            "function": self.functions,
            "type": self.types,
        }
        return [(kind, name) for kind, names in kinds.items() for name in names]

    def selects_table(self, name: str) -> bool:
        """Whether the table of this schema belongs to the task."""
        if self.whole:
            return name not in self.exclude
        return name in self._table_names

    @cached_property
    def _table_names(self) -> frozenset[str]:
        """Thousands of tables are asked for thousands of names."""
        return frozenset(chosen.table for chosen in self.tables)


def entry_paths(objects: Iterable[SchemaObjects]) -> dict[tuple[str, str], str]:
    """Where a task file describes a table, by schema and name.

    >>> entry_paths([SchemaObjects(schema="s", overrides=[TableObject(table="t", where="id > 5")])])
    {('s', 't'): 'objects[0].overrides[0]'}
    """
    return {
        (entry.schema, own.table): f"objects[{number}].{kind}[{at}]"
        for number, entry in enumerate(objects)
        for kind, tables in (("tables", entry.tables), ("overrides", entry.overrides))
        for at, own in enumerate(tables)
    }
