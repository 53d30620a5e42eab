"""Brings tables in step whose changes were lost: rows that differ are written, instead of all being copied again.

A table is compared with the source's snapshot of its pair while nothing is applied, and what differs is written in one
transaction with the completion row of its copy: whatever ends it before leaves the table as it was.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from syncwizard.postgres.comparing import read_rows, read_sums
from syncwizard.postgres.copying import are_current
from syncwizard.postgres.destination.destination import Destination
from syncwizard.postgres.repairing import copy_rows, delete_rows
from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.session.encoding import set_encoding, shared_encoding
from syncwizard.postgres.session.trouble import translated
from syncwizard.postgres.snapshots import begin_snapshot
from syncwizard.rows.comparison import Differences, differences, unequal_buckets
from syncwizard.stages.context import Context, Pair
from syncwizard.stages.full.planning import TablePlan
from syncwizard.stages.interruptible import interruptible
from syncwizard.stages.verification.units import Unit
from syncwizard.task.events import TableRepaired

# Their keys are kept in memory; with more it is quicker to copy the table.
MOST_ROWS = 1_000_000
# Keys of one statement.
KEYS = 5_000


def heal(context: Context, pair: Pair, plan: TablePlan, unit: Unit) -> bool:
    """Makes the table what the pair's snapshot shows, and the plan finished or stale; False where too many rows
    differ, and it has to be copied. Raises Cancelled, EndpointError, TaskFailed."""
    with context.connect("source", "heal") as source, context.destination("heal") as destination:
        with translated("destination", "preparing to write"):
            destination.prepare_writing()
        set_encoding(shared_encoding(source, destination.connection), source, destination.connection)
        with translated("source", "importing the snapshot"):
            begin_snapshot(source, pair.snapshot)
        try:
            with interruptible(context, destination.connection, "destination", f"healing {unit.table}"):
                return _heal(context, source, destination, plan, unit)
        finally:
            if not source.broken:
                source.rollback()


class _TooMany(Exception):
    """More rows differ than are written one by one."""


class _IsIn(Exception):
    """A run before has healed the table, and its commit was in doubt."""


class _Passed(Exception):
    """The copy has begun again, or the table was rewritten meanwhile."""


def _heal(context: Context, source: Connection, destination: Destination, plan: TablePlan, unit: Unit) -> bool:
    table, generation = plan.source.name, plan.copy.generation
    try:
        with destination.transaction():
            _claim(destination, plan)
            rows, found = _differences(context, source, destination, unit)
            written, deleted = _write(context, source, destination, unit, found)
            with translated("source", "comparing rows"):
                if not are_current(source, unit.relations):
                    raise _Passed("it was rewritten meanwhile")
            destination.copies.fill_chunk(table, generation, 0, rows, plan.source.bytes)
    except _TooMany:
        return False
    except _Passed as passed:
        plan.stale = str(passed)
        return True
    except _IsIn:
        plan.done[0] = destination.copies.read_chunk(table, generation, 0)
    else:
        plan.done[0] = rows, plan.source.bytes
        order = context.state().resync
        if order is not None and written + deleted:
            context.record(
                TableRepaired(id=order.id, table=table, lsn=plan.copy.pair_lsn, written=written, deleted=deleted)
            )
    plan.todo.clear()
    return True


def _claim(destination: Destination, plan: TablePlan) -> None:
    """Raises _IsIn, _Passed."""
    claimed = destination.copies.claim_again(plan.source.name, plan.copy.generation, 0)
    if claimed is None:
        raise _IsIn
    if not claimed:
        raise _Passed("its copy has begun again")


def _differences(context: Context, source: Connection, destination: Destination, unit: Unit) -> tuple[int, Differences]:
    """How many rows the source has, and all that differs. Raises _TooMany."""
    with ThreadPoolExecutor(1, "heal source") as pool:
        ours = pool.submit(_read_sums, context, source, unit)
        theirs = read_sums(destination.connection, unit.destination)
        sums = ours.result()
    rows = sum(count for count, _ in sums.values())
    buckets = unequal_buckets(sums, theirs)
    if not buckets:
        return rows, Differences()
    with translated("source", "comparing rows"):
        found = differences(
            read_rows(source, unit.source, buckets),
            read_rows(destination.connection, unit.destination, buckets),
            counted=MOST_ROWS,
            listed=MOST_ROWS + 1,
        )
    if found.more:
        raise _TooMany
    return rows, found


def _read_sums(context: Context, source: Connection, unit: Unit) -> dict[int, tuple[int, int]]:
    with interruptible(context, source, "source", "comparing rows"):
        return read_sums(source, unit.source)


def _write(
    context: Context, source: Connection, destination: Destination, unit: Unit, found: Differences
) -> tuple[int, int]:
    """Rows written, and deleted for good: all are deleted before the first is written, for unique values move between
    rows."""
    place = unit.place
    assert place is not None
    deleted = written = 0
    for keys in _batches([row.key for row in found.rows]):
        context.cancellation.check()
        deleted += delete_rows(destination.connection, place, keys)
    for keys in _batches([row.key for row in found.rows if row.kind != "only-destination"]):
        context.cancellation.check()
        with translated("source", "reading rows"):
            written += sum(
                copy_rows(source, destination.connection, here, place, keys, binary=unit.binary) for here in unit.places
            )
    return written, max(0, deleted - found.changed)


def _batches(keys: Sequence[tuple[str, ...]]) -> Iterable[list[tuple[str, ...]]]:
    return (list(keys[at : at + KEYS]) for at in range(0, len(keys), KEYS))
