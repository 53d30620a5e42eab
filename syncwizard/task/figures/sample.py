"""Figures of a moment: what a task has done, how fast, how late. No facts: not each of them is kept."""

import msgspec

from syncwizard.task.limiting import InForce
from syncwizard.task.parts import SlotLife


class IndexBuild(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An index that is being built, as pg_stat_progress_create_index tells; totals are 0 where nothing is counted.

    `name` and `table` are schema-qualified; `done_per_second`: the fraction of its phase, by the engine.
    """

    name: str
    table: str
    phase: str
    blocks_done: int = 0
    blocks_total: int = 0
    tuples_done: int = 0
    tuples_total: int = 0
    done_per_second: float | None = None


class Sample(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Figures of this moment; a part sends what it knows, the supervisor merges. May be dropped.

    Rates are per second over the last seconds, `mean_…` since the copy began; the engine computes them, and
    `backlog_bytes` (WAL from the applied position to the source's end). `rows_per_second` and `bytes_per_second` are
    of applied changes, bytes as they came in the stream. `latency_seconds` is measured by the heartbeat and
    `latency_at` says when (seconds since the epoch); `longest_latency_seconds`: of all heartbeats since the sample
    before, where several came at once. `source_at`: when `source_lsn` was read. `slot_…` and `wal_directory_bytes` as
    in SlotMeasured, measured at `slot_at`, and replaced together;
    `wal_bytes_per_second`: what the source writes, `…_wal_bytes_per_second`: how fast the received, the applied and the
    acknowledged position advance over it. `indexes_waiting`: those of the running stage that are not begun.
    `tries`: how often something was tried in vain, and `next_try_at` when it is tried again; both mean something while
    the task is retrying. `throttle`: the limits in force. Where definitions are followed: `commands_passed_over`, the
    commands on definitions at the source that concerned no task, since it captures them; `commands_ignored`, those that
    came since the stream began and concern no table of the task, or one that is not followed.
    """

    copied_rows: dict[str, int] | None = None
    copied_bytes: dict[str, int] | None = None
    copied_rows_per_second: float | None = None
    copied_bytes_per_second: float | None = None
    mean_copied_rows_per_second: float | None = None
    mean_copied_bytes_per_second: float | None = None
    latency_seconds: float | None = None
    latency_at: float | None = None
    longest_latency_seconds: float | None = None
    received_lsn: str | None = None
    applied_lsn: str | None = None
    acknowledged_lsn: str | None = None
    source_lsn: str | None = None
    source_at: float | None = None
    backlog_bytes: int | None = None
    slot_at: float | None = None
    slot_exists: bool | None = None
    slot_retained_bytes: int | None = None
    slot_wal_status: str | None = None
    slot_safe_bytes: int | None = None
    slot_life: SlotLife | None = None
    wal_directory_bytes: int | None = None
    wal_bytes_per_second: float | None = None
    received_wal_bytes_per_second: float | None = None
    applied_wal_bytes_per_second: float | None = None
    acknowledged_wal_bytes_per_second: float | None = None
    transactions: int | None = None
    changes: dict[str, dict[str, int]] | None = None
    applied_bytes: int | None = None
    rows_per_second: float | None = None
    bytes_per_second: float | None = None
    index_builds: list[IndexBuild] | None = None
    indexes_waiting: int | None = None
    tries: int | None = None
    next_try_at: float | None = None
    throttle: InForce | None = None
    commands_passed_over: int | None = None
    commands_ignored: int | None = None
