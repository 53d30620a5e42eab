"""The source's tables in the names of the destination, so that both ends can be compared by equal names."""

import msgspec

from syncwizard.structure.table import Index, Table
from syncwizard.task.mapping import Mapping


def renamed(table: Table, mapping: Mapping) -> Table:
    """The source's table as it is expected at the destination: names of table, tree, columns and keys."""
    if table.name == (target := mapping.table(table.name)) and table.name not in mapping.columns:
        root = mapping.table(table.root)
        return table if table.root == root else msgspec.structs.replace(table, root=root)
    return msgspec.structs.replace(
        table,
        name=target,
        root=mapping.table(table.root),
        columns=tuple(
            msgspec.structs.replace(column, name=mapping.column(table.name, column.name)) for column in table.columns
        ),
        unique_indexes=tuple(_renamed_index(table, index, mapping) for index in table.unique_indexes),
    )


def _renamed_index(table: Table, index: Index, mapping: Mapping) -> Index:
    return msgspec.structs.replace(index, columns=tuple(mapping.column_names(table.name, index.columns)))
