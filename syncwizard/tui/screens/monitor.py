"""One task, watched: what is wrong, the figures of now, stages, tables, charts, events; and what can be done."""

from typing import ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.events import Resize, ScreenResume
from textual.getters import query_one
from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input, Static

from syncwizard.client.tasks import StoredTask
from syncwizard.task.figures import shorten
from syncwizard.task.narration import narrate
from syncwizard.task.text import local_time
from syncwizard.tui.actions import bindings
from syncwizard.tui.deeds import Deeds, may_pause, may_release, may_resume, may_set_sequences
from syncwizard.tui.dialogs.copy_text import CopyTextDialog
from syncwizard.tui.formatting import Part, mark_of, span
from syncwizard.tui.history import RANGES, History
from syncwizard.tui.link import EngineLink, Follow, View
from syncwizard.tui.monitor_lines import (
    LOG_COLUMNS,
    LOG_LEVELS,
    TABLE_SORTS,
    copying,
    describe_table,
    log_lines,
    shown_entries,
    table_columns,
    table_lines,
)
from syncwizard.tui.monitor_view import (
    Trouble,
    are_old,
    axis_count,
    axis_seconds,
    figures_of,
    position_lines,
    slot_lines,
    stage_lines,
    trouble_of,
)
from syncwizard.tui.opening import Home
from syncwizard.tui.task_lines import matches, text_of
from syncwizard.tui.widgets.chart import Chart
from syncwizard.tui.widgets.headline import Headline
from syncwizard.tui.widgets.key_bar import KeyBar
from syncwizard.tui.widgets.lines import Lines
from syncwizard.tui.widgets.listing import Listing

# Figures and ages; events are drawn as they come, at most four times a second.
TICK_SECONDS = 1.0
# Drawing two charts costs far more than all the rest: the numbers beside them change each second.
CHART_SECONDS = 5.0
# About three lines; the whole of it is behind Inspect.
SAID_CHARACTERS = 220
PANES = ("stages", "tables", "charts", "log")


class MonitorScreen(Screen[None]):
    """The monitor of one task."""

    CSS_PATH = "../styles/monitor.tcss"
    AUTO_FOCUS = "#monitor-stages"
    BINDINGS: ClassVar[list[BindingType]] = bindings(
        *("monitor.pause", "monitor.resume", "monitor.details", "monitor.filter", "monitor.sort", "monitor.level"),
        *("monitor.range", "monitor.sequences", "monitor.report", "monitor.release"),
        *(f"monitor.{pane}" for pane in PANES),
        "screen.back",
    )

    tables = query_one("#monitor-tables", Listing)
    log_list = query_one("#monitor-log", Listing)
    filter = query_one("#monitor-filter", Input)

    class Updated(Message):
        """The link knows something new; only the latest matters."""

        def __init__(self, view: View) -> None:
            super().__init__()
            self.view = view

        def can_replace(self, message: Message) -> bool:
            """A view holds all that the one before it did."""
            return isinstance(message, MonitorScreen.Updated)

    def __init__(self, task: StoredTask, follow: Follow = EngineLink) -> None:
        """`follow` makes what follows the task."""
        super().__init__()
        self._stored = task
        self._make_link = follow
        self._view: View | None = None
        self._deeds = Deeds(self, lambda: None)
        self._latency, self._rate = History("longest"), History("mean")
        self._range = RANGES[0]
        self._table_sort, self._log_level = TABLE_SORTS[0], LOG_LEVELS[0]
        self._pane = PANES[0]

    @property
    def home(self) -> Home:
        """The application, as far as this screen needs it."""
        return cast(Home, self.app)

    def compose(self) -> ComposeResult:
        """From the top: whose, trouble, figures, panes, keys."""
        yield Lines(id="monitor-head")
        yield Static("", id="monitor-ends", markup=False)
        yield Lines(id="monitor-trouble")
        yield Headline()
        yield Lines(id="monitor-tabs")
        yield Input(placeholder="filter: words · Esc clears", id="monitor-filter", compact=True)
        with Vertical(id="monitor-panes"):
            with Vertical(id="monitor-left", classes="monitor-column"):
                with VerticalScroll(id="monitor-stages", classes="pane"):
                    yield Static("Stages", id="stages-title", classes="pane-title")
                    yield Lines(id="stage-lines")
                    yield Static("Positions", id="positions-title", classes="pane-title")
                    yield Lines(id="position-lines")
                    yield Lines(id="slot-lines")
                with Vertical(id="pane-tables", classes="pane"):
                    yield Static("Tables", id="tables-title", classes="pane-title", markup=False)
                    yield Listing((), id="monitor-tables")
            with Vertical(id="monitor-right", classes="monitor-column"):
                with VerticalScroll(id="monitor-charts", classes="pane"):
                    yield Static("", id="latency-title", classes="pane-title", markup=False)
                    yield Chart(axis_seconds, id="latency-chart")
                    yield Static("", id="rate-title", classes="pane-title", markup=False)
                    yield Chart(axis_count, id="rate-chart")
                with Vertical(id="pane-log", classes="pane"):
                    yield Static("", id="log-title", classes="pane-title", markup=False)
                    yield Listing(LOG_COLUMNS, id="monitor-log", follow_end=True)
        yield KeyBar()

    def on_mount(self) -> None:
        """Begins to follow."""
        self.filter.display = False
        self._link = self._make_link(self._stored, lambda view: self.post_message(self.Updated(view)), self.home.clock)
        self.set_interval(TICK_SECONDS, self._tick)
        self.set_interval(CHART_SECONDS, self._draw_charts)
        self._choose_pane(PANES[0])
        self._link.start()

    def on_unmount(self) -> None:
        """Nobody looks any more."""
        self._link.stop()

    @on(Updated)
    def _updated(self, event: Updated) -> None:
        before, self._view = self._view, event.view
        self.remember(event.view)
        if not self.is_current and before is not None:
            return
        self._draw()
        if before is None:
            self.call_after_refresh(self._draw_charts)
        if before is None or _offers(before) != _offers(event.view):
            self.refresh_bindings()

    @on(ScreenResume)
    def _visible(self) -> None:
        self._draw()

    @on(Resize)
    def _resized(self) -> None:
        self.call_after_refresh(self._draw)
        self.call_after_refresh(self._draw_charts)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What can be done with the task now."""
        seen = self._view.seen if self._view is not None else None
        match action:
            case "pause":
                return seen is not None and may_pause(seen)
            case "resume":
                return seen is not None and may_resume(seen)
            case "release":
                return seen is not None and may_release(seen)
            case "sequences":
                return seen is not None and may_set_sequences(seen)
            case "details":
                return self._inspectable()
            case "sort":
                return self._in_sight("tables")
            case "level":
                return self._in_sight("log")
            case "range":
                return self._in_sight("charts")
            case "filter":
                return self._in_sight("tables") or self._in_sight("log")
        return True

    def action_pause(self) -> None:
        """Pauses the task."""
        self._deeds.pause(self._stored)

    def action_resume(self) -> None:
        """Resumes the task."""
        self._deeds.resume(self._stored)

    def action_release(self) -> None:
        """Releases the task."""
        self._deeds.release(self._stored)

    def action_sequences(self) -> None:
        """Sets the sequences again."""
        self._deeds.set_sequences(self._stored)

    def action_report(self) -> None:
        """Gathers a report."""
        self._deeds.report(self._stored, self.home.clock())

    def action_back(self) -> None:
        """Clears the filter, else goes to the tasks."""
        if self.filter.display:
            self.filter.value = ""
            self.filter.display = False
            self.tables.focus() if self._pane == "tables" else self.log_list.focus()
        else:
            self.dismiss()

    def action_filter(self) -> None:
        """Words for the filter of tables and events."""
        self.filter.display = True
        self.filter.focus()

    def action_sort(self) -> None:
        """Sorts the tables by the next column."""
        self._table_sort = TABLE_SORTS[(TABLE_SORTS.index(self._table_sort) + 1) % len(TABLE_SORTS)]
        self._draw_tables()

    def action_level(self) -> None:
        """Shows more of the events, or fewer."""
        self._log_level = LOG_LEVELS[(LOG_LEVELS.index(self._log_level) + 1) % len(LOG_LEVELS)]
        self._draw_log()

    def action_range(self) -> None:
        """Charts of another length of time."""
        self._range = RANGES[(RANGES.index(self._range) + 1) % len(RANGES)]
        self._draw_charts()

    def action_stages(self) -> None:
        """The stages."""
        self._choose_pane("stages")

    def action_tables(self) -> None:
        """The tables."""
        self._choose_pane("tables")

    def action_charts(self) -> None:
        """The charts."""
        self._choose_pane("charts")

    def action_log(self) -> None:
        """The event log."""
        self._choose_pane("log")

    @on(Listing.Chosen)
    def action_details(self) -> None:
        """The line under the cursor whole, or all that is known of the trouble."""
        if self._view is None:
            return
        trouble = trouble_of(self._view, self.home.clock())
        name = f"{self._stored.spec.short_id}-details.txt"
        if self.tables.has_focus and self.tables.key is not None:
            text = describe_table(self._view.seen, self.tables.key)
            self.app.push_screen(CopyTextDialog(self.tables.key, text, name))
        elif self.log_list.has_focus and self.log_list.key is not None:
            entry = next(each for each in self._view.entries if str(each.sequence) == self.log_list.key)
            text = f"{local_time(entry.at)}\n\n{narrate(entry.event)}"
            self.app.push_screen(CopyTextDialog(f"Event {entry.sequence}", text, name))
        elif trouble is not None:
            self.app.push_screen(CopyTextDialog(trouble.title, _trouble_text(trouble), name, severe=True))

    @on(Input.Changed, "#monitor-filter")
    def _filtered(self) -> None:
        self._draw_tables()
        self._draw_log()

    @on(Input.Submitted, "#monitor-filter")
    def _filter_done(self) -> None:
        self.log_list.focus() if self._pane == "log" else self.tables.focus()

    def remember(self, view: View) -> None:
        """Adds the figures to the charts, each measurement once."""
        sample = view.seen.sample
        if sample.latency_seconds is not None and sample.latency_at is not None:
            self._latency.add(sample.latency_at, sample.latency_seconds)
        rate = sample.copied_rows_per_second if copying(view.seen) is not None else sample.rows_per_second
        if rate is not None and view.figures_at is not None:
            self._rate.add(view.figures_at, rate)

    def _tick(self) -> None:
        if self.is_current:
            self._draw_top()

    def _draw(self) -> None:
        if self._view is None or not self.is_attached:
            return
        self._draw_top()
        self._draw_tables()
        self._draw_log()

    def _draw_top(self) -> None:
        """All that ages."""
        view, now = self._view, self.home.clock()
        if view is None:
            return
        seen = view.seen
        self.query_one("#monitor-ends", Static).update(self._ends())
        self.query_one("#monitor-head", Lines).show([self._head(view, now)])
        trouble = trouble_of(view, now)
        self.set_class(trouble is not None, "-trouble")
        self.set_class(not seen.liveness.alive, "-stopped")
        self.query_one("#monitor-trouble", Lines).show(_trouble_lines(trouble) if trouble else [])
        self.query_one("#monitor-trouble").set_class(trouble is not None and trouble.tone == "bad", "-bad")
        self.query_one(Headline).show(figures_of(view, now), aged=are_old(view, now))
        self.query_one("#stage-lines", Lines).show(stage_lines(seen, now))
        positions = self.query_one("#position-lines", Lines)
        positions.set_class(are_old(view, now), "-aged")
        known, slot = position_lines(seen), slot_lines(seen)
        positions.show(known)
        self.query_one("#slot-lines", Lines).show(slot)
        self.query_one("#positions-title").set_class(not known and not slot, "-unknown")

    def _ends(self) -> str:
        """Both ends, whole: on one line, or on two."""
        source, destination = (each.describe() for each in (self._stored.spec.source, self._stored.spec.destination))
        line = f"SOURCE {source}  →  DESTINATION {destination}"
        return line if len(line) <= self.size.width - 2 else f"SOURCE       {source}\nDESTINATION  {destination}"

    def _head(self, view: View, now: float) -> list[Part]:
        mark = mark_of(view.seen.state, view.seen.liveness)
        right = f"engine {view.seen.liveness.pid}" if view.seen.liveness.alive else "no engine"
        if view.seen.liveness.alive and are_old(view, now) and view.figures_at is not None:
            right = f"figures {span(now - view.figures_at)} old"
        name = self._stored.label
        room = self.size.width - 2 - len(name) - len(str(mark)) - len(right) - 5
        return [
            (name, "strong"),
            ("  ", "plain"),
            (str(mark), mark.tone),
            (" " * max(3, room + 3), "plain"),
            (right, "muted"),
        ]

    def _draw_tables(self) -> None:
        if self._view is None:
            return
        width = self.tables.size.width
        lines = table_lines(self._view.seen, width, self._table_sort)
        found = [line for line in lines if matches(text_of(line), self.filter.value)]
        self.tables.show(found, table_columns(self._view.seen, width))
        count = f"{len(found)} of {len(lines)}" if len(found) != len(lines) else f"{len(lines)}"
        self.query_one("#tables-title", Static).update(f"Tables ({count}) · by {self._table_sort}")

    def _draw_log(self) -> None:
        if self._view is None:
            return
        lines = log_lines(shown_entries(self._view.entries, self._log_level))
        found = [line for line in lines if matches(text_of(line), self.filter.value)]
        self.log_list.show(found)
        count = f"{len(found)} of {len(lines)}" if len(found) != len(lines) else f"{len(lines)}"
        self.query_one("#log-title", Static).update(f"Events ({count}) · {self._log_level}")

    def _draw_charts(self) -> None:
        if self._view is None or not self.is_current or not self._in_sight("charts"):
            return
        now = self.home.clock()
        for name, title, history in (
            ("latency", "Latency, longest", self._latency),
            ("rate", "Rows a second", self._rate),
        ):
            chart = self.query_one(f"#{name}-chart", Chart)
            chart.show(history.columns(self._range, now, chart.column_count), self._range)
            self.query_one(f"#{name}-title", Static).update(f"{title} · last {self._range.name}")

    def _choose_pane(self, pane: str) -> None:
        self._pane = pane
        for name in PANES:
            self.set_class(name == pane, f"-shows-{name}")
        tabs: list[Part] = []
        for number, name in enumerate(PANES, 1):
            tabs.append((f" {number} {name.title()} ", "accent" if name == pane else "muted"))
        self.query_one("#monitor-tabs", Lines).show([tabs])
        targets: dict[str, Widget] = {"tables": self.tables, "log": self.log_list}
        target = targets.get(pane) or self.query_one(f"#monitor-{pane}")
        self.call_after_refresh(target.focus)
        self.call_after_refresh(self._draw)
        self.call_after_refresh(self._draw_charts)
        self.refresh_bindings()

    def _inspectable(self) -> bool:
        if self._view is None:
            return False
        listing = self.focused if isinstance(self.focused, Listing) else None
        in_list = listing is not None and listing.key is not None
        return in_list or trouble_of(self._view, self.home.clock()) is not None

    def _in_sight(self, pane: str) -> bool:
        return self._pane == pane or self.has_class("-wide")


def _offers(view: View) -> tuple[bool, ...]:
    """What can be done: the key bar is drawn again only when that changes."""
    seen = view.seen
    return (may_pause(seen), may_resume(seen), may_release(seen), may_set_sequences(seen))


def _trouble_lines(trouble: Trouble) -> list[list[Part]]:
    glyph = "✗ " if trouble.tone == "bad" else "▲ "
    lines: list[list[Part]] = [[(f"{glyph}{trouble.title}", trouble.tone)]]
    if trouble.since:
        lines.append([(trouble.since, "muted")])
    if trouble.said:
        lines.append([(shorten(trouble.said, SAID_CHARACTERS), "plain")])
    if trouble.next:
        lines.append([("Next: ", "strong"), (trouble.next, "plain")])
    return lines


def _trouble_text(trouble: Trouble) -> str:
    return "\n\n".join(part for part in (trouble.title, trouble.since, trouble.said, trouble.next) if part)
