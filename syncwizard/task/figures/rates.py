"""Rates, progress and the time that is left, from samples: pure. Faces only round them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from syncwizard.task.figures.sample import IndexBuild, Sample
from syncwizard.task.lsn import parse_lsn
from syncwizard.task.state import TaskState

# Long enough to even out batches and chunks, short enough to follow what a DBA changes.
WINDOW_SECONDS = 10.0
# The start-up of workers says nothing of the hours that follow.
LEAST_SECONDS = 2.0
# Planner's estimates are no better than this; both ends of a guess are that much further apart.
ESTIMATE_ERROR = 0.1


class Point(NamedTuple):
    """A counter's value (rows, bytes) at a moment (seconds of one clock)."""

    at: float
    value: float


def rate_over(points: Sequence[Point], now: float, window: float = WINDOW_SECONDS) -> float | None:
    """Growth a second over the last `window` seconds; None while less than LEAST_SECONDS are known.

    A counter keeps its last value until the next point, so that the rate of one that stands still falls to 0.

    >>> rate_over([Point(0, 0), Point(5, 500)], now=5)
    100.0
    >>> rate_over([Point(0, 0), Point(5, 500)], now=30)
    0.0
    >>> rate_over([Point(0, 0)], now=1) is None
    True
    """
    if not points or now - points[0].at < LEAST_SECONDS:
        return None
    since = max(points[0].at, now - window)
    before = [point.value for point in points if point.at <= since]
    return (points[-1].value - before[-1]) / (now - since)


def forget_before(points: Iterable[Point], moment: float) -> list[Point]:
    """The points from `moment` on, and the last one before it, which tells the value then.

    >>> forget_before([Point(1, 1), Point(2, 5), Point(9, 7)], 4)
    [Point(at=2, value=5), Point(at=9, value=7)]
    """
    known = list(points)
    older = [index for index, point in enumerate(known) if point.at <= moment]
    return known[older[-1] :] if older else known


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """Work in one unit (rows, or bytes): how much is left by estimate, and the rates seen, a second."""

    left: float
    rates: tuple[float | None, ...]


class TimeLeft(msgspec.Struct, frozen=True, kw_only=True):
    """Between these many seconds, as far as can be guessed."""

    low_seconds: float
    high_seconds: float


def time_left(measures: Sequence[Measure]) -> TimeLeft | None:
    """The range that all measures and rates span, widened by the error of estimates; None when none can tell.

    A measure whose estimate is used up says nothing, and neither does a rate of zero.

    >>> time_left([Measure(left=1000, rates=(10.0, 20.0))])
    TimeLeft(low_seconds=45.0, high_seconds=110.0)
    >>> time_left([Measure(left=0, rates=(10.0,)), Measure(left=50, rates=(None, 0.0))]) is None
    True
    """
    guesses = [measure.left / rate for measure in measures if measure.left > 0 for rate in measure.rates if rate]
    if not guesses:
        return None
    return TimeLeft(
        low_seconds=round(min(guesses) * (1 - ESTIMATE_ERROR), 1),
        high_seconds=round(max(guesses) * (1 + ESTIMATE_ERROR), 1),
    )


class TableProgress(msgspec.Struct, frozen=True, kw_only=True):
    """The copy of one table: rows and bytes done, of so many by the source's statistics (0: unknown)."""

    rows: int
    estimated_rows: int
    bytes: int
    estimated_bytes: int
    copied: bool


class CopyProgress(msgspec.Struct, frozen=True, kw_only=True):
    """The full stage: sums over its tables, rates a second, and the time that is left.

    `planning`: more tables are to be planned, so that the sums are none of the whole.
    """

    rows: int
    estimated_rows: int
    bytes: int
    estimated_bytes: int
    tables_copied: int
    rows_per_second: float | None
    bytes_per_second: float | None
    left: TimeLeft | None
    tables: dict[str, TableProgress]
    planning: bool = False


def copy_progress(state: TaskState, sample: Sample) -> CopyProgress | None:
    """Where the copy stands; None before any table is planned.

    >>> from syncwizard.task.state import TableState
    >>> table = TableState(pair_lsn="0/1", chunks=1, estimated_rows=100, estimated_bytes=9000, binary=True)
    >>> sample = Sample(copied_rows={"a.b": 40}, copied_bytes={"a.b": 3000}, copied_bytes_per_second=60.0)
    >>> progress = copy_progress(TaskState(tables={"a.b": table}), sample)
    >>> progress.rows, progress.estimated_rows, progress.left
    (40, 100, TimeLeft(low_seconds=90.0, high_seconds=110.0))
    """
    if not state.tables:
        return None
    rows, size = sample.copied_rows or {}, sample.copied_bytes or {}
    aside = {str(name) for event in state.aside for name in event.names}
    tables = {
        name: TableProgress(
            rows=table.rows if table.copied else rows.get(name, 0),
            estimated_rows=max(0, table.estimated_rows),
            bytes=table.bytes if table.copied else size.get(name, 0),
            estimated_bytes=max(0, table.estimated_bytes),
            copied=table.copied,
        )
        for name, table in state.tables.items()
        # The rest of one that is set aside is not to come.
        if table.copied or name not in aside
    }
    unfinished = [table for table in tables.values() if not table.copied]
    share = _share_of_estimate(tables.values())
    left = [
        Measure(
            left=sum(max(0, table.estimated_bytes * share - table.bytes) for table in unfinished),
            rates=(sample.copied_bytes_per_second, sample.mean_copied_bytes_per_second),
        ),
        Measure(
            left=sum(max(0, table.estimated_rows - table.rows) for table in unfinished),
            rates=(sample.copied_rows_per_second, sample.mean_copied_rows_per_second),
        ),
    ]
    return CopyProgress(
        rows=sum(table.rows for table in tables.values()),
        estimated_rows=sum(_expected(table.copied, table.rows, table.estimated_rows) for table in tables.values()),
        bytes=sum(table.bytes for table in tables.values()),
        estimated_bytes=sum(_expected(table.copied, table.bytes, table.estimated_bytes) for table in tables.values()),
        tables_copied=len(tables) - len(unfinished),
        rows_per_second=sample.copied_rows_per_second,
        bytes_per_second=sample.copied_bytes_per_second,
        left=time_left(left) if unfinished and not state.planning else None,
        tables=tables,
        planning=state.planning,
    )


def _share_of_estimate(tables: Iterable[TableProgress]) -> float:
    """How many bytes came for each that was estimated: pages of small tables are mostly empty, values are compressed.
    1 until a tenth of the estimate is copied.

    >>> small = TableProgress(rows=2, estimated_rows=0, bytes=40, estimated_bytes=8000, copied=True)
    >>> _share_of_estimate([small, small, msgspec.structs.replace(small, copied=False)])
    0.005
    >>> _share_of_estimate([small, msgspec.structs.replace(small, copied=False, estimated_bytes=1_000_000)])
    1.0
    """
    tables = list(tables)
    copied = [table for table in tables if table.copied and table.estimated_bytes]
    estimated = sum(table.estimated_bytes for table in copied)
    if estimated == 0 or estimated < 0.1 * sum(table.estimated_bytes for table in tables):
        return 1.0
    return sum(table.bytes for table in copied) / estimated


def _expected(copied: bool, done: int, estimated: int) -> int:
    """Of a table that is copied everything is known; one that outgrew its estimate has at least what is done."""
    return done if copied else max(done, estimated)


def source_end(sample: Sample) -> int | None:
    """The furthest position known of the source: its end is asked for once a second, and the stream may be ahead.

    >>> source_end(Sample(source_lsn="0/30", received_lsn="0/38"))
    56
    >>> source_end(Sample(received_lsn="0/38")) is None
    True
    """
    if not sample.source_lsn:
        return None
    return max(parse_lsn(lsn) for lsn in (sample.source_lsn, sample.received_lsn, sample.applied_lsn) if lsn)


def backlog_bytes(sample: Sample) -> int | None:
    """WAL between the source's end and what is applied; None while either is unknown.

    >>> backlog_bytes(Sample(source_lsn="0/30", applied_lsn="0/10"))
    32
    >>> backlog_bytes(Sample(source_lsn="0/30", received_lsn="0/38", applied_lsn="0/10"))
    40
    >>> backlog_bytes(Sample(applied_lsn="0/10")) is None
    True
    """
    end = source_end(sample)
    return None if end is None or not sample.applied_lsn else end - parse_lsn(sample.applied_lsn)


def index_fraction(build: IndexBuild) -> float | None:
    """How much of its phase a build has done (0 to 1); None where the server does not count.

    >>> index_fraction(IndexBuild(name="i", table="t", phase="building index: scanning table",
    ...     blocks_done=5, blocks_total=20))
    0.25
    >>> index_fraction(IndexBuild(name="i", table="t", phase="waiting for writers before build")) is None
    True
    """
    tuples = (build.tuples_done, build.tuples_total)
    blocks = (build.blocks_done, build.blocks_total)
    # Sorting counts tuples while the figures of the scan before it still stand.
    for done, total in (blocks, tuples) if "scanning" in build.phase else (tuples, blocks):
        if total > 0:
            return min(1.0, done / total)
    return None


def total(counts: Mapping[str, int] | None) -> int:
    """The sum over tables."""
    return sum((counts or {}).values())
