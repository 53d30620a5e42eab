"""The line of a declared setting in a form, with its words below it."""

from collections.abc import Iterator

from textual.widget import Widget
from textual.widgets import Input, Static

from syncwizard.task.settings import Declared
from syncwizard.tui.widgets.choice import Choice
from syncwizard.tui.widgets.field import Field


def setting_field(each: Declared) -> Iterator[Widget]:
    """The field, and what the setting is for."""
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
    yield Field(each.path, each.setting.label, control, unit=plain(each.limits))
    yield Static(plain(each.setting.help), classes="form--about", markup=False)


def plain(text: str) -> str:
    """Words of the manual, where keys and values stand in backquotes.

    >>> plain("`off` or not")
    'off or not'
    """
    return text.replace("`", "")
