"""The panes of the monitor: stages, tables, charts, events. Each draws a view the way a person wants it."""

from collections.abc import Callable, Sequence

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.getters import query_one
from textual.widget import Widget

from syncwizard.task.events import Entry
from syncwizard.task.figures.history import Spread
from syncwizard.task.text import format_seconds, round_count, round_seconds, short_count
from syncwizard.tui.event_lines import event_parts
from syncwizard.tui.monitor.activity import Activity
from syncwizard.tui.monitor.chart import Chart
from syncwizard.tui.monitor.figures import are_old
from syncwizard.tui.monitor.history import (
    RANGES,
    Range,
    Window,
    ceiling,
    ceiling_of_time,
    columns,
    describe_range,
    from_moment,
    stage_began,
    time_labels,
    whole,
    window_of,
)
from syncwizard.tui.monitor.lines import (
    LOG_COLUMNS,
    LOG_LEVELS,
    TABLE_SORTS,
    log_line,
    shown_entries,
    table_columns,
    table_lines,
)
from syncwizard.tui.monitor.link import View
from syncwizard.tui.monitor.positions import chain, position_lines, slot_lines
from syncwizard.tui.monitor.stages import brief_stage_lines, stage_lines
from syncwizard.tui.tasks.lines import matches, text_of
from syncwizard.tui.widgets.columns import Line
from syncwizard.tui.widgets.lines import Lines, PaneTitle
from syncwizard.tui.widgets.listing import Listing


class StagesPane(VerticalScroll):
    """The stages, and the positions between both ends."""

    def compose(self) -> ComposeResult:
        """The chain of positions, the stages, and the slot."""
        yield PaneTitle("Stages", id="stages-title")
        yield Lines(id="chain-line")
        yield Lines(id="stage-lines")
        yield PaneTitle("Positions", id="positions-title")
        yield Lines(id="position-lines")
        yield PaneTitle("Slot", id="slot-title")
        yield Lines(id="slot-lines")

    def show(self, view: View, now: float, *, brief: bool) -> None:
        """Draws the view as of now; `brief`: in a few lines, with the positions as a chain."""
        seen, width = view.seen, max(20, self.scrollable_content_region.width - 2)
        aged, positions, slot = are_old(view, now), position_lines(seen, now), slot_lines(seen, now)
        shown, stages = self.query_one("#chain-line", Lines), self.query_one("#stage-lines", Lines)
        links = chain(seen, now, width) if brief else []
        shown.display = bool(links)
        shown.set_class(aged, "-aged")
        shown.show([links])
        stages.show(brief_stage_lines(seen, now, width) if brief else stage_lines(seen, now))
        self.query_one("#stages-title").display = not brief
        rest = self.query_one("#position-lines", Lines)
        rest.set_class(aged, "-aged")
        rest.show(positions)
        self.query_one("#slot-lines", Lines).show(slot)
        for name in ("position-lines", "slot-lines"):
            self.query_one(f"#{name}").display = not brief
        self.query_one("#positions-title").display = not brief and bool(positions)
        self.query_one("#slot-title", PaneTitle).say(f"Slot · {seen.task.spec.slot}" if slot else "Slot")
        self.query_one("#slot-title").display = not brief and bool(slot)


class LastEvents(Vertical):
    """The latest facts, each in a line."""

    COUNT = 2

    def compose(self) -> ComposeResult:
        """A rule over them."""
        yield PaneTitle("Events · 4 shows all", id="last-title")
        yield Lines(id="last-lines")

    def show_last(self, view: View) -> None:
        """Draws the last of the view's."""
        entries = shown_entries(view.entries, LOG_LEVELS[0])[-self.COUNT :]
        self.query_one("#last-lines", Lines).show([event_parts(entry) for entry in entries])


class ListPane(Vertical):
    """A titled list with a filter."""

    listing = query_one(Listing)
    title = query_one(PaneTitle)

    def __init__(self, listing: Listing, *, id: str) -> None:
        super().__init__(id=id, classes="pane")
        self._listing = listing
        self.words = ""

    def compose(self) -> ComposeResult:
        """The title over the list."""
        yield PaneTitle("", id=f"{self.id}-title")
        yield self._listing

    def target(self) -> Widget:
        """What takes the focus."""
        return self._listing

    def show_lines(self, name: str, how: str, lines: Sequence[Line]) -> list[Line]:
        """Says in the title how many of the lines the filter lets through; those."""
        found = [line for line in lines if matches(text_of(line), self.words)] if self.words else list(lines)
        count = f"{len(found):,} of {len(lines):,}" if len(found) != len(lines) else f"{len(lines):,}"
        self.title.say(f"{name} ({count}) · {how}")
        return found


class TablesPane(ListPane):
    """The tables: progress while they are copied, changes by kind afterwards."""

    def __init__(self) -> None:
        super().__init__(Listing((), id="monitor-tables"), id="pane-tables")
        self._sort = TABLE_SORTS[0]

    @property
    def sort(self) -> str:
        """What they are sorted by."""
        return self._sort

    def sort_by(self, name: str) -> None:
        """Another order, from the next drawing on; the first where there is none of the name."""
        self._sort = next((sort for sort in TABLE_SORTS if sort == name), TABLE_SORTS[0])

    def sort_next(self) -> None:
        """Another order, from the next drawing on."""
        self._sort = TABLE_SORTS[(TABLE_SORTS.index(self._sort) + 1) % len(TABLE_SORTS)]

    def show(self, view: View, now: float, activity: Activity) -> None:
        """Draws the view."""
        width = self.listing.room
        if not width:
            return
        rows = table_lines(view.seen, width, self._sort, now, activity)
        lines = self.show_lines("Tables", f"by {self._sort}", rows)
        self.listing.show(lines, table_columns(view.seen, width))


class ChartsPane(VerticalScroll):
    """Latency and rate over the last minutes, hours, or all that is known."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id, classes="pane")
        self._range = RANGES[0]

    def compose(self) -> ComposeResult:
        """Two titled charts."""
        yield PaneTitle("", id="latency-title")
        yield Chart(round_seconds, ceiling_of_time, format_seconds, id="latency-chart")
        yield PaneTitle("", id="rate-title")
        yield Chart(round_count, ceiling, short_count, id="rate-chart")

    def range_of(self, name: str) -> None:
        """A length of time by its name, from the next drawing on; the first where there is none of the name."""
        self._range = next((each for each in RANGES if each.name == name), RANGES[0])

    def range_next(self) -> None:
        """Another length of time, from the next drawing on."""
        self._range = RANGES[(RANGES.index(self._range) + 1) % len(RANGES)]

    @property
    def shown_range(self) -> Range:
        """How far back they go."""
        return self._range

    def show(self, view: View, now: float, end: str) -> None:
        """Draws the past of the view's figures up to now: of the latency the longest, of the rate the mean. `end`: what
        stands at its end."""
        latency, rate = self.query_one("#latency-chart", Chart), self.query_one("#rate-chart", Chart)
        count, history = latency.column_count, view.history
        if not count:
            return
        since = stage_began(view.seen)
        window = window_of(history, self._range, now, count, since)
        labels = time_labels(self._range, window, count, end)
        late = columns(history, lambda figures: figures.latency_seconds, window, now, count)
        rows = columns(history, lambda figures: figures.rows_per_second, window, now, count)
        if since is not None and self._range.seconds is not None:
            rows = from_moment(rows, window, since)
        latency.show([spread.peak if spread else None for spread in late], labels)
        rate.show([spread.mean if spread else None for spread in rows], labels)
        self._say("latency", "Latency, longest", window, whole(late), format_seconds)
        self._say("rate", "Rows a second", window, whole(rows), short_count)

    def _say(
        self, name: str, title: str, window: Window, found: Spread | None, describe: Callable[[float], str]
    ) -> None:
        known = f" · mean {describe(found.mean)}, peak {describe(found.peak)}" if found is not None else ""
        self.query_one(f"#{name}-title", PaneTitle).say(f"{title} · {describe_range(self._range, window)}{known}")


class LogPane(ListPane):
    """The event log, the latest last."""

    def __init__(self) -> None:
        super().__init__(Listing(LOG_COLUMNS, id="monitor-log", follow_end=True), id="pane-log")
        self._level = LOG_LEVELS[0]
        # An event is worded once: thousands of them are drawn again with each new one.
        self._worded: dict[int, Line] = {}

    @property
    def level(self) -> str:
        """Which of the events are shown."""
        return self._level

    def level_of(self, name: str) -> None:
        """More of the events or fewer, from the next drawing on; the first level where there is none of the name."""
        self._level = next((level for level in LOG_LEVELS if level == name), LOG_LEVELS[0])

    def level_next(self) -> None:
        """More of the events or fewer, from the next drawing on."""
        self._level = LOG_LEVELS[(LOG_LEVELS.index(self._level) + 1) % len(LOG_LEVELS)]

    def show(self, view: View) -> None:
        """Draws the events of the view."""
        lines = [self._line(entry) for entry in shown_entries(view.entries, self._level)]
        self.listing.show(self.show_lines("Events", self._level, lines))

    def _line(self, entry: Entry) -> Line:
        line = self._worded.get(entry.sequence)
        if line is None:
            line = self._worded[entry.sequence] = log_line(entry)
        return line
