"""The figures of a task in at most 80 columns: copying, applying, index builds. Pure; exact ones are in the JSON."""

from collections.abc import Mapping, Sequence

from syncwizard.task.event_words import DEAD_LETTERS, LEFT_OUT, count_applied, count_changes, counts_with_copy
from syncwizard.task.figures.rates import CopyProgress, TableProgress, TimeLeft, backlog_bytes, index_fraction
from syncwizard.task.figures.retention import Retention
from syncwizard.task.figures.sample import Sample
from syncwizard.task.figures.time_left import backlog_left, backlog_shrinks
from syncwizard.task.state import TaskState
from syncwizard.task.text import (
    coarse_seconds,
    counted,
    describe_bytes,
    describe_count,
    describe_rates,
    format_seconds,
    format_table,
    shorten,
    span,
)

# Older than this, a figure says nothing of now, and its age is shown (heartbeats, and looks at the source, come each
# second or two).
FRESH_SECONDS = 3.0
# Less than a segment of WAL is no backlog worth showing.
BACKLOG_BYTES = 16 * 1024 * 1024
NAME_WIDTH = 28
# More than a screen of tables is for the JSON.
TABLES_SHOWN = 30
KINDS = ("insert", "update", "delete", "truncate", LEFT_OUT, DEAD_LETTERS)


def counts_of(sample: Sample, state: TaskState) -> dict[str, dict[str, int]]:
    """Changes by table and kind since the task began, the rows that its copy set aside among the dead letters."""
    copied = {name: table.dead_letters for name, table in state.tables.items() if table.dead_letters}
    return counts_with_copy(sample.changes or state.changes, copied)


def dead_letters(sample: Sample, state: TaskState) -> dict[str, int]:
    """The rows for which a script failed, by table; those that have none are left out.

    >>> dead_letters(Sample(changes={"a.b": {"insert": 1}, "a.c": {"dead_letters": 2}}), TaskState())
    {'a.c': 2}
    """
    counts = counts_of(sample, state)
    return {name: own[DEAD_LETTERS] for name, own in counts.items() if own.get(DEAD_LETTERS)}


def shown_kinds(changes: Mapping[str, Mapping[str, int]]) -> tuple[str, ...]:
    """The kinds of changes to be shown: the three of every task, and of the others those that some table had.

    >>> shown_kinds({"a.b": {"insert": 1, "truncate": 0}, "a.c": {"truncate": 1}})
    ('insert', 'update', 'delete', 'truncate')
    """
    return tuple(kind for kind in KINDS if kind in KINDS[:3] or any(counts.get(kind) for counts in changes.values()))


def describe_latency(sample: Sample, now: float) -> str:
    """The latency, or how old it is where no heartbeat came for a while.

    >>> describe_latency(Sample(latency_seconds=0.004, latency_at=100.0), 101.0)
    '4 ms'
    >>> describe_latency(Sample(latency_seconds=0.004, latency_at=100.0), 112.0)
    '4 ms, 12 s ago'
    """
    text = format_seconds(sample.latency_seconds or 0.0)
    old = how_old(sample.latency_at, now)
    return f"{text}, {old}" if old else text


def how_old(at: float | None, now: float) -> str:
    """How long ago a figure was measured, both in seconds since the epoch; empty while it is of now, or not known.

    >>> how_old(100.0, 102.0), how_old(100.0, 175.0), how_old(None, 175.0)
    ('', '1 min 15 s ago', '')
    """
    return f"{span(now - at)} ago" if at is not None and now - at > FRESH_SECONDS else ""


def describe_time_left(left: TimeLeft) -> str:
    """In whole steps that a guess can bear: one figure where both ends round to the same, else a range.

    >>> describe_time_left(TimeLeft(low_seconds=41.3, high_seconds=95.0))
    'about 40 s to 2 min'
    >>> describe_time_left(TimeLeft(low_seconds=3700.0, high_seconds=4100.0))
    'about 1 h to 1 h 10 min'
    >>> describe_time_left(TimeLeft(low_seconds=1.0, high_seconds=4.0))
    'about 5 s'
    """
    low, high = coarse_seconds(left.low_seconds), coarse_seconds(left.high_seconds)
    return f"about {high}" if low == high else f"about {low} to {high}"


def describe_share(done: int, estimated: int, *, finished: bool) -> str:
    """Never 100 % before the end, whatever the estimate was.

    >>> describe_share(5, 20, finished=False), describe_share(25, 20, finished=False)
    ('25 %', '99 %')
    >>> describe_share(0, 0, finished=True)
    '100 %'
    """
    if finished:
        return "100 %"
    return f"{min(99, 100 * done // estimated)} %" if estimated > 0 else ""


def copy_fields(progress: CopyProgress) -> list[tuple[str, str]]:
    """What the full stage has done, while it runs; sums over the tables are given once all are planned."""
    if progress.planning:
        done = f"{describe_count(progress.rows)} rows, {describe_bytes(progress.bytes)}"
        return [("copied", f"{done}, {counted(len(progress.tables), 'table')} planned so far")]
    rows = f"{describe_count(progress.rows)} of ~{describe_count(progress.estimated_rows)} rows"
    size = f"{describe_bytes(progress.bytes)} of ~{describe_bytes(progress.estimated_bytes)}"
    fields = [("copied", f"{rows}, {size}, {progress.tables_copied} of {len(progress.tables)} tables done")]
    if rates := describe_rates(progress.rows_per_second, progress.bytes_per_second, "rows"):
        fields.append(("rate", rates))
    if progress.left is not None:
        fields.append(("time left", describe_time_left(progress.left)))
    return fields


def _many(count: int, noun: str) -> str:
    return f"{describe_count(count)} {noun}{'' if count == 1 else 's'}"


def stream_fields(sample: Sample, state: TaskState, now: float) -> list[tuple[str, str]]:
    """What the incremental stage does."""
    transactions = max(sample.transactions or 0, state.transactions)
    changes = count_changes(sample.changes or state.changes)
    fields = []
    if sample.latency_seconds is not None:
        fields.append(("latency", describe_latency(sample, now)))
    if transactions or changes:
        fields.append(("applied", f"{_many(changes, 'change')}, {_many(transactions, 'transaction')}"))
        if rates := describe_rates(sample.rows_per_second, sample.bytes_per_second, "changes"):
            fields.append(("rate", rates))
    backlog = backlog_bytes(sample)
    if backlog is not None:
        old = how_old(sample.source_at, now)
        trend = f", {old}" if old else describe_trend(sample)
        fields.append(("backlog", f"{describe_bytes(backlog)} of WAL{trend}"))
    old = how_old(sample.source_at, now)
    positions = [
        ("source", f"{sample.source_lsn} ({old})" if sample.source_lsn and old else sample.source_lsn),
        ("received", sample.received_lsn),
        ("applied", sample.applied_lsn or state.applied_lsn),
        ("acknowledged", sample.acknowledged_lsn),
    ]
    known = [f"{name} {lsn}" for name, lsn in positions if lsn]
    # Two on a line: four do not fit.
    fields += [("LSN" if index == 0 else "", ", ".join(known[index : index + 2])) for index in range(0, len(known), 2)]
    return fields


def describe_trend(sample: Sample) -> str:
    """How the backlog changes, where it is one: a stream in step has some bytes under way all the time."""
    shrinks = backlog_shrinks(sample)
    if shrinks is None or sample.backlog_bytes is None or sample.backlog_bytes < BACKLOG_BYTES:
        return ""
    if shrinks <= 0:
        return f", growing by {describe_bytes(-shrinks)}/s"
    left = backlog_left(sample)
    return f", shrinking by {describe_bytes(shrinks)}/s" + (f", {describe_time_left(left)} left" if left else "")


def retention_fields(held: Retention, now: float) -> list[tuple[str, str]]:
    """The WAL that the slot holds, and what that threatens; `now` in seconds since the epoch.

    >>> from syncwizard.task.events import SlotMeasured
    >>> from syncwizard.task.figures.retention import retention
    >>> measured = SlotMeasured(retained_bytes=5_000_000_000, wal_status="extended", source_lsn="0/0",
    ...     safe_bytes=45_000_000_000, directory_bytes=16_000_000_000)
    >>> for name, text in retention_fields(retention(measured, 90.0, 1_000_000.0), 91.0):
    ...     print(f"{name:<10}  {text}")
    slot holds  5.0 GB of WAL at the source, of 16.0 GB in pg_wal
                lost after 45.0 GB more: about 12 h at a standstill (3.6 GB/h)
    """
    measured, old = held.measured, how_old(held.measured_at, now)
    if not measured.exists:
        return [("slot", "the source does not have it any more" + (f" ({old})" if old else ""))]
    text = f"{describe_bytes(measured.retained_bytes)} of WAL at the source"
    if measured.directory_bytes is not None:
        text += f", of {describe_bytes(measured.directory_bytes)} in pg_wal"
    if old:
        text += f" ({old})"
    rate = f"{describe_bytes(held.bytes_per_hour)}/h" if held.bytes_per_hour else ""
    life = measured.life
    if life.invalidation:
        danger = f"the slot is lost: the source has invalidated it ({life.invalidation})"
    elif life.left_seconds is not None and held.lost_in_seconds == life.left_seconds:
        danger = f"lost in {coarse_seconds(life.left_seconds)}: idle_replication_slot_timeout"
    elif measured.wal_status == "lost":
        danger = "the slot is lost: the source has removed WAL that it needed"
    elif measured.safe_bytes is None:
        danger = "no limit is set: it can fill its disk" + (f" (the source writes {rate})" if rate else "")
    else:
        danger = f"lost after {describe_bytes(max(0, measured.safe_bytes))} more"
        if held.lost_in_seconds is not None:
            danger += f": about {coarse_seconds(held.lost_in_seconds)} at a standstill ({rate})"
    return [("slot holds", text), ("", danger)]


def index_lines(sample: Sample) -> str:
    """The builds at work, a line each; empty when there is none.

    >>> from syncwizard.task.figures.sample import IndexBuild
    >>> print(index_lines(Sample(index_builds=[IndexBuild(name="public.i", table="public.t",
    ...     phase="building index: scanning table", blocks_done=5, blocks_total=20)])))
    INDEX     PHASE                           DONE
    public.i  building index: scanning table  25 %
    """
    rows = []
    for build in sample.index_builds or []:
        fraction = index_fraction(build)
        rows.append(
            (shorten(build.name, NAME_WIDTH), build.phase, "" if fraction is None else f"{100 * fraction:.0f} %")
        )
    return format_table(("INDEX", "PHASE", "DONE"), rows, right=[2]) if rows else ""


def copy_table(progress: CopyProgress) -> str:
    """Tables that are being copied, unfinished ones first."""

    def row(name: str, table: TableProgress) -> tuple[str, str, str, str]:
        share = describe_share(table.bytes, table.estimated_bytes, finished=table.copied)
        rows, size = describe_count(table.rows), describe_bytes(table.bytes)
        if not table.copied:
            rows = f"{rows} of ~{describe_count(table.estimated_rows)}"
            size = f"{size} of ~{describe_bytes(table.estimated_bytes)}"
        return shorten(name, NAME_WIDTH), rows, size, share

    order = sorted(progress.tables.items(), key=lambda item: (item[1].copied, not item[1].rows, item[0]))
    return _limited(("TABLE", "ROWS", "BYTES", "DONE"), [row(name, table) for name, table in order])


def change_table(sample: Sample, state: TaskState) -> str:
    """Tables with their copied rows and the changes since, by kind; those with the most changes first."""
    changes = counts_of(sample, state)
    # The last ones only where there are some.
    kinds = shown_kinds(changes)
    rows = []
    for name in sorted({*state.tables, *changes}, key=lambda name: (-count_applied(changes.get(name, {})), name)):
        table = state.tables.get(name)
        counts = [describe_count(changes.get(name, {}).get(kind, 0)) for kind in kinds]
        rows.append((shorten(name, NAME_WIDTH), describe_count(table.rows) if table else "", *counts))
    return _limited(("TABLE", "COPIED", *(kind.replace("_", " ").upper() for kind in kinds)), rows)


def _limited(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    text = format_table(header, rows[:TABLES_SHOWN], right=range(1, len(header)))
    more = len(rows) - TABLES_SHOWN
    return f"{text}\n… and {more:,} more tables; all of them: --json" if more > 0 else text
