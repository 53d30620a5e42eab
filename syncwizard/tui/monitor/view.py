"""What the monitor says above its lists: trouble, headline figures, stages, positions. Pure: text with its meaning."""

from collections.abc import Sequence

import msgspec
from rich.cells import cell_len

from syncwizard.client.looking import Seen
from syncwizard.task.figures.rates import backlog_bytes, copy_progress, index_fraction, source_end
from syncwizard.task.figures.retention import Retention, threat
from syncwizard.task.figures.sample import Sample
from syncwizard.task.figures.time_left import stages_left
from syncwizard.task.figures.totals import (
    FRESH_SECONDS,
    copy_fields,
    describe_share,
    describe_time_left,
    how_old,
    retention_fields,
)
from syncwizard.task.lsn import parse_lsn
from syncwizard.task.narration import count_aside, count_missing, describe_aside, describe_missing
from syncwizard.task.specification import TaskSpec
from syncwizard.task.stages import STAGES, StageName, facts_of
from syncwizard.task.text import age, describe_bytes, fit, format_seconds, one_line, short_count, span
from syncwizard.tui.formatting import Part, Tone, mark_of
from syncwizard.tui.monitor.link import View
from syncwizard.tui.task_actions import lost_changes, may_pause, may_release, may_resume, may_set_sequences

# Of the missing definitions: the stages must stay in sight, and the events have all of them.
MISSING_SHOWN = 3


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A headline figure: its name, its value with unit, and a remark where there is room.

    `note` is shown in its place whatever the room: how old the figure is, or that there is none. `aged`: it is of
    another time than now; `brief`: what stands for value and note where all figures share a line.
    """

    name: str
    value: str
    remark: str = ""
    note: str = ""
    tone: Tone = "plain"
    aged: bool = False
    brief: str = ""


def are_old(view: View, now: float) -> bool:
    """Whether the figures are of another time than now."""
    return view.figures_at is None or now - view.figures_at > FRESH_SECONDS


def figures_of(view: View, now: float) -> tuple[Figure, Figure, Figure, Figure]:
    """Latency, rate, backlog and WAL held; an unknown one is a dash."""
    sample = view.seen.sample
    return (_latency(sample, now), _rate(view.seen), _backlog(sample, now), _held(view.seen.retention, now))


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


DASH = "–"


BAR_COLUMNS = 20


def stage_lines(seen: Seen, now: float) -> list[list[Part]]:
    """The stages with what each has done, those at work with progress, rate and time left below."""
    lines: list[list[Part]] = []
    for name in STAGES:
        lines += _stage(name, seen, now)
    if aside := seen.state.aside:
        lines.append([("✗ ", "bad"), (count_aside(aside), "bad")])
        lines += [[(f"  {one_line(describe_aside(each))}", "muted")] for each in aside[:MISSING_SHOWN]]
        if len(aside) > MISSING_SHOWN:
            lines.append([(f"  and {len(aside) - MISSING_SHOWN} more", "muted")])
    if missing := seen.state.missing_definitions:
        lines.append([("▲ ", "warn"), (count_missing(missing), "warn")])
        lines += [[(f"  {one_line(describe_missing(each))}", "muted")] for each in missing[:MISSING_SHOWN]]
        if len(missing) > MISSING_SHOWN:
            lines.append([(f"  and {len(missing) - MISSING_SHOWN} more", "muted")])
    return lines


def _stage(name: StageName, seen: Seen, now: float) -> list[list[Part]]:
    stage = seen.state.stages.get(name)
    label = f"{name:<12}"
    if stage is None or (stage.status == "waiting" and stage.started_at is None):
        return [[("○ ", "muted"), (label, "muted")]]
    if stage.status == "done":
        took = span_of(stage.started_at, stage.finished_at)
        return [[("✓ ", "good"), (label, "plain"), (f"{took:>8}  ", "muted"), (stage.summary, "muted")]]
    if stage.status == "waiting":
        return [[("■ ", "warn"), (label, "plain"), (f"{'':>8}  ", "muted"), ("interrupted", "warn")]]
    if not seen.liveness.alive:
        return [[("✗ ", "bad"), (label, "strong"), (f"{'':>8}  ", "muted"), ("at work when the engine died", "bad")]]
    took = age(now - stage.started_at) if stage.started_at is not None else ""
    head: list[Part] = [("◐ ", "accent"), (label, "strong"), (f"{took:>8}  ", "plain")]
    more = _at_work(name, seen)
    return [[*head, *more[0]], *([("  ", "plain"), *parts] for parts in more[1:])] if more else [head]


def _at_work(name: StageName, seen: Seen) -> list[list[Part]]:
    """What a stage at work has done: the first line goes beside its name."""
    if facts_of(name).measured == "copy" and (progress := copy_progress(seen.state, seen.sample)) is not None:
        if progress.planning:
            return [[("planning", "plain")], [(f"  {copy_fields(progress)[0][1]}", "plain")]]
        share = describe_share(progress.bytes, progress.estimated_bytes, finished=False)
        fraction = min(0.99, progress.bytes / progress.estimated_bytes) if progress.estimated_bytes else 0.0
        lines: list[list[Part]] = [[*bar(fraction), (f" {share}", "strong")]]
        for name_of_it, value in _wrapped(copy_fields(progress)):
            lines.append([(f"  {value} left" if name_of_it == "time left" else f"  {value}", "plain")])
        return lines
    if name == "indexes":
        builds: list[list[Part]] = []
        for build in seen.sample.index_builds or []:
            done = index_fraction(build)
            shown: list[Part] = [(f"{'?':>4}", "muted")] if done is None else [(f"{100 * done:>3.0f} %", "strong")]
            builds.append([(f"{build.name}  ", "plain"), *shown, (f"  {build.phase}", "muted")])
        return [_left(name, seen), *builds]
    if facts_of(name).endless:
        # A stream in step has no end in sight.
        return [[(f"{seen.sample.transactions or seen.state.transactions:,} transactions", "plain")]]
    return [_left(name, seen)]


def _left(name: StageName, seen: Seen) -> list[Part]:
    left = stages_left(seen.state, seen.sample).get(name)
    return [(f"{describe_time_left(left)} left", "plain")] if left is not None else []


def _wrapped(fields: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Fields with a long value on two lines, cut at a comma."""
    lines: list[tuple[str, str]] = []
    for name, value in fields:
        rows, comma, rest = value.partition(" rows, ")
        lines += [(name, f"{rows} rows"), ("", rest)] if comma else [(name, value)]
    return lines


def bar(fraction: float, columns: int = BAR_COLUMNS) -> list[Part]:
    """A bar of so many columns; full only at the end.

    >>> "".join(text for text, _ in bar(0.5, 8))
    '━━━━────'
    """
    done = int(max(0.0, min(1.0, fraction)) * columns)
    return [("━" * done, "accent"), ("─" * (columns - done), "muted")]


def span_of(start: float | None, end: float | None) -> str:
    """A stage's time."""
    return "" if start is None or end is None else format_seconds(end - start)


def position_lines(seen: Seen, now: float) -> list[list[Part]]:
    """The positions on the way from the source's end of WAL to what was acknowledged."""
    sample = seen.sample
    applied = sample.applied_lsn or seen.state.applied_lsn
    old = how_old(sample.source_at, now)
    end = source_end(sample)
    lines = []
    if sample.source_lsn:
        lines.append(_position("source", sample.source_lsn, old, "muted" if old else "plain"))
    if sample.received_lsn:
        lines.append(_position("received", sample.received_lsn, _behind(end, sample.received_lsn, "at the end")))
    if applied:
        lines.append(_position("applied", applied, _behind(end, applied, "at the end")))
    if sample.acknowledged_lsn:
        # Against what is applied: that is all it can be, and a gap shows what the source keeps beyond need.
        upto = parse_lsn(applied) if applied else None
        what = _behind(upto, sample.acknowledged_lsn, "all that is applied", " behind applied")
        lines.append(_position("acknowledged", sample.acknowledged_lsn, what))
    return lines


def _behind(end: int | None, lsn: str, none: str, unit: str = " behind") -> str:
    if end is None:
        return ""
    behind = max(0, end - parse_lsn(lsn))
    return f"{describe_bytes(behind)}{unit}" if behind else none


def slot_lines(seen: Seen, now: float) -> list[list[Part]]:
    """What the slot holds at the source, and what that threatens."""
    held, lines = seen.retention, []
    value: Tone = "muted" if held is not None and how_old(held.measured_at, now) else "plain"
    for name, text in retention_fields(held, now) if held is not None else []:
        parts: list[Part] = [(f"{name} ", "muted"), (text, value)] if name else [(text, "muted")]
        lines.append(parts)
    return lines


def _position(name: str, lsn: str, remark: str, tone: Tone = "plain") -> list[Part]:
    return [(f"  {name:<13}", "muted"), (f"{lsn:<18}", tone), (remark, "muted")]


def head_line(view: View, now: float, width: int) -> list[Part]:
    """Whose figures these are, its state, and who makes them; as wide as that."""
    seen = view.seen
    mark = mark_of(seen.state, seen.liveness)
    right = f"engine {seen.liveness.pid}" if seen.liveness.alive else "no engine"
    if seen.liveness.alive and are_old(view, now) and view.figures_at is not None:
        right = f"figures {span(now - view.figures_at)} old"
    # What stands beside the name matters more than the end of a long one.
    label = seen.task.label
    room = width - cell_len(f"  {mark}   {right}")
    name = fit(label, min(room, cell_len(label)))
    return [
        (name, "strong"),
        ("  ", "plain"),
        (str(mark), mark.tone),
        (" " * (3 + room - cell_len(name)), "plain"),
        (right, "muted"),
    ]


def ends_lines(spec: TaskSpec, width: int) -> list[list[Part]]:
    """Both ends, whole: on one line, or on two."""
    source, destination = (each.describe() for each in (spec.source, spec.destination))
    line = f"SOURCE {source}  →  DESTINATION {destination}"
    if cell_len(line) <= width:
        return [[(line, "muted")]]
    return [[(f"SOURCE       {source}", "muted")], [(f"DESTINATION  {destination}", "muted")]]


def offers(view: View) -> tuple[bool, ...]:
    """What can be done: the key bar is drawn again only when that changes."""
    seen = view.seen
    return (may_pause(seen), may_resume(seen), lost_changes(seen), may_release(seen), may_set_sequences(seen))


def same_facts(one: View, other: View) -> bool:
    """Whether nothing happened in between but time.

    Events come after the state that they led to: an engine sends its state first, then what a viewer has not seen.
    """
    return (
        one.seen.state.sequence == other.seen.state.sequence
        and one.entries[-1:] == other.entries[-1:]
        and one.seen.liveness == other.seen.liveness
        and one.connected == other.connected
    )
