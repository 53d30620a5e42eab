"""What modifying the objects of a task would do: which tables join and which leave, and whether the new ones fit.

Looks and changes nothing; the order that comes of it is carried out by capture, the schema stage and the full stage.
"""

import uuid

import msgspec

from syncwizard.errors import UsageError
from syncwizard.postgres.captured import Member, is_ours
from syncwizard.postgres.catalog.selection import Selection, select_tables
from syncwizard.postgres.session.trouble import translated
from syncwizard.remedies import Remedy, resync
from syncwizard.stages import precheck
from syncwizard.stages.capture.again import find_damage, followed_by
from syncwizard.stages.context import Context
from syncwizard.task.events import ResyncRequested, TableToCopy
from syncwizard.task.modification import of_tables
from syncwizard.task.names import TableName
from syncwizard.task.state import TaskState
from syncwizard.task.text import did_you_mean


def describe(context: Context) -> ResyncRequested:
    """The order that brings a task to the objects of its specification. Raises UsageError where it cannot be given,
    PrecheckNotPassed where a new table does not fit."""
    with context.destination("modify") as destination, context.connect("source", "modify") as source:
        with translated("destination", "reading the progress of the task"):
            progress = destination.ledger.read()
            if progress is None:
                raise UsageError(
                    "the task has captured nothing yet: change its file",
                    remedy=Remedy(then="resume", task=context.spec.name),
                )
            members = destination.ledger.read_members()
        damage = find_damage(context, source, progress, members, followed_by(context, destination, members))
        with translated("source", "reading the catalogue"):
            selection = select_tables(source, context.spec)
    _refuse_damage(context, damage.gap or damage.elsewhere, damage.lost)
    order = _order(context, selection, members, damage.publication.added)
    if order.added:
        _check(context, order)
    return order


def _refuse_damage(context: Context, gap: str, lost: list[TableName]) -> None:
    task = context.spec.name
    if gap:
        raise UsageError(gap, where="source", remedy=resync(task, everything=True))
    if lost:
        raise UsageError(f"{lost[0]} lost changes", where="source", remedy=resync(task))


def _order(
    context: Context, selection: Selection, members: list[Member], strange: tuple[TableName, ...]
) -> ResyncRequested:
    state = context.state()
    captured = {member.table for member in members if not is_ours(member.table)}
    # Partitioned tables of which the partitions are listed one by one are no members, and tables that joined by
    # themselves, or were dropped, are known without one.
    known = captured.union(map(state.table_name, state.tables)).difference(state.dropped)
    selected = {table.name: table for table in selection.tables}
    added = [
        table
        for table in selection.tables
        if (table.name not in known and not (table.partitioned and _parts_known(table.name, selection, known)))
        or (table.name in strange and not table.partitioned)
    ]
    named = {TableName(entry.schema, own.table) for entry in context.spec.objects for own in entry.tables}
    absent = sorted(named.difference(selected, known, state.dropped))
    if absent:
        reason = next((left.reason for left in selection.left_out if left.table == absent[0]), "")
        raise UsageError(
            f"{absent[0]} cannot join the task: {reason or 'the source has no table of that name'}",
            where="source",
            remedy="" if reason else did_you_mean(str(absent[0]), map(str, selected)),
        )
    removed = sorted(name for name in known if name not in selected)
    schemas = {table.schema for table in known}
    return ResyncRequested(
        id=uuid.uuid4(),
        tables=[TableToCopy(table=table.name, rows=table.estimated_rows, bytes=table.bytes) for table in added],
        whole=False,
        added=[table.name for table in added],
        removed=removed,
        schemas=sorted(entry.schema for entry in context.spec.objects if entry.whole and entry.schema not in schemas),
        mapping=context.mapping.facts,
    )


def _parts_known(root: TableName, selection: Selection, known: set[TableName]) -> bool:
    return any(table.root == root and table.name in known for table in selection.tables if table.name != root)


def _check(context: Context, order: ResyncRequested) -> None:
    """Whether the new tables can come: the items that are about objects, for these alone."""
    part = of_tables(context.spec, order.added, order.schemas)
    # As for a task that has not begun: what is at the destination under their names is not its own.
    fresh = msgspec.structs.replace(context, spec=part, state=TaskState)
    precheck.run(fresh, only=precheck.ABOUT_NEW_OBJECTS)
