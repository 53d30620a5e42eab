"""Runs an order to verify: tables take turns under fresh moments, so that no snapshot is held for long."""

import time
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack

from syncwizard.errors import TaskFailed, UsageError
from syncwizard.postgres.catalog.selection import select_tables
from syncwizard.postgres.comparing import probe_hash
from syncwizard.postgres.destination.destination import Destination
from syncwizard.postgres.session.trouble import translated
from syncwizard.stages.context import Context
from syncwizard.stages.targets import read_targets
from syncwizard.stages.verification.moment import Moment, one_moment
from syncwizard.stages.verification.tables import GaveWay, Reader, reason_of, unverified
from syncwizard.stages.verification.units import Unit, make_units
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


def run(context: Context, order: VerificationOrder) -> None:
    """Compares what the order names and is not compared yet, and records each table and the end.

    Raises UsageError, Cancelled, EndpointError, TaskFailed.
    """
    units = _units(context, order)
    if not _known(context, order):
        context.record(VerificationStarted(order=order, tables=[unit.table for unit in units]))
    done = _done(context)
    pending = [unit for unit in units if str(unit.table) not in done]
    attempts: Counter[TableName] = Counter()
    while pending:
        if attempts:
            context.cancellation.wait(min(2.0 ** max(attempts.values()), LONGEST_WAIT_SECONDS))
        with one_moment(context) as moment, ExitStack() as stack:
            pending = _round(context, order, moment, Reader(context, stack), pending, attempts)
    context.record(VerificationFinished(id=order.id))


def _round(
    context: Context,
    order: VerificationOrder,
    moment: Moment,
    reader: Reader,
    pending: Iterable[Unit],
    attempts: Counter[TableName],
) -> list[Unit]:
    """Compares under one moment; the units that are left for another."""
    left = []
    deadline = time.monotonic() + MOMENT_SECONDS
    for unit in pending:
        context.cancellation.check()
        if time.monotonic() > deadline:
            left.append(unit)
            continue
        try:
            found = _compared(reader, moment, unit, order)
        except GaveWay as reason:
            attempts[unit.table] += 1
            if attempts[unit.table] < ATTEMPTS:
                left.append(unit)
                continue
            found = unverified(unit, str(reason))
        context.record(TableVerified(id=order.id, found=found))
    return left


def _compared(reader: Reader, moment: Moment, unit: Unit, order: VerificationOrder) -> TableVerification:
    """Raises GaveWay, Cancelled, EndpointError; what a server refuses is a reason of this table alone."""
    if unit.reason:
        return unverified(unit, unit.reason)
    try:
        return reader.compare(moment, unit, order)
    except TaskFailed as error:
        return unverified(unit, reason_of(error))


def _units(context: Context, order: VerificationOrder) -> list[Unit]:
    """What is to be compared, the largest first. Raises UsageError for a table that is not the task's."""
    with context.connect("source", "verify") as source, context.destination("verify") as destination:
        with translated("source", "reading the catalogue"):
            # Sizes would wait for the lock of a table.
            tables = select_tables(source, context.spec, sizes=False).copied
            hashed = probe_hash(source)
        wanted = _wanted(tables, order)
        with translated("destination", "reading the catalogue"):
            targets = read_targets(source, destination, wanted, context.mapping)
            _check_hash(hashed, destination)
            return make_units(wanted, targets, source, destination.connection)


def _check_hash(hashed: int, destination: Destination) -> None:
    if probe_hash(destination.connection) != hashed:
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
