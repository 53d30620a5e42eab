"""The tasks of this machine: what each does, how far it is, how late; the way to everything else."""

from collections.abc import Callable
from typing import ClassVar, cast

import msgspec
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.events import Resize, ScreenResume, ScreenSuspend
from textual.getters import query_one
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Button, Input, Static

from syncwizard.client.drafts import KeptDraft
from syncwizard.client.looking import Seen
from syncwizard.errors import SyncwizardError
from syncwizard.task.drafting.draft import TaskDraft
from syncwizard.task.resync import ResyncWish
from syncwizard.tui.actions import bindings
from syncwizard.tui.background import in_background
from syncwizard.tui.dialogs.views import ViewsDialog
from syncwizard.tui.event_lines import event_parts
from syncwizard.tui.formatting import Part
from syncwizard.tui.opening import Home
from syncwizard.tui.read_only import is_read_only, is_refused
from syncwizard.tui.settings import TaskView
from syncwizard.tui.task_actions import TaskActions, lost_changes, may_pause, may_release, may_resume
from syncwizard.tui.task_views import following, name_of
from syncwizard.tui.tasks.forgetting import forget
from syncwizard.tui.tasks.head import right_words
from syncwizard.tui.tasks.lines import (
    DRAFT_KEY,
    NARROW,
    SORTS,
    WIDE,
    WIDE_ROOM,
    SortName,
    about,
    about_draft,
    draft_line,
    matches,
    task_lines,
    totals,
    words_about,
    words_about_draft,
)
from syncwizard.tui.tasks.sight import Sight, take_sight
from syncwizard.tui.widgets.columns import Line, heading
from syncwizard.tui.widgets.key_bar import KeyBar
from syncwizard.tui.widgets.lines import Lines
from syncwizard.tui.widgets.listing import Listing

# Each look asks every running engine.
LOOK_SECONDS = 2.0
EMPTY = """A task copies a PostgreSQL database to another server,
and keeps it in step: schema, data, then every change.
F1 opens the manual."""


class TasksScreen(Screen[None]):
    """The home of the screens."""

    CSS_PATH = "../styles/tasks.tcss"
    AUTO_FOCUS = "Listing"
    BINDINGS: ClassVar[list[BindingType]] = bindings(
        *("tasks.open", "tasks.resume", "tasks.resync", "tasks.pause", "tasks.new", "tasks.filter", "tasks.sort"),
        *("tasks.release", "tasks.clone", "tasks.mark", "tasks.show-released", "tasks.demo", "screen.back"),
        *("tasks.view", "tasks.views"),
    )
    manual_topic = "first-steps"
    moving_actions = ("tasks.open", "tasks.new", "tasks.clone")

    listing = query_one(Listing)
    filter = query_one("#tasks-filter", Input)

    def __init__(self, look: Callable[[], list[Seen]]) -> None:
        """`look` looks at all tasks, in a thread."""
        super().__init__()
        self._look_around = look
        self._task_actions = TaskActions(self, self._look)
        self._sight: Sight | None = None
        self._looking = False
        self._timer: Timer | None = None
        self._sort: SortName = SORTS[0]
        self._released = False
        self._marked: set[str] = set()

    @property
    def home(self) -> Home:
        """The application, as far as this screen needs it."""
        return cast(Home, self.app)

    def compose(self) -> ComposeResult:
        """The list between the totals and the task under the cursor; the invitation where there is no task."""
        with Horizontal(classes="head"):
            yield Lines(id="tasks-totals")
            yield Static("", id="tasks-right", markup=False)
        yield Input(placeholder="filter: words that a task contains · Esc clears", id="tasks-filter", compact=True)
        yield Listing(NARROW)
        with Vertical(id="tasks-empty"):
            yield Static("", id="tasks-empty-title", markup=False)
            yield Static(EMPTY, id="tasks-empty-text", markup=False)
            yield Button("Set up a task (n)", id="tasks-new", variant="primary", compact=True)
            yield Button("Try the demo first (t): two servers of its own", id="tasks-demo", compact=True)
        yield Static("", id="tasks-trouble", markup=False)
        yield Lines(id="tasks-about")
        yield Lines(id="tasks-events")
        yield KeyBar()

    def on_mount(self) -> None:
        """As it was left the last time; looks now, and again and again."""
        chosen = self.home.preferences
        self._show(TaskView(name="", filter=chosen.tasks_filter, sort=chosen.tasks_sort))
        self.query_one("#tasks-totals", Lines).show([[("syncwizard", "strong"), ("   looking …", "muted")]])
        self._timer = self.set_interval(LOOK_SECONDS, self._look)
        self._look()

    @on(ScreenSuspend)
    def _hidden(self) -> None:
        if self._timer is not None:
            self._timer.pause()

    @on(ScreenResume)
    def _visible(self) -> None:
        if self._timer is not None:
            self._timer.resume()
            self._look()

    @on(Resize)
    def _resized(self) -> None:
        self._draw()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What can be done with the task under the cursor."""
        seen, kept = self._current(), self._current_draft()
        if is_refused(action):
            return False
        match action:
            case "open":
                return bool(seen or (kept and not is_read_only()))
            case "pause":
                return any(map(may_pause, self._meant()))
            case "resume":
                return any(may_resume(each) and not lost_changes(each) for each in self._meant())
            case "resync":
                return seen is not None and lost_changes(seen)
            case "mark":
                return seen is not None
            case "release":
                return kept is not None or (seen is not None and may_release(seen))
            case "clone":
                return seen is not None
            case "view":
                return bool(self.home.preferences.tasks_views)
            case "filter" | "sort" | "views":
                return bool(self.listing.lines) or self.filter.display if self.is_mounted else False
            case "back":
                return (self.filter.display or bool(self._marked)) if self.is_mounted else False
        return True

    @on(Listing.Chosen)
    def action_open(self) -> None:
        """The task's monitor, or the draft in the wizard."""
        if (seen := self._current()) is not None:
            self.home.open_task(seen.task)
        elif (kept := self._current_draft()) is not None and not is_read_only():
            self.home.open_wizard(kept.draft)

    @on(Button.Pressed, "#tasks-new")
    def action_new(self) -> None:
        """The wizard."""
        self.home.open_wizard(None)

    @on(Button.Pressed, "#tasks-demo")
    def action_demo(self) -> None:
        """Leaves for the demo, which brings its own servers and its own state."""
        self.home.leave_for_demo()

    @property
    def quiet_actions(self) -> tuple[str, ...]:
        """Of a task that runs its end is not what the key bar proposes."""
        seen = self._current()
        return ("tasks.release",) if seen is not None and seen.liveness.alive else ()

    @property
    def urgent_actions(self) -> tuple[str, ...]:
        """What the key bar shows first: what brings back a task that nothing else does."""
        seen = self._current()
        return ("tasks.resync",) if seen is not None and lost_changes(seen) else ()

    def action_pause(self) -> None:
        """Pauses the tasks that are marked, or the one under the cursor."""
        self._task_actions.pause([seen.task for seen in self._meant() if may_pause(seen)])

    def action_resume(self) -> None:
        """Resumes the tasks that are marked, or the one under the cursor."""
        for seen in self._meant():
            if may_resume(seen) and not lost_changes(seen):
                self._task_actions.resume(seen.task)

    def action_resync(self) -> None:
        """Copies again what lost changes."""
        if (seen := self._current()) is not None:
            self._task_actions.resync(seen.task, ResyncWish())

    def action_mark(self) -> None:
        """Marks the task, or not any more, and goes to the next."""
        if (seen := self._current()) is not None:
            self._marked ^= {str(seen.task.id)}
            self._draw()
            self.listing.action_down()
            self.refresh_bindings()

    def action_clone(self) -> None:
        """The task under the cursor as the draft of another."""
        if (seen := self._current()) is not None:
            self.home.open_wizard(TaskDraft.from_spec(seen.task.spec).copied())

    def action_release(self) -> None:
        """Releases the task under the cursor, or forgets the draft."""
        if (seen := self._current()) is not None:
            self._task_actions.release(seen.task)
        elif (kept := self._current_draft()) is not None:
            forget(self, kept, self._look)

    def action_filter(self) -> None:
        """Words for the filter."""
        self.filter.display = True
        self.filter.focus()

    def action_back(self) -> None:
        """Clears the filter, then the marks."""
        if not self.filter.display:
            self._marked.clear()
            self._draw()
            return
        self.filter.value = ""
        self.filter.display = False
        self.listing.focus()
        self._remember()

    def action_sort(self) -> None:
        """Sorts by the next column."""
        self._sort = SORTS[(SORTS.index(self._sort) + 1) % len(SORTS)]
        self._draw()
        self._remember()

    def action_view(self) -> None:
        """The next saved view, or all tasks again."""
        self._choose(following(self.home.preferences.tasks_views, self._shown))

    def action_views(self) -> None:
        """Saved views: to choose, to discard, and to save what is shown."""

        def keep(views: tuple[TaskView, ...]) -> None:
            self.home.remember(msgspec.structs.replace(self.home.preferences, tasks_views=views))
            self._draw()

        dialog = ViewsDialog(self.home.preferences.tasks_views, self._shown, keep)
        self.app.push_screen(dialog, self._choose)

    @property
    def _shown(self) -> TaskView:
        """What the list shows now."""
        sort = "" if self._sort == SORTS[0] else self._sort
        return TaskView(name="", filter=self.filter.value, sort=sort, released=self._released)

    def _show(self, view: TaskView) -> None:
        self._sort = next((sort for sort in SORTS if sort == view.sort), SORTS[0])
        self._released = view.released
        with self.prevent(Input.Changed):
            self.filter.value = view.filter
        self.filter.display = bool(view.filter)

    def _choose(self, view: TaskView | None) -> None:
        if view is not None:
            self._show(view)
            self._remember()
        self._draw()

    def action_show_released(self) -> None:
        """Shows released tasks, or hides them."""
        self._released = not self._released
        self._draw()

    @on(Input.Changed, "#tasks-filter")
    def _filtered(self) -> None:
        self._draw()

    @on(Input.Submitted, "#tasks-filter")
    def _filter_done(self) -> None:
        self.filter.display = bool(self.filter.value)
        self.listing.focus()
        self._remember()

    def _remember(self) -> None:
        # A choice that is not remembered is no news: it is chosen again.
        self.home.remember(
            msgspec.structs.replace(self.home.preferences, tasks_sort=self._sort, tasks_filter=self.filter.value)
        )

    @on(Listing.Moved)
    def _moved(self) -> None:
        self._draw_about()
        if self.has_class("-tall"):
            # Its events are shown there, and have to be read first.
            self._look()
        self.refresh_bindings()

    def _look(self) -> None:
        if self._looking:
            return
        self._looking = True

        marked = self.listing.key
        in_background(self, lambda: take_sight(self._look_around, marked), self._saw, self._saw_nothing)

    def _saw(self, sight: Sight) -> None:
        self._looking = False
        self._sight = sight
        self._draw()

    def _saw_nothing(self, error: SyncwizardError) -> None:
        self._looking = False
        self.query_one("#tasks-trouble", Static).update(str(error))

    def _draw(self) -> None:
        sight = self._sight
        if sight is None or not self.is_attached:
            return
        now, room = self.home.clock(), self.listing.room
        shown = [seen for seen in sight.seen if self._released or seen.state.state != "released"]
        found = [seen for seen in shown if matches(words_about(seen, now), self.filter.value)]
        kept = [each for each in sight.kept if matches(words_about_draft(each), self.filter.value)]
        self.listing.show(self._lines(found, kept, room), WIDE if room >= WIDE_ROOM else NARROW)
        empty = not shown and not sight.kept
        self.set_class(empty, "-empty")
        title = "No task is under way; a shows released ones" if sight.seen else "No tasks yet"
        self.query_one("#tasks-empty-title", Static).update(title)
        for button, action in (("#tasks-new", "new"), ("#tasks-demo", "demo")):
            self.query_one(button).display = not is_refused(action)
        if empty and not isinstance(self.focused, Button) and not is_refused("new"):
            self.query_one("#tasks-new", Button).focus()
        elif not empty and (self.focused is None or isinstance(self.focused, Button)):
            self.listing.focus()
        right = right_words(
            marked=len(self._marked),
            found=len(found) + len(kept),
            count=len(shown) + len(sight.kept),
            order=name_of(self.home.preferences.tasks_views, self._shown)
            or (f"by {self._sort}" if self._sort != SORTS[0] else ""),
            at=now,
        )
        head: list[Part] = [("syncwizard", "strong"), ("   ", "plain")]
        taken = len("syncwizard   ") + len(right) + 2
        self.query_one("#tasks-totals", Lines).show([[*head, *totals(shown, now, self.size.width - taken)]])
        self.query_one("#tasks-right", Static).update(right)
        self.query_one("#tasks-trouble", Static).update("\n".join(f"left out: {each}" for each in sight.unreadable))
        self._draw_about()
        self.refresh_bindings()

    def _lines(self, found: list[Seen], kept: list[KeptDraft], room: int) -> list[Line]:
        now = self.home.clock()
        lines = task_lines(found, now, by=self._sort, room=room, marked=self._marked)
        drafts_of = [draft_line(each, now, room=room) for each in kept]
        return [*lines, *([heading("DRAFTS"), *drafts_of] if drafts_of and self._sort == SORTS[0] else drafts_of)]

    def _draw_about(self) -> None:
        """The task under the cursor, explained."""
        now, lines = self.home.clock(), self.query_one("#tasks-about", Lines)
        if (seen := self._current()) is not None:
            lines.show(about(seen, now))
        elif (kept := self._current_draft()) is not None:
            lines.show(about_draft(kept))
        else:
            lines.show([])
        sight = self._sight
        events = sight.events if sight is not None and sight.marked == self.listing.key else []
        self.query_one("#tasks-events", Lines).show([event_parts(entry) for entry in events])

    def _meant(self) -> list[Seen]:
        """The tasks that are marked, or the one under the cursor."""
        seen = self._sight.seen if self._sight is not None else []
        marked = [each for each in seen if str(each.task.id) in self._marked]
        current = self._current()
        return marked or ([current] if current is not None else [])

    def _current(self) -> Seen | None:
        key = self.listing.key if self.is_mounted else None
        seen = self._sight.seen if self._sight is not None else []
        return next((each for each in seen if str(each.task.id) == key), None)

    def _current_draft(self) -> KeptDraft | None:
        key = self.listing.key if self.is_mounted else None
        kept = self._sight.kept if self._sight is not None else []
        return next((each for each in kept if f"{DRAFT_KEY}{each.draft.id}" == key), None)
