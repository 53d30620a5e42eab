"""Every dialog with more text than there is room: its buttons and fields are whole, nothing lies over them, and all of
the text can be read."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from textual.geometry import Offset
from textual.widget import Widget
from textual.widgets import Button, Input

from syncwizard.client.credentials import Question
from syncwizard.client.drafts import KeptDraft
from syncwizard.errors import SyncwizardError
from syncwizard.remedies import Remedy
from syncwizard.task.drafting.draft import TaskDraft
from syncwizard.task.names import TableName
from syncwizard.tui.dialogs.confirm import ConfirmDialog, TypedConfirmDialog
from syncwizard.tui.dialogs.copy_text import CopyTextDialog
from syncwizard.tui.dialogs.dialog import Box, Dialog
from syncwizard.tui.dialogs.drafts import DraftsDialog
from syncwizard.tui.dialogs.error import ErrorDialog
from syncwizard.tui.dialogs.name import NameDialog
from syncwizard.tui.dialogs.password import PasswordDialog
from syncwizard.tui.dialogs.run_sql import RunSqlDialog
from syncwizard.tui.dialogs.verify import VerifyDialog
from syncwizard.tui.dialogs.views import ViewsDialog
from syncwizard.tui.opening import Opening
from syncwizard.tui.settings import TaskView
from tests.tui.keyboard import Keyboard, at_screens
from tests.tui.test_bursts import DIALOGS

# As low and as narrow as the screens are to be usable.
LOW = (60, 20)
SIZES = [(80, 24), LOW]
MANY = 60
LINES = [f"line {number} of what there is to say of docs.table_{number:02}" for number in range(1, MANY + 1)]
TEXT = "\n".join(LINES)
LONG = f"{'a name of a task that is as long as names may be'}-{'x' * 14}"
DEED = "Removes everything of the task at both ends: slot, publication, heartbeat, changed replica identities. " * 2
DRAFT = TaskDraft(name=LONG).with_value("source.host", "db1.internal.example.com").with_value("source.database", LONG)


def typed(details: str) -> TypedConfirmDialog:
    ends = {"source": f"db1.internal.example.com:5432/{LONG}", "destination": f"db2.internal.example.com:5432/{LONG}"}
    return TypedConfirmDialog("Copy again", DEED, name=LONG, **ends, verb="Copy again", details=details)


def error_dialog() -> ErrorDialog:
    remedy = Remedy(steps=(TEXT,))
    return ErrorDialog(SyncwizardError("the source refused", where="source", detail=TEXT, remedy=remedy))


LOADED: dict[str, Callable[[], Dialog[Any]]] = {
    "confirm": lambda: ConfirmDialog("Pause?", TEXT, "Pause"),
    "typed": lambda: typed(""),
    "typed with a list": lambda: typed(TEXT),
    "copy": lambda: CopyTextDialog(LONG, TEXT, "rights.sql"),
    "error": error_dialog,
    "run SQL": lambda: RunSqlDialog("source", f"db1.internal.example.com:5432/{LONG}", LINES, own_account=False),
    "passwords": lambda: PasswordDialog(
        [Question(part=part, what=f"password of sync at {part}") for part in ("source", "source_key", "destination")],
        "password authentication failed for user sync",
    ),
    "drafts": lambda: DraftsDialog([KeptDraft(draft=DRAFT, edited_at=0.0)] * MANY, 90.0),
    "verify": lambda: VerifyDialog(TableName("docs", LONG)),
    "views": lambda: ViewsDialog(
        [TaskView(name=f"view {number}") for number in range(MANY)], TaskView(name=""), lambda views: None
    ),
    "name": lambda: NameDialog(LONG, LONG, note=DEED),
}
# What is not there in a crowd stands as it is.
ALL = {**DIALOGS, **LOADED}


def covered(person: Keyboard, widget: Widget) -> list[Offset]:
    """Where a person sees something else than the widget, of its first line."""
    region, size = widget.region, person.app.screen.size
    places = [Offset(x, region.y) for x in (region.x, region.x + region.width // 2, region.right - 1)]
    return [
        place
        for place in places
        if not size.contains(*place) or person.app.screen.get_widget_at(*place)[0] is not widget
    ]


async def shows_its_controls(person: Keyboard, dialog: Dialog[Any]) -> None:
    """All buttons at once; each field when it has the focus."""
    box = dialog.query_one(Box)
    for button in dialog.query(".dialog-buttons Button").results(Button):
        await person.until(partial(lambda each: not covered(person, each), button), f"{button} is in sight")
        assert box.region.contains_region(button.region)
    for field in [each for each in dialog.focus_chain if isinstance(each, Input)]:
        await person.focus(field)
        await person.until(partial(lambda each: not covered(person, each), field), f"{field} is in sight")


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_buttons_and_fields_of_every_dialog_are_whole(size: tuple[int, int]) -> None:
    async with at_screens(Opening(), size) as person:
        for dialog in [make() for make in ALL.values()]:
            await person.app.push_screen(dialog)
            await person.until(lambda: person.app.focused, "the dialog takes keys")
            await shows_its_controls(person, dialog)
            dialog.dismiss(None)
            await person.until(lambda shown=dialog: person.app.screen is not shown, "it is left")  # type: ignore[misc]


@pytest.mark.slow
async def test_all_of_a_long_text_is_read_from_where_the_focus_is() -> None:
    async with at_screens(Opening(), LOW) as person:
        for name in ("confirm", "typed with a list", "copy", "error", "run SQL"):
            dialog = LOADED[name]()
            await person.app.push_screen(dialog)
            await person.until_seen("line 1 of")
            assert not person.sees(f"line {MANY} of")
            await person.press("end")
            await person.until_seen(f"line {MANY} of")
            dialog.dismiss(None)
            await person.until(lambda shown=dialog: person.app.screen is not shown, "it is left")  # type: ignore[misc]
