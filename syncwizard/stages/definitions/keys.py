"""After the copy: primary keys and what else addresses rows when changes are applied, then statistics."""

from collections.abc import Collection, Iterable

from syncwizard.postgres.destination.destination import Destination
from syncwizard.postgres.session.trouble import translated
from syncwizard.stages.context import Context
from syncwizard.stages.definitions.phases import create_phase
from syncwizard.stages.definitions.schema import read_plan
from syncwizard.stages.interruptible import interruptible
from syncwizard.task.names import TableName
from syncwizard.task.text import counted, listed

TABLES_A_STATEMENT = 100


def run(context: Context) -> str:
    """Creates the apply keys and analyzes the copied tables."""
    plan = read_plan(context)
    with context.destination("keys") as destination:
        with translated("destination", "preparing the session"):
            destination.definitions.prepare()
            destination.indexes.prepare_sorting(destination.indexes.read_resources())
            analyzed = to_analyze(map(context.mapping.table, destination.copies.read()), destination)
            statements = plan.of("keys") if plan else []
            small = destination.tables.small([*analyzed, *(each.table for each in statements if each.table)])
        created = create_phase(context, destination, statements, small)
        for tables in _together(analyzed, small):
            with interruptible(context, destination.connection, "destination", f"analyzing {listed(map(str, tables))}"):
                destination.tables.analyze(tables)
    return f"{counted(created, 'key')} created, {counted(len(analyzed), 'table')} analyzed"


def _together(tables: Iterable[TableName], small: Collection[TableName]) -> list[list[TableName]]:
    """Small tables by the hundred, the others one by one."""
    few = [table for table in tables if table in small]
    groups = [few[at : at + TABLES_A_STATEMENT] for at in range(0, len(few), TABLES_A_STATEMENT)]
    return groups + [[table] for table in tables if table not in small]


def to_analyze(filled: Iterable[TableName], destination: Destination) -> list[TableName]:
    """Those of the destination's tables that the copy has filled; a partitioned one stands for its partitions."""
    names = set(filled)
    there = [table for table in destination.tables.read(sorted({name.schema for name in names})) if table.name in names]
    parents = {table.name for table in there if table.partitioned}
    return [table.name for table in there if not (table.is_partition and table.root in parents)]
