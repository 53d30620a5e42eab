"""The tasks of this machine: what each does, how far it is, how late; the way to everything else."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen
from textual.widgets import Static

from syncwizard.tui.actions import bindings
from syncwizard.tui.widgets.key_bar import KeyBar


class TasksScreen(Screen[None]):
    """The home of the screens."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("tasks.new")

    def compose(self) -> ComposeResult:
        """The list over its keys."""
        yield Static("no tasks yet")
        yield KeyBar()
