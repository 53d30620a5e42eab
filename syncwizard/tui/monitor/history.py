"""What a chart shows: the past of one figure, in as many points as the chart has columns. Pure."""

import datetime
from collections.abc import Callable, Iterable, Sequence
from functools import reduce

import msgspec

from syncwizard.client.looking import Seen
from syncwizard.task.figures.history import Figures, History, Spread, began, join, stretches
from syncwizard.task.text import span


class Range(msgspec.Struct, frozen=True):
    """How far back a chart goes; `seconds` is None for all that is known."""

    name: str
    seconds: int | None


RANGES = (Range("5 min", 300), Range("1 h", 3600), Range("24 h", 86400), Range("all", None))
# A chart of all begins with no less: a task that has just begun is no line from edge to edge.
LEAST_SECONDS = 300.0
# A stage nearly as long as the range is shown in the range's round time.
WORTH_CUTTING = 0.9


class Window(msgspec.Struct, frozen=True):
    """The time that a chart covers, in seconds since the epoch."""

    start: float
    end: float


def window_of(history: History, shown: Range, now: float, count: int, since: float | None = None) -> Window:
    """The range up to now in whole columns of `count`: what has happened stays in its column until that moves on.

    It begins no earlier than `since`, unless all is shown: beside what a copy does a minute, what comes after it in a
    quiet hour is a line on the floor.
    """
    seconds = float(shown.seconds or max(LEAST_SECONDS, now - (began(history) or now)))
    of_stage = max(LEAST_SECONDS, now - since) if since is not None else seconds
    if shown.seconds is not None and of_stage < WORTH_CUTTING * seconds:
        seconds = of_stage
    column = seconds / count
    end = (now // column + 1) * column
    return Window(end - seconds, end)


def stage_began(seen: Seen) -> float | None:
    """When the stage began that the charts are of: the copy, or the stream after it."""
    stages = seen.state.stages
    streaming = stages.get("incremental")
    if streaming is not None and streaming.started_at is not None:
        return streaming.started_at
    return stages["full"].started_at if "full" in stages else None


def columns(
    history: History, figure: Callable[[Figures], Spread | None], window: Window, now: float, count: int
) -> list[Spread | None]:
    """One figure over a window in `count` columns; None where nothing was measured.

    >>> from syncwizard.task.figures.history import Observation, add, single
    >>> history = History()
    >>> for at in (1000.0, 1001.0, 1020.0):
    ...     history = add(history, Observation(at=at, figures=Figures(single(at - 1000))))
    >>> found = columns(history, lambda figures: figures.latency_seconds, Window(1000.0, 1030.0), 1029.0, 6)
    >>> [spread and spread.peak for spread in found]
    [1.0, None, None, None, 20.0, None]
    """
    found: list[Spread | None] = [None] * count
    width = (window.end - window.start) / count
    for stretch in stretches(history, window.start, now):
        spread = figure(stretch.figures)
        if spread is not None:
            start, end = ((moment - window.start) / width for moment in (stretch.start, stretch.end))
            for index in _covered(start, end):
                if 0 <= index < count:
                    found[index] = join(found[index], spread)
    return found


def from_moment(found: Sequence[Spread | None], window: Window, since: float) -> list[Spread | None]:
    """The columns without those that end before the moment: another stage has other rates.

    >>> from_moment([Spread(9.0, 9.0), Spread(1.0, 1.0)], Window(0.0, 20.0), 10.0)
    [None, Spread(peak=1.0, mean=1.0, count=1)]
    """
    width = (window.end - window.start) / max(1, len(found))
    return [spread if window.start + (at + 1) * width > since else None for at, spread in enumerate(found)]


def _covered(start: float, end: float) -> Iterable[int]:
    """The columns that a stretch stands for: the one of its middle, and those whose middle it covers.

    >>> sorted(_covered(2.0, 2.2)), sorted(_covered(1.8, 4.9))
    ([2], [2, 3, 4])
    """
    middle = int((start + end) // 2)
    if end - start <= 1:
        # It covers the middle of no other column.
        return (middle,)
    middles = {index for index in range(int(start), int(end) + 1) if start <= index + 0.5 < end}
    return middles | {middle}


def whole(columns: Sequence[Spread | None]) -> Spread | None:
    """All columns together."""
    return reduce(join, columns, None)


def describe_range(shown: Range, window: Window) -> str:
    """The range in a title.

    >>> describe_range(RANGES[1], Window(0.0, 3600.0)), describe_range(RANGES[3], Window(0.0, 90_000.0))
    ('last 1 h', 'all: 1 d 1 h')
    """
    if shown.seconds is None:
        return f"all: {span(window.end - window.start)}"
    return f"last {shown.name}" if _is_whole(shown, window) else f"last {span(window.end - window.start)}, of the stage"


def _is_whole(shown: Range, window: Window) -> bool:
    """Whether it is as long as was asked for."""
    return shown.seconds is not None and window.end - window.start > shown.seconds - 1


def time_labels(shown: Range, window: Window, count: int, end: str = "now") -> list[tuple[int, str]]:
    """Columns of the time axis and what stands there: how long before its end it begins, times of day or days, and its
    end."""
    seconds = window.end - window.start
    written = "%H:%M:%S" if seconds < 600 else ("%H:%M" if seconds <= 86400 else "%b %d")
    labels = [(0, f"-{shown.name if _is_whole(shown, window) else span(seconds)}")]
    for quarter in (1, 2, 3):
        moment = datetime.datetime.fromtimestamp(window.start + seconds * quarter / 4)
        labels.append((round((count - 1) * quarter / 4), moment.strftime(written)))
    return [*labels, (count - 1, end)]


# Halves of these are round too, and stand at the axis.
_STEPS = (1.0, 2.0, 4.0, 6.0, 8.0, 10.0)
_TIMES = tuple(
    count * unit
    for unit, counts in ((1, (10, 20, 40)), (60, (1, 2, 4, 6, 10, 20, 40)), (3600, (1, 2, 4, 8, 12)))
    for count in counts
)
_DAY = 86400.0


def ceiling(values: Sequence[float]) -> float:
    """A round number at or above them all: 1, 2, 4, 6 or 8 and noughts; 1 where there is nothing.

    >>> ceiling([3.2, 0.1]), ceiling([]), ceiling([0.0]), ceiling([120.0]), ceiling([0.404])
    (4.0, 1.0, 1.0, 200.0, 0.6)
    """
    top = max(values, default=0.0)
    if top <= 0:
        return 1.0
    magnitude = 1.0
    while magnitude > top:
        magnitude /= 10
    while magnitude * 10 < top:
        magnitude *= 10
    return float(f"{next(step * magnitude for step in _STEPS if step * magnitude >= top):.3g}")


def ceiling_of_time(values: Sequence[float]) -> float:
    """A round time at or above them all, in seconds: round in the unit that it is written in.

    >>> ceiling_of_time([0.007]), ceiling_of_time([11.0]), ceiling_of_time([45.0]), ceiling_of_time([5000.0])
    (0.008, 20.0, 60.0, 7200.0)
    >>> ceiling_of_time([200_000.0])
    345600.0
    """
    top = max(values, default=0.0)
    if top <= 10:
        return ceiling(values)
    return float(next((time for time in _TIMES if time >= top), 0)) or ceiling([top / _DAY]) * _DAY
