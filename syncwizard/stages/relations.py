"""What became of captured relations, as events: tables that are gone leave the task, partitions leave their
tree, the rows of some tables may differ, and others are set aside until they are copied again."""

from collections.abc import Iterable

from syncwizard.postgres.captured import Member, is_ours
from syncwizard.postgres.destination.chunks import TableCopy
from syncwizard.postgres.destination.destination import Destination
from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.session.trouble import translated
from syncwizard.postgres.source.continuity import find_relations
from syncwizard.postgres.source.definitions import read_by_now
from syncwizard.postgres.source.lineage import Detached, Doubt
from syncwizard.remedies import or_else, resync, to_do
from syncwizard.stages.context import Context
from syncwizard.structure.definition import row_rules
from syncwizard.task.events import (
    DefinitionFollowed,
    DefinitionMissing,
    Noticed,
    PartitionDetached,
    TableDropped,
    TableSetAside,
)
from syncwizard.task.names import TableName

# Classes of data exceptions, integrity violations and limits (a key too long for an index): the rows of one table.
OF_ROWS = ("22", "23", "54")


def leave_dropped(
    context: Context,
    source: Connection,
    destination: Destination,
    members: Iterable[Member],
    copies: dict[TableName, TableCopy],
    present: set[TableName],
) -> None:
    """Says which of the captured relations are gone. Changes of one that was not copied whole are not applied either:
    they would meet rows that are not there.

    `present` are names under which something is captured now: a partition may have come under the name of one that
    is gone.
    """
    gone = _find_gone(source, members)
    half = [table for table in gone if table not in present and not _is_whole(copies.get(table))]
    with translated("destination", "giving up copies"):
        destination.copies.abandon(half)
    record_dropped(context, half, copied=False)
    record_dropped(context, gone)


def note_dropped(context: Context, source: Connection, destination: Destination) -> None:
    """Says which of the captured relations are gone by now."""
    with translated("destination", "reading what is captured"):
        members = destination.ledger.read_members()
    record_dropped(context, _find_gone(source, members))


def _find_gone(source: Connection, members: Iterable[Member]) -> list[TableName]:
    members = [member for member in members if not is_ours(member.table)]
    with translated("source", "looking for dropped tables"):
        exist = find_relations(source, [member.relation for member in members])
    return [member.table for member in members if member.relation not in exist]


def record_dropped(context: Context, tables: Iterable[TableName], *, copied: bool = True, again: bool = False) -> None:
    """Says once of each table that it left the task; `again`: that the one that was made anew did."""
    state = context.state()
    anew = {each.table for each in state.aside if each.anew}
    for table in tables:
        if table in anew if again else table not in state.dropped:
            context.record(TableDropped(table=table, copied=copied, again=again))


def record_followed(context: Context, found: Iterable[DefinitionFollowed]) -> None:
    """Says once of each change of a definition that it was followed."""
    for event in found:
        if event.number <= context.state().followed:
            continue
        context.record(event)
        gone = any(text.startswith(("DROP ", "REVOKE ")) for text in [event.tag + " ", *event.statements[-1:]])
        if event.refused and not gone:
            context.record(
                DefinitionMissing(
                    kind=event.object_kind,
                    name=event.object_name or str(event.table),
                    reason=f"refused: {event.refused}" if event.sqlstate else event.refused,
                    sqlstate=event.sqlstate,
                    statements=event.statements,
                )
            )


def tell_followed(context: Context, destination: Destination) -> None:
    """Says what the destination has followed and the journal does not know of: a child may have died behind its
    commit."""
    with translated("destination", "reading which definitions were followed"):
        # Brings an older layout to the newest.
        destination.ledger.read()
        found = destination.followed.read_log(context.state().followed)
    record_followed(context, found)


def _is_whole(copy: TableCopy | None) -> bool:
    return copy is not None and copy.complete


def record_changed(context: Context, detached: Iterable[Detached], doubts: Iterable[Doubt]) -> None:
    """Says once of each partition that it left its tree, and of each table that its rows may differ."""
    known = {each.table for each in context.state().detached}
    for each in detached:
        if each.table not in known:
            root = each.root or each.table
            likewise = to_do("detach or drop it at the destination, too")
            remedy = or_else(likewise, resync(context.spec.name, [root]))
            context.record(PartitionDetached(table=each.table, root=each.root, captured=each.captured, remedy=remedy))
    for doubt in doubts:
        remedy = resync(context.spec.name, [doubt.table], "see whether its rows differ at the destination")
        context.record(Noticed(level="warning", message=doubt.message, remedy=remedy))


def set_aside(context: Context, destination: Destination, found: Iterable[TableSetAside]) -> None:
    """Lets the changes of tables be held back from here on, while no changes are applied."""
    found = list(found)
    with translated("destination", "setting tables aside"):
        destination.aside.note(found)
    record_aside(context, found)


def record_aside(context: Context, found: Iterable[TableSetAside]) -> None:
    """Says once of each table that it is set aside."""
    for event in found:
        known = next((each for each in context.state().aside if each.table == event.table), None)
        if known is None or known.reason != event.reason:
            context.record(event)


def tell_aside(context: Context, destination: Destination) -> None:
    """Says which tables the destination has as set aside and the journal has not, and which it has no more."""
    state = context.state()
    with translated("destination", "reading which tables are set aside"):
        # What an earlier version left knows of none.
        destination.ledger.read()
        found = destination.aside.read()
    known = {each.table for each in state.aside} | set(state.dropped)
    record_aside(context, [event for event in found if event.table not in known])
    there = {event.table for event in found}
    over = [event.table for event in state.aside if event.anew and event.table not in there]
    record_dropped(context, [table for table in over if table in state.dropped], again=True)


def aside_at_destination(context: Context) -> frozenset[TableName]:
    """The destination's names of the tables that are set aside, partitions included."""
    return frozenset(context.mapping.table(name) for event in context.state().aside for name in event.names)


def tree_of(context: Context, destination: Destination, table: TableName) -> tuple[TableName, list[TableName]]:
    """The partitioned table that a table of the source belongs to, itself where it is none, and all names of that tree,
    as far as they were copied. By what the destination has."""
    with translated("destination", "reading partitions"):
        copied = list(destination.copies.read())
        schemas = sorted({context.mapping.table(name).schema for name in [table, *copied]})
        roots = {each.name: each.root for each in destination.tables.read(schemas, sizes=False)}
    own = context.mapping.table(table)
    root = roots.get(own, own)
    tree = [name for name in copied if roots.get(context.mapping.table(name)) == root]
    top = next((name for name in tree if context.mapping.table(name) == root), table)
    return top, sorted(name for name in tree if name != top)


def is_redefined(context: Context, destination: Destination, table: TableName) -> bool:
    """Whether a change of the table's columns or constraints is still on its way to the destination."""
    if context.spec.advanced.ddl != "follow":
        return False
    with translated("destination", "reading what is followed"):
        known = {TableName(each.schema, each.name): each for each in destination.followed.read().values()}
    before = known.get(table)
    if before is None:
        return False
    with context.connect("source", "definitions") as source, translated("source", "reading definitions"):
        after = read_by_now(source, [before.relation]).get(before.relation)
    return after is not None and row_rules(before) != row_rules(after)
