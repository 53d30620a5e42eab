"""One task, watched: what is wrong, the figures of now, stages, tables, charts, events; and what can be done."""

from typing import ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.events import Resize, ScreenResume
from textual.getters import query_one
from textual.message import Message
from textual.widgets import Input

from syncwizard.client.tasks import StoredTask
from syncwizard.task.figures.history import began
from syncwizard.task.resync import ResyncWish
from syncwizard.tui.actions import bindings
from syncwizard.tui.dialogs.copy_text import CopyTextDialog
from syncwizard.tui.formatting import moment
from syncwizard.tui.monitor.activity import Activity, observe
from syncwizard.tui.monitor.body import PANES, Body
from syncwizard.tui.monitor.details import details_of
from syncwizard.tui.monitor.link import EngineLink, Follow, Following, View
from syncwizard.tui.monitor.paging import Paging
from syncwizard.tui.monitor.panes import ListPane
from syncwizard.tui.monitor.past import step_seconds, view_at
from syncwizard.tui.monitor.remembered import recall, with_chosen
from syncwizard.tui.monitor.top import Top
from syncwizard.tui.monitor.view import news_between, offers, same_facts
from syncwizard.tui.opening import Home
from syncwizard.tui.read_only import CHANGING, is_refused
from syncwizard.tui.task_actions import (
    TaskActions,
    lost_changes,
    may_pause,
    may_pause_table,
    may_release,
    may_resume,
    may_resync,
    may_set_sequences,
    wish_of,
)
from syncwizard.tui.trouble import trouble_of
from syncwizard.tui.widgets.key_bar import KeyBar
from syncwizard.tui.widgets.listing import Listing

# Figures and ages; events are drawn as they come, at most four times a second.
TICK_SECONDS = 1.0
# Drawing two charts costs far more than all the rest: the numbers beside them change each second.
CHART_SECONDS = 5.0
# So many are drawn no oftener than the charts: each is a line to make, in sight or not.
MANY_TABLES = 1000


class MonitorScreen(Paging):
    """The monitor of one task."""

    CSS_PATH = "../styles/monitor.tcss"
    AUTO_FOCUS = "#monitor-stages"
    BINDINGS: ClassVar[list[BindingType]] = bindings(
        *(
            "monitor.pause",
            "monitor.pause-table",
            "monitor.resume",
            "monitor.resync",
            "monitor.details",
            "monitor.filter",
            "monitor.sort",
            "monitor.level",
        ),
        *("monitor.range", "monitor.sequences", "monitor.report", "monitor.release"),
        *("monitor.earlier", "monitor.later"),
        *(f"monitor.{pane}" for pane in PANES),
        "screen.back",
        methods={f"monitor.{pane}": f"pane('{pane}')" for pane in PANES},
    )

    body = query_one(Body)
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
        super().__init__(task)
        self._make_link = follow
        self._task_actions = TaskActions(self, lambda: None)
        self._link: Following | None = None
        self._activity = Activity()
        # The moment that is shown, where it is not now.
        self._at: float | None = None

    @property
    def manual_topic(self) -> str:
        """The topic of the manual that fits: what to do, where something is wrong."""
        return "failures" if self._troubled else "screens"

    @property
    def _troubled(self) -> bool:
        view = self.latest
        return view is not None and trouble_of(view.seen, self.home.clock(), view.figures_at) is not None

    @property
    def home(self) -> Home:
        """The application, as far as this screen needs it."""
        return cast(Home, self.app)

    def compose(self) -> ComposeResult:
        """From the top: whose, trouble, figures, panes, keys."""
        yield Top()
        yield Input(placeholder="filter: words · Esc clears", id="monitor-filter", compact=True)
        yield Body()
        yield KeyBar()

    def on_mount(self) -> None:
        """Begins to follow, with the panes as they were left."""
        before = recall(self.home.preferences, self.stored.id)
        self.body.choose(before)
        with self.prevent(Input.Changed):
            self.filter.value = before.words
        self.filter.display = bool(before.words)
        self._link = self._make_link(self.stored, lambda view: self.post_message(self.Updated(view)), self.home.clock)
        self.set_interval(TICK_SECONDS, self._tick)
        self.set_interval(CHART_SECONDS, self._draw_slowly)
        self._turn_to(PANES[0])
        self.call_after_refresh(self.home.let_keys_go)
        self._link.start()

    def on_unmount(self) -> None:
        """Ends following: the screen is gone."""
        if self._link is not None:
            self._link.stop()

    @on(Updated)
    def _updated(self, event: Updated) -> None:
        before, self.latest = self.latest, event.view
        self._observe(event.view)
        if before is not None and (news := news_between(before, event.view, self.home.clock())):
            self.home.announce(news)
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
        self.body.rearrange()
        self.call_after_refresh(self._draw)
        self.call_after_refresh(self._draw_charts)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What can be done with the task now; of its past only what can be looked at."""
        seen = self.latest.seen if self.latest is not None else None
        if is_refused(action):
            return False
        if self._at is not None and action in CHANGING:
            return False
        match action:
            case "pause":
                return seen is not None and may_pause(seen)
            case "pause_table":
                return seen is not None and may_pause_table(seen, self._marked(self.body.tables))
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
            case "late" | "verification" | "changes" | "refused" | "precheck":
                return self.may_turn_to(action)
            case "later":
                return self._at is not None
            case "earlier":
                return self.latest is not None and not self.latest.history.empty
            case "sort" | "range" | "level" | "filter":
                panes = {"sort": ("tables",), "range": ("charts",), "level": ("log",), "filter": ("tables", "log")}
                return any(map(self.body.in_sight, panes[action]))
        return True

    def action_pause(self) -> None:
        """Pauses the task."""
        self._task_actions.pause([self.stored])

    def action_pause_table(self) -> None:
        """Pauses the table under the cursor alone."""
        if self.latest is not None and (marked := self._marked(self.body.tables)) is not None:
            self._task_actions.pause_table(self.stored, self.latest.seen.state.table_name(marked))

    def action_resume(self) -> None:
        """Resumes the task."""
        self._task_actions.resume(self.stored)

    def action_resync(self) -> None:
        """Copies the tables that lost changes again, or the one under the cursor."""
        if (wish := self._wish()) is not None:
            self._task_actions.resync(self.stored, wish)

    @property
    def quiet_actions(self) -> tuple[str, ...]:
        """Of a task that runs its end is not what the key bar proposes."""
        return ("monitor.release",) if self.latest is not None and self.latest.seen.liveness.alive else ()

    @property
    def urgent_actions(self) -> tuple[str, ...]:
        """What the key bar shows first: what brings back a task that nothing else does."""
        if self._at is not None:
            return ("monitor.earlier", "monitor.later")
        if self.decision_waits:
            return ("monitor.changes",)
        if self.row_waits:
            return ("monitor.refused",)
        return ("monitor.resync",) if self.latest is not None and lost_changes(self.latest.seen) else ()

    def _wish(self) -> ResyncWish | None:
        """What would be copied again: what has to be, where changes are missing, else what is marked."""
        return None if self.latest is None else wish_of(self.latest.seen, self._marked(self.body.tables))

    def action_release(self) -> None:
        """Releases the task."""
        self._task_actions.release(self.stored)

    def action_sequences(self) -> None:
        """Sets the sequences again."""
        self._task_actions.set_sequences(self.stored)

    def action_report(self) -> None:
        """Gathers a report."""
        self._task_actions.report(self.stored, self.home.clock())

    def action_back(self) -> None:
        """Clears the filter, else comes back to now, else goes to the tasks."""
        if self._at is not None and not self.filter.display:
            self._go_to(None)
        elif self.filter.display:
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
        self.body.tables.sort_next()
        self._draw_lists()
        self._remember()

    def action_level(self) -> None:
        """Shows more of the events, or fewer."""
        self.body.events.level_next()
        self._draw_lists()
        self._remember()

    def action_range(self) -> None:
        """Charts of another length of time."""
        self.body.charts.range_next()
        self._draw_charts()
        self._remember()

    def action_earlier(self) -> None:
        """An earlier moment; not before anything was measured."""
        if self.latest is not None:
            first = began(self.latest.history) or 0.0
            self._go_to(max(first, (self._at or self.home.clock()) - step_seconds(self.body.charts.shown_range)))

    def action_later(self) -> None:
        """A later moment; now, once that is reached."""
        if self._at is not None:
            later = self._at + step_seconds(self.body.charts.shown_range)
            self._go_to(later if later < self.home.clock() else None)

    def _go_to(self, moment: float | None) -> None:
        self._at = moment
        self._draw()
        self._draw_charts()
        self.refresh_bindings()

    def action_pane(self, name: str) -> None:
        """One of the panes."""
        self._turn_to(name)

    @on(Listing.Chosen)
    def action_details(self) -> None:
        """The line under the cursor whole, or all that is known of the trouble."""
        if self.latest is None:
            return
        name = f"{self.stored.spec.short_id}-details.txt"
        table, event = self._marked(self.body.tables), self._marked(self.body.events)
        if (found := details_of(self.latest, table, event, self.home.clock())) is not None:
            self.app.push_screen(CopyTextDialog(found.title, found.text, name, severe=found.severe))

    @on(Body.Turned)
    def _turned(self, event: Body.Turned) -> None:
        self._turn_to(event.pane)

    @on(Input.Changed, "#monitor-filter")
    def _filtered(self) -> None:
        self.body.filter_by(self.filter.value)
        self._draw_lists()

    @on(Input.Submitted, "#monitor-filter")
    def _filter_done(self) -> None:
        self.body.list_in_sight().target().focus()
        self._remember()

    def _remember(self) -> None:
        # A choice that is not remembered is no news: it is made again.
        self.home.remember(with_chosen(self.home.preferences, self.stored.id, self.body.chosen))

    def _observe(self, view: View) -> None:
        if (changes := view.seen.sample.changes) is not None:
            totals = {name: sum(counts.values()) for name, counts in changes.items()}
            self._activity = observe(self._activity, totals, self.home.clock())

    def _tick(self) -> None:
        if self.is_current and self.latest is not None:
            self._draw_top()
            if len(self.body.tables.listing.lines) < MANY_TABLES:
                self.body.draw_tables(*self._shown(), self._activity)

    def _shown(self) -> tuple[View, float]:
        """What is to be seen, and of when: as it is known now, or as it was."""
        if self.latest is None:
            raise LookupError("nothing is known of the task yet")
        if self._at is None:
            return self.latest, self.home.clock()
        return view_at(self.latest, self._at), self._at

    def _draw(self) -> None:
        if self.latest is not None and self.is_attached:
            self._draw_top()
            self._draw_lists()

    def _draw_lists(self) -> None:
        if self.latest is not None:
            self.body.draw_lists(*self._shown(), self._activity if self._at is None else Activity())

    def _draw_slowly(self) -> None:
        """What costs more than a second's worth of a glance."""
        self._draw_charts()
        if self.is_current and self.latest is not None:
            self.body.draw_tables(*self._shown(), self._activity)

    def _draw_top(self) -> None:
        """All that ages."""
        if self.latest is None:
            return
        view, now = self._shown()
        if self._at is None:
            self.query_one(Top).show(view, self.stored.spec, now)
        else:
            self.query_one(Top).show_past(view, self.stored.spec, now, self.home.clock())
        self.body.draw_stages(view, now)

    def _draw_charts(self) -> None:
        if self.latest is not None and self.is_current:
            end = "now" if self._at is None else moment(self._at, self.home.clock())
            self.body.draw_charts(*self._shown(), end)

    def _turn_to(self, pane: str) -> None:
        self.body.turn_to(pane)
        self.refresh_bindings()
        # Where it had a place before, it is there with the first frame; else it gets one by that.
        for draw in (self._draw, self._draw_charts):
            draw()
            self.call_after_refresh(draw)

    def _inspectable(self) -> bool:
        marked = [self._marked(pane) for pane in (self.body.tables, self.body.events)]
        return self.latest is not None and (self._troubled or any(key is not None for key in marked))

    def _marked(self, pane: ListPane) -> str | None:
        """The key of the line under the cursor, where the list has the focus."""
        return pane.listing.key if pane.listing.has_focus else None
