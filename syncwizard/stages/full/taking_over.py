"""Tables that another task has copied, and kept in step while this one went on with the others: they need no copy."""

import time

import msgspec

from syncwizard.postgres.destination.destination import Destination
from syncwizard.postgres.destination.taking_over import Taken, TakingOver
from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.session.trouble import translated
from syncwizard.postgres.source.heartbeat import beat_after
from syncwizard.postgres.source.lineage import with_traits
from syncwizard.postgres.source.publication import read_publication
from syncwizard.postgres.source.slot import current_lsn
from syncwizard.rows.changes import Beat
from syncwizard.stages.context import Context
from syncwizard.stages.full.beside import still_at_work
from syncwizard.stages.same_source import check_source
from syncwizard.task.events import Noticed, ResyncRequested, TablePlanned, TableToCopy
from syncwizard.task.lsn import parse_lsn
from syncwizard.task.text import counted

LOOK_SECONDS = 0.05
# It was in step a moment ago. After so long the tables are copied by this task.
PATIENCE_SECONDS = 300.0


def take_over(context: Context, source: Connection, destination: Destination) -> None:
    """Takes the tables of the latest order from the task that has copied them, once that has all that the source has
    committed up to here: from there on they are in this task's stream. Where that cannot be, they are left to a copy.

    Raises EndpointError, Cancelled.
    """
    order = context.state().resync
    if order is None or order.taken_from is None:
        return
    with translated("destination", "reading what is copied"):
        copies = destination.copies.read()
    if all(each.table in copies and copies[each.table].complete for each in order.tables):
        return
    check_source(context, source, destination)
    other = TakingOver(destination.connection, context.task_id, order.taken_from)
    taken = _take(context, source, destination, order, other)
    if taken.lsn is not None:
        unknown = {name for name in taken.filled if context.state().table(name) is None}
        new = [each for each in order.tables if each.table in unknown]
        context.record(*(_planned(each, taken.lsn, more=number < len(new)) for number, each in enumerate(new, 1)))
        message = f"{counted(len(order.tables), 'table')} taken over as copied and in step at {taken.lsn}"
        context.record(Noticed(level="info", message=message))
        return
    with translated("destination", "ending the task that copied the tables"), destination.transaction():
        ended = other.end()
    if not ended:
        raise still_at_work(context)
    context.record(
        Noticed(
            level="warning", message=f"what was copied beside the changes is copied again by this task: {taken.reason}"
        )
    )


def _planned(table: TableToCopy, lsn: str, *, more: bool) -> TablePlanned:
    return TablePlanned(
        table=table.table,
        pair_lsn=lsn,
        chunks=1,
        estimated_rows=table.rows,
        estimated_bytes=table.bytes,
        binary=True,
        more=more,
    )


def _take(
    context: Context, source: Connection, destination: Destination, order: ResyncRequested, other: TakingOver
) -> Taken:
    names = [each.table for each in order.tables]
    with translated("destination", "reading what the other task captures"):
        members = other.members()
    with translated("source", "reading what is captured"):
        publication = read_publication(source, context.spec.slot)
        oids = {member.relation for member in members}
        own = [member for member in publication.members if member.relation in oids] if publication else []
        now = with_traits(source, own)
    with translated("destination", "noting what is captured"):
        # Before the position: what differs from this later happened after it, or is noticed below.
        destination.ledger.note_members(now)
    with translated("source", "reading the position"):
        at_least = parse_lsn(current_lsn(source))

    def unchanged() -> bool:
        with translated("source", "comparing the tables"):
            bare = [msgspec.structs.replace(member, traits=None) for member in members]
            return with_traits(source, bare) == members

    def beat() -> Beat:
        with translated("source", "writing a heartbeat after the position"):
            return beat_after(source, context.spec.slot, context.cancellation.wait)

    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        with translated("destination", "taking over what is copied"):
            taken = other.take(names, at_least, unchanged, beat)
        if taken.lsn is not None or taken.reason:
            return taken
        if time.monotonic() > deadline:
            return Taken(None, f"it did not come to the source's position within {PATIENCE_SECONDS:.0f} s")
        context.cancellation.wait(LOOK_SECONDS)
