"""The past of a task's figures in a few resolutions, finely for the last hour and coarsely for its whole life. Pure.

Samples, not facts: what was lost is a gap. A bucket keeps the peak of each figure and its mean, so that no spike is
averaged away however far back one looks.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from syncwizard.task.figures.rates import backlog_bytes
from syncwizard.task.figures.sample import Sample
from syncwizard.task.figures.totals import FRESH_SECONDS

replace = msgspec.structs.replace

# No task rests so long: a clock that was wrong must not make a ring as wide as its error.
LONGEST_GAP_SECONDS = 366 * 86400


class Spread(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Measurements of one figure: the largest, their mean, and how many they were."""

    peak: float
    mean: float
    count: int = 1


class Figures(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What was measured in some time; None where nothing was. Rows and bytes are those that the destination got;
    `held_bytes`: the WAL that the slot holds."""

    latency_seconds: Spread | None = None
    rows_per_second: Spread | None = None
    bytes_per_second: Spread | None = None
    backlog_bytes: Spread | None = None
    held_bytes: Spread | None = None


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """The figures at a moment (seconds since the epoch, by the engine's clock)."""

    at: float
    figures: Figures


class Bucket(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The figures of the seconds from `number` × the ring's width on."""

    number: int
    figures: Figures


class Ring(msgspec.Struct, frozen=True, kw_only=True):
    """Buckets of one width, oldest first, of which the newest spans `keep` at most.

    One that `widens` forgets nothing: its width is doubled instead.
    """

    width_seconds: int
    keep: int
    widens: bool = False
    buckets: tuple[Bucket, ...] = ()


# An hour of 5 s, so that minutes are fine; a day of 1 min; and all of a task's life, 15 min for its first two weeks.
# At most 3,504 buckets, 310 kB as JSON; another second costs 60 µs.
RINGS = (
    Ring(width_seconds=5, keep=720),
    Ring(width_seconds=60, keep=1440),
    Ring(width_seconds=900, keep=1344, widens=True),
)


class History(msgspec.Struct, frozen=True):
    """The rings, finest first."""

    rings: tuple[Ring, ...] = RINGS

    @property
    def empty(self) -> bool:
        """Whether nothing was ever measured."""
        return not any(ring.buckets for ring in self.rings)


class Stretch(NamedTuple):
    """Figures that hold from `start` to `end` (seconds since the epoch)."""

    start: float
    end: float
    figures: Figures


def observe(sample: Sample, now: float, latency: Spread | None = None) -> Observation:
    """The figures of a sample at a moment; `latency`: all that was measured since the observation before.

    While no heartbeat arrives, the latency is the age of the last one at least.

    >>> observe(Sample(latency_seconds=0.1, latency_at=90.0), 102.0).figures.latency_seconds
    Spread(peak=12.0, mean=12.0, count=1)
    """
    if sample.latency_at is not None and now - sample.latency_at > FRESH_SECONDS:
        latency = join(latency, single(now - sample.latency_at))
    rows = _sum(sample.copied_rows_per_second, sample.rows_per_second)
    size = _sum(sample.copied_bytes_per_second, sample.bytes_per_second)
    held = single(sample.slot_retained_bytes)
    figures = Figures(latency, single(rows), single(size), single(backlog_bytes(sample)), held)
    return Observation(at=now, figures=figures)


def _sum(*rates: float | None) -> float | None:
    known = [rate for rate in rates if rate is not None]
    return sum(known) if known else None


def single(value: float | None) -> Spread | None:
    """One measurement, or none."""
    return None if value is None else Spread(value, value)


def join(one: Spread | None, other: Spread | None) -> Spread | None:
    """Both together.

    >>> join(Spread(9.0, 3.0, 3), Spread(4.0, 4.0))
    Spread(peak=9.0, mean=3.25, count=4)
    >>> join(None, Spread(4.0, 4.0))
    Spread(peak=4.0, mean=4.0, count=1)
    """
    if one is None or other is None:
        return one or other
    count = one.count + other.count
    return Spread(max(one.peak, other.peak), one.mean + (other.mean - one.mean) * other.count / count, count)


def together(one: Figures, other: Figures) -> Figures:
    """Each figure of both together."""
    return Figures(
        join(one.latency_seconds, other.latency_seconds),
        join(one.rows_per_second, other.rows_per_second),
        join(one.bytes_per_second, other.bytes_per_second),
        join(one.backlog_bytes, other.backlog_bytes),
        join(one.held_bytes, other.held_bytes),
    )


def add(history: History, observation: Observation) -> History:
    """The history with one more observation, if that found anything.

    After a clock that was put back, what is of later than now is forgotten.
    """
    if observation.figures == Figures():
        return history
    return History(tuple(_added(ring, observation) for ring in history.rings))


def _added(ring: Ring, observation: Observation) -> Ring:
    number = int(observation.at // ring.width_seconds)
    before = ring.buckets
    while before and before[-1].number > number:
        before = before[:-1]
    if before and (number - before[-1].number) * ring.width_seconds > LONGEST_GAP_SECONDS:
        before = ()
    if before and before[-1].number == number:
        joined = Bucket(number, together(before[-1].figures, observation.figures))
        return replace(ring, buckets=(*before[:-1], joined))
    # No more is added to the bucket before: its figures may be short from now on.
    closed = (*before[:-1], _shortened(before[-1])) if before else ()
    return _bounded(replace(ring, buckets=(*closed, Bucket(number, observation.figures))))


def _bounded(ring: Ring) -> Ring:
    """The ring within its span."""
    buckets, newest = ring.buckets, ring.buckets[-1].number
    if newest - buckets[0].number < ring.keep:
        return ring
    if ring.widens:
        return _bounded(widened(ring))
    kept = next(index for index, bucket in enumerate(buckets) if newest - bucket.number < ring.keep)
    return replace(ring, buckets=buckets[kept:])


def widened(ring: Ring) -> Ring:
    """The same in buckets of twice the width.

    >>> figures = Figures(latency_seconds=Spread(2.0, 1.0, 4))
    >>> ring = Ring(width_seconds=60, keep=9, buckets=(Bucket(6, figures), Bucket(7, figures), Bucket(9, figures)))
    >>> [(bucket.number, bucket.figures.latency_seconds.count) for bucket in widened(ring).buckets]
    [(3, 8), (4, 4)]
    """
    found: list[Bucket] = []
    for bucket in ring.buckets:
        number = bucket.number // 2
        if found and found[-1].number == number:
            found[-1] = Bucket(number, together(found[-1].figures, bucket.figures))
        else:
            found.append(Bucket(number, bucket.figures))
    return replace(ring, width_seconds=2 * ring.width_seconds, buckets=tuple(found))


def _shortened(bucket: Bucket) -> Bucket:
    """The bucket with figures of four digits: a chart shows no more, and a third of the bytes are enough."""
    figures = bucket.figures
    return Bucket(
        bucket.number,
        Figures(
            _short(figures.latency_seconds),
            _short(figures.rows_per_second),
            _short(figures.bytes_per_second),
            _short(figures.backlog_bytes),
            _short(figures.held_bytes),
        ),
    )


def _short(spread: Spread | None) -> Spread | None:
    if spread is None:
        return None
    return Spread(float(f"{spread.peak:.4g}"), float(f"{spread.mean:.4g}"), spread.count)


def merge(one: History, other: History) -> History:
    """What either knows: of two buckets of the same time the one that more was measured for."""
    if len(one.rings) != len(other.rings):
        return other if one.empty else one
    return History(tuple(_merged(mine, theirs) for mine, theirs in zip(one.rings, other.rings, strict=True)))


def _merged(one: Ring, other: Ring) -> Ring:
    while one.widens and one.width_seconds < other.width_seconds:
        one = widened(one)
    while other.widens and other.width_seconds < one.width_seconds:
        other = widened(other)
    if not one.buckets or one.width_seconds != other.width_seconds:
        return other
    if not other.buckets:
        return one
    found = {bucket.number: bucket for bucket in one.buckets}
    for bucket in other.buckets:
        mine = found.get(bucket.number)
        if mine is None or _measured(bucket) >= _measured(mine):
            found[bucket.number] = bucket
    return _bounded(replace(other, buckets=tuple(found[number] for number in sorted(found))))


def _measured(bucket: Bucket) -> int:
    figures = bucket.figures
    streamed = (figures.latency_seconds, figures.rows_per_second, figures.bytes_per_second)
    spreads = (*streamed, figures.backlog_bytes, figures.held_bytes)
    return sum(spread.count for spread in spreads if spread is not None)


def began(history: History) -> float | None:
    """When the first of what is known was measured, in seconds since the epoch, as exactly as that is known still.

    >>> began(add(History(), Observation(at=1000.0, figures=Figures(single(1.0)))))
    1000.0
    """
    start, until = None, 0.0
    for ring in reversed(history.rings):
        if ring.buckets and (start is None or ring.buckets[0].number * ring.width_seconds < until):
            start = float(ring.buckets[0].number * ring.width_seconds)
            until = start + ring.width_seconds
    return start


def stretches(history: History, start: float, now: float) -> Iterator[Stretch]:
    """All that is known from `start` to `now`, oldest first, from the finest ring that reaches back so far."""
    known = next((ring for ring in history.rings if ring.width_seconds * ring.keep >= now - start), history.rings[-1])
    width = known.width_seconds
    for bucket in known.buckets:
        if start < (bucket.number + 1) * width and bucket.number * width <= now:
            yield Stretch(bucket.number * width, (bucket.number + 1) * width, bucket.figures)


def grouped(found: Iterable[Stretch], seconds: float) -> list[Stretch]:
    """Stretches in order, together where they begin in the same span of so many seconds; spans with nothing are left
    out.

    >>> hours = grouped([Stretch(at, at + 900.0, Figures(single(at))) for at in (0.0, 900.0, 7200.0)], 3600.0)
    >>> [(hour.start, hour.figures.latency_seconds.peak) for hour in hours]
    [(0.0, 900.0), (7200.0, 7200.0)]
    """
    groups: list[Stretch] = []
    for stretch in found:
        start = stretch.start // seconds * seconds
        if groups and groups[-1].start == start:
            groups[-1] = Stretch(start, start + seconds, together(groups[-1].figures, stretch.figures))
        else:
            groups.append(Stretch(start, start + seconds, stretch.figures))
    return groups


def latency_by_minute(history: History, now: float, minutes: int = 60) -> tuple[tuple[int, float], ...]:
    """The longest latency of each of the last minutes with one, by the number of the minute since the epoch.

    >>> history = add(History(), Observation(at=1200.0, figures=Figures(latency_seconds=single(0.5))))
    >>> latency_by_minute(history, 1230.0)
    ((20, 0.5),)
    """
    peaks: dict[int, float] = {}
    for stretch in stretches(history, now - 60 * minutes, now):
        if stretch.figures.latency_seconds is not None:
            minute = int(stretch.start // 60)
            peaks[minute] = max(peaks.get(minute, 0.0), stretch.figures.latency_seconds.peak)
    return tuple(sorted(peaks.items()))
