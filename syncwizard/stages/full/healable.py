"""Which of the tables that are to be copied again can be healed instead: by an order to heal, row by row."""

from collections.abc import Collection, Mapping, Sequence

import msgspec

from syncwizard.postgres.destination.chunks import TableCopy
from syncwizard.postgres.session.connection import Connection
from syncwizard.stages.context import Context
from syncwizard.stages.targets import Targets
from syncwizard.stages.verification.units import Rules, Unit, make_units
from syncwizard.structure.table import Table
from syncwizard.task.names import TableName


def healable(
    context: Context,
    tables: Sequence[Table],
    there: Targets,
    rules: Rules,
    source: Connection,
    destination: Connection,
    given_up: Collection[TableName],
) -> dict[TableName, Unit]:
    """The units of the tables that are healed, by their table at the source; `given_up`: too many rows of them differ.

    Not those without a key at both ends, nor those whose rows are selected or changed on their way. A partition tree is
    healed whole, partition by partition, or not at all.
    """
    order = context.state().resync
    if order is None or not order.heals:
        return {}
    wanted = {each.table for each in order.tables}
    leaves = [table for table in tables if not table.partitioned]
    units = {
        unit.table: unit
        for unit in make_units(leaves, there, rules, source, destination)
        if unit.place is not None and not unit.reason and len(unit.source) == len(unit.destination) == 1
    }
    trees: dict[TableName, list[Table]] = {}
    for table in leaves:
        trees.setdefault(table.root, []).append(table)
    found: dict[TableName, Unit] = {}
    for tree in trees.values():
        names = {table.name for table in tree}
        if names <= units.keys() & wanted and not names.intersection(given_up) and _covers(tree, there):
            found |= {name: units[name] for name in names}
    return found


def _covers(tree: Sequence[Table], there: Targets) -> bool:
    """Whether the destination has no other partitions, whose rows would stay as they are."""
    targets = [there.find(table) for table in tree]
    roots = {target.root for target in targets if target is not None and target.is_partition}
    others = {table.name for table in there.there.values() if table.root in roots and not table.partitioned}
    return others <= {target.name for target in targets if target is not None}


def usable(
    found: Mapping[TableName, Unit],
    tables: Sequence[Table],
    begun: Mapping[TableName, TableCopy],
    copies: Mapping[TableName, TableCopy],
) -> dict[TableName, Unit]:
    """Those of the healable tables whose copy is about to begin, or is one chunk: not those whose copy goes on in
    chunks, nor those that held rows before the task. Partition trees stay whole."""

    def is_usable(table: TableName) -> bool:
        copy = begun.get(table) or copies[table]
        return table in copies and not copy.kept and (table in begun or copy.chunks == 1)

    roots = {table.root for table in tables if table.name in found and not is_usable(table.name)}
    return {table.name: found[table.name] for table in tables if table.name in found and table.root not in roots}


def whole(copy: TableCopy) -> TableCopy:
    """The same as one chunk."""
    return msgspec.structs.replace(copy, chunks=1, chunk_pages=copy.chunks * copy.chunk_pages)
