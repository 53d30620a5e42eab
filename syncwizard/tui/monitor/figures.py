"""The headline figures of the monitor: each with its unit, its age, and its last minutes. Pure."""

from collections.abc import Callable, Sequence

import msgspec

from syncwizard.client.looking import Seen
from syncwizard.task.figures.history import Figures, History, Spread
from syncwizard.task.figures.rates import backlog_bytes, copy_progress
from syncwizard.task.figures.retention import Retention, threat
from syncwizard.task.figures.sample import Sample
from syncwizard.task.figures.totals import FRESH_SECONDS, how_old
from syncwizard.task.text import age, describe_bytes, format_seconds, short_count
from syncwizard.tui.formatting import Tone
from syncwizard.tui.monitor.history import Window, columns
from syncwizard.tui.monitor.link import View
from syncwizard.tui.plotting import trail as trail_line

DASH = "–"
# What stands under a figure: its last minutes, in columns of so many seconds.
TRAIL_SECONDS = 300.0


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A headline figure: its name, its value with unit, and a remark where there is room.

    `note` is shown in its place whatever the room: how old the figure is, or that there is none. `aged`: it is of
    another time than now; `brief`: what stands for value and note where all figures share a line. `trail`: the figure's
    last minutes, in the columns there are room for, and `peak` the highest of them.
    """

    name: str
    value: str
    remark: str = ""
    note: str = ""
    tone: Tone = "plain"
    aged: bool = False
    brief: str = ""
    trail: str = ""
    peak: str = ""


def are_old(view: View, now: float) -> bool:
    """Whether the figures are of another time than now."""
    return view.figures_at is None or now - view.figures_at > FRESH_SECONDS


def figures_of(view: View, now: float, trail_columns: int) -> tuple[Figure, ...]:
    """Latency, rate, backlog and WAL held; an unknown one is a dash. Each with its past in so many columns."""
    sample = view.seen.sample
    found = (_latency(sample, now), _rate(view.seen), _backlog(sample, now), _held(view.seen.retention, now))
    return tuple(
        with_trail(figure, trail, view.history, now, trail_columns) for figure, trail in zip(found, TRAILS, strict=True)
    )


# Of each figure what is kept of it, and how it is written.
Trail = tuple[Callable[[Figures], Spread | None], Callable[[float], str]]
TRAILS: tuple[Trail, ...] = (
    (lambda figures: figures.latency_seconds, format_seconds),
    (lambda figures: figures.rows_per_second, short_count),
    (lambda figures: figures.backlog_bytes, describe_bytes),
    (lambda figures: figures.held_bytes, describe_bytes),
)


def with_trail(figure: Figure, trail: Trail, history: History, now: float, count: int) -> Figure:
    """The figure with its last minutes up to `now` in so many columns."""
    kept, written = trail
    values = trail_of(history, kept, now, count)
    known = [value for value in values if value is not None]
    if not known:
        return figure
    return msgspec.structs.replace(figure, trail=trail_line(values), peak=f"≤ {written(max(known))}")


def trail_of(
    history: History, kept: Callable[[Figures], Spread | None], now: float, count: int
) -> Sequence[float | None]:
    """The peaks of the last minutes in so many columns, the last one up to now."""
    if count < 1:
        return []
    width = TRAIL_SECONDS / count
    end = (now // width + 1) * width
    spreads = columns(history, kept, Window(end - TRAIL_SECONDS, end), now, count)
    return [None if spread is None else spread.peak for spread in spreads]


def _backlog(sample: Sample, now: float) -> Figure:
    backlog = backlog_bytes(sample)
    if backlog is None:
        return Figure(name="backlog", value=DASH)
    # What the source has written since it was looked at is in no figure.
    old = _age_of(sample.source_at, now)
    return Figure(name="backlog", value=describe_bytes(backlog), note=old, aged=bool(old), brief="?" if old else "")


def _age_of(at: float | None, now: float) -> str:
    """In one unit: a tile has no room for two."""
    return f"{age(now - at)} ago" if at is not None and how_old(at, now) else ""


def _held(held: Retention | None, now: float) -> Figure:
    if held is None:
        return Figure(name="WAL held", value=DASH)
    old = _age_of(held.measured_at, now)
    if not held.measured.exists:
        return Figure(name="WAL held", value=DASH, note="no slot", tone="warn", aged=bool(old))
    safe = held.measured.safe_bytes
    if held.measured.wal_status == "lost":
        remark = "lost"
    else:
        remark = "without a limit" if safe is None else f"lost after {describe_bytes(max(0, safe))} more"
    tone: Tone = "warn" if threat(held.measured).step else "plain"
    size = describe_bytes(held.measured.retained_bytes)
    return Figure(name="WAL held", value=size, remark=remark, note=old, tone=tone, aged=bool(old))


def _latency(sample: Sample, now: float) -> Figure:
    if sample.latency_seconds is None or sample.latency_at is None:
        return Figure(name="latency", value=DASH)
    since = now - sample.latency_at
    if since > FRESH_SECONDS:
        return Figure(name="latency", value=f"> {age(since)}", remark="no heartbeat since", tone="warn")
    return Figure(name="latency", value=format_seconds(sample.latency_seconds))


def _rate(seen: Seen) -> Figure:
    sample = seen.sample
    if copy_progress(seen.state, sample) is not None and not seen.state.finished("full"):
        rows, size, name = sample.copied_rows_per_second, sample.copied_bytes_per_second, "rows/s"
    else:
        rows, size, name = sample.rows_per_second, sample.bytes_per_second, "changes/s"
    remark = f"{describe_bytes(size)}/s" if size is not None else ""
    return Figure(name=name, value=DASH if rows is None else short_count(rows), remark=remark)
