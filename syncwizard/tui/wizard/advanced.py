"""The step of the settings that every task has a sensible default for."""

from collections.abc import Iterator
from itertools import groupby
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Input, Static

from syncwizard.task.drafting.draft import StepName
from syncwizard.task.settings import Declared
from syncwizard.task.specification import SETTINGS
from syncwizard.tui.widgets.choice import Choice
from syncwizard.tui.widgets.field import Field
from syncwizard.tui.wizard.form import FormStep


class AdvancedStep(FormStep):
    """Each setting that is declared, with default, range and unit, and what it is for."""

    step: ClassVar[StepName] = "advanced"
    title: ClassVar[str] = "Settings"

    def compose(self) -> ComposeResult:
        """A heading a group; a field a setting, with its words below it."""
        with VerticalScroll(can_focus=False):
            shown = [each for each in SETTINGS if not each.setting.own_form]
            for group, settings in groupby(shown, lambda each: each.group):
                if group is not None:
                    yield Static(group.heading, classes="form--heading")
                for each in settings:
                    yield from _field(each)

    def command(self, file_name: str) -> str:
        """What shows every setting, default or not."""
        return f"syncwizard preview {file_name}"


def _field(each: Declared) -> Iterator[Widget]:
    # As many digits as the largest number has, and one to see that it is too many.
    digits = len(str(each.setting.high)) + 1 if each.setting.high is not None else 0
    control: Input | Choice
    if each.number:
        control = Input(
            compact=True, max_length=max([digits, *map(len, each.choices)]) if digits else 0, classes="-number"
        )
    elif each.choices:
        control = Choice([(word, word) for word in each.choices])
    else:
        control = Input(compact=True)
    yield Field(each.path, each.setting.label, control, unit=each.limits)
    yield Static(each.setting.help, classes="form--about", markup=False)
