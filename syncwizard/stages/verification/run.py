"""Runs an order to verify: tables take turns under fresh moments, so that no snapshot is held for long."""

import time
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack

import msgspec

from syncwizard.errors import TaskFailed, UsageError
from syncwizard.postgres.catalog.row_rules import read_rules
from syncwizard.postgres.catalog.selection import select_tables
from syncwizard.postgres.comparing import hashes_portably, probe_hash
from syncwizard.postgres.destination.destination import Destination
from syncwizard.postgres.session.trouble import translated
from syncwizard.rows.comparison import LISTED_ROWS
from syncwizard.stages.context import Context
from syncwizard.stages.targets import read_targets
from syncwizard.stages.verification.moment import Moment, one_moment
from syncwizard.stages.verification.quarantined import InQuarantine
from syncwizard.stages.verification.repair import repair
from syncwizard.stages.verification.sampling import sampled
from syncwizard.stages.verification.tables import GaveWay, Reader, reason_of, unverified
from syncwizard.stages.verification.units import Unit, make_units
from syncwizard.stages.verification.vectors import indexed
from syncwizard.structure.table import Table
from syncwizard.task.events import TableVerified, VerificationFinished, VerificationStarted
from syncwizard.task.names import TableName
from syncwizard.task.text import did_you_mean
from syncwizard.task.verification import TableVerification, VerificationOrder

# Dead rows cannot be vacuumed away at either end while a moment is held.
MOMENT_SECONDS = 300.0
# A table that is locked or rewritten again and again is not waited for without end.
ATTEMPTS = 6
LONGEST_WAIT_SECONDS = 30.0


class Progress:
    """How far an order is: what is left, how often each table was tried, and what its repair began with."""

    def __init__(self, pending: list[Unit]) -> None:
        self.pending = pending
        self.to_repair: list[tuple[Unit, TableVerification]] = []
        self.attempts: Counter[TableName] = Counter()
        self.differing: dict[TableName, int] = {}


def run(context: Context, order: VerificationOrder) -> None:
    """Compares what the order names and is not compared yet, and records each table and the end.

    Raises UsageError, Cancelled, EndpointError, TaskFailed.
    """
    units = units_of(context, order)
    if not _known(context, order):
        context.record(VerificationStarted(order=order, tables=[unit.table for unit in units]))
    done = _done(context)
    progress = Progress([unit for unit in units if str(unit.table) not in done])
    while progress.pending:
        if progress.attempts:
            context.cancellation.wait(min(2.0 ** max(progress.attempts.values()), LONGEST_WAIT_SECONDS))
        # What comes to it later is not yet to be seen at that moment.
        quarantine = InQuarantine(context, progress.pending)
        with one_moment(context) as moment, ExitStack() as stack:
            _round(context, order, moment, Reader(context, stack), progress, quarantine)
        _repair(context, order, progress)
    context.record(VerificationFinished(id=order.id))


def _round(
    context: Context,
    order: VerificationOrder,
    moment: Moment,
    reader: Reader,
    progress: Progress,
    quarantine: InQuarantine,
) -> None:
    """Compares under one moment; what there was no time for, or was locked, is left for another."""
    pending, progress.pending = progress.pending, []
    deadline = time.monotonic() + MOMENT_SECONDS
    for unit in pending:
        context.cancellation.check()
        if time.monotonic() > deadline:
            progress.pending.append(unit)
            continue
        try:
            found = _compared(context, reader, moment, unit, order)
        except GaveWay as reason:
            progress.attempts[unit.table] += 1
            if progress.attempts[unit.table] < ATTEMPTS:
                progress.pending.append(unit)
                continue
            found = unverified(unit, str(reason))
        if order.repair and found.verdict == "different" and _improves(progress, found):
            progress.to_repair.append((unit, found))
        else:
            _record(context, order, quarantine.compared(found, order))


def _improves(progress: Progress, found: TableVerification) -> bool:
    """Whether the repair of a table is worth another pass: each one leaves less."""
    before = progress.differing.get(found.table)
    progress.differing[found.table] = found.differing
    return before is None or found.differing < before


def _repair(context: Context, order: VerificationOrder, progress: Progress) -> None:
    """Repairs what was found different, to be compared again under the next moment."""
    to_repair, progress.to_repair = progress.to_repair, []
    for unit, found in to_repair:
        try:
            repair(context, order, unit, found.rows)
        except TaskFailed as error:
            _record(context, order, msgspec.structs.replace(found, reason=reason_of(error)))
        else:
            progress.pending.append(unit)


def _record(context: Context, order: VerificationOrder, found: TableVerification) -> None:
    rows = found.rows[:LISTED_ROWS]
    context.record(TableVerified(id=order.id, found=msgspec.structs.replace(found, rows=rows)))


def _compared(
    context: Context, reader: Reader, moment: Moment, unit: Unit, order: VerificationOrder
) -> TableVerification:
    """Raises GaveWay, Cancelled, EndpointError; what a server refuses is a reason of this table alone."""
    if any(unit.holds(name) for each in context.state().aside for name in each.names):
        return unverified(unit, "it is set aside, and its changes are not applied: resync it first")
    if unit.reason:
        return unverified(unit, unit.reason)
    try:
        return reader.compare(moment, unit, order)
    except TaskFailed as error:
        return unverified(unit, reason_of(error))


def units_of(context: Context, order: VerificationOrder) -> list[Unit]:
    """What is to be compared, the largest first. Raises UsageError for a table that is not the task's."""
    with context.connect("source", "verify") as source, context.destination("verify") as destination:
        with translated("source", "reading the catalogue"):
            # Sizes would wait for the lock of a table.
            tables = select_tables(source, context.spec, sizes=False).copied
            portable = hashes_portably(source, destination.connection)
            hashed = probe_hash(source, portable=portable)
            wanted = _wanted(tables, order)
            rules = read_rules(source, source.info.dbname, wanted, context.spec, context.mapping)
        with translated("destination", "reading the catalogue"):
            targets = read_targets(source, destination, wanted, context.mapping)
            _check_hash(hashed, destination, portable=portable)
            units = make_units(wanted, targets, rules, source, destination.connection)
            if order.mode == "vectors":
                units = indexed(source, destination.connection, units)
        with translated("source", "reading the planner's statistics"):
            return [sampled(unit, order, source) for unit in units]


def _check_hash(hashed: int, destination: Destination, *, portable: bool) -> None:
    if probe_hash(destination.connection, portable=portable) != hashed:
        raise TaskFailed(
            "rows cannot be compared by their hashes",
            detail="the servers hash the same bytes differently, as machines of another byte order do",
            where="destination",
        )


def _wanted(tables: Iterable[Table], order: VerificationOrder) -> list[Table]:
    tables = list(tables)
    if not order.tables:
        return tables
    names = {table.name for table in tables} | {table.root for table in tables}
    for name in order.tables:
        if name not in names:
            raise UsageError(
                f"{name} is not among the task's tables at the source",
                remedy=did_you_mean(str(name), map(str, names)) or "name it as schema.table",
            )
    # Rows move between the partitions of a tree, and are found in it.
    roots = {table.root for table in tables if table.name in order.tables or table.root in order.tables}
    return [table for table in tables if table.root in roots]


def _known(context: Context, order: VerificationOrder) -> bool:
    found = context.state().verification
    return found is not None and found.order.id == order.id


def _done(context: Context) -> set[str]:
    found = context.state().verification
    return set(found.tables) if found is not None else set()
