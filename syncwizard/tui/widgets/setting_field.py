"""The line of a declared setting in a form, with its words below it."""

from collections.abc import Iterator

from textual.widget import Widget
from textual.widgets import Input, Static

from syncwizard.task.settings import Declared, text_of
from syncwizard.tui.widgets.choice import Choice
from syncwizard.tui.widgets.field import Field


def setting_field(each: Declared) -> Iterator[Widget]:
    """The field, and what the setting is for."""
    # As many digits as the largest number has, and one to see that it is too many.
    digits = len(str(each.setting.high)) + 1 if each.setting.high is not None else 0
    control: Input | Choice
    # Beside a number and a choice there is room for what they may be; a text has its line for itself.
    beside, about = each.limits, each.setting.help
    if each.number:
        control = Input(
            compact=True, max_length=max([digits, *map(len, each.choices)]) if digits else 0, classes="-number"
        )
    elif each.choices:
        control = Choice([(word, word) for word in each.choices])
        # The others are in sight.
        beside = f"default {text_of(each.default)}"
    else:
        control = Input(compact=True)
        beside, about = "", " ".join([each.setting.help, *([f"{_sentence(each.limits)}."] if each.limits else [])])
    yield Field(each.path, each.setting.label, control, unit=plain(beside))
    yield Static(plain(about), classes="form--about", markup=False)


def _sentence(text: str) -> str:
    """Its parts in a sentence.

    >>> _sentence("such as `db1:587` · default none")
    'Such as `db1:587`; default none'
    """
    return text[:1].upper() + text[1:].replace(" · ", "; ")


def plain(text: str) -> str:
    """Words of the manual, where keys and values stand in backquotes.

    >>> plain("`off` or not")
    'off or not'
    """
    return text.replace("`", "")
