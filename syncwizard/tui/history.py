"""What a chart shows: the recent past of one figure, in as many points as a chart has columns. Pure."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

# So many points each range keeps: more than a terminal has columns for a chart.
POINTS = 300


class Range(msgspec.Struct, frozen=True):
    """How far back a chart goes."""

    name: str
    seconds: int


RANGES = (Range("5 min", 300), Range("1 h", 3600), Range("24 h", 86400))

Combine = Literal["longest", "mean"]


class History:
    """Keeps a figure in three resolutions, from when it was first told; memory does not grow.

    `longest` keeps the largest value of a point's time, so that no spike is lost by looking at a day; `mean` the mean.
    """

    def __init__(self, combine: Combine) -> None:
        self._combine = combine
        self._rings = {each.seconds: _Ring(each.seconds / POINTS, combine) for each in RANGES}

    def add(self, at: float, value: float) -> None:
        """A value, measured at `at` (seconds since the epoch)."""
        for ring in self._rings.values():
            ring.add(at, value)

    def columns(self, shown: Range, now: float, count: int) -> list[float | None]:
        """The range in `count` columns, the last one ending now; None where nothing was measured.

        >>> history = History("longest")
        >>> for second in range(4): history.add(1000.0 + second, second)
        >>> history.columns(RANGES[0], 1004.0, 150)[-3:]
        [None, 1, 3]
        """
        return self._rings[shown.seconds].columns(shown.seconds, now, count)


class _Ring:
    """Values of one resolution: a bucket of `width` seconds each."""

    def __init__(self, width: float, combine: Combine) -> None:
        self._width = width
        self._join: Callable[[Sequence[float]], float] = max if combine == "longest" else _mean
        self._done: deque[tuple[float, float]] = deque(maxlen=POINTS + 1)
        self._bucket: int | None = None
        self._values: list[float] = []

    def add(self, at: float, value: float) -> None:
        bucket = int(at // self._width)
        if self._bucket is not None and bucket != self._bucket and self._values:
            self._done.append((self._bucket * self._width, self._join(self._values)))
            self._values = []
        self._bucket = bucket
        self._values.append(value)

    def columns(self, seconds: int, now: float, count: int) -> list[float | None]:
        points = list(self._done)
        if self._bucket is not None and self._values:
            points.append((self._bucket * self._width, self._join(self._values)))
        columns: list[list[float]] = [[] for _ in range(count)]
        for at, value in points:
            index = int((at - (now - seconds)) / seconds * count)
            if 0 <= index <= count:
                # What was measured this very moment belongs to the last column.
                columns[min(index, count - 1)].append(value)
        return [self._join(values) if values else None for values in columns]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def runs(columns: Sequence[float | None]) -> list[tuple[list[int], list[float]]]:
    """The stretches without a gap, each as positions and values. A single missing column is no gap.

    >>> runs([None, 1.0, 2.0, None, None, 5.0])
    [([1, 2], [1.0, 2.0]), ([5], [5.0])]
    >>> runs([1.0, None, 2.0])
    [([0, 2], [1.0, 2.0])]
    """
    found: list[tuple[list[int], list[float]]] = []
    last = None
    for index, value in enumerate(columns):
        if value is None:
            continue
        if last is None or index - last > 2:
            found.append(([], []))
        found[-1][0].append(index)
        found[-1][1].append(value)
        last = index
    return found


def ceiling(values: Sequence[float]) -> float:
    """A round number at or above them all: 1, 2 or 5 and noughts; 1 where there is nothing.

    >>> ceiling([3.2, 0.1]), ceiling([]), ceiling([0.0]), ceiling([120.0])
    (5.0, 1.0, 1.0, 200.0)
    """
    top = max(values, default=0.0)
    if top <= 0:
        return 1.0
    magnitude = 1.0
    while magnitude > top:
        magnitude /= 10
    while magnitude * 10 < top:
        magnitude *= 10
    return next(step * magnitude for step in (1.0, 2.0, 5.0, 10.0) if step * magnitude >= top)
