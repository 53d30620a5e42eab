"""What the pages of a task share: its head, which ages, then what the page is about, then the keys."""

from collections.abc import Callable
from time import monotonic
from typing import ClassVar, cast

from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.screen import Screen

from syncwizard.client.tasks import StoredTask
from syncwizard.tui.actions import bindings, display_key
from syncwizard.tui.confirming import NOT_READ_YET
from syncwizard.tui.monitor.link import View
from syncwizard.tui.monitor.view import head_lines
from syncwizard.tui.opening import Home
from syncwizard.tui.task_actions import TaskActions
from syncwizard.tui.widgets.key_bar import KeyBar
from syncwizard.tui.widgets.lines import Lines

# Events come at any time, and a second is an age.
REDRAW_SECONDS = 0.5
# What is known of the task by now; None before anything is.
Latest = Callable[[], View | None]


class TaskPage(Screen[None]):
    """A page of one task, drawn from what the monitor below it knows by now."""

    CSS_PATH = "../../styles/pages.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings("screen.back")
    # What decides without a question of its own.
    confirming_actions: ClassVar[tuple[str, ...]] = ()

    def __init__(self, task: StoredTask, latest: Latest) -> None:
        super().__init__()
        self.stored, self._latest = task, latest
        self.task_actions = TaskActions(self, self._draw)
        self._offered: tuple[object, ...] = ()
        # When the page was painted.
        self.painted_at = NOT_READ_YET

    @property
    def home(self) -> Home:
        """The application, as far as this page needs it."""
        return cast(Home, self.app)

    @property
    def view(self) -> View | None:
        """What is known of the task by now."""
        return self._latest()

    def compose(self) -> ComposeResult:
        """The head, the page's own, the keys."""
        yield Lines(id="page-head")
        yield from self.content()
        yield KeyBar()

    def content(self) -> ComposeResult:
        """What the page is about."""
        raise NotImplementedError

    def draw(self, view: View, now: float) -> None:
        """Draws the view as of now."""
        raise NotImplementedError

    def offers(self) -> tuple[object, ...]:
        """What the page's actions depend on: the key bar is drawn again when that changes."""
        return ()

    def on_mount(self) -> None:
        """Draws from now on."""
        self.set_interval(REDRAW_SECONDS, self._draw)
        self.call_after_refresh(self._draw)
        self.call_after_refresh(self._is_read)
        self.call_after_refresh(self.home.let_keys_go)

    def _is_read(self) -> None:
        self.painted_at = monotonic()

    def confirms(self, key: str, action: str) -> bool:
        """Whether the key decides something."""
        return action in self.confirming_actions

    def show_too_soon(self, key: str) -> None:
        """Says that the key did nothing."""
        self.notify(f"{display_key(key)} came before this page could be read: press it again")

    def on_resize(self) -> None:
        """Lines are as wide as the screen."""
        self.call_after_refresh(self._draw)

    def action_back(self) -> None:
        """Goes back to what is below."""
        self.dismiss()

    def _draw(self) -> None:
        view = self.view
        if view is None or not self.is_current:
            return
        now = self.home.clock()
        self.query_one("#page-head", Lines).show(head_lines(view, self.stored.spec, now, self.size.width - 2))
        self.draw(view, now)
        if (offered := self.offers()) != self._offered:
            self._offered = offered
            self.refresh_bindings()


def turn_to(app: App[object], page: TaskPage) -> None:
    """Shows the page; keys that are pressed already are for it."""
    cast(Home, app).hold_keys()
    app.push_screen(page)
