"""The step of the settings that every task has a sensible default for."""

from typing import ClassVar

import msgspec
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Input, Static

from syncwizard.task.drafting.draft import StepName
from syncwizard.task.specification import Retry
from syncwizard.task.validation import CONNECTION_MINUTES, OTHER_MINUTES
from syncwizard.tui.widgets.field import Field
from syncwizard.tui.wizard.form import FormStep

RETRY = "advanced.retry."


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """One setting: its path in the task file, its words, its range in `unit`."""

    path: str
    label: str
    about: str
    default: int
    range: range
    unit: str

    @property
    def limits(self) -> str:
        """Default and range.

        >>> SETTINGS[0].limits
        'minutes · from 10 to 1440 · default 720'
        """
        return f"{self.unit} · from {self.range[0]} to {self.range[-1]} · default {self.default}"


SETTINGS = (
    Setting(
        path=f"{RETRY}connection_minutes",
        label="Connection",
        about="How long a connection that was lost, or is refused, is tried again before the task stops as failed."
        " The slot keeps WAL at the source meanwhile; a success goes on where it was. More than 30 rides out most"
        " restarts and failovers.",
        default=Retry().connection_minutes,
        range=CONNECTION_MINUTES,
        unit="minutes",
    ),
    Setting(
        path=f"{RETRY}other_minutes",
        label="Other trouble",
        about="How long any other error, such as a change that the destination refuses, is tried again before the"
        " task stops as failed: nothing is ever skipped. Must be less than the time for lost connections; 10 or more"
        " gives a person the time to look.",
        default=Retry().other_minutes,
        range=OTHER_MINUTES,
        unit="minutes",
    ),
)


class AdvancedStep(FormStep):
    """Each setting with default, range and unit, and what it is for."""

    step: ClassVar[StepName] = "advanced"
    title: ClassVar[str] = "Advanced settings"

    def compose(self) -> ComposeResult:
        """A field a setting, with its words below it."""
        with VerticalScroll(can_focus=False):
            yield Static("How long trouble is retried", classes="form--heading")
            for setting in SETTINGS:
                control = Input(compact=True, max_length=5, classes="-number")
                yield Field(setting.path, setting.label, control, unit=setting.limits)
                yield Static(setting.about, classes="form--about")

    def value_of(self, path: str) -> str:
        """The draft keeps settings by their last name."""
        return super().value_of(path.removeprefix(RETRY))

    def take(self, path: str, value: str) -> None:
        """The draft keeps settings by their last name."""
        super().take(path.removeprefix(RETRY), value)

    def command(self, file_name: str) -> str:
        """What shows every setting, default or not."""
        return f"syncwizard preview {file_name}"
