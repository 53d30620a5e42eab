"""Capture for a resynchronization: makes the source record the chosen tables again, whatever was lost before.

One transaction at the destination is the line that is crossed once: until it commits everything is done again by the
next run, afterwards the order's id at the destination says that it is done. The copy itself is the full stage's.
"""

from collections.abc import Collection, Container, Iterable, Sequence

import msgspec

from syncwizard.errors import ChangesMissing, SourceChanged, TaskFailed
from syncwizard.postgres.captured import Member, Progress, Publication, is_ours
from syncwizard.postgres.catalog.selection import Selection, select_tables
from syncwizard.postgres.destination.destination import Destination
from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.session.trouble import translated
from syncwizard.postgres.source.continuity import (
    Membership,
    check_server,
    check_slot,
    compare_publication,
    find_relations,
)
from syncwizard.postgres.source.ddl import is_intact, joined_members, joined_relations, own_table, stop_joining
from syncwizard.postgres.source.heartbeat import beats
from syncwizard.postgres.source.identity import identities_held, note_identities
from syncwizard.postgres.source.lineage import NOT_FOLLOWED, FollowedTables, Lineage, compare_lineage, with_traits
from syncwizard.postgres.source.slot import drop_slot, slot_status
from syncwizard.remedies import resync, to_do
from syncwizard.stages.capture.making import (
    create_task_slot,
    publish,
    publishes_generated,
    read_followed,
    set_replica_identities,
    set_up_ddl,
    set_up_heartbeat,
    set_up_joining,
)
from syncwizard.stages.context import Context
from syncwizard.stages.full.beside import end_beside
from syncwizard.stages.relations import leave_dropped
from syncwizard.stages.targets import find_obstacles, read_targets
from syncwizard.task.events import ResyncRequested
from syncwizard.task.names import TableName
from syncwizard.task.text import counted


class Damage(msgspec.Struct, frozen=True, kw_only=True):
    """What is not as the task left it. `elsewhere`: another server or database answers; `gap`: why all of the stream
    is doubtful; `publication`, `lineage`: single tables; `away`: captured and present names that differ, also of tables
    that are set aside; `heartbeat`: whether that is there."""

    elsewhere: str = ""
    gap: str = ""
    publication: Membership = Membership()
    lineage: Lineage = Lineage()
    away: tuple[tuple[TableName, TableName], ...] = ()
    heartbeat: bool = True

    @property
    def taken_out(self) -> list[TableName]:
        """The user's tables that were taken out of the publication."""
        return [table for table in self.publication.lost if not is_ours(table)]

    @property
    def lost(self) -> list[TableName]:
        """The user's tables whose changes, or other values, the stream did not bring."""
        return list(dict.fromkeys([*self.taken_out, *(loss.table for loss in self.lineage.lost)]))

    def lost_of(self, selected: Container[TableName]) -> list[TableName]:
        """Those of the selected tables that are lost, or whose name is not that of what was captured under it."""
        names = [name for pair in self.lineage.renamed for name in pair if name in selected]
        return list(dict.fromkeys([*self.lost, *names]))

    @property
    def none(self) -> bool:
        """Whether everything that is not set aside is as the task left it."""
        found = self.gap or self.elsewhere or self.publication.lost or self.publication.added or self.dropped
        return not (found or self.lineage.lost or self.lineage.renamed) and self.heartbeat

    @property
    def dropped(self) -> list[TableName]:
        """The user's tables that the source has no more."""
        return [member.table for member in self.publication.dropped if not is_ours(member.table)]


def find_damage(
    context: Context,
    source: Connection,
    progress: Progress,
    members: list[Member],
    followed: FollowedTables = NOT_FOLLOWED,
) -> Damage:
    """Looks at server, slot and publication. A slot that is being read is taken for right: the reader compares it."""
    try:
        with (
            context.connect("source", "comparing", replication=True) as holder,
            translated("source", "comparing the server"),
        ):
            check_server(holder, progress)
        with translated("source", "comparing slot and publication"):
            status = slot_status(source, progress.slot)
            if status is None or status.active_pid is None:
                check_slot(source, progress)
            publication = compare_publication(source, progress, members)
            # What becomes of tables that are set aside matters when these are copied again.
            aside = {name for event in context.state().aside for name in event.names}
            joined = [member for member in members if member.table not in aside]
            lineage = compare_lineage(source, joined, followed)
            away = compare_lineage(source, members, followed).renamed if aside else lineage.renamed
            heartbeat = beats(source, progress.slot)
    except ChangesMissing as error:
        return Damage(gap=f"{error.title}: {error.detail}")
    except SourceChanged as error:
        return Damage(elsewhere=f"{error.title}: {error.detail}" if error.detail else error.title)
    return Damage(gap=publication.gap, publication=publication, lineage=lineage, away=away, heartbeat=heartbeat)


def followed_by(context: Context, destination: Destination, captured: Sequence[Member]) -> FollowedTables:
    """The tables whose definitions the task follows; `captured`: all that it captures."""
    if context.spec.advanced.ddl != "follow":
        return NOT_FOLLOWED
    with translated("destination", "reading what is followed"):
        followed = destination.followed.read().keys()
    return FollowedTables(tables=followed, captured=_by_triggers(captured))


def _by_triggers(captured: Iterable[Member]) -> bool:
    return any(member.table == own_table() for member in captured)


def run(context: Context, destination: Destination, progress: Progress, order: ResyncRequested) -> str:
    """Makes identities, publication and, for a doubtful stream, the slot; then notes at the destination that it did.

    Raises ChangesMissing when more was lost than the order says, TaskFailed when a table cannot be emptied.
    """
    wanted = {each.table for each in order.tables}
    removed = set(order.removed)
    with translated("destination", "reading the progress of the task"):
        captured = destination.ledger.read_members()
    members = [member for member in captured if member.table not in removed]
    with context.connect("source", "capture") as source:
        damage = find_damage(context, source, progress, members, followed_by(context, destination, captured))
        if order.modifies:
            with translated("source", "preparing capture"):
                # What is created from here on joins by itself, and what was created before is found below.
                set_up_ddl(context, source)
                set_up_joining(context, source)
        with translated("source", "reading the catalogue"):
            everything = select_tables(source, context.spec)
            wanted |= _created_since(context, source, everything, captured, order)
        selection = chosen(everything, wanted)
        if not order.whole:
            _check_covered(context, damage, wanted | removed, {table.name for table in everything.tables})
        _check_room(context, source, destination, selection)
        if not damage.elsewhere:
            with translated("destination", "reading what is copied"):
                copies = destination.copies.read()
            leave_dropped(context, source, destination, members, copies, {table.name for table in selection.tables})
        with translated("source", "preparing capture"):
            set_up_heartbeat(context, source, progress.heartbeat or 0)
            uncaptured = _by_triggers(captured) and not is_intact(source)
            set_up_ddl(context, source)
            if order.whole:
                stop_joining(source, context.spec.slot)
            with identities_held(source):
                full = set_replica_identities(context, source, selection)
                strays = _renamed_away(members, damage, everything)
                staying = [member for member in members if member.oid not in strays]
                leaving = {member.oid for member in captured if member.table in removed}
                ours = None if order.whole else _ours(source, context.spec.slot, staying, leaving)
                publication = publish(context, source, selection, full, ours)
                if not order.whole:
                    widened = publishes_generated(source, full)
                    _check_complete(context, source, publication, progress, staying, wanted, widened=widened)
                publication = _described(source, publication, () if order.whole else members, selection)
                note_identities(source, context.spec.slot, context.state().identities_before)
            if order.whole:
                drop_slot(source, context.spec.slot)
        created = create_task_slot(context) if order.whole else None
        if created is not None:
            set_up_joining(context, source)
    followed = read_followed(context, everything, created[0].snapshot) if created else []
    with translated("destination", "registering the task again"), destination.transaction():
        end_beside(context, destination, order)
        destination.ledger.register_again(order.id, publication, created)
        renewed = created is not None or uncaptured or own_table() in damage.publication.lost
        _begin_again(destination, selection, forget_definitions=renewed, forget_pairs=order.whole)
        destination.followed.note(followed)
        _take_out(destination, [member for member in captured if member.table in removed], order.removed)
    where = f"a new slot at {created[0].lsn}" if created else "the slot as it was"
    return f"{counted(len(selection.copied), 'table')} to copy again, {where}"


def _ours(source: Connection, slot: str, staying: Iterable[Member], leaving: set[int | None]) -> list[int]:
    """The members that the publication keeps, by OID of their rows there: those that stay, and what was created since,
    of which the stream brings definition and rows."""
    return [*(member.oid for member in staying if member.oid is not None), *(joined_members(source, slot) - leaving)]


def _begin_again(
    destination: Destination, selection: Selection, *, forget_definitions: bool, forget_pairs: bool
) -> None:
    """Notes that the selected tables are to be copied, in the caller's transaction."""
    # Of single tables the stream brings changes from before their copy, too, and their definition is that of now, but
    # for those whose definition was followed all along.
    redefined = {event.table for event in destination.aside.read() if event.redefined}
    missed = [table.oid for table in selection.tables if table.name not in redefined]
    destination.followed.forget(None if forget_definitions else missed)
    names = [table.name for table in selection.tables]
    destination.copies.restart(names, forget_pairs=forget_pairs)
    destination.aside.take_back(names)


def _take_out(destination: Destination, members: Iterable[Member], tables: Collection[TableName]) -> None:
    """Forgets tables that leave the task, in the caller's transaction; what was copied of them stays."""
    destination.followed.forget([member.relation for member in members])
    destination.aside.take_back(tables)
    for table in tables:
        destination.copies.forget(table)


def _created_since(
    context: Context, source: Connection, everything: Selection, captured: Iterable[Member], order: ResyncRequested
) -> set[TableName]:
    """Tables of schemas that join as a whole which were created after the order was made, and joined by no command."""
    if not order.schemas:
        return set()
    known = {member.relation for member in captured} | joined_relations(source, context.spec.slot)
    return {table.name for table in everything.tables if table.name.schema in order.schemas and table.oid not in known}


def _check_complete(
    context: Context,
    source: Connection,
    publication: Publication,
    progress: Progress,
    members: list[Member],
    wanted: set[TableName],
    *,
    widened: bool,
) -> None:
    """What was lost while tables were added must not be taken for known. `widened`: options were changed by us."""
    listed = {member.oid for member in publication.members}
    missing = [member for member in members if member.oid is not None and member.oid not in listed]
    exist = find_relations(source, [member.relation for member in missing])
    lost = tuple(table for table in exist.values() if table not in wanted)
    altered = publication.oid != progress.publication_oid
    handed_over = publication.owner != progress.publication_owner
    altered |= publication.xmin != progress.publication_xmin and not widened and not handed_over
    gap = f"publication {publication.name} was altered meanwhile" if altered else ""
    _check_covered(context, Damage(gap=gap, publication=Membership(lost=lost)), wanted, ())


def chosen(selection: Selection, wanted: set[TableName]) -> Selection:
    """The part of the selection that is wanted; partition trees go whole."""
    roots = {table.root for table in selection.tables if table.name in wanted}
    return msgspec.structs.replace(
        selection, tables=tuple(table for table in selection.tables if table.root in roots and table.name in wanted)
    )


def _renamed_away(members: Iterable[Member], damage: Damage, everything: Selection) -> set[int]:
    """The members whose tables have names now that are none of the task's."""
    selected = {table.name for table in everything.tables}
    away = {before for before, now in damage.away if now not in selected}
    return {member.oid for member in members if member.oid is not None and member.table in away}


def _described(
    source: Connection, publication: Publication, known: Iterable[Member], selection: Selection
) -> Publication:
    """With what its relations are like: now, before there is a snapshot, or as they were known where they are not
    copied again. Partitions that came meanwhile and are not copied are reported elsewhere."""
    again = {table.oid for table in selection.tables}
    before = [member for member in known if member.relation not in again]
    theirs = again | {member.relation for member in before}
    members = [member for member in publication.members if member.oid is not None or member.relation in theirs]
    return msgspec.structs.replace(publication, members=with_traits(source, members, before))


def _check_covered(context: Context, damage: Damage, wanted: set[TableName], selected: Container[TableName]) -> None:
    """Raises when the order would leave a loss as it is."""
    task = context.spec.name
    if damage.gap or damage.elsewhere:
        raise ChangesMissing(damage.gap or damage.elsewhere, where="source", remedy=resync(task, everything=True))
    more = [table for table in damage.lost_of(selected) if table not in wanted]
    if more:
        names = ", ".join(map(str, more))
        raise ChangesMissing(f"{names} lost changes, too", where="source", remedy=resync(task))
    added = [table for table in damage.publication.added if table not in wanted]
    if added:
        names = ", ".join(map(str, added))
        raise SourceChanged(
            f"publication {context.spec.slot} has {names}, which this task did not add",
            where="source",
            remedy=to_do(
                "take it out",
                statements=[f"ALTER PUBLICATION {context.spec.slot} DROP TABLE {names}"],
                then="resume",
            ),
        )


def _check_room(context: Context, source: Connection, destination: Destination, selection: Selection) -> None:
    """Raises TaskFailed when a table cannot be emptied without harm."""
    with translated("destination", "looking at the tables to empty"):
        no_triggers = destination.prepare_writing()
        there = read_targets(source, destination, selection.tables, context.mapping)
        copies = destination.copies.read()
        obstacles = find_obstacles(context, destination, selection.tables, there, copies, no_triggers=no_triggers)
    if obstacles:
        title, remedy = obstacles[0]
        raise TaskFailed(title, where="destination", remedy=to_do(remedy, then="resume"))
