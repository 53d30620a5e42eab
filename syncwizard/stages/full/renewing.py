"""Tables that lost changes, or got other values, while tables are being copied: they are copied again, in that stage.

Afterwards only a resynchronization does that, because readers see what a copy leaves behind on its way.
"""

from collections.abc import Iterable, Sequence

from syncwizard.postgres.captured import Member
from syncwizard.postgres.destination.chunks import TableCopy
from syncwizard.postgres.destination.destination import Destination
from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.session.trouble import translated
from syncwizard.postgres.source.lineage import Lineage, compare_lineage, missing_rows, with_traits
from syncwizard.stages.context import Context
from syncwizard.stages.incremental.suspects import names_of, of_renamed
from syncwizard.stages.relations import record_changed, set_aside
from syncwizard.structure.table import Table
from syncwizard.task.events import TableRestarted
from syncwizard.task.names import TableName


def is_changed(context: Context, source: Connection, destination: Destination) -> bool:
    """Whether a captured relation is not what it was when its copy began."""
    with translated("destination", "reading what is captured"):
        members = destination.ledger.read_members()
    aside = names_of(context.state().aside)
    with translated("source", "comparing the captured tables"):
        found = compare_lineage(source, [member for member in members if member.table not in aside])
    return bool(found.lost or found.altered or found.renamed or found.doubts)


def renew_changed(
    context: Context,
    source: Connection,
    destination: Destination,
    tables: Sequence[Table],
    copies: dict[TableName, TableCopy],
    captured: Iterable[Member],
) -> bool:
    """Makes the copies of changed tables unfinished, and gives up a pair that is older than a change; whether it did
    either. `captured` is what the publication carries.

    Tables that have other names now are set aside. Raises ChangesMissing where a copy cannot be emptied.
    """
    with translated("destination", "reading what is captured"):
        members = destination.ledger.read_members()
        progress = destination.ledger.read()
    assert progress is not None
    with translated("source", "comparing the captured tables"):
        found = compare_lineage(source, members)
    # Those that are set aside are copied again by order.
    aside = names_of(context.state().aside)
    if renamed := [pair for pair in found.renamed if pair[0] not in aside]:
        with translated("source", "reading names"):
            events = of_renamed(source, renamed, members, context.spec.name)
        set_aside(context, destination, events)
        aside |= names_of(events)
    record_changed(context, found.detached, ())
    again = {table: reason for table, reason in _reasons(found).items() if table not in aside}
    roots = {table.root for table in tables if table.name in again}
    # Those that are not complete begin again anyway, under a new pair.
    begun = [
        table.name for table in tables if table.root in roots and table.name in copies and copies[table.name].complete
    ]
    if any(copies[name].kept for name in begun):
        raise missing_rows(found.lost, progress)
    with translated("destination", "noting what is captured"), destination.transaction():
        destination.ledger.note_members(found.noted)
        destination.copies.restart(begun, forget_pairs=False)
    for table, reason in again.items():
        if table in begun or context.pair is not None:
            context.record(TableRestarted(table=table, reason=reason))
    # The changes of what came after capture are in the stream from an unknown position on.
    strange = {member.relation for member in captured} - {member.relation for member in members}
    if context.pair is not None and (again or strange):
        context.held.close()
    return bool(begun)


def note_pending(
    context: Context, source: Connection, destination: Destination, pending: Iterable[Table], captured: Iterable[Member]
) -> None:
    """Keeps what the tables are like that are about to be copied under a new pair."""
    oids = {table.oid for table in pending}
    with translated("source", "reading what is captured"):
        members = with_traits(source, [member for member in captured if member.relation in oids])
    with translated("destination", "noting what is captured"):
        destination.ledger.note_members(members)


def _reasons(found: Lineage) -> dict[TableName, str]:
    """The tables to copy again, each with its first reason."""
    reasons = {doubt.table: doubt.message for doubt in reversed(found.doubts)}
    reasons |= {altered.table: altered.message for altered in reversed(found.altered)}
    return {**reasons, **{loss.table: loss.reason for loss in reversed(found.lost)}}
