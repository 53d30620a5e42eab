"""Merges the samples of all parts into one, keeps totals that survive restarts of parts and engine, and rates."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Literal

import msgspec

from syncwizard.task.event_words import count_changes
from syncwizard.task.events import ChangesApplied
from syncwizard.task.figures.rates import (
    WINDOW_SECONDS,
    Point,
    backlog_bytes,
    forget_before,
    index_fraction,
    rate_over,
    total,
)
from syncwizard.task.figures.sample import IndexBuild, Sample
from syncwizard.task.lsn import parse_lsn
from syncwizard.task.state import TaskState

replace = msgspec.structs.replace
Counts = dict[str, dict[str, int]]

# `durable`: something is at the destination for good; `seen`: work goes on, but all of it may have to be done again.
Progress = Literal["none", "seen", "durable"]


SLOT_FIGURES = (
    "slot_exists",
    "slot_retained_bytes",
    "slot_wal_status",
    "slot_safe_bytes",
    "slot_life",
    "wal_directory_bytes",
)
# Points closer together than this would add nothing to a rate but memory.
POINT_SECONDS = 0.5
# What a source writes comes in bursts: checkpoints, nightly jobs.
WAL_WINDOW_SECONDS = 60.0


class Counter:
    """The recent past of a number that grows; `began` is its first point. One that falls begins anew.

    `window` in seconds: what counts as recent.
    """

    def __init__(self, window: float = WINDOW_SECONDS) -> None:
        self._window = window
        self._points: list[Point] = []
        self._began: Point | None = None

    def add(self, at: float, value: float) -> None:
        """Its value now."""
        point = Point(at, value)
        if self._began is None or value < self._points[-1].value:
            self._began, self._points = point, [point]
            return
        # The first of the points stays: a rate begins with it.
        if len(self._points) > 1 and at - self._points[-2].at < POINT_SECONDS:
            self._points[-1] = point
        else:
            self._points = forget_before([*self._points, point], at - self._window)

    def recent(self, now: float) -> float | None:
        """Growth a second over the last seconds."""
        return rate_over(self._points, now, self._window)

    def mean(self) -> float | None:
        """Growth a second from its first point to its last."""
        if self._began is None:
            return None
        return rate_over([self._began, self._points[-1]], self._points[-1].at, float("inf"))


class Metrics:
    """The latest figures; any thread may add to them.

    `Sample.changes` and `Sample.transactions` come in as totals of one run of a stage and go out as totals of
    the task's life.
    """

    def __init__(self, state: TaskState, clock: Callable[[], float] = time.monotonic) -> None:
        """Goes on from the totals of the journal."""
        self._clock = clock
        self._copied_rows, self._copied_bytes = Counter(), Counter()
        self._applied_rows, self._applied_bytes = Counter(), Counter()
        self._source_wal, self._applied_wal = Counter(WAL_WINDOW_SECONDS), Counter()
        self._received_wal, self._acknowledged_wal = Counter(), Counter()
        # The share of each phase of each index that is built now.
        self._builds: dict[tuple[str, str], Counter] = {}
        self._lock = threading.Lock()
        self._base_changes: Counts = state.changes
        self._base_transactions = state.transactions
        self._run = Sample()
        self._merged = Sample(applied_lsn=state.applied_lsn)
        self._reported: ChangesApplied | None = None

    def begin_run(self) -> None:
        """A stage starts to count from zero."""
        with self._lock:
            self._keep_run()

    def take(self, sample: Sample) -> Progress:
        """Adds a sample; tells whether it shows progress."""
        with self._lock:
            if sample.transactions is not None and sample.transactions < (self._run.transactions or 0):
                self._keep_run()
            progress = progress_of(self._merged, sample)
            self._run = merge(self._run, Sample(changes=sample.changes, transactions=sample.transactions))
            # What was longest since the sample before is news of that sample alone.
            self._merged = merge(self._merged, replace(sample, longest_latency_seconds=None))
            self._count(sample)
            return progress

    def merged(self) -> Sample:
        """All figures, with totals of the task's life and the rates of this moment."""
        with self._lock:
            now = self._clock()
            return replace(
                self._rated(self._merged, now),
                changes=add_counts(self._base_changes, self._run.changes or {}),
                transactions=self._base_transactions + (self._run.transactions or 0),
                mean_copied_rows_per_second=self._copied_rows.mean(),
                mean_copied_bytes_per_second=self._copied_bytes.mean(),
                wal_bytes_per_second=self._source_wal.recent(now),
                received_wal_bytes_per_second=self._received_wal.recent(now),
                applied_wal_bytes_per_second=self._applied_wal.recent(now),
                acknowledged_wal_bytes_per_second=self._acknowledged_wal.recent(now),
                index_builds=self._rated_builds(),
            )

    def latest(self) -> Sample:
        """The figures as they came last, without totals and rates, which cost time by table."""
        with self._lock:
            return self._merged

    def measured(self) -> Sample:
        """What a history keeps: latency, backlog and the rates of this moment, without what costs time by table."""
        with self._lock:
            known = self._merged
            wanted = Sample(
                latency_seconds=known.latency_seconds,
                latency_at=known.latency_at,
                source_lsn=known.source_lsn,
                applied_lsn=known.applied_lsn,
            )
            return self._rated(wanted, self._clock())

    def slot_age(self, now: float) -> float | None:
        """How old the figures of the slot are, in seconds; None before there are any. `now` since the epoch."""
        with self._lock:
            return None if self._merged.slot_at is None else now - self._merged.slot_at

    def totals(self) -> ChangesApplied | None:
        """The totals as an event, None when nothing changed since the last call."""
        sample = self.merged()
        event = ChangesApplied(
            tables=sample.changes or {}, transactions=sample.transactions or 0, applied_lsn=sample.applied_lsn or ""
        )
        if self._run == Sample() and self._reported is None:
            return None
        if event == self._reported:
            return None
        self._reported = event
        return event

    def _rated(self, sample: Sample, now: float) -> Sample:
        return replace(
            sample,
            copied_rows_per_second=self._copied_rows.recent(now),
            copied_bytes_per_second=self._copied_bytes.recent(now),
            rows_per_second=self._applied_rows.recent(now),
            bytes_per_second=self._applied_bytes.recent(now),
            backlog_bytes=backlog_bytes(sample),
        )

    def _count(self, sample: Sample) -> None:
        """Adds points to the counters that the sample has news of."""
        now = self._clock()
        if sample.copied_rows is not None:
            self._copied_rows.add(now, total(self._merged.copied_rows))
        if sample.copied_bytes is not None:
            self._copied_bytes.add(now, total(self._merged.copied_bytes))
        if sample.changes is not None:
            self._applied_rows.add(now, count_changes(self._base_changes) + count_changes(self._run.changes or {}))
        if sample.applied_bytes is not None:
            self._applied_bytes.add(now, sample.applied_bytes)
        if sample.source_lsn:
            self._source_wal.add(now, parse_lsn(sample.source_lsn))
        positions = (
            (self._received_wal, sample.received_lsn),
            (self._applied_wal, sample.applied_lsn),
            (self._acknowledged_wal, sample.acknowledged_lsn),
        )
        for counter, lsn in positions:
            if lsn:
                counter.add(now, parse_lsn(lsn))
        if sample.index_builds is not None:
            self._count_builds(now, sample.index_builds)

    def _count_builds(self, now: float, builds: list[IndexBuild]) -> None:
        fractions = {(build.name, build.phase): index_fraction(build) for build in builds}
        self._builds = {key: self._builds.get(key, Counter()) for key in fractions}
        for key, fraction in fractions.items():
            if fraction is not None:
                self._builds[key].add(now, fraction)

    def _rated_builds(self) -> list[IndexBuild] | None:
        """The builds with the rates of their phases, from their beginning on: a scan of a large table is even."""
        builds = self._merged.index_builds
        if builds is None:
            return None
        return [replace(build, done_per_second=self._builds[build.name, build.phase].mean()) for build in builds]

    def _keep_run(self) -> None:
        self._base_changes = add_counts(self._base_changes, self._run.changes or {})
        self._base_transactions += self._run.transactions or 0
        self._run = Sample()


def merge(old: Sample, new: Sample) -> Sample:
    """The old sample with what the new one knows; figures per table are replaced table by table, those of the slot
    together: a limit that was lifted is none.

    >>> merge(Sample(copied_rows={"a": 1}, latency_seconds=2.0), Sample(copied_rows={"b": 3})).copied_rows
    {'a': 1, 'b': 3}
    """
    known = {name: value for name, value in msgspec.structs.asdict(new).items() if value is not None}
    for name in ("copied_rows", "copied_bytes", "changes"):
        before = getattr(old, name)
        if name in known and before:
            known[name] = {**before, **known[name]}
    if new.slot_at is not None:
        known |= {name: getattr(new, name) for name in SLOT_FIGURES}
    return replace(old, **known)


def add_counts(first: Mapping[str, Mapping[str, int]], second: Mapping[str, Mapping[str, int]]) -> Counts:
    """The sum, table by table and kind by kind.

    >>> add_counts({"t": {"insert": 1}}, {"t": {"insert": 2, "delete": 1}})
    {'t': {'insert': 3, 'delete': 1}}
    """
    total = {table: dict(counts) for table, counts in first.items()}
    for table, counts in second.items():
        into = total.setdefault(table, {})
        for kind, count in counts.items():
            into[kind] = into.get(kind, 0) + count
    return total


def progress_of(before: Sample, sample: Sample) -> Progress:
    """Which progress the sample proves: a later position or latency is durable, rows of an unfinished copy are not.

    >>> progress_of(Sample(applied_lsn="0/10"), Sample(applied_lsn="0/11"))
    'durable'
    >>> progress_of(Sample(applied_lsn="0/10"), Sample(applied_lsn="0/10", source_lsn="0/99"))
    'none'
    >>> progress_of(Sample(), Sample(copied_rows={"a": 1}))
    'seen'
    """
    if sample.applied_lsn and (not before.applied_lsn or parse_lsn(sample.applied_lsn) > parse_lsn(before.applied_lsn)):
        return "durable"
    if sample.latency_at is not None and sample.latency_at > (before.latency_at or 0.0):
        return "durable"
    copied = before.copied_rows or {}
    grown = any(rows > copied.get(table, 0) for table, rows in (sample.copied_rows or {}).items())
    return "seen" if grown else "none"
