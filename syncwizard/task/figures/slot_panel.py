"""All that is known of a task's slot, a line each: what it holds, what may end it, and which session reads it. Pure."""

from syncwizard.task.figures.retention import Retention
from syncwizard.task.figures.totals import how_old
from syncwizard.task.parts import SlotLife
from syncwizard.task.text import coarse_seconds, describe_bytes, local_time, one_line, span

Fields = list[tuple[str, str]]


def slot_fields(held: Retention, now: float) -> Fields:
    """The slot by name and text; `now` in seconds since the epoch. What the server's version does not say is left out.

    >>> from syncwizard.task.events import SlotMeasured
    >>> from syncwizard.task.figures.retention import retention
    >>> life = SlotLife(failover=True, idle_timeout_seconds=7200, reader="process 7 of me")
    >>> measured = SlotMeasured(retained_bytes=5_000_000_000, wal_status="extended", source_lsn="0/0",
    ...     safe_bytes=45_000_000_000, directory_bytes=16_000_000_000, life=life)
    >>> for name, text in slot_fields(retention(measured, 90.0, 1_000_000.0), 91.0):
    ...     print(f"{name:<8}  {text}")
    held      5.0 GB of WAL at the source, of 16.0 GB in pg_wal
    lost in   about 12 h at a standstill
    limit     45.0 GB more (max_slot_wal_keep_size)
    rate      the source writes 3.6 GB/h
    read by   process 7 of me
    idle      it may be idle for 2 h (idle_replication_slot_timeout)
    failover  standbys keep a copy of it
    state     extended
    >>> [text for name, text in slot_fields(retention(SlotMeasured(retained_bytes=1, wal_status="reserved",
    ...     source_lsn="0/0"), 0.0, None), 1.0) if name in ("limit", "lost in", "read by")]
    ['no limit of WAL or time ends it', 'none (max_slot_wal_keep_size): it can fill the disk', 'no session']
    """
    measured, old = held.measured, how_old(held.measured_at, now)
    if not measured.exists:
        return [("state", "the source does not have it any more" + (f" ({old})" if old else ""))]
    kept = f"{describe_bytes(measured.retained_bytes)} of WAL at the source"
    if measured.directory_bytes is not None:
        kept += f", of {describe_bytes(measured.directory_bytes)} in pg_wal"
    limit = "none (max_slot_wal_keep_size): it can fill the disk"
    if measured.safe_bytes is not None:
        limit = f"{describe_bytes(max(0, measured.safe_bytes))} more (max_slot_wal_keep_size)"
    fields = [("held", kept + (f" ({old})" if old else "")), ("lost in", _lost_in(held)), ("limit", limit)]
    if held.bytes_per_hour is not None:
        fields.append(("rate", f"the source writes {describe_bytes(held.bytes_per_hour)}/h"))
    return [*fields, ("read by", _reader(measured.life)), *_life(measured.life), ("state", _state(held))]


def _state(held: Retention) -> str:
    """The server's word for its WAL, and what has ended it."""
    life = held.measured.life
    words = [held.measured.wal_status or "not known"]
    if life.invalidation:
        words.append(f"the source has invalidated it: {one_line(life.invalidation)}")
    if life.conflicting:
        words.append("it conflicts with recovery")
    if life.synced:
        words.append("it is the copy of a primary's")
    return ", ".join(words)


def _lost_in(held: Retention) -> str:
    measured = held.measured
    if measured.life.invalidation or measured.wal_status == "lost":
        return "it is lost: all tables are copied again"
    if held.lost_in_seconds is not None:
        by_idleness = held.lost_in_seconds == measured.life.left_seconds
        return f"about {coarse_seconds(held.lost_in_seconds)} {'by idleness' if by_idleness else 'at a standstill'}"
    if measured.safe_bytes is not None:
        return "not known before the rate of WAL is"
    return "no session reads it" if measured.life.left_seconds is not None else "no limit of WAL or time ends it"


def _reader(life: SlotLife) -> str:
    """
    >>> _reader(SlotLife(idle_seconds=75)), _reader(SlotLife(reader="process 7 of me"))
    ('no session for 1 min 15 s', 'process 7 of me')
    """
    if life.reader:
        return one_line(life.reader)
    lasts = f" for {span(life.idle_seconds)}" if life.idle_seconds is not None else ""
    since = f", since {local_time(life.inactive_since)}" if life.inactive_since is not None else ""
    return f"no session{lasts}{since}"


def _life(life: SlotLife) -> Fields:
    fields: Fields = []
    if life.idle_timeout_seconds is not None:
        fields.append(
            ("idle", f"it may be idle for {coarse_seconds(life.idle_timeout_seconds)} (idle_replication_slot_timeout)")
        )
    if life.failover is not None:
        kept = "standbys keep a copy of it" if life.failover else "standbys keep no copy: it is gone after a failover"
        fields.append(("failover", kept))
    return fields
