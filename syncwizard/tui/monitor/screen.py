"""One task, watched: what is wrong, the figures of now, stages, tables, charts, events; and what can be done."""

from typing import ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.events import Click, Resize, ScreenResume
from textual.getters import query_one
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Input

from syncwizard.client.tasks import StoredTask
from syncwizard.task.narration import narrate
from syncwizard.task.resync import ResyncWish
from syncwizard.task.text import local_time
from syncwizard.tui.actions import bindings
from syncwizard.tui.dialogs.copy_text import CopyTextDialog
from syncwizard.tui.formatting import Part
from syncwizard.tui.monitor.headline import Headline
from syncwizard.tui.monitor.lines import describe_table
from syncwizard.tui.monitor.link import EngineLink, Follow, Following, View
from syncwizard.tui.monitor.panes import ChartsPane, ListPane, LogPane, StagesPane, TablesPane
from syncwizard.tui.monitor.trouble import trouble_lines, trouble_of, trouble_text
from syncwizard.tui.monitor.view import are_old, ends_lines, figures_of, head_line, offers, same_facts
from syncwizard.tui.opening import Home
from syncwizard.tui.task_actions import (
    TaskActions,
    lost_changes,
    may_pause,
    may_release,
    may_resume,
    may_resync,
    may_set_sequences,
)
from syncwizard.tui.widgets.key_bar import KeyBar
from syncwizard.tui.widgets.lines import Lines
from syncwizard.tui.widgets.listing import Listing

# Figures and ages; events are drawn as they come, at most four times a second.
TICK_SECONDS = 1.0
# Drawing two charts costs far more than all the rest: the numbers beside them change each second.
CHART_SECONDS = 5.0
# So many are drawn no oftener than the charts: each is a line to make, in sight or not.
MANY_TABLES = 1000
PANES = ("stages", "tables", "charts", "log")
# The widgets of the panes on either side.
SIDES = {
    "monitor-left": {"stages": "monitor-stages", "tables": "pane-tables"},
    "monitor-right": {"charts": "monitor-charts", "log": "pane-log"},
}


def tab_texts(chosen: str) -> list[str]:
    """The panes by their numbers, as they stand in the line of tabs."""
    return [f"{'▸' if name == chosen else ' '}{number} {name.title()} " for number, name in enumerate(PANES, 1)]


class MonitorScreen(Screen[None]):
    """The monitor of one task."""

    CSS_PATH = "../styles/monitor.tcss"
    AUTO_FOCUS = "#monitor-stages"
    BINDINGS: ClassVar[list[BindingType]] = bindings(
        *(
            "monitor.pause",
            "monitor.resume",
            "monitor.resync",
            "monitor.details",
            "monitor.filter",
            "monitor.sort",
            "monitor.level",
        ),
        *("monitor.range", "monitor.sequences", "monitor.report", "monitor.release"),
        *(f"monitor.{pane}" for pane in PANES),
        "screen.back",
    )

    stages = query_one(StagesPane)
    tables = query_one(TablesPane)
    charts = query_one(ChartsPane)
    events = query_one(LogPane)
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
        self._task_actions = TaskActions(self, lambda: None)
        self._link: Following | None = None
        self._pane = PANES[0]

    @property
    def manual_topic(self) -> str:
        """The topic of the manual that fits: what to do, where something is wrong."""
        troubled = self._view is not None and trouble_of(self._view, self.home.clock()) is not None
        return "failures" if troubled else "screens"

    @property
    def home(self) -> Home:
        """The application, as far as this screen needs it."""
        return cast(Home, self.app)

    def compose(self) -> ComposeResult:
        """From the top: whose, trouble, figures, panes, keys."""
        yield Lines(id="monitor-head")
        yield Lines(id="monitor-ends")
        yield Lines(id="monitor-trouble")
        yield Headline()
        yield Lines(id="monitor-tabs")
        yield Input(placeholder="filter: words · Esc clears", id="monitor-filter", compact=True)
        with Vertical(id="monitor-panes"):
            with Vertical(id="monitor-left", classes="monitor-column"):
                yield StagesPane(id="monitor-stages", classes="pane")
                yield TablesPane()
            with Vertical(id="monitor-right", classes="monitor-column"):
                yield ChartsPane(id="monitor-charts")
                yield LogPane()
        yield KeyBar()

    def on_mount(self) -> None:
        """Begins to follow."""
        self.filter.display = False
        self._link = self._make_link(self._stored, lambda view: self.post_message(self.Updated(view)), self.home.clock)
        self.set_interval(TICK_SECONDS, self._tick)
        self.set_interval(CHART_SECONDS, self._draw_slowly)
        self._choose_pane(PANES[0])
        self.call_after_refresh(self.home.let_keys_go)
        self._link.start()

    def on_unmount(self) -> None:
        """Ends following: the screen is gone."""
        if self._link is not None:
            self._link.stop()

    @on(Updated)
    def _updated(self, event: Updated) -> None:
        before, self._view = self._view, event.view
        if before is not None and (not self.is_current or same_facts(before, event.view)):
            # Figures alone can wait for the next second.
            return
        self._draw()
        if before is None:
            self.call_after_refresh(self._draw_charts)
        if before is None or offers(before) != offers(event.view):
            self.refresh_bindings()

    @on(ScreenResume)
    def _visible(self) -> None:
        self._draw()

    @on(Resize)
    def _resized(self) -> None:
        self._show_panes()
        self.call_after_refresh(self._draw)
        self.call_after_refresh(self._draw_charts)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What can be done with the task now."""
        seen = self._view.seen if self._view is not None else None
        match action:
            case "pause":
                return seen is not None and may_pause(seen)
            case "resume":
                return seen is not None and may_resume(seen) and not lost_changes(seen)
            case "resync":
                return seen is not None and may_resync(seen) and self._wish() is not None
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
        self._task_actions.pause(self._stored)

    def action_resume(self) -> None:
        """Resumes the task."""
        self._task_actions.resume(self._stored)

    def action_resync(self) -> None:
        """Copies the tables that lost changes again, or the one under the cursor."""
        if (wish := self._wish()) is not None:
            self._task_actions.resync(self._stored, wish)

    @property
    def urgent_actions(self) -> tuple[str, ...]:
        """What the key bar shows first: what brings back a task that nothing else does."""
        return ("monitor.resync",) if self._view is not None and lost_changes(self._view.seen) else ()

    def _wish(self) -> ResyncWish | None:
        """What would be copied again: what has to be, where changes are missing, else what is marked."""
        if self._view is None:
            return None
        state, marked = self._view.seen.state, self._marked(self.tables)
        if lost_changes(self._view.seen):
            return ResyncWish()
        return None if marked is None else ResyncWish(tables=[state.table_name(marked)])

    def action_release(self) -> None:
        """Releases the task."""
        self._task_actions.release(self._stored)

    def action_sequences(self) -> None:
        """Sets the sequences again."""
        self._task_actions.set_sequences(self._stored)

    def action_report(self) -> None:
        """Gathers a report."""
        self._task_actions.report(self._stored, self.home.clock())

    def action_back(self) -> None:
        """Clears the filter, else goes to the tasks."""
        if self.filter.display:
            self.filter.value = ""
            self.filter.display = False
            self._filter_done()
        else:
            self.dismiss()

    def action_filter(self) -> None:
        """Words for the filter of tables and events."""
        self.filter.display = True
        self.filter.focus()

    def action_sort(self) -> None:
        """Sorts the tables by the next column."""
        self.tables.sort_next()
        self._draw_lists()

    def action_level(self) -> None:
        """Shows more of the events, or fewer."""
        self.events.level_next()
        self._draw_lists()

    def action_range(self) -> None:
        """Charts of another length of time."""
        self.charts.range_next()
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
        table, event = self._marked(self.tables), self._marked(self.events)
        if table is not None:
            self.app.push_screen(CopyTextDialog(table, describe_table(self._view.seen, table), name))
        elif event is not None:
            entry = next(each for each in self._view.entries if str(each.sequence) == event)
            text = f"{local_time(entry.at)}\n\n{narrate(entry.event)}"
            self.app.push_screen(CopyTextDialog(f"Event {entry.sequence}", text, name))
        elif trouble is not None:
            self.app.push_screen(CopyTextDialog(trouble.title, trouble_text(trouble), name, severe=True))

    @on(Click, "#monitor-tabs")
    def _tab_clicked(self, event: Click) -> None:
        column = 0
        for pane, text in zip(PANES, tab_texts(self._pane), strict=True):
            column += len(text)
            if event.x < column:
                self._choose_pane(pane)
                return

    @on(Input.Changed, "#monitor-filter")
    def _filtered(self) -> None:
        self.tables.words = self.events.words = self.filter.value
        self._draw_lists()

    @on(Input.Submitted, "#monitor-filter")
    def _filter_done(self) -> None:
        (self.events if self._pane == "log" else self.tables).target().focus()

    def _tick(self) -> None:
        if self.is_current and self._view is not None:
            self._draw_top()
            if len(self.tables.listing.lines) < MANY_TABLES:
                self._draw_tables()

    def _draw(self) -> None:
        if self._view is not None and self.is_attached:
            self._draw_top()
            self._draw_lists()

    def _draw_lists(self) -> None:
        self._draw_tables()
        if self._view is not None and self._in_sight("log"):
            self.events.show(self._view)

    def _draw_tables(self) -> None:
        if self._view is not None and self._in_sight("tables"):
            self.tables.show(self._view)

    def _draw_slowly(self) -> None:
        """What costs more than a second's worth of a glance."""
        self._draw_charts()
        if self.is_current:
            self._draw_tables()

    def _draw_top(self) -> None:
        """All that ages."""
        view, now = self._view, self.home.clock()
        if view is None:
            return
        seen = view.seen
        self.query_one("#monitor-ends", Lines).show(ends_lines(self._stored.spec, self.size.width - 2))
        self.query_one("#monitor-head", Lines).show([head_line(view, now, self.size.width - 2)])
        trouble = trouble_of(view, now)
        self.set_class(trouble is not None, "-trouble")
        self.set_class(not seen.liveness.alive, "-stopped")
        self.query_one("#monitor-trouble", Lines).show(trouble_lines(trouble) if trouble else [])
        self.query_one("#monitor-trouble").set_class(trouble is not None and trouble.tone == "bad", "-bad")
        self.query_one(Headline).show(figures_of(view, now), aged=are_old(view, now))
        self.stages.show(view, now)

    def _draw_charts(self) -> None:
        if self._view is not None and self.is_current and self._in_sight("charts"):
            self.charts.show(self._view, self.home.clock())

    def _choose_pane(self, pane: str) -> None:
        self._pane = pane
        self._show_panes()
        tabs: list[Part] = [
            (text, "accent" if name == pane else "muted") for name, text in zip(PANES, tab_texts(pane), strict=True)
        ]
        self.query_one("#monitor-tabs", Lines).show([tabs])
        self.query_one(f"#monitor-{pane}").focus()
        self.refresh_bindings()
        # Where it had a place before, it is there with the first frame; else it gets one by that.
        for draw in (self._draw_lists, self._draw_charts):
            draw()
            self.call_after_refresh(draw)

    def _show_panes(self) -> None:
        """One of them, or all where there is room.

        Not by classes of the screen: these style every widget on it again, which took two thirds of a key's time.
        """
        for side, panes in SIDES.items():
            self.query_one(f"#{side}").display = any(map(self._in_sight, panes))
            for name, widget in panes.items():
                self.query_one(f"#{widget}").display = self._in_sight(name)

    def _inspectable(self) -> bool:
        if self._view is None:
            return False
        in_list = self._marked(self.tables) is not None or self._marked(self.events) is not None
        return in_list or trouble_of(self._view, self.home.clock()) is not None

    def _marked(self, pane: ListPane) -> str | None:
        """The key of the line under the cursor, where the list has the focus."""
        return pane.listing.key if pane.listing.has_focus else None

    def _in_sight(self, pane: str) -> bool:
        return self._pane == pane or self.size.width >= self.home.WIDE_COLUMNS
