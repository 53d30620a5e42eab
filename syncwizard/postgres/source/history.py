"""Has the source the history that the progress was made with? A server that was set back to an earlier state of itself
(a snapshot of its machine or disk, a cold copy) keeps its identity, its slot and often its timeline (rule 5)."""

import re

import msgspec
import psycopg
from psycopg import sql

from syncwizard.errors import ChangesMissing, SourceChanged
from syncwizard.postgres.captured import Progress, SystemIdentity
from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.session.trouble import is_connection_loss
from syncwizard.postgres.source.heartbeat import LOCK_TIMEOUT_MILLISECONDS, read_beat
from syncwizard.remedies import or_else, resync, to_do
from syncwizard.rows.changes import Beat
from syncwizard.task.lsn import format_lsn, parse_lsn


class History(msgspec.Struct, frozen=True, kw_only=True):
    """The source's present timeline. `unread`: why its history could not be compared, if it could not."""

    timeline: int
    unread: str = ""


def check_history(holder: Connection, now: SystemIdentity, progress: Progress) -> History:
    """Compares timeline, positions and heartbeat over a replication session.

    Raises ChangesMissing for a promoted server that lacks what the destination has, SourceChanged for one that was set
    back.
    """
    unread = _check_timeline(holder, now, progress)
    if parse_lsn(now.flushed_lsn) < progress.position:
        raise set_back(
            progress,
            f"it has written WAL up to {now.flushed_lsn}, the destination has its changes up to "
            f"{format_lsn(progress.position)}",
        )
    _check_beat(holder, progress)
    return History(timeline=now.timeline, unread=unread)


def _check_timeline(holder: Connection, now: SystemIdentity, progress: Progress) -> str:
    if now.timeline == progress.timeline:
        return ""
    if now.timeline < progress.timeline:
        raise set_back(
            progress, f"it is on timeline {now.timeline}, the destination has changes of {progress.timeline}"
        )
    try:
        row = holder.execute(sql.SQL("TIMELINE_HISTORY {}").format(now.timeline)).fetchone()
    except psycopg.Error as error:
        if is_connection_loss(error):
            raise
        # Positions and heartbeat say whether anything is missing, too.
        return " ".join(str(error).split())
    switch = switch_point(_text(row[1]) if row else "", progress.timeline)
    if switch is None:
        raise ahead(progress, f"its timeline {now.timeline} does not come from timeline {progress.timeline}")
    if progress.position > switch:
        raise ahead(progress, f"the new timeline began at {format_lsn(switch)}")
    return ""


def _text(content: object) -> str:
    return content.decode(errors="replace") if isinstance(content, bytes) else str(content)


def _check_beat(holder: Connection, progress: Progress) -> None:
    last = progress.latest_beat
    beat = _read_beat(holder, progress) if last is not None else None
    # Without its row, what watches the publication says what is wrong.
    if last is None or beat is None:
        return
    known = "was applied" if last == progress.last_beat else "was written after tables were read"
    if beat.number < last.number:
        raise set_back(progress, f"its heartbeat is number {beat.number}, number {last.number} {known}")
    if beat.number == last.number and beat.at != last.at:
        raise set_back(progress, f"its heartbeat {beat.number} is not the one that {known}")


def _read_beat(holder: Connection, progress: Progress) -> Beat | None:
    """The source's heartbeat; not waited for where its table is locked and the stream shows the history, too."""
    if progress.last_commit is None:
        return read_beat(holder, progress.slot)
    try:
        return read_beat(holder, progress.slot, LOCK_TIMEOUT_MILLISECONDS)
    except psycopg.errors.LockNotAvailable:
        return None


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


def ahead(progress: Progress, detail: str) -> ChangesMissing:
    """The error of a promoted server that lacks changes which the destination has."""
    return ChangesMissing(
        "the destination is ahead of the promoted source",
        detail=f"applied or acknowledged up to {format_lsn(progress.position)}, but {detail}: "
        "changes between the two exist at the destination only",
        where="source",
        remedy=resync(progress.task_name),
    )


def set_back(progress: Progress, detail: str) -> SourceChanged:
    """The error of a source with another history, before anything of that was applied."""
    return SourceChanged(
        _SET_BACK,
        detail=detail,
        where="source",
        remedy=or_else(to_do("bring its later state back", then="resume"), resync(progress.task_name, everything=True)),
    )


def other_history(progress: Progress, detail: str) -> ChangesMissing:
    """The error of a source with another history, some of which may have been applied."""
    return ChangesMissing(_SET_BACK, detail=detail, where="source", remedy=resync(progress.task_name, everything=True))


_SET_BACK = "the source was set back to an earlier state: changes that the destination has are no part of its history"
