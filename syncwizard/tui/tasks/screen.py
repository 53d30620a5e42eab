"""The tasks of this machine: what each does, how far it is, how late; the way to everything else."""

from collections.abc import Callable
from typing import ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.events import Resize, ScreenResume, ScreenSuspend
from textual.getters import query_one
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Button, Input, Static

from syncwizard.client import drafts, tasks
from syncwizard.client.drafts import KeptDraft
from syncwizard.client.looking import Seen
from syncwizard.errors import SyncwizardError, TaskFileError
from syncwizard.task.drafting.draft import TaskDraft
from syncwizard.tui.actions import bindings
from syncwizard.tui.background import in_background
from syncwizard.tui.dialogs.confirm import ConfirmDialog
from syncwizard.tui.opening import Home
from syncwizard.tui.task_actions import TaskActions, may_pause, may_release, may_resume
from syncwizard.tui.tasks.lines import (
    DRAFT_KEY,
    NARROW,
    SORTS,
    WIDE,
    draft_line,
    is_wide,
    matches,
    sorted_tasks,
    summary,
    task_line,
    text_of,
)
from syncwizard.tui.widgets.key_bar import KeyBar
from syncwizard.tui.widgets.listing import Line, Listing

# Each look asks every running engine.
LOOK_SECONDS = 2.0
# At both sides, and a scrollbar.
MARGINS = 3

EMPTY = """A task copies a PostgreSQL database to another server,
and keeps it in step: schema, data, then every change.
F1 opens the manual."""


class Sight:
    """What one look saw."""

    def __init__(self, seen: list[Seen], kept: list[KeptDraft], unreadable: list[TaskFileError]) -> None:
        self.seen, self.kept, self.unreadable = seen, kept, unreadable


class TasksScreen(Screen[None]):
    """The home of the screens."""

    CSS_PATH = "../styles/tasks.tcss"
    AUTO_FOCUS = "Listing"
    BINDINGS: ClassVar[list[BindingType]] = bindings(
        *("tasks.open", "tasks.new", "tasks.pause", "tasks.resume", "tasks.clone", "tasks.release"),
        *("tasks.filter", "tasks.sort", "tasks.show-released", "tasks.demo", "screen.back"),
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
        self._sort = SORTS[0]
        self._released = False

    @property
    def home(self) -> Home:
        """The application, as far as this screen needs it."""
        return cast(Home, self.app)

    def compose(self) -> ComposeResult:
        """The list between its summary and its keys; the invitation where there is no task."""
        with Horizontal(id="tasks-head"):
            yield Static("syncwizard", id="tasks-title", markup=False)
            yield Static("looking …", id="tasks-summary", markup=False)
        yield Input(placeholder="filter: words that a task contains · Esc clears", id="tasks-filter", compact=True)
        yield Listing(NARROW)
        with Vertical(id="tasks-empty"):
            yield Static("", id="tasks-empty-title", markup=False)
            yield Static(EMPTY, id="tasks-empty-text", markup=False)
            yield Button("Set up a task (n)", id="tasks-new", variant="primary", compact=True)
            yield Button("Try the demo first (t): two servers of its own", id="tasks-demo", compact=True)
        yield Static("", id="tasks-trouble", markup=False)
        yield KeyBar()

    def on_mount(self) -> None:
        """Looks now, and again and again."""
        self.filter.display = False
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
        match action:
            case "open":
                return bool(seen or kept)
            case "pause":
                return seen is not None and may_pause(seen)
            case "resume":
                return seen is not None and may_resume(seen)
            case "release":
                return kept is not None or (seen is not None and may_release(seen))
            case "clone":
                return seen is not None
            case "filter" | "sort":
                return bool(self.listing.lines) or self.filter.display if self.is_mounted else False
            case "back":
                return self.filter.display if self.is_mounted else False
        return True

    @on(Listing.Chosen)
    def action_open(self) -> None:
        """The task's monitor, or the draft in the wizard."""
        if (seen := self._current()) is not None:
            self.home.open_task(seen.task)
        elif (kept := self._current_draft()) is not None:
            self.home.open_wizard(kept.draft)

    @on(Button.Pressed, "#tasks-new")
    def action_new(self) -> None:
        """The wizard."""
        self.home.open_wizard(None)

    @on(Button.Pressed, "#tasks-demo")
    def action_demo(self) -> None:
        """Leaves for the demo, which brings its own servers and its own state."""
        self.home.leave_for_demo()

    def action_pause(self) -> None:
        """Pauses the task under the cursor."""
        if (seen := self._current()) is not None:
            self._task_actions.pause(seen.task)

    def action_resume(self) -> None:
        """Resumes the task under the cursor."""
        if (seen := self._current()) is not None:
            self._task_actions.resume(seen.task)

    def action_clone(self) -> None:
        """The task under the cursor as the draft of another."""
        if (seen := self._current()) is not None:
            self.home.open_wizard(TaskDraft.from_spec(seen.task.spec).copied())

    def action_release(self) -> None:
        """Releases the task under the cursor, or forgets the draft."""
        if (seen := self._current()) is not None:
            self._task_actions.release(seen.task)
        elif (kept := self._current_draft()) is not None:
            self._forget(kept)

    def action_filter(self) -> None:
        """Words for the filter."""
        self.filter.display = True
        self.filter.focus()

    def action_back(self) -> None:
        """Clears the filter."""
        self.filter.value = ""
        self.filter.display = False
        self.listing.focus()

    def action_sort(self) -> None:
        """Sorts by the next column."""
        self._sort = SORTS[(SORTS.index(self._sort) + 1) % len(SORTS)]
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
        self.listing.focus()

    @on(Listing.Moved)
    def _moved(self) -> None:
        self.refresh_bindings()

    def _forget(self, kept: KeptDraft) -> None:
        def go(confirmed: bool | None) -> None:
            if not confirmed:
                return
            try:
                drafts.remove(kept.draft.id)
            except OSError as error:
                self.notify(str(error), title="Not forgotten", severity="error", markup=False)
            self._look()

        text = "Nothing was started with it; what was typed is gone then."
        self.app.push_screen(ConfirmDialog(f"Forget the draft {kept.draft.name}?", text, "Forget"), go)

    def _look(self) -> None:
        if self._looking:
            return
        self._looking = True

        def work() -> Sight:
            return Sight(self._look_around(), drafts.list_drafts(), tasks.unreadable())

        in_background(self, work, self._saw, self._saw_nothing)

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
        shown = [seen for seen in sight.seen if self._released or seen.state.state != "released"]
        wide = is_wide(shown, sight.kept, self.size.width - MARGINS)
        lines = self._lines(shown, sight.kept, wide=wide)
        found = [line for line in lines if matches(text_of(line), self.filter.value)]
        self.listing.show(found, WIDE if wide else NARROW)
        self.set_class(not lines, "-empty")
        title = "No task is under way; a shows released ones" if sight.seen else "No tasks yet"
        self.query_one("#tasks-empty-title", Static).update(title)
        if not lines and not isinstance(self.focused, Button):
            self.query_one("#tasks-new", Button).focus()
        elif (lines and self.focused is None) or (isinstance(self.focused, Button) and lines):
            self.listing.focus()
        self.query_one("#tasks-summary", Static).update(self._summary(shown, len(found), len(lines)))
        self.query_one("#tasks-trouble", Static).update("\n".join(f"left out: {error}" for error in sight.unreadable))
        self.refresh_bindings()

    def _lines(self, shown: list[Seen], kept: list[KeptDraft], *, wide: bool) -> list[Line]:
        now = self.home.clock()
        return [
            *(task_line(seen, now, wide=wide) for seen in sorted_tasks(shown, self._sort)),
            *(draft_line(each, now, wide=wide) for each in kept),
        ]

    def _summary(self, shown: list[Seen], found: int, count: int) -> str:
        if not count:
            return ""
        parts = [f"{found} of {count}"] if found != count else [summary(shown)]
        return " · ".join([*parts, f"by {self._sort}"])

    def _current(self) -> Seen | None:
        key = self.listing.key if self.is_mounted else None
        seen = self._sight.seen if self._sight is not None else []
        return next((each for each in seen if str(each.task.id) == key), None)

    def _current_draft(self) -> KeptDraft | None:
        key = self.listing.key if self.is_mounted else None
        kept = self._sight.kept if self._sight is not None else []
        return next((each for each in kept if f"{DRAFT_KEY}{each.draft.id}" == key), None)
