"""Which tables take the rows at the destination, which are emptied before a copy begins again, and what stands in the
way of that: rows that are not ours, and foreign keys that fire."""

from collections.abc import Iterable

from syncwizard.errors import TaskFailed
from syncwizard.postgres.catalog.tables import read_tables
from syncwizard.postgres.destination.chunks import TableCopy, holding_rows
from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection
from syncwizard.stages.context import Context
from syncwizard.structure.table import Table
from syncwizard.task.names import TableName


def read_targets(destination: Connection, tables: Iterable[Table]) -> dict[TableName, Table]:
    """The destination's tables in the schemas of the source's."""
    schemas = {name.schema for table in tables for name in (table.name, table.root)}
    return {table.name: table for table in read_tables(destination, sorted(schemas), sizes=False)}


def find_target(table: Table, there: dict[TableName, Table]) -> Table:
    """The destination's table that takes the rows: of the same name, else the partitioned table it belongs to."""
    if not has_target(table, there):
        raise TaskFailed(
            f"table {table.name} is not at the destination",
            where="destination",
            remedy="create it as it is at the source, or let the task synchronize the schema",
        )
    return there.get(table.name) or there[table.root]


def has_target(table: Table, there: dict[TableName, Table]) -> bool:
    """Whether the destination has a place for the table's rows."""
    return table.name in there or table.root in there


def to_empty(
    again: Iterable[Table],
    selected: Iterable[Table],
    there: dict[TableName, Table],
    copies: dict[TableName, TableCopy],
) -> list[TableName]:
    """The destination's tables that hold rows of former copies of the tables that begin again.

    Of a partition tree all partitions, also those that the source does not have (any more), but for one that is a
    table of its own there by now.
    """
    again = list(again)
    begun = {table.root for table in again if table.name in copies and not copies[table.name].kept}
    targets = [find_target(table, there) for table in again if table.root in begun]
    trees = {target.root for target in targets if target.partitioned or target.is_partition}
    foreign = {table.name for table in selected} - {table.name for table in again}
    names = [target.name for target in targets if not target.partitioned]
    names += [
        table.name
        for table in there.values()
        if table.is_partition and not table.partitioned and table.root in trees and table.name not in foreign
    ]
    return list(dict.fromkeys(names))


def find_obstacles(
    context: Context,
    destination: Connection,
    tables: Iterable[Table],
    there: dict[TableName, Table],
    copies: dict[TableName, TableCopy],
    *,
    quiet: bool,
) -> list[tuple[str, str]]:
    """What keeps the tables from being emptied, each with what a person can do about it.

    `quiet`: the session may set session_replication_role, so that foreign keys do not fire.
    """
    found = []
    doubtful: list[TableName] = []
    targets = {}
    ours = {table.root for table in tables if table.name in copies}
    for table in tables:
        if not has_target(table, there):
            # Before the schema stage there is nothing to empty.
            continue
        target = find_target(table, there)
        targets[target.oid] = target
        kept = table.name in copies and copies[table.name].kept
        strange = table.root not in ours and context.spec.synchronization.conflicts == "report"
        if not table.partitioned and (kept or strange):
            doubtful.append(target.name)
    filled = holding_rows(destination, doubtful)
    for name in doubtful:
        if name in filled:
            title = f"{name} holds rows that the task did not bring, so it is not emptied"
            found.append((title, f"empty it at the destination by hand (TRUNCATE {name}) if that is right"))
    if not quiet:
        for name, table_, referenced in destination.execute(query("foreign_keys_of"), {"tables": list(targets)}):
            title = f"foreign key {name} of {table_} to {referenced} would be checked while rows are removed and copied"
            remedy = "drop it for the time being, or GRANT SET ON PARAMETER session_replication_role to the account"
            found.append((title, remedy))
    return found
