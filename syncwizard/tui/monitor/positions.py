"""The positions on the way from the source's end of WAL to what was acknowledged: as a chain, and one by one. Pure."""

import msgspec
from rich.cells import cell_len

from syncwizard.client.looking import Seen
from syncwizard.task.figures.rates import source_end
from syncwizard.task.figures.slot_panel import slot_fields
from syncwizard.task.figures.totals import how_old
from syncwizard.task.lsn import parse_lsn
from syncwizard.task.text import describe_bytes
from syncwizard.tui.formatting import Part, Tone


class _Stop(msgspec.Struct, frozen=True):
    """Names of positions that are the same one."""

    names: tuple[str, ...]
    lsn: str


def chain(seen: Seen, now: float, width: int) -> list[Part]:
    """The positions as stops, with what lies between them; those in between lose their LSN where the line is short."""
    sample = seen.sample
    applied = sample.applied_lsn or seen.state.applied_lsn
    # The source's end is asked for once a second: what has come from there since is beyond it.
    reached = [lsn for lsn in (sample.source_lsn, sample.received_lsn, applied) if lsn]
    known = [
        ("source", max(reached, key=parse_lsn) if sample.source_lsn else None),
        ("received", sample.received_lsn),
        ("applied", applied),
        ("acknowledged", sample.acknowledged_lsn),
    ]
    stops: list[_Stop] = []
    for name, lsn in known:
        if lsn is None:
            continue
        if stops and stops[-1].lsn == lsn:
            stops[-1] = _Stop((*stops[-1].names, name), lsn)
        else:
            stops.append(_Stop((name,), lsn))
    whole = _links(stops, how_old(sample.source_at, now), brief=False)
    if sum(cell_len(text) for text, _ in whole) <= width:
        return whole
    return _links(stops, how_old(sample.source_at, now), brief=True)


def _links(stops: list[_Stop], old: str, *, brief: bool) -> list[Part]:
    parts: list[Part] = []
    for place, stop in enumerate(stops):
        if place:
            gap = parse_lsn(stops[place - 1].lsn) - parse_lsn(stop.lsn)
            parts += [(" ─", "faint"), (f" {describe_bytes(gap)} " if gap > 0 else "", "accent"), ("─▶ ", "faint")]
        ends = place in (0, len(stops) - 1)
        names = ", ".join(stop.names[-1:] if brief else stop.names)
        parts.append((names, "muted"))
        if ends or not brief:
            aged = place == 0 and old
            parts.append((f" {stop.lsn}", "muted" if aged else "plain"))
            parts.append((f" ({old})" if aged else "", "muted"))
    return [part for part in parts if part[0]]


def position_lines(seen: Seen, now: float) -> list[list[Part]]:
    """The positions one by one, each with how far it is behind."""
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


def _position(name: str, lsn: str, remark: str, tone: Tone = "plain") -> list[Part]:
    return [(f"{name:<13}", "muted"), (f"{lsn:<18}", tone), (remark, "muted")]


def slot_lines(seen: Seen, now: float) -> list[list[Part]]:
    """The slot at the source: what it holds, what may end it, and which session reads it."""
    held = seen.retention
    if held is None:
        return []
    value: Tone = "muted" if how_old(held.measured_at, now) else "plain"
    return [[(f"{name:<13}", "muted"), (text, value)] for name, text in slot_fields(held, now)]
