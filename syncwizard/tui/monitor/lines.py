"""The lists of the monitor: tables and events as lines. Pure."""

from collections.abc import Iterable, Sequence
from typing import Literal

from syncwizard.client.looking import Seen
from syncwizard.task.event_words import count_applied, count_changes
from syncwizard.task.events import (
    ChangesApplied,
    Entry,
    Event,
    PrecheckItemFinished,
    TableSetAside,
)
from syncwizard.task.figures.rates import CopyProgress, TableProgress, copy_progress
from syncwizard.task.figures.totals import KINDS, counts_of, describe_share, shown_kinds
from syncwizard.task.mapping import Mapping
from syncwizard.task.narration import narrate
from syncwizard.task.text import describe_bytes, describe_count, format_fields, format_seconds, one_line
from syncwizard.tui.event_lines import LEVEL_MARKS, level_of
from syncwizard.tui.formatting import day_and_time
from syncwizard.tui.monitor.activity import STRETCHES, Activity, recent
from syncwizard.tui.plotting import trail
from syncwizard.tui.widgets.columns import Cell, Column, Line

TableSort = Literal["name", "activity", "rows"]
TABLE_SORTS: tuple[TableSort, ...] = ("activity", "name", "rows")
LogLevel = Literal["facts", "warnings", "everything"]
LOG_LEVELS: tuple[LogLevel, ...] = ("facts", "warnings", "everything")
# From here on a list of tables has room for every column, and from there on for wide ones.
ROOMY, WIDE_ROOM = 72, 100
# Of the last minutes where there is less room.
NARROW_TRAIL = 10
NOTHING_SEEN = Activity()

LOG_COLUMNS = (Column(title="TIME", width=14), Column(title="", width=1), Column(title="EVENT"))


def copying(seen: Seen) -> CopyProgress | None:
    """The copy while it goes on; None before and after."""
    return None if seen.state.finished("full") else copy_progress(seen.state, seen.sample)


def table_columns(seen: Seen, width: int) -> tuple[Column, ...]:
    """Copy progress while tables are copied, changes by kind afterwards."""
    name = Column(title="TABLE", name=True)
    if copying(seen) is not None:
        state, done = Column(title="STATE", width=9), Column(title="DONE", width=5, right=True)
        rows = Column(title="ROWS", width=11, right=True)
        if width < ROOMY:
            return (name, state, rows, done)
        expected, size_of = Column(title="OF ABOUT", width=11, right=True), Column(title="BYTES", width=9, right=True)
        return (name, state, rows, expected, size_of, done)
    size = 9 if width >= WIDE_ROOM else 7
    kinds = tuple(
        Column(title=kind.upper().replace("_", " "), width=max(size, len(kind)), right=True) for kind in _kinds(seen)
    )
    if width < ROOMY:
        return (name, *kinds)
    trail = Column(title="LAST 5 MIN", width=STRETCHES if width >= WIDE_ROOM else NARROW_TRAIL)
    return (name, Column(title="COPIED", width=size + 2, right=True), *kinds, trail)


def table_lines(
    seen: Seen, width: int, by: TableSort, now: float = 0.0, activity: Activity = NOTHING_SEEN
) -> list[Line]:
    """A line a table, in the columns of `table_columns`; `activity`: what was seen of each in the last minutes."""
    progress = copying(seen)
    if progress is not None:
        order = sorted(progress.tables.items(), key=lambda item: _copy_rank(item[0], item[1], by))
        there = _there(seen, progress.tables)
        return [_copy_line(name, _titled(name, there), table, seen, width) for name, table in order]
    changes = counts_of(seen.sample, seen.state)
    there = _there(seen, {*seen.state.tables, *changes})
    shown = sorted({*seen.state.tables, *changes}, key=lambda name: _change_rank(name, seen, changes, by))
    kinds = _kinds(seen)
    count = STRETCHES if width >= WIDE_ROOM else NARROW_TRAIL
    trails = _trails(shown, activity, now, count) if width >= ROOMY else {}
    aside = _aside(seen)
    titles = {name: _titled(name, there, aside=name in aside) for name in shown}
    return [
        _change_line(name, titles[name], seen, changes.get(name, {}), kinds, width, trails.get(name, ""))
        for name in shown
    ]


def _trails(names: Sequence[str], activity: Activity, now: float, count: int) -> dict[str, str]:
    """The last minutes of those that changed; each against its own peak."""
    return {name: trail(recent(activity, name, now)[-count:]) for name in names if name in activity.counts}


def _there(seen: Seen, names: Iterable[str]) -> dict[str, str]:
    """The destination's names of tables that have another there."""
    return Mapping.of(seen.task.spec).by_text(names)


def _aside(seen: Seen) -> dict[str, TableSetAside]:
    """The tables whose changes are not applied, with what set each aside."""
    return {str(name): event for event in seen.state.left_aside for name in event.names}


def _titled(name: str, there: dict[str, str], *, aside: bool = False) -> Cell:
    """The source's name, with the destination's where that is another; one that is set aside is marked."""
    title = f"{name} → {there[name]}" if name in there else name
    return Cell(f"‖ {title}", "warn") if aside else Cell(title)


def _copy_rank(name: str, table: TableProgress, by: TableSort) -> tuple[object, ...]:
    if by == "rows":
        return (-table.rows, name)
    # At work first, then those to come, then those done.
    return (table.copied, not table.rows, name) if by == "activity" else (name,)


def _change_rank(name: str, seen: Seen, changes: dict[str, dict[str, int]], by: TableSort) -> tuple[object, ...]:
    if by == "rows":
        table = seen.state.tables.get(name)
        return (-(table.rows if table else 0), name)
    return (-count_applied(changes.get(name, {})), name) if by == "activity" else (name,)


def _copy_line(name: str, title: Cell, table: TableProgress, seen: Seen, width: int) -> Line:
    restarts = seen.state.tables[name].restarts
    if table.copied:
        state = Cell("✓ copied", "good")
    elif table.rows:
        state = Cell("◐ again" if restarts else "◐ copying", "accent")
    else:
        state = Cell("↻ again" if restarts else "○ waiting", "warn" if restarts else "muted")
    share = Cell(describe_share(table.bytes, table.estimated_bytes, finished=table.copied))
    rows = Cell(describe_count(table.rows))
    if width < ROOMY:
        return Line(key=name, cells=(title, state, rows, share))
    expected = Cell(describe_count(table.rows if table.copied else table.estimated_rows), "muted")
    return Line(key=name, cells=(title, state, rows, expected, Cell(describe_bytes(table.bytes)), share))


def _change_line(
    name: str, title: Cell, seen: Seen, counts: dict[str, int], kinds: Sequence[str], width: int, past: str
) -> Line:
    table = seen.state.tables.get(name)
    # Without any totals there are none to show, and a zero would be one.
    known = bool(counts or seen.sample.changes or seen.state.changes)
    cells = [_count(counts.get(kind, 0)) if known else Cell("–", "muted") for kind in kinds]
    copied = Cell(describe_count(table.rows), "muted") if table else Cell("")
    if width < ROOMY:
        return Line(key=name, cells=(title, *cells))
    return Line(key=name, cells=(title, copied, *cells, Cell(past, "accent")))


def _count(count: int) -> Cell:
    return Cell(describe_count(count), "plain" if count else "muted")


def _kinds(seen: Seen) -> tuple[str, ...]:
    return shown_kinds(counts_of(seen.sample, seen.state))


def describe_table(seen: Seen, name: str) -> str:
    """All that is known of one table, exactly."""
    fields: list[tuple[str, str]] = [("table", name)]
    if (target := _there(seen, [name]).get(name)) is not None:
        fields.append(("at the destination", target))
    if (event := _aside(seen).get(name)) is not None:
        way_back = "the task copies it again by itself" if event.is_coming else "R copies it again"
        fields.append(("set aside", one_line(f"{event.reason}: its changes are not applied; {way_back}")))
    table = seen.state.tables.get(name)
    counts = counts_of(seen.sample, seen.state).get(name, {})
    if table is not None:
        size = f"{table.bytes:,} bytes in {format_seconds(table.seconds)}"
        rows = f"{table.rows:,} rows, {size}" if table.copied else f"about {table.estimated_rows:,} rows to copy"
        fields += [
            ("copied", rows),
            ("chunks", f"{table.chunks:,}, in {'binary' if table.binary else 'text'}"),
            ("as of", f"{table.pair_lsn} at the source"),
            ("copied again", f"{table.restarts} times"),
        ]
    fields += [(f"{kind}s", f"{counts.get(kind, 0):,}") for kind in KINDS]
    fields.append(("all changes", f"{count_changes({name: counts}):,}"))
    return format_fields(fields)


def shown_entries(entries: Iterable[Entry], level: LogLevel) -> list[Entry]:
    """Those of a level: `facts` leaves out what repeats (totals, passed checks)."""
    if level == "everything":
        return list(entries)
    if level == "warnings":
        return [entry for entry in entries if level_of(entry.event) != "info"]
    return [entry for entry in entries if not _repeats(entry.event)]


def _repeats(event: Event) -> bool:
    return isinstance(event, ChangesApplied) or (isinstance(event, PrecheckItemFinished) and event.verdict == "passed")


def log_line(entry: Entry) -> Line:
    """An event in one line."""
    glyph, tone = LEVEL_MARKS[level_of(entry.event)]
    cells = (Cell(day_and_time(entry.at), "muted"), Cell(glyph, tone), Cell(narrate(entry.event), tone))
    return Line(key=str(entry.sequence), cells=cells)
