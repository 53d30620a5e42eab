"""Is this still the server, the slot and the publication that the progress was made with? (rule 5)"""

import time
from collections.abc import Collection, Sequence

import msgspec

from syncwizard.errors import ChangesMissing, SourceChanged, TaskFailed
from syncwizard.postgres.captured import Member, Progress, is_heartbeat
from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection, scalar
from syncwizard.postgres.source.ddl import joined_members
from syncwizard.postgres.source.history import History, check_history
from syncwizard.postgres.source.listed import is_listed, read_list, renamed_back
from syncwizard.postgres.source.publication import read_publication
from syncwizard.postgres.source.slot import SlotStatus, identify, slot_status
from syncwizard.postgres.source.transactions import VISIBLE_SECONDS
from syncwizard.remedies import Remedy, or_else, resync, to_do
from syncwizard.task.lsn import format_lsn, parse_lsn
from syncwizard.task.names import TableName


class HandedOver(Exception):
    """The publication belongs to another owner now: what it is compared with is to be noted before anything goes on."""


def check_server(holder: Connection, progress: Progress) -> History:
    """Compares the server behind a replication session, and its history. Raises SourceChanged, ChangesMissing."""
    now = identify(holder)
    if now.system_identifier != progress.system_identifier:
        raise SourceChanged(
            "another database server answers at the source's address",
            detail=f"system identifier {now.system_identifier}, was {progress.system_identifier}",
            where="source",
            remedy=_back_or_from_here("server", progress),
        )
    if now.database != progress.source_database:
        raise SourceChanged(
            f"the source database is {now.database}, was {progress.source_database}",
            where="source",
            remedy=_back_or_from_here("database", progress),
        )
    return check_history(holder, now, progress)


def check_slot(connection: Connection, progress: Progress) -> SlotStatus:
    """Compares the slot, and what the server says of it. Raises ChangesMissing."""
    status = slot_status(connection, progress.slot)
    if status is None:
        raise missing_changes(
            f"the replication slot {progress.slot} is gone",
            progress,
            detail=f"changes since {progress.applied_lsn} are missing",
        )
    plugin = "test_decoding" if is_listed(connection, progress.slot) else "pgoutput"
    if status.plugin != plugin or status.database != progress.source_database:
        raise missing_changes(
            f"slot {progress.slot} belongs to {status.plugin} in {status.database}",
            progress,
            detail=f"changes since {progress.applied_lsn} are missing",
        )
    if (status.life.invalidation and status.wal_status != "lost") or status.life.invalidation == "idle_timeout":
        raise missing_changes(
            f"the source has invalidated slot {progress.slot}",
            progress,
            detail=f"changes since {progress.applied_lsn} are missing ({status.life.invalidation})",
        )
    if status.wal_status == "lost":
        raise missing_changes(
            f"the source removed WAL that slot {progress.slot} still needed",
            progress,
            detail=f"changes since {progress.applied_lsn} are missing (max_slot_wal_keep_size)",
        )
    position = progress.position
    if status.confirmed_flush_lsn is None or parse_lsn(status.confirmed_flush_lsn) > position:
        raise missing_changes(
            f"slot {progress.slot} was recreated or moved, or the destination was set back",
            progress,
            detail=f"it begins at {status.confirmed_flush_lsn}, the destination has changes up to "
            f"{format_lsn(position)}: what lies between may be missing; a destination is set back by the restore of a "
            "backup or a snapshot, or by a standby that took its place without its last commits",
        )
    return status


def shows_last_commit(slot: SlotStatus, progress: Progress) -> bool:
    """Whether the server has to send the last transaction that was applied once more.

    Not after an earlier version has acknowledged it, or another reader; then positions and heartbeat are what there is
    to compare.
    """
    last = progress.last_commit
    return last is not None and parse_lsn(slot.confirmed_flush_lsn or "0/0") <= last.lsn


def check_publication(connection: Connection, progress: Progress, members: Sequence[Member]) -> "Membership":
    """Compares the publication by OIDs, options and their age; what differs without harm: tables that it lost because
    they were dropped, whose last changes are in the stream, and another owner.

    Raises ChangesMissing where changes may not be in the stream, SourceChanged where a table was added.
    """
    found = compare_publication(connection, progress, members)
    position = format_lsn(progress.position)
    if found.gap:
        raise missing_changes(found.gap, progress, detail=f"changes since {position} may be missing")
    if any(is_heartbeat(member.table) for member in found.dropped):
        raise missing_changes("the heartbeat of this task is gone", progress, detail="no row of a table was lost")
    if found.lost:
        tables = ", ".join(map(str, found.lost))
        raise missing_changes(
            f"publication {progress.slot} lost {tables}"
            if not found.listed
            else f"{tables}: taken off the list of tables, or had another name for a while",
            progress,
            detail=f"changes since {position} to what was taken out of it may be missing"
            if not found.listed
            else f"changes since {position} may be missing, or be those of another table",
        )
    if found.added:
        tables = ", ".join(map(str, found.added))
        raise SourceChanged(
            f"publication {progress.slot} has {tables}, which this task did not add",
            where="source",
            remedy=or_else(
                resync(progress.task_name, found.added, "to have its rows at the destination"),
                to_do(
                    "take it out", statements=[f"ALTER PUBLICATION {progress.slot} DROP TABLE {tables}"], then="resume"
                ),
            ),
        )
    return found


class Membership(msgspec.Struct, frozen=True, kw_only=True):
    """How the publication differs from what it was: `gap` says what makes all of the stream doubtful, `lost` tables
    exist and were taken out, `dropped` ones exist no more, `added` ones are not ours. Names are today's.
    `handed_over`: the transaction that wrote its row for another owner, and that owner. `listed`: it is a list of
    ours."""

    gap: str = ""
    lost: tuple[TableName, ...] = ()
    dropped: tuple[Member, ...] = ()
    added: tuple[TableName, ...] = ()
    handed_over: tuple[int, int] | None = None
    listed: bool = False


def compare_publication(connection: Connection, progress: Progress, members: Sequence[Member]) -> Membership:
    """Looks at the publication as it is now; `members` is what it was when the task began to capture."""
    row = connection.execute(query("publication_identity"), (progress.slot,)).fetchone()
    ours = read_list(connection, progress.slot) if row is None else None
    if ours is not None:
        strangers = renamed_back(connection, progress.slot, members)
        numbers = [member.oid for member in ours.members if member.oid not in strangers]
        row = ours.oid, ours.xmin, ours.owner, numbers, True
    if row is None:
        return Membership(gap=f"publication {progress.slot} is gone")
    oid, xmin, owner, listed, intact = row
    if oid != progress.publication_oid:
        return Membership(gap=f"publication {progress.slot} was dropped and recreated")
    handed_over = owner != progress.publication_owner
    if not intact or (xmin != progress.publication_xmin and not handed_over):
        return Membership(gap=f"publication {progress.slot} was altered")
    known: dict[int | None, Member | None] = {member.oid: member for member in members if member.oid is not None}
    if known.keys() == set(listed):
        return Membership(handed_over=(xmin, owner) if handed_over else None)
    missing = [member for number, member in known.items() if member is not None and number not in set(listed)]
    exists = find_relations(connection, [member.relation for member in missing])
    strange = _strange(connection, progress.slot, known.keys())
    return Membership(
        lost=tuple(exists[member.relation] for member in missing if member.relation in exists),
        dropped=tuple(member for member in missing if member.relation not in exists),
        # One that was taken out and put in again counts as lost.
        added=tuple(one.table for one in strange if one.relation not in exists),
        listed=ours is not None,
        handed_over=(xmin, owner) if handed_over else None,
    )


def _strange(connection: Connection, slot: str, known: Collection[int | None]) -> list[Member]:
    """What is in the publication, and neither known nor there because the stream brings how it was created."""
    found = _listed(connection, slot)
    ours = {*known, *joined_members(connection, slot), None}
    strange = [member for member in found if member.oid not in ours]
    if not strange:
        return []
    # One that joined and was dropped before `ours` was read.
    still = {member.oid for member in _listed(connection, slot)}
    return [member for member in strange if member.oid in still]


def _listed(connection: Connection, slot: str) -> list[Member]:
    publication = read_publication(connection, slot)
    return [] if publication is None else list(publication.members)


def find_relations(connection: Connection, oids: Sequence[int]) -> dict[int, TableName]:
    """Those of the relations that still exist, with their present names."""
    if not oids:
        return {}
    rows = connection.execute(query("relation_names"), (list(oids),)).fetchall()
    return {oid: TableName(schema, name) for oid, schema, name in rows}


def find_tables(connection: Connection, names: Sequence[TableName]) -> list[TableName]:
    """Those of the names under which there is a table, partitioned ones included."""
    if not names:
        return []
    parameters = {"schemas": [name.schema for name in names], "names": [name.name for name in names]}
    return [TableName(schema, name) for schema, name in connection.execute(query("tables_named"), parameters)]


def missing_changes(title: str, progress: Progress, *, detail: str) -> ChangesMissing:
    """The error of a stream with a hole."""
    task = progress.task_name
    remedy = or_else(resync(task), Remedy(then="heal", task=task))
    return ChangesMissing(title, detail=detail, where="source", remedy=remedy)


def _back_or_from_here(what: str, progress: Progress) -> Remedy:
    """What to do where the source is another server or database than before."""
    return or_else(
        to_do(f"point the task at the {what} it was started with", then="resume"),
        resync(progress.task_name, everything=True),
    )


def find_partition_root(connection: Connection, relation: int) -> TableName | None:
    """The topmost partitioned table a relation belongs to, itself when it is none; None when it is gone."""
    row = connection.execute(query("partition_root"), (relation,)).fetchone()
    if row is None:
        return None
    if row[0] is None:
        raise TaskFailed(f"relation {relation} has no readable partition root", where="source")
    return TableName(row[0], row[1])


def wait_until_visible(connection: Connection, transaction: int) -> None:
    """Waits until other sessions see what a transaction has done whose commit is in the stream.

    The WAL tells of a commit a moment before that, and much earlier where it waits for a standby: until then the
    catalogue does not know what the transaction has created.
    """
    while not scalar(connection, query("transaction_visible"), transaction):
        time.sleep(VISIBLE_SECONDS)
