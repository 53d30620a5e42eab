"""Which tables take the rows at the destination, which are emptied before a copy begins again, and what stands in the
way of that: rows that are not ours, and foreign keys that fire."""

from collections.abc import Iterable

from syncwizard.errors import TaskFailed
from syncwizard.postgres.destination.chunks import TableCopy
from syncwizard.postgres.destination.destination import Destination
from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.session.encoding import recoded
from syncwizard.rows.origin_keys import own_rows
from syncwizard.rows.projection import literal
from syncwizard.stages.context import Context
from syncwizard.structure.table import Table
from syncwizard.task.mapping import Mapping
from syncwizard.task.names import TableName, quote


class Targets:
    """The destination's tables, by their names in `there`, as those that take the rows of the source's. `recoded`: the
    encodings of the databases differ."""

    def __init__(
        self, there: Iterable[Table], mapping: Mapping, *, recoded: bool = False, source_database: str = ""
    ) -> None:
        self._recoded = recoded
        self._source_database = source_database
        self.there = {table.name: table for table in there}
        self.mapping = mapping

    def find(self, table: Table) -> Table | None:
        """The one that takes the rows of a table of the source: its own, or the partitioned table it belongs to, which
        finds the place of each row where that need not be in the partition of the same name."""
        own, root = self.mapping.table(table.name), self.mapping.table(table.root)
        if table.scattered(recoded=self._recoded) and root in self.there:
            return self.there[root]
        return self.there.get(own) or self.there.get(root)

    def conditions(self, tables: Iterable[Table]) -> dict[TableName, str]:
        """Which rows at the destination are those of the source's tables, where others are beside them: those of the
        extension that made a table, or of the tables that are merged with it (rule 22)."""
        found = {table.name: table.condition for table in self.there.values() if table.condition}
        merged: dict[TableName, list[str]] = {}
        for table in tables:
            condition = self.origin_condition(table)
            if condition and (target := self.find(table)) is not None:
                merged.setdefault(target.name, []).append(condition)
        return found | {name: " OR ".join(dict.fromkeys(each)) for name, each in merged.items()}

    def origin_condition(self, table: Table) -> str:
        """The predicate that tells the rows of a merged table from the others; empty for any other table."""
        keys = self.mapping.origin_keys.get(self.mapping.edited(table.name, table.root))
        if keys is not None:
            return own_rows(keys, table, self.mapping)
        origin = self.mapping.origin(table.name, table.root, self._source_database)
        return "" if origin is None else f"{quote(origin[0])}::pg_catalog.text = {literal(origin[1])}"

    def of(self, table: Table) -> Table:
        """The same, where there has to be one; raises TaskFailed."""
        found = self.find(table)
        if found is None:
            raise TaskFailed(
                f"table {self.mapping.table(table.name)} is not at the destination",
                where="destination",
                remedy="create it as it is at the source, or let the task synchronize the schema",
            )
        return found


def read_targets(source: Connection, destination: Destination, tables: Iterable[Table], mapping: Mapping) -> Targets:
    """Reads the tables in the schemas that the source's tables go to."""
    schemas = {mapping.table(name).schema for table in tables for name in (table.name, table.root)}
    there = destination.tables.read(sorted(schemas), sizes=False)
    return Targets(
        there,
        mapping,
        recoded=recoded(source, destination.connection),
        source_database=source.info.dbname,
    )


def to_empty(
    again: Iterable[Table],
    selected: Iterable[Table],
    targets: Targets,
    copies: dict[TableName, TableCopy],
) -> list[TableName]:
    """The destination's tables that hold rows of former copies of the tables that begin again.

    Of a partition tree all partitions, also those that the source does not have (any more), but for one that is a
    table of its own there by now.
    """
    again = list(again)
    begun = {table.root for table in again if table.name in copies and not copies[table.name].kept}
    filled = [targets.of(table) for table in again if table.root in begun]
    trees = {target.root for target in filled if target.partitioned or target.is_partition}
    others = {table.name for table in selected} - {table.name for table in again}
    foreign = set(map(targets.mapping.table, others))
    names = [target.name for target in filled if not target.partitioned]
    names += [
        table.name
        for table in targets.there.values()
        if table.is_partition and not table.partitioned and table.root in trees and table.name not in foreign
    ]
    return list(dict.fromkeys(names))


def find_obstacles(
    context: Context,
    destination: Destination,
    tables: Iterable[Table],
    targets: Targets,
    copies: dict[TableName, TableCopy],
    *,
    no_triggers: bool,
) -> list[tuple[str, str]]:
    """What keeps the tables from being emptied, each with what to do about it.

    `no_triggers`: the session may set session_replication_role, so that foreign keys do not fire.
    """
    found = []
    doubtful: list[TableName] = []
    met = set()
    ours = {table.root for table in tables if table.name in copies}
    for table in tables:
        target = targets.find(table)
        if target is None:
            # Before the schema stage there is nothing to empty.
            continue
        met.add(target.oid)
        kept = table.name in copies and copies[table.name].kept
        strange = table.root not in ours and context.spec.synchronization.conflicts == "report"
        if not table.partitioned and (kept or strange):
            doubtful.append(target.name)
    filled = destination.tables.holding_rows(doubtful, targets.conditions(tables))
    for name in doubtful:
        if name in filled:
            title = f"{name} holds rows that the task did not bring, so it is not emptied"
            found.append((title, f"empty it at the destination by hand (TRUNCATE {name}) if that is right"))
    if not no_triggers:
        for key, owner, referenced in destination.tables.foreign_keys(met):
            title = f"foreign key {key} of {owner} to {referenced} would be checked while rows are removed and copied"
            remedy = "drop it temporarily, or GRANT SET ON PARAMETER session_replication_role to the account"
            found.append((title, remedy))
    return found
