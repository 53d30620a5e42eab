"""What capture makes at the source: heartbeat, replica identities, publication, slot. Each step may be repeated."""

import threading
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress

from syncwizard.errors import EndpointError, TaskFailed
from syncwizard.postgres.captured import DDL_TABLE, CreatedSlot, Publication, SystemIdentity
from syncwizard.postgres.catalog.row_rules import read_rules
from syncwizard.postgres.catalog.selection import Selection
from syncwizard.postgres.catalog.tables import database_of
from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.session.trouble import translated
from syncwizard.postgres.source.ddl import captures, create_ddl_capture, may_capture, set_joining
from syncwizard.postgres.source.definitions import read_definitions
from syncwizard.postgres.source.heartbeat import create_heartbeat
from syncwizard.postgres.source.identity import (
    noted_identities,
    read_identity,
    set_full,
    why_full,
)
from syncwizard.postgres.source.publication import (
    OWN,
    create_publication,
    extend_publication,
    published_tables,
    publishing,
)
from syncwizard.postgres.source.slot import create_slot, identify
from syncwizard.postgres.source.transactions import read_transactions
from syncwizard.remedies import to_do
from syncwizard.rows.following import followable, joining
from syncwizard.stages.context import Context, Pair
from syncwizard.stages.interruptible import interruptible
from syncwizard.structure.definition import Definition
from syncwizard.structure.table import Table
from syncwizard.task.events import (
    Event,
    HeartbeatCreated,
    Noticed,
    PublicationCreated,
    ReplicaIdentityChanging,
    SlotCreated,
)
from syncwizard.task.names import TableName
from syncwizard.task.row_facts import row_facts

# Creating a slot waits for every transaction that runs; after this long we say which ones.
SLOT_PATIENCE_SECONDS = 5.0
SERVER_18 = 180000
# What each had is recorded before it is changed, of so many at once: a commit of the journal waits for the disk.
IDENTITIES_TOGETHER = 100


def set_up_heartbeat(context: Context, source: Connection, known: int = 0) -> None:
    """The heartbeat's table with this task's row, made where they are missing; `known` is the number of the last
    heartbeat at the destination."""
    create_heartbeat(source, context.spec.slot, known)
    if not context.state().heartbeat:
        context.record(HeartbeatCreated())


def set_up_ddl(context: Context, source: Connection) -> None:
    """The capture of definitions, where the task follows them and may make event triggers."""
    if context.spec.advanced.ddl == "follow" and may_capture(source):
        create_ddl_capture(source, context.spec.slot)


def set_up_joining(context: Context, source: Connection) -> None:
    """Lets tables that are created under the selection join the task, where commands are captured; with its slot."""
    if captures(source, context.spec.slot):
        with translated("source", "preparing capture"):
            set_joining(source, context.spec.slot, joining(context.spec, context.mapping))


def read_followed(context: Context, selection: Selection, snapshot: str) -> list[Definition]:
    """The definitions that are followed from here on, as they were when the slot began: all that come later are in
    the stream."""
    if context.spec.advanced.ddl != "follow":
        return []
    tables = followable(context.spec, context.mapping, selection.tables)
    with context.connect("source", "definitions") as source, translated("source", "reading definitions"):
        found = read_definitions(source, [table.oid for table in tables], snapshot)
    return [definition for definition in found.values() if definition.stands_alone or definition.is_root]


def set_replica_identities(context: Context, source: Connection, selection: Selection) -> list[Table]:
    """FULL for every table whose own identity cannot publish UPDATE, or is too little for its filter or script; the
    tables that have FULL afterwards."""
    recorded = {change.table for change in context.state().identities}
    noted = noted_identities(source, context.spec.slot)
    rules = read_rules(source, database_of(source), selection.tables, context.spec, context.mapping)
    full = [table for table in selection.copied if table.replica_identity == "f"]
    # Set by another task: whichever of the two is released last puts back what the user had.
    of_others = [noted[table.name] for table in full if table.name in noted and table.name not in recorded]
    if of_others:
        context.record(*of_others)
    others = (table for table in selection.copied if table.replica_identity != "f")
    lacking = [(table, why) for table in others if (why := why_full(table, rules.get(table.name)))]
    for start in range(0, len(lacking), IDENTITIES_TOGETHER):
        part = lacking[start : start + IDENTITIES_TOGETHER]
        changing = [_changing(source, table) for table, _ in part if table.name not in recorded]
        if changing:
            context.record(*changing)
        _set_full(context, source, part)
    return [*full, *(table for table, _ in lacking)]


def _changing(source: Connection, table: Table) -> ReplicaIdentityChanging:
    current = read_identity(source, table.name)
    index = current.index if current else None
    return ReplicaIdentityChanging(table=table.name, previous=table.replica_identity, index=index)


def _set_full(context: Context, source: Connection, tables: Sequence[tuple[Table, str]]) -> None:
    """Sets FULL for tables of which it is recorded what they had; each with why it needs that."""
    done: list[Event] = []
    try:
        for table, why in tables:
            context.cancellation.check()
            set_full(source, table.name, context.cancellation.wait)
            message = f"{table.name} {why}: it has REPLICA IDENTITY FULL until the task is released"
            done.append(Noticed(level="info", message=message))
    finally:
        if done:
            context.record(*done)


def publishes_generated(source: Connection, full: Iterable[Table]) -> bool:
    """Whether generated columns are part of a replica identity that has to be published whole, as 18 demands."""
    generated = any(column.generated == "s" for table in full for column in table.columns)
    return generated and source.info.server_version >= SERVER_18


def publish(
    context: Context, source: Connection, selection: Selection, full: list[Table], ours: Iterable[int] | None = None
) -> Publication:
    """The publication over the selection, anew; `full` are the tables with REPLICA IDENTITY FULL.

    With `ours`, the members that are to stay, the selection is only added to them.
    """
    generated = publishes_generated(source, full)
    name, tables, wait = (
        context.spec.slot,
        published_tables(selection, publishing(source, context.spec)),
        context.cancellation.wait,
    )
    own = (*OWN, TableName(*DDL_TABLE)) if captures(source, name) else OWN
    if ours is None:
        listed = context.spec.advanced.decoding == "test_decoding"
        publication = create_publication(
            source, name, tables, generated_columns=generated, wait=wait, own=own, listed=listed
        )
    else:
        publication = extend_publication(
            source, name, tables, set(ours), generated_columns=generated, wait=wait, own=own
        )
    context.record(
        PublicationCreated(
            name=publication.name,
            oid=publication.oid,
            members=sorted(member.oid for member in publication.members if member.oid is not None),
            tables=publication.tables,
            mapping=context.mapping.facts,
            rules=row_facts(context.spec),
            listed=context.spec.advanced.decoding == "test_decoding",
        )
    )
    return publication


def create_task_slot(context: Context) -> tuple[CreatedSlot, SystemIdentity]:
    """Creates the slot and keeps its session, and with it the snapshot, as the context's pair."""
    context.held.close()
    waiting = threading.Timer(SLOT_PATIENCE_SECONDS, _say_who_is_waited_for, (context,))
    waiting.daemon = True
    with ExitStack() as stack:
        holder = context.connect("source", "snapshot", replication=True)
        stack.callback(holder.close)
        with interruptible(context, holder, "source", "creating the replication slot"):
            identity = identify(holder)
            waiting.start()
            try:
                advanced = context.spec.advanced
                failover = advanced.failover_slot == "auto"
                slot = create_slot(holder, context.spec.slot, failover=failover, plugin=advanced.decoding)
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
    context.held.hold(Pair(lsn=slot.lsn, snapshot=slot.snapshot, holder=holder))
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
                    remedy=to_do("wait for them to end, or end them with pg_terminate_backend"),
                )
            )
