"""Whether a task would start now: its precheck, asked beside the engine, which goes on."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, VerticalScroll
from textual.getters import query_one
from textual.widgets import Static

from syncwizard.client import probes, tasks
from syncwizard.errors import Cancelled, PrecheckNotPassed, SyncwizardError
from syncwizard.task.events import Event, PrecheckItemFinished
from syncwizard.task.text import span
from syncwizard.tui.actions import bindings
from syncwizard.tui.background import in_background
from syncwizard.tui.dialogs.copy_text import CopyTextDialog
from syncwizard.tui.formatting import Part
from syncwizard.tui.monitor.link import View
from syncwizard.tui.monitor.pages.page import TaskPage
from syncwizard.tui.precheck_items import (
    COLUMNS,
    PASSED_KEY,
    describe_findings,
    describe_item,
    describe_marked,
    item_lines,
)
from syncwizard.tui.remedies import marked_lines
from syncwizard.tui.task_actions import Secrets
from syncwizard.tui.widgets.lines import Lines, PaneTitle
from syncwizard.tui.widgets.listing import Listing

TITLE = "Would it start now?"


class PrecheckPage(TaskPage):
    """Asks both ends when it opens, and again by a key. It changes nothing; what is found is of that moment."""

    AUTO_FOCUS = "#checked-items"
    BINDINGS: ClassVar[list[BindingType]] = bindings("checked.again", "checked.unfold", "checked.whole")

    listing = query_one("#checked-items", Listing)
    _error: SyncwizardError | None = None
    _probe: probes.Probe[Event] | None = None
    _asking = False
    _ended_at = 0.0
    _unfolded = False

    def content(self) -> ComposeResult:
        """How it stands, the items, the marked one whole."""
        yield PaneTitle(TITLE, id="checked-title")
        yield Lines(id="checked-status", classes="page-text")
        with Container(id="checked-panes"):
            yield Listing(COLUMNS, id="checked-items")
            with VerticalScroll(id="checked-details"):
                yield Static("", id="checked-text", markup=False)

    def on_mount(self) -> None:
        """Asks at once."""
        self._items: dict[str, PrecheckItemFinished] = {}
        self.action_again()

    def on_unmount(self) -> None:
        """No probe outlives the page."""
        if self._probe is not None:
            self._probe.cancel()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What there is to ask, to fold and to copy."""
        match action:
            case "again":
                return not self._asking
            case "unfold":
                return self.is_mounted and self.listing.key == PASSED_KEY
            case "whole":
                return self._marked is not None
        return True

    def offers(self) -> tuple[object, ...]:
        """Whether it may be asked again, and what is marked."""
        return (self._asking, self.listing.key)

    def action_again(self) -> None:
        """Asks both ends again."""
        self.task_actions.with_secrets(self.stored, self._ask)

    @on(Listing.Chosen)
    def action_unfold(self) -> None:
        """Shows what passed, or folds it again."""
        if self.listing.key == PASSED_KEY:
            self._unfolded = not self._unfolded
            self._draw()

    def action_whole(self) -> None:
        """The marked item, to copy or to write."""
        if (item := self._marked) is not None:
            self.app.push_screen(CopyTextDialog(item.title, describe_item(item), f"precheck-{item.item}.txt"))

    def _ask(self, secrets: Secrets) -> None:
        self._items, self._asking = {}, True
        self._draw()

        def check() -> None:
            # A warning may have been accepted, or a setting changed, since the monitor was opened.
            spec = tasks.find_task(str(self.stored.id)).spec
            self._probe = probe = probes.for_task("precheck", spec, secrets(), quiet=True)
            probe.run(lambda event: self.call_later(self._heard, event))

        in_background(self, check, self._came, self._failed)

    def _heard(self, event: Event) -> None:
        if isinstance(event, PrecheckItemFinished):
            self._items[event.item] = event

    def _came(self, result: None) -> None:
        self._error = None
        self._ended()

    def _failed(self, error: SyncwizardError) -> None:
        self._error = None if isinstance(error, PrecheckNotPassed | Cancelled) else error
        self._ended()

    def _ended(self) -> None:
        self._asking, self._ended_at = False, self.home.clock()
        self._draw()
        self.listing.action_first()

    @property
    def _marked(self) -> PrecheckItemFinished | None:
        return self._items.get(self.listing.key or "") if self.is_mounted else None

    @on(Listing.Moved)
    def _moved(self) -> None:
        self._draw()

    def draw(self, view: View, now: float) -> None:
        """What was found, with its age."""
        old = f" · asked {span(now - self._ended_at)} ago, changes nothing" if self._ended_at else ""
        self.query_one("#checked-title", PaneTitle).say(TITLE + (" · asking both ends …" if self._asking else old))
        self.query_one("#checked-status", Lines).show(self._status())
        self.listing.show(item_lines(list(self._items.values()), unfolded=self._unfolded))
        item = self._marked
        self.query_one("#checked-text", Static).update(describe_marked(item) if item is not None else "")

    def _status(self) -> list[list[Part]]:
        if self._error is not None:
            lines: list[list[Part]] = [[(f"✗ {self._error}", "bad")]]
            return lines + [[(line, "plain")] for line in marked_lines(self._error.remedy)]
        items = list(self._items.values())
        if self._asking:
            return [[(f"▸ {len(items)} items so far", "accent")]]
        return [describe_findings(items)] if items else []
