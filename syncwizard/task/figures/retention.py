"""The WAL that a task's slot keeps at the source, and the disk that it threatens, from what SQL can tell: pure."""

from typing import Literal

import msgspec

from syncwizard.remedies import NOTHING, Remedy, resync, to_do
from syncwizard.task.events import SlotMeasured
from syncwizard.task.figures.sample import Sample
from syncwizard.task.lsn import parse_lsn
from syncwizard.task.parts import SlotLife
from syncwizard.task.text import coarse_seconds, describe_bytes

# Without a limit the room on the disk cannot be seen over SQL: from here on it is worth a look.
UNLIMITED_WARNING_BYTES = 10_000_000_000
# Of the WAL that max_slot_wal_keep_size allows the slot.
SHARES = (0.5, 0.75, 0.9)
LIMIT_REMEDY = to_do(
    "keep the task running, or raise max_slot_wal_keep_size at the source: once the slot is lost, all is copied again"
)
LOST_REMEDY = resync()
IDLE_REMEDY = to_do("resume the task, or raise idle_replication_slot_timeout at the source")
ROOM_REMEDY = to_do("keep the task running, and watch the free space at the source; release a task that is not needed")


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the slot's WAL. `measured_at`: of the figures, in seconds since the epoch; `bytes_per_hour`: the
    WAL that the source writes; `lost_in_seconds`: how long a slot that stands still lives, by this rate or by the time
    that it may be idle; None without a limit."""

    measured: SlotMeasured
    measured_at: float
    bytes_per_hour: float | None = None
    lost_in_seconds: float | None = None


def retention(measured: SlotMeasured, measured_at: float, bytes_per_second: float | None) -> Retention:
    """The figures, with what follows from the rate at which the source writes WAL.

    >>> measured = SlotMeasured(retained_bytes=5, wal_status="extended", safe_bytes=7200, source_lsn="0/5")
    >>> retention(measured, 0.0, 2.0).lost_in_seconds
    3600.0
    >>> retention(measured, 0.0, 0.0).lost_in_seconds is None
    True
    """
    per_hour = None if bytes_per_second is None else bytes_per_second * 3600
    left = None
    if bytes_per_second and measured.safe_bytes is not None:
        left = max(0, measured.safe_bytes) / bytes_per_second
    if (idle := measured.life.left_seconds) is not None:
        left = float(idle) if left is None else min(left, idle)
    return Retention(measured=measured, measured_at=measured_at, bytes_per_hour=per_hour, lost_in_seconds=left)


def of_sample(sample: Sample) -> SlotMeasured | None:
    """What the sample says of the slot; None before it was looked at."""
    if sample.slot_retained_bytes is None or sample.source_lsn is None:
        return None
    return SlotMeasured(
        retained_bytes=sample.slot_retained_bytes,
        wal_status=sample.slot_wal_status or "",
        safe_bytes=sample.slot_safe_bytes,
        directory_bytes=sample.wal_directory_bytes,
        source_lsn=sample.source_lsn,
        exists=sample.slot_exists is not False,
        life=sample.slot_life or SlotLife(),
    )


def sample_of(measured: SlotMeasured, at: float) -> Sample:
    """The figures as a sample; `at` in seconds since the epoch."""
    return Sample(
        source_lsn=measured.source_lsn,
        source_at=at,
        slot_at=at,
        slot_exists=measured.exists,
        slot_retained_bytes=measured.retained_bytes,
        slot_wal_status=measured.wal_status,
        slot_safe_bytes=measured.safe_bytes,
        slot_life=measured.life,
        wal_directory_bytes=measured.directory_bytes,
    )


def growth(before: SlotMeasured, after: SlotMeasured, seconds: float) -> float | None:
    """WAL that the source wrote in between, a second; None where a failover or a restore has put it back.

    >>> one, two = (SlotMeasured(retained_bytes=0, wal_status="", source_lsn=lsn) for lsn in ("0/0", "0/64"))
    >>> growth(one, two, 10.0), growth(two, one, 10.0)
    (10.0, None)
    """
    written = parse_lsn(after.source_lsn) - parse_lsn(before.source_lsn)
    return written / seconds if seconds > 0 and written >= 0 else None


class Threat(msgspec.Struct, frozen=True, kw_only=True):
    """How near the slot, or the source's disk, is to its end: each `step` is worth saying once."""

    step: int
    level: Literal["info", "warning", "error"] = "info"
    message: str = ""
    remedy: Remedy = NOTHING


def threat(measured: SlotMeasured) -> Threat:
    """Steps from 0 (nothing to say) upward.

    >>> def of(retained, safe, status="extended"):
    ...     return threat(SlotMeasured(retained_bytes=retained, wal_status=status, safe_bytes=safe, source_lsn="0/0"))
    >>> [of(10, 90).step, of(60, 40).step, of(80, 20).step, of(95, 5).step, of(95, -5, "unreserved").step]
    [0, 1, 2, 3, 4]
    >>> [of(9 * 10**9, None).step, of(10**10, None).step, of(5 * 10**10, None).step]
    [0, 1, 3]
    >>> of(0, None, "lost").level, of(0, None, "lost").remedy.then
    ('error', 'resync')
    >>> threat(SlotMeasured(exists=False, retained_bytes=0, wal_status="", source_lsn="0/0")).step
    5
    """
    if not measured.exists:
        message = "the source does not have the replication slot any more: changes are lost"
        return Threat(step=5, level="error", message=message, remedy=LOST_REMEDY)
    held = describe_bytes(measured.retained_bytes)
    if measured.life.invalidation:
        message = f"the source has invalidated the slot ({measured.life.invalidation}): changes are lost"
        return Threat(step=5, level="error", message=message, remedy=LOST_REMEDY)
    if measured.wal_status == "lost":
        message = "the source has removed WAL that the slot still needed: changes are lost"
        return Threat(step=5, level="error", message=message, remedy=LOST_REMEDY)
    if measured.wal_status == "unreserved":
        message = f"the slot holds {held} of WAL, more than max_slot_wal_keep_size: the next checkpoint may end it"
        return Threat(step=4, level="warning", message=message, remedy=LIMIT_REMEDY)
    return max(_of_wal(measured), _of_idleness(measured.life), key=lambda each: each.step)


def _of_wal(measured: SlotMeasured) -> Threat:
    """By what the slot holds, and may hold."""
    held = describe_bytes(measured.retained_bytes)
    if measured.safe_bytes is not None:
        allowed = measured.retained_bytes + max(0, measured.safe_bytes)
        step = sum(1 for share in SHARES if measured.retained_bytes >= share * allowed) if allowed else 0
        message = f"the slot holds {held} of the {describe_bytes(allowed)} of WAL that max_slot_wal_keep_size allows"
        return Threat(step=step, level="warning", message=message, remedy=LIMIT_REMEDY) if step else Threat(step=0)
    step = (measured.retained_bytes // UNLIMITED_WARNING_BYTES).bit_length()
    message = f"the slot holds {held} of WAL, without a limit (max_slot_wal_keep_size): it can fill the source's disk"
    return Threat(step=step, level="warning", message=message, remedy=ROOM_REMEDY) if step else Threat(step=0)


def _of_idleness(life: SlotLife) -> Threat:
    """A slot that is idle for half of the time that it may be, or longer.

    >>> _of_idleness(SlotLife(idle_seconds=7200, idle_timeout_seconds=10800)).message
    'the slot is idle for 2 h, and lost in 1 h (idle_replication_slot_timeout)'
    >>> _of_idleness(SlotLife(idle_seconds=60, idle_timeout_seconds=10800)).step, _of_idleness(SlotLife()).step
    (0, 0)
    """
    if life.idle_seconds is None or not life.idle_timeout_seconds:
        return Threat(step=0)
    step = sum(1 for share in SHARES if life.idle_seconds >= share * life.idle_timeout_seconds)
    idle, left = coarse_seconds(life.idle_seconds), coarse_seconds(life.left_seconds or 0)
    message = f"the slot is idle for {idle}, and lost in {left} (idle_replication_slot_timeout)"
    return Threat(step=step, level="warning", message=message, remedy=IDLE_REMEDY) if step else Threat(step=0)
