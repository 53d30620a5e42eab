"""After the copy: primary keys and what else addresses rows when changes are applied, the indexes of small tables,
then statistics; over several sessions, for nothing is applied yet."""

from collections.abc import Collection, Iterable, Sequence
from functools import partial

from syncwizard.postgres.destination.definitions import StatementRefused
from syncwizard.postgres.destination.destination import Destination
from syncwizard.postgres.session.trouble import translated
from syncwizard.stages.context import Context, index_workers
from syncwizard.stages.definitions.phases import BUILDS, batches, create_batches, create_phase, create_together
from syncwizard.stages.definitions.quick import is_quick
from syncwizard.stages.definitions.schema import read_plan
from syncwizard.stages.definitions.side_by_side import side_by_side
from syncwizard.stages.interruptible import interruptible
from syncwizard.structure.planned import PlannedStatement
from syncwizard.task.names import TableName
from syncwizard.task.text import counted, listed

TABLES_A_STATEMENT = 100


def run(context: Context) -> str:
    """Creates the apply keys and the quick indexes of small tables, and analyzes the copied tables."""
    plan = read_plan(context)
    with _session(context) as destination:
        with translated("destination", "reading what is copied"):
            analyzed = to_analyze(map(context.mapping.table, destination.copies.read()), destination)
            statements = plan.of("keys") if plan else []
            quick = [each for each in plan.of("indexes") if is_quick(each)] if plan else []
            named = [each.table for each in (*statements, *quick) if each.table]
            small = destination.tables.small([*analyzed, *named])
        wanted = [*statements, *(each for each in quick if each.table in small)]
        created = create_phase(context, destination, wanted, partial(_attempt, context, destination, small))
        groups = [partial(_analyze, tables=tables) for tables in _together(analyzed, small)]
        side_by_side(context, partial(_session, context), destination, groups)
    return f"{counted(created, 'definition')} created, {counted(len(analyzed), 'table')} analyzed"


def _session(context: Context) -> Destination:
    """One of several sessions, which share the memory that sorts may take."""
    destination = context.destination("keys")
    with translated("destination", "preparing the session"):
        destination.definitions.prepare()
        destination.indexes.prepare_sorting(destination.indexes.read_resources(), index_workers(context.spec))
    return destination


def _attempt(
    context: Context, destination: Destination, small: Collection[TableName], waiting: Sequence[PlannedStatement]
) -> list[StatementRefused]:
    """Creates what goes through the rows of its own table alone over several sessions, then the rest in order."""
    others = {each.table for each in waiting if each.kind not in BUILDS}
    # A table's statements stay together and in order: they would wait for each other's locks.
    apart = sorted(
        (each for each in waiting if each.table not in others), key=lambda each: (each.table or ("", ""), each.position)
    )
    refused: list[StatementRefused] = []

    def create(inner: Context, session: Destination, *, batch: Sequence[PlannedStatement]) -> None:
        refused.extend(create_together(inner, session, batch))

    jobs = [partial(create, batch=batch) for batch in _largest_first(batches(apart, small))]
    side_by_side(context, partial(_session, context), destination, jobs)
    return refused + create_batches(context, destination, [each for each in waiting if each.table in others], small)


def _largest_first(cut: Iterable[list[PlannedStatement]]) -> list[list[PlannedStatement]]:
    """What takes long begins first, so that the sessions end together: a table of its own is a large one."""
    return sorted(cut, key=len)


def _analyze(context: Context, destination: Destination, *, tables: Sequence[TableName]) -> None:
    with interruptible(context, destination.connection, "destination", f"analyzing {listed(map(str, tables))}"):
        destination.tables.analyze(tables)


def _together(tables: Iterable[TableName], small: Collection[TableName]) -> list[list[TableName]]:
    """Small tables by the hundred, the others one by one and first."""
    tables = list(tables)
    few = [table for table in tables if table in small]
    groups = [few[at : at + TABLES_A_STATEMENT] for at in range(0, len(few), TABLES_A_STATEMENT)]
    return [[table] for table in tables if table not in small] + groups


def to_analyze(filled: Iterable[TableName], destination: Destination) -> list[TableName]:
    """Those of the destination's tables that the copy has filled; a partitioned one stands for its partitions."""
    names = set(filled)
    there = [table for table in destination.tables.read(sorted({name.schema for name in names})) if table.name in names]
    parents = {table.name for table in there if table.partitioned}
    return [table.name for table in there if not (table.is_partition and table.root in parents)]
