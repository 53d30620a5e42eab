"""Which tables of the source a task means: its schemas and names, with the partitions that belong to them."""

import msgspec

from syncwizard.postgres.catalog.tables import read_tables
from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection
from syncwizard.structure.table import Table
from syncwizard.task.names import TableName
from syncwizard.task.specification import TaskSpec


class LeftOut(msgspec.Struct, frozen=True):
    """A relation that the task names but cannot synchronize, with the reason."""

    table: TableName
    reason: str


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """The task's tables, partitioned parents among them, ordered by name.

    `incomplete`: the partitioned tables of which some partition is not selected. `of_extensions`: what was not selected
    because an extension makes and fills it.
    """

    tables: tuple[Table, ...]
    left_out: tuple[LeftOut, ...] = ()
    incomplete: frozenset[TableName] = frozenset()
    of_extensions: tuple[TableName, ...] = ()

    @property
    def copied(self) -> tuple[Table, ...]:
        """The tables that hold rows: all but partitioned parents."""
        return tuple(table for table in self.tables if not table.partitioned)


def select_tables(connection: Connection, spec: TaskSpec, *, sizes: bool = True) -> Selection:
    """The task's tables at the source; without `sizes` their byte counts are 0.

    A selected partitioned table brings its partitions, in whatever schema they are, except those that the task
    excludes. Tables whose changes are not in the WAL (unlogged) and foreign tables are left out, and so is what belongs
    to an extension that does not mark it as holding rows of users.
    """
    schemas = {entry.schema for entry in spec.objects}
    tables = read_tables(connection, sorted(schemas), sizes=sizes)
    parents = {table.oid: table.name for table in tables if table.partitioned and spec.selects_table(*_parts(table))}
    below = connection.execute(query("partition_tree"), (list(parents),)).fetchall()
    partitions = {oid for oid, _, _ in below}
    further = {schema for _, schema, _ in below} - schemas
    if further:
        tables += [table for table in read_tables(connection, sorted(further), sizes=sizes) if table.oid in partitions]
    meant = [table for table in tables if _belongs(table, spec, partitions)]
    chosen = [table for table in meant if not table.extension or table.configured]
    kept = [table for table in chosen if table.persistence == "p"]
    left_out = [
        LeftOut(table.name, "unlogged: its changes are not in the WAL") for table in chosen if table.persistence != "p"
    ]
    for schema, name in connection.execute(query("foreign_tables"), (sorted(schemas | further),)):
        if spec.selects_table(schema, name):
            left_out.append(LeftOut(TableName(schema, name), "a foreign table: its rows are elsewhere"))
    kept.sort(key=lambda table: table.name)
    present = {table.oid for table in kept}
    of_extensions = tuple(table.name for table in meant if table not in chosen)
    incomplete = frozenset(parents[parent] for oid, _, parent in below if oid not in present)
    return Selection(tables=tuple(kept), left_out=tuple(left_out), incomplete=incomplete, of_extensions=of_extensions)


def _parts(table: Table) -> tuple[str, str]:
    return table.name.schema, table.name.name


def _belongs(table: Table, spec: TaskSpec, partitions: set[int]) -> bool:
    if spec.selects_table(*_parts(table)):
        return True
    excluded = any(
        entry.schema == table.name.schema and entry.whole and table.name.name in entry.exclude for entry in spec.objects
    )
    return table.oid in partitions and not excluded
