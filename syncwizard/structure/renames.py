"""The source's tables in the names of the destination, so that both ends can be compared by equal names."""

from msgspec.structs import replace

from syncwizard.structure.table import Column, Table, ValueType
from syncwizard.task.mapping import Mapping

TEXT = ValueType("text", "")


def renamed(table: Table, mapping: Mapping) -> Table:
    """The source's table as it is expected at the destination: names of table, tree, columns and keys, without what
    does not travel."""
    target, root, edited = mapping.table(table.name), mapping.table(table.root), mapping.edited(table.name, table.root)
    if (origin := mapping.origins.get(edited)) is not None:
        return with_origin(renamed(table, _without_origins(mapping)), origin)
    if not mapping.changes_columns(edited):
        return table if (table.name, table.root) == (target, root) else replace(table, name=target, root=root)
    return replace(
        table,
        name=target,
        root=root,
        columns=tuple(
            replace(column, name=mapping.column(edited, column.name))
            for column in table.columns
            if mapping.travels(edited, column.name)
        ),
        unique_indexes=tuple(
            replace(index, columns=tuple(mapping.column_names(edited, index.columns)))
            for index in table.unique_indexes
            if all(mapping.travels(edited, name) for name in index.columns)
        ),
    )


def with_origin(table: Table, column: str) -> Table:
    """The table with the column that tells its rows from those of others, which all of its keys have as well."""
    number = max((each.number for each in table.columns), default=0) + 1
    added = Column(
        name=column,
        number=number,
        type=TEXT,
        declared_type=TEXT.name,
        not_null=True,
        identity="",
        generated="",
        binary=True,
        textual=False,
        local="",
    )
    indexes = (
        replace(index, columns=(*index.columns, column), collations=(*index.collations, ""))
        for index in table.unique_indexes
    )
    return replace(table, columns=(*table.columns, added), unique_indexes=tuple(indexes))


def _without_origins(mapping: Mapping) -> Mapping:
    return replace(mapping, origins={})


def travelling(table: Table, mapping: Mapping) -> tuple[Column, ...]:
    """The columns of the source's table that are copied and applied."""
    edited = mapping.edited(table.name, table.root)
    return tuple(column for column in table.stored_columns if mapping.travels(edited, column.name))
