"""Tables that held rows at the destination before us: conflict mode `ignore` keeps those (DESIGN rule 16)."""

from collections.abc import Iterable, Mapping

from syncwizard.errors import TaskFailed
from syncwizard.postgres.destination.destination import Destination
from syncwizard.structure.table import Table
from syncwizard.task.names import TableName


def find_kept(
    destination: Destination,
    tables: Iterable[tuple[Table, TableName]],
    begun: Iterable[TableName],
    conditions: Mapping[TableName, str],
) -> set[TableName]:
    """Those of the tables, given with their targets, whose rows there are not ours. `begun` have a copy already.
    `conditions`: which rows of the targets that extensions fill are not the extension's.

    Raises TaskFailed for partitions: the tree is copied again when one leaf of it is, and rows that the copy before
    brought could not be kept apart from those that were there.
    """
    known = set(begun)
    # A partition that is new in a tree of ours meets our own rows.
    unknown = [(table, target) for table, target in tables if table.name not in known and table.root not in known]
    filled = destination.tables.holding_rows({target for _, target in unknown}, conditions)
    kept = set()
    for table, target in unknown:
        if target not in filled:
            continue
        if table.partitioned or table.is_partition:
            raise TaskFailed(
                f"partitioned table {table.root} holds rows at the destination",
                where="destination",
                remedy="empty it there, or deselect it: its copy could not begin again without removing rows",
            )
        kept.add(table.name)
    return kept
