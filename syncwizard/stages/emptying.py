"""What stands in the way of emptying tables at the destination: rows that are not ours, and foreign keys that fire."""

from collections.abc import Iterable

from syncwizard.postgres.catalog import Table, read_tables
from syncwizard.postgres.connection import Connection
from syncwizard.postgres.destination.chunks import TableCopy, holding_rows
from syncwizard.postgres.queries import query
from syncwizard.stages.context import Context
from syncwizard.task.events import TableName


def read_targets(destination: Connection, tables: Iterable[Table]) -> dict[TableName, Table]:
    """The destination's tables in the schemas of the source's."""
    schemas = {name.schema for table in tables for name in (table.name, table.root)}
    return {table.name: table for table in read_tables(destination, sorted(schemas), sizes=False)}


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
        target = there.get(table.name) or there.get(table.root)
        if target is None:
            # Before the schema stage there is nothing to empty.
            continue
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
