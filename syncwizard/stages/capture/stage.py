"""Capture before copy (DESIGN rule 1): heartbeat, replica identities, publication, slot with exported snapshot.

Every step looks at what is there before it acts, because the run before may have been killed anywhere. The line that
may not be crossed twice is the slot: as long as the destination has no progress of the task nothing was copied
under it, and it can be made anew; afterwards a slot or publication that is not the known one is an error.
"""

import msgspec

from syncwizard.errors import ChangesMissing, TaskFailed
from syncwizard.postgres.captured import Publication
from syncwizard.postgres.catalog.selection import Selection, select_tables
from syncwizard.postgres.destination.destination import Destination
from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.session.trouble import translated
from syncwizard.postgres.source.ddl import forget_joined, joined_relations, stop_joining
from syncwizard.postgres.source.identity import identities_held, note_identities
from syncwizard.postgres.source.lineage import with_traits
from syncwizard.postgres.source.publication import published_tables, publishing, read_publication
from syncwizard.postgres.source.slot import drop_slot
from syncwizard.remedies import Remedy, resync, to_do
from syncwizard.stages.capture import again as recapture
from syncwizard.stages.capture.making import (
    create_task_slot,
    publish,
    read_followed,
    set_replica_identities,
    set_up_ddl,
    set_up_heartbeat,
    set_up_joining,
)
from syncwizard.stages.context import Context
from syncwizard.task.events import Noticed
from syncwizard.task.names import TableName
from syncwizard.task.text import counted

# A source that goes on creating tables must not keep the task from beginning: what is left is reported.
ATTEMPTS = 3


def run(context: Context) -> str:
    """Makes the source record every change from here on, and registers that position at the destination."""
    with context.destination("capture") as destination:
        with translated("destination", "reading the progress of the task"):
            destination.hold(context.owner)
            registered = destination.ledger.read()
        order = context.state().resync
        if registered is not None and order is not None and registered.resynchronization != order.id:
            return recapture.run(context, destination, registered, order)
        with context.connect("source", "capture") as source:
            if registered is not None:
                _check_known(context, source)
                return f"slot {context.spec.slot} known from before"
            return _begin(context, source, destination)


def begin_again(context: Context) -> None:
    """Captures anew where definitions are followed, nothing is made or copied yet, and the snapshot is gone:
    what is read now would hold changes that come with the stream as well, without their order."""
    if context.spec.advanced.ddl != "follow" or context.pair is not None or context.state().resync is not None:
        return
    with context.destination("capture") as destination:
        with translated("destination", "reading the progress of the task"):
            destination.hold(context.owner)
            registered = destination.ledger.read()
            begun = registered is None or registered.epoch > 0 or bool(destination.copies.read())
        if begun:
            return
        with context.connect("source", "capture") as source:
            _check_known(context, source)
            _begin(context, source, destination)


def _begin(context: Context, source: Connection, destination: Destination) -> str:
    """Makes what captures, and registers where that begins."""
    with translated("source", "preparing capture"):
        set_up_heartbeat(context, source)
        set_up_ddl(context, source)
    for attempt in range(1, ATTEMPTS + 1):
        selection, publication = _publish_selection(context, source)
        slot, identity = create_task_slot(context)
        set_up_joining(context, source)
        late = _not_captured(context, source, publication)
        if not late or attempt == ATTEMPTS:
            break
        names = ", ".join(map(str, late[:3]))
        context.record(Noticed(level="info", message=f"created meanwhile, so that capture begins once more: {names}"))
    followed = read_followed(context, selection, slot.snapshot)
    with translated("destination", "registering the task"):
        destination.ledger.ensure_layout()
        with destination.transaction():
            destination.ledger.register(context.spec.name, slot, identity, publication)
            destination.followed.forget()
            destination.followed.note(followed)
    return f"{counted(len(publication.tables), 'table')} published, slot at {slot.lsn}"


def _publish_selection(context: Context, source: Connection) -> tuple[Selection, Publication]:
    """The tables that are selected now, and the publication over them, made anew; there is no slot behind it."""
    with translated("source", "preparing capture"):
        # What a run before may have let in: its slot is gone with it.
        stop_joining(source, context.spec.slot)
        forget_joined(source, context.spec.slot)
        selection = select_tables(source, context.spec)
        with identities_held(source):
            full = set_replica_identities(context, source, selection)
            publication = publish(context, source, selection, full)
            note_identities(source, context.spec.slot, context.state().identities_before)
        context.held.close()
        drop_slot(source, context.spec.slot)
        # Before there is a snapshot: what differs from this later happened after it, or is copied again.
        return selection, msgspec.structs.replace(publication, members=with_traits(source, publication.members))


def _not_captured(context: Context, source: Connection, publication: Publication) -> list[TableName]:
    """Selected tables that were created after the publication and before what is created joins it: they are in no
    stream."""
    with translated("source", "looking for tables that were created meanwhile"):
        selection = select_tables(source, context.spec, sizes=False)
        joined = joined_relations(source, context.spec.slot)
        found = {table.name: table.oid for table in selection.tables}
        wanted = set(published_tables(selection, publishing(source, context.spec))) - set(publication.tables)
    return sorted(name for name in wanted if found[name] not in joined)


def _check_known(context: Context, source: Connection) -> None:
    """The destination has progress: slot and publication must be those of the journal."""
    state = context.state()
    if state.slot is None or state.publication is None:
        raise TaskFailed(
            "the destination has progress of this task, but the journal here does not know its slot",
            where="destination",
            remedy=to_do("run the task where its journal is", otherwise=Remedy(then="new task")),
        )
    publication = read_publication(source, state.publication.name)
    if publication is None or publication.oid != state.publication.oid:
        raise ChangesMissing(
            f"publication {state.publication.name} was dropped or recreated after capture began",
            where="source",
            remedy=resync(context.spec.name),
        )
