"""What a task does about the task that copies tables for it, beside the changes of the others."""

import uuid
from collections.abc import Mapping

from msgspec.structs import replace

from syncwizard.errors import EndpointError
from syncwizard.postgres.captured import Member
from syncwizard.postgres.catalog.selection import select_tables
from syncwizard.postgres.destination.chunks import TableCopy
from syncwizard.postgres.destination.destination import Destination
from syncwizard.postgres.destination.taking_over import TakingOver
from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.session.server import read_replication_room
from syncwizard.postgres.session.trouble import translated
from syncwizard.postgres.source.lineage import with_traits
from syncwizard.postgres.source.slot import current_lsn
from syncwizard.stages.context import Context
from syncwizard.stages.relations import set_aside, tell_aside, tree_of
from syncwizard.task.copying_beside import beside_name, is_copied_beside
from syncwizard.task.events import CopyBesideOrdered, ResyncRequested, TableSetAside
from syncwizard.task.lsn import parse_lsn
from syncwizard.task.names import TableName

LOOK_SECONDS = 0.2
# A task that is further behind is let catch up first: this one waits for it while it takes the tables over.
STEP_SECONDS = 10.0
# Of the other task: for its stream, and for a snapshot, should it have to begin a copy again.
SENDERS = 2


def order_beside(context: Context, order: ResyncRequested) -> None:
    """Records an order whose tables are copied beside, and sets them aside, while no changes are applied."""
    with context.destination("resync") as destination:
        tell_aside(context, destination)
        aside = {name for event in context.state().aside for name in event.names}
        trees = dict(tree_of(context, destination, each.table) for each in order.tables if each.table not in aside)
        _give(context, destination, order, trees)


def leave_to_another(context: Context, source: Connection, destination: Destination) -> None:
    """Has tables that join by the latest order copied by another task, where that is worth it, while the changes of
    those that were there go on."""
    state = context.state()
    order = state.resync
    if order is None or not order.added:
        return
    added = set(order.added)
    tables = [each for each in order.tables if each.table in added]
    part = ResyncRequested(id=uuid.uuid4(), tables=tables, whole=False, reasons=["added"], intact=True)
    with translated("destination", "reading what is copied"):
        copies = destination.copies.read()
    if any(copies[name].done for name in added.intersection(copies)) or not is_copied_beside(context.spec, state, part):
        return
    with translated("source", "reading the catalogue"):
        roots = {table.name: table.root for table in select_tables(source, context.spec, sizes=False).tables}
    trees: dict[TableName, list[TableName]] = {}
    for name in sorted(added):
        root = roots.get(name, name)
        trees.setdefault(root, []).extend([name] if name != root else [])
    _seed(destination, part)
    _give(context, destination, part, trees)


def _seed(destination: Destination, order: ResyncRequested) -> None:
    begun = [
        TableCopy(table=each.table, generation=1, pair_lsn="0/0", chunks=1, chunk_pages=1) for each in order.tables
    ]
    with translated("destination", "planning the copy"):
        destination.copies.begin(begun, [])


def _give(
    context: Context, destination: Destination, order: ResyncRequested, trees: Mapping[TableName, list[TableName]]
) -> None:
    # The order first: without it nothing would ever take them back.
    context.record(CopyBesideOrdered(order=order))
    set_aside(
        context,
        destination,
        [
            TableSetAside(
                table=top,
                tables=parts,
                reason=f"it is copied by the task {beside_name(context.spec.name)}, while the other tables go on",
            )
            for top, parts in trees.items()
        ],
    )


def postpone_indexes(context: Context, order: ResyncRequested) -> None:
    """Drops vector indexes of the tables, where the task builds them again after a copy."""
    if context.spec.advanced.vector_indexes == "rebuild":
        from syncwizard.stages.definitions.postponing import postpone_of

        with context.destination("copy beside") as destination:
            postpone_of(context, destination, [each.table for each in order.tables], "the table is copied again")


def traits_of(context: Context, order: ResyncRequested) -> list[Member]:
    """What the tables of an order are like at the source now."""
    with context.destination("copy beside") as destination, translated("destination", "reading what is captured"):
        members = destination.ledger.read_members()
    names = {each.table for each in order.tables}
    with context.connect("source", "copy beside") as source, translated("source", "comparing the tables"):
        return with_traits(source, [replace(member, traits=None) for member in members if member.table in names])


def settle(context: Context) -> None:
    """Waits until the destination has all that the source has committed up to here, definitions among it: what the
    stream would still change of the tables would meet rows of the copy. Raises EndpointError, Cancelled."""
    with context.connect("source", "copy beside") as source, translated("source", "reading the position"):
        wanted = parse_lsn(current_lsn(source))
    with context.destination("copy beside") as destination:
        while True:
            with translated("destination", "reading the position"):
                applied = destination.ledger.applied_lsn()
            if applied is not None and parse_lsn(applied) >= wanted:
                return
            context.cancellation.wait(LOOK_SECONDS)


def lack_of_room(context: Context) -> str:
    """Why the source has no room for another task; empty where it has."""
    with context.connect("source", "copy beside") as source, translated("source", "looking for free slots"):
        room = read_replication_room(source)
    if room.slots >= room.max_slots:
        return f"the source has no free slot (max_replication_slots is {room.max_slots})"
    if room.senders + room.reserved + SENDERS > room.max_senders:
        return f"the source has too few free WAL senders (max_wal_senders is {room.max_senders})"
    return ""


def seed(context: Context, order: ResyncRequested) -> None:
    """Tells the task that copies the tables, whose context this is, that what they hold may be removed."""
    with context.destination("copy beside") as destination:
        _seed(destination, order)


def is_changed(context: Context, other: uuid.UUID) -> bool:
    """Whether the tables are not at the source what they were when the other task began; False before that."""
    with context.destination("copy beside") as destination, translated("destination", "reading what is captured"):
        members = TakingOver(destination.connection, context.task_id, other).members()
    with context.connect("source", "copy beside") as source, translated("source", "comparing the tables"):
        return with_traits(source, [replace(member, traits=None) for member in members]) != members


def is_in_step(context: Context, other: uuid.UUID) -> bool:
    """Whether the other task comes soon to where this one is, which may be behind itself."""
    with context.destination("copy beside") as destination:
        with translated("destination", "reading the position"):
            wanted = parse_lsn(destination.ledger.applied_lsn() or "0/0")
        taking = TakingOver(destination.connection, context.task_id, other)
        for _ in range(round(STEP_SECONDS / LOOK_SECONDS)):
            with translated("destination", "reading the position"):
                position = taking.position()
            if position is None or position >= wanted:
                return position is not None
            context.cancellation.wait(LOOK_SECONDS)
    return False


def end_beside(context: Context, destination: Destination, order: ResyncRequested) -> None:
    """Before other copies of these tables begin, in the caller's transaction: a task that copied them commits nothing
    more, unless its copies are those of the order. Raises EndpointError while it is at work."""
    beside = context.state().beside
    if beside is None or beside.task is None or order.taken_from == beside.task:
        return
    if not order.whole and not beside.order.names & order.names.union(order.removed):
        return
    if not TakingOver(destination.connection, context.task_id, beside.task).end():
        raise still_at_work(context)


def still_at_work(context: Context) -> EndpointError:
    """The error for another task that has to end first, which it does."""
    name = beside_name(context.spec.name)
    return EndpointError(f"the task {name}, which copied tables, has not ended yet", end="destination", transient=True)
