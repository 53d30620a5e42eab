"""One task, watched."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen
from textual.widgets import Static

from syncwizard.client.tasks import StoredTask
from syncwizard.tui.actions import bindings
from syncwizard.tui.widgets.key_bar import KeyBar


class MonitorScreen(Screen[None]):
    """The monitor of one task."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("screen.back")

    def __init__(self, task: StoredTask) -> None:
        super().__init__()
        self._stored = task

    def compose(self) -> ComposeResult:
        """Its name, for now."""
        yield Static(self._stored.label, markup=False)
        yield KeyBar()

    def action_back(self) -> None:
        """To the tasks."""
        self.dismiss()
