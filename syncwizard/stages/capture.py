"""Capture before copy (DESIGN rule 1): heartbeat, replica identities, publication, slot with exported snapshot.

Every step looks at what is there before it acts, because the run before may have been killed anywhere. The line that
may not be crossed twice is the slot: as long as the destination has no progress of the task nothing was copied
under it, and it can be made anew; afterwards a slot or publication that is not the known one is an error.
"""

import threading
from contextlib import ExitStack, suppress

from syncwizard.errors import EndpointError, SourceChanged, TaskFailed
from syncwizard.postgres.catalog import Table
from syncwizard.postgres.connection import Connection, translated
from syncwizard.postgres.destination.progress import create_schema, read_progress, register
from syncwizard.postgres.destination.session import hold_task
from syncwizard.postgres.selection import Selection, select_tables
from syncwizard.postgres.source.heartbeat import create_heartbeat
from syncwizard.postgres.source.identity import (
    has_usable_identity,
    identities_held,
    note_identities,
    noted_identities,
    read_identity,
    set_full,
    why_unusable,
)
from syncwizard.postgres.source.publication import (
    Publication,
    create_publication,
    published_tables,
    read_publication,
)
from syncwizard.postgres.source.slot import CreatedSlot, SystemIdentity, create_slot, drop_slot, identify
from syncwizard.postgres.source.transactions import read_transactions
from syncwizard.stages.context import Context, Pair
from syncwizard.stages.interruptible import interruptible
from syncwizard.task.events import (
    HeartbeatCreated,
    Noticed,
    PublicationCreated,
    ReplicaIdentityChanging,
    SlotCreated,
)

# Creating a slot waits for every transaction that runs; after this long we say which ones.
SLOT_PATIENCE_SECONDS = 5.0
SERVER_18 = 180000


def run(context: Context) -> str:
    """Makes the source record every change from here on, and registers that position at the destination."""
    with context.connect("destination", "capture") as destination:
        with translated("destination", "reading the progress of the task"):
            hold_task(destination, context.task_id)
            registered = read_progress(destination, context.task_id)
        with context.connect("source", "capture") as source:
            if registered is not None:
                _check_known(context, source)
                return f"slot {context.spec.slot} known from before"
            with translated("source", "preparing capture"):
                _create_heartbeat(context, source)
                selection = select_tables(source, context.spec)
                with identities_held(source):
                    full = _set_replica_identities(context, source, selection)
                    publication = _create_publication(context, source, selection, full)
                    note_identities(source, context.spec.slot, context.state().identities)
                drop_slot(source, context.spec.slot)
            slot, identity = _create_slot(context)
        with translated("destination", "registering the task"):
            create_schema(destination)
            register(destination, context.spec, slot, identity, publication)
    return f"{len(publication.tables)} tables published, slot at {slot.lsn}"


def _check_known(context: Context, source: Connection) -> None:
    """The destination has progress: slot and publication must be those of the journal."""
    state = context.state()
    if state.slot is None or state.publication is None:
        raise TaskFailed(
            "the destination has progress of this task, but the journal here does not know its slot",
            where="destination",
            remedy="run the task where its journal is, or release it and start a new one",
        )
    publication = read_publication(source, state.publication.name)
    if publication is None or publication.oid != state.publication.oid:
        raise SourceChanged(
            f"publication {state.publication.name} was dropped or recreated after capture began",
            where="source",
            remedy="changes may be missing: release this task and start a new one",
        )


def _create_heartbeat(context: Context, source: Connection) -> None:
    create_heartbeat(source, context.spec.slot)
    if not context.state().heartbeat:
        context.record(HeartbeatCreated())


def _set_replica_identities(context: Context, source: Connection, selection: Selection) -> list[Table]:
    """FULL for every table whose own identity cannot publish UPDATE; the tables that have FULL afterwards."""
    recorded = {change.table for change in context.state().identities}
    noted = noted_identities(source, context.spec.slot)
    full = []
    for table in selection.copied:
        if table.replica_identity == "f":
            if table.name in noted and table.name not in recorded:
                # Set by another task: whichever of the two is released last puts back what the user had.
                context.record(noted[table.name])
            full.append(table)
            continue
        if has_usable_identity(table):
            continue
        context.cancellation.check()
        if table.name not in recorded:
            current = read_identity(source, table.name)
            index = current.index if current else None
            context.record(ReplicaIdentityChanging(table=table.name, previous=table.replica_identity, index=index))
        set_full(source, table.name, context.cancellation.wait)
        context.record(
            Noticed(
                level="info",
                message=f"{table.name} {why_unusable(table)}: it has REPLICA IDENTITY FULL until the task is released",
            )
        )
        full.append(table)
    return full


def _create_publication(context: Context, source: Connection, selection: Selection, full: list[Table]) -> Publication:
    """The publication over the selection, anew: the slot is created after it and nothing was copied yet."""
    generated = any(column.generated == "s" for table in full for column in table.columns)
    publication = create_publication(
        source,
        context.spec.slot,
        published_tables(selection),
        generated_columns=generated and source.info.server_version >= SERVER_18,
        wait=context.cancellation.wait,
    )
    context.record(
        PublicationCreated(
            name=publication.name,
            oid=publication.oid,
            members=sorted(member.oid for member in publication.members if member.oid is not None),
            tables=publication.tables,
        )
    )
    return publication


def _create_slot(context: Context) -> tuple[CreatedSlot, SystemIdentity]:
    """Creates the slot and keeps its session, and with it the snapshot, as the context's pair."""
    if context.pair is not None:
        context.pair.holder.close()
        context.pair = None
    waiting = threading.Timer(SLOT_PATIENCE_SECONDS, _say_who_is_waited_for, (context,))
    waiting.daemon = True
    with ExitStack() as stack:
        holder = context.connect("source", "snapshot", replication=True)
        stack.callback(holder.close)
        with interruptible(context, holder, "source", "creating the replication slot"):
            identity = identify(holder)
            waiting.start()
            try:
                slot = create_slot(holder, context.spec.slot)
            finally:
                waiting.cancel()
        context.record(
            SlotCreated(
                name=slot.name,
                lsn=slot.lsn,
                system_identifier=identity.system_identifier,
                timeline=identity.timeline,
            )
        )
        stack.pop_all()
    context.pair = Pair(lsn=slot.lsn, snapshot=slot.snapshot, holder=holder)
    return slot, identity


def _say_who_is_waited_for(context: Context) -> None:
    """Names the transactions that the slot waits for; runs beside its creation."""
    with suppress(EndpointError, TaskFailed), context.connect("source", "waiting") as source:
        with translated("source", "looking for long transactions"):
            oldest = read_transactions(source, older_than_seconds=0.0)
        if oldest:
            context.record(
                Noticed(
                    level="warning",
                    message="the replication slot waits for transactions to end: " + "; ".join(map(str, oldest[:3])),
                    remedy="let them end, or end them with pg_terminate_backend",
                )
            )
