"""Is this still the server, the slot and the publication that the progress was made with? (rule 5)"""

import re

from syncwizard.errors import SourceChanged, TaskFailed
from syncwizard.postgres.connection import Connection
from syncwizard.postgres.destination.progress import Progress
from syncwizard.postgres.queries import query
from syncwizard.postgres.source.slot import identify, slot_status
from syncwizard.task.lsn import format_lsn, parse_lsn

_RESYNCHRONIZE = (
    "the destination can no longer be brought in step from where it is: release this task and start a new one, "
    "which copies the tables again"
)


def check_server(holder: Connection, progress: Progress) -> None:
    """Compares the server behind a replication session. Raises SourceChanged."""
    now = identify(holder)
    if now.system_identifier != progress.system_identifier:
        raise SourceChanged(
            "another database server answers at the source's address",
            detail=f"system identifier {now.system_identifier}, was {progress.system_identifier}",
            where="source",
            remedy="point the task at the server it was started with; " + _RESYNCHRONIZE,
        )
    if now.database != progress.source_database:
        raise SourceChanged(
            f"the source database is {now.database}, was {progress.source_database}",
            where="source",
            remedy=_RESYNCHRONIZE,
        )
    if now.timeline > progress.timeline:
        row = holder.execute(f"TIMELINE_HISTORY {now.timeline:d}".encode()).fetchone()
        switch = switch_point(str(row[1]) if row else "", progress.timeline)
        if switch is not None and parse_lsn(progress.applied_lsn) > switch:
            raise SourceChanged(
                "the destination is ahead of the promoted source",
                detail=f"applied up to {progress.applied_lsn}, but the new timeline began at {format_lsn(switch)}",
                where="source",
                remedy="changes between the two positions exist at the destination only; " + _RESYNCHRONIZE,
            )


def switch_point(history: str, timeline: int) -> int | None:
    """Where a timeline was left, by the content of a history file.

    >>> hex(switch_point("1\\t0/3000000\\tno recovery target specified", 1))
    '0x3000000'
    """
    for line in history.splitlines():
        found = re.match(r"\s*(\d+)\s+([0-9A-Fa-f]+/[0-9A-Fa-f]+)", line)
        if found and int(found[1]) == timeline:
            return parse_lsn(found[2])
    return None


def check_slot(connection: Connection, progress: Progress) -> int | None:
    """Compares the slot; the process id of a walsender that still reads it, if any. Raises SourceChanged."""
    status = slot_status(connection, progress.slot)
    if status is None:
        raise SourceChanged(
            f"the replication slot {progress.slot} is gone",
            detail=f"changes since {progress.applied_lsn} are missing",
            where="source",
            remedy=_RESYNCHRONIZE,
        )
    if status.plugin != "pgoutput" or status.database != progress.source_database:
        raise SourceChanged(
            f"slot {progress.slot} belongs to {status.plugin} in {status.database}",
            where="source",
            remedy=_RESYNCHRONIZE,
        )
    if status.wal_status == "lost":
        raise SourceChanged(
            f"the source removed WAL that slot {progress.slot} still needed",
            detail=f"changes since {progress.applied_lsn} are missing (max_slot_wal_keep_size)",
            where="source",
            remedy=_RESYNCHRONIZE,
        )
    position = max(parse_lsn(progress.applied_lsn), parse_lsn(progress.acknowledged_lsn))
    if status.confirmed_flush_lsn is None or parse_lsn(status.confirmed_flush_lsn) > position:
        raise SourceChanged(
            f"slot {progress.slot} was recreated or moved by somebody else",
            detail=f"it begins at {status.confirmed_flush_lsn}, the destination has changes up to "
            f"{format_lsn(position)}: what lies between may be missing",
            where="source",
            remedy=_RESYNCHRONIZE,
        )
    return status.active_pid


def check_publication(connection: Connection, progress: Progress) -> None:
    """Compares the publication by OIDs and options. Raises SourceChanged."""
    row = connection.execute(query("publication_identity"), (progress.slot,)).fetchone()
    if row is not None and row[0] == progress.publication_oid and row[1] == progress.publication_members and row[2]:
        return
    if row is None:
        what = f"publication {progress.slot} is gone"
    elif row[0] != progress.publication_oid:
        what = f"publication {progress.slot} was dropped and recreated"
    elif set(progress.publication_members) - set(row[1]):
        what = f"publication {progress.slot} lost a table: dropped at the source, or taken out of the publication"
    else:
        what = f"publication {progress.slot} was altered"
    position = max(parse_lsn(progress.applied_lsn), parse_lsn(progress.acknowledged_lsn))
    raise SourceChanged(
        what,
        detail=f"changes since {format_lsn(position)} may be missing",
        where="source",
        remedy=_RESYNCHRONIZE,
    )


def find_partition_root(connection: Connection, schema: str, name: str) -> tuple[str, str]:
    """The topmost partitioned table a relation belongs to; itself when it is none or is gone."""
    row = connection.execute(query("partition_root"), (schema, name)).fetchone()
    if row is None:
        return schema, name
    if row[0] is None:
        raise TaskFailed(f"{schema}.{name} has no readable partition root", where="source")
    return row[0], row[1]


def name_types(connection: Connection, oids: list[int]) -> dict[int, str]:
    """Qualified names of types by OID, as the catalogue of columns spells them; types that are gone are left out."""
    return dict(
        connection.execute(
            "SELECT oid::bigint, pg_catalog.format_type(oid, -1) FROM pg_catalog.pg_type WHERE oid = ANY (%s::oid[])",
            (oids,),
        ).fetchall()
    )
