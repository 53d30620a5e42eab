"""After the copy: primary keys and what else addresses rows when changes are applied, then statistics."""

from collections.abc import Iterable

from syncwizard.postgres.destination.destination import Destination
from syncwizard.postgres.session.trouble import translated
from syncwizard.stages.context import Context
from syncwizard.stages.definitions.phases import create_phase
from syncwizard.stages.definitions.schema import read_plan
from syncwizard.stages.interruptible import interruptible
from syncwizard.task.names import TableName
from syncwizard.task.text import counted


def run(context: Context) -> str:
    """Creates the apply keys and analyzes the copied tables."""
    plan = read_plan(context)
    with context.destination("keys") as destination:
        with translated("destination", "preparing the session"):
            destination.definitions.prepare()
            destination.indexes.prepare_sorting(destination.indexes.read_resources())
            analyzed = to_analyze(map(context.mapping.table, destination.copies.read()), destination)
        created = create_phase(context, destination, plan.of("keys")) if plan else 0
        for table in analyzed:
            with interruptible(context, destination.connection, "destination", f"analyzing {table}"):
                destination.tables.analyze(table)
    return f"{counted(created, 'key')} created, {counted(len(analyzed), 'table')} analyzed"


def to_analyze(filled: Iterable[TableName], destination: Destination) -> list[TableName]:
    """Those of the destination's tables that the copy has filled; a partitioned one stands for its partitions."""
    names = set(filled)
    there = [table for table in destination.tables.read(sorted({name.schema for name in names})) if table.name in names]
    parents = {table.name for table in there if table.partitioned}
    return [table.name for table in there if not (table.is_partition and table.root in parents)]
