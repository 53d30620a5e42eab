"""Every field of every dialog takes a burst of keys in its order, as a slow line or a paste sends it."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from textual.widgets import Input, TextArea

from syncwizard.client.credentials import Question
from syncwizard.task.drafting.schema_edit import SchemaEdit
from syncwizard.task.specification import SETTINGS
from syncwizard.tui.dialogs.batch_edit import BatchDialog
from syncwizard.tui.dialogs.confirm import TypedConfirmDialog
from syncwizard.tui.dialogs.copy_text import CopyTextDialog
from syncwizard.tui.dialogs.dialog import Dialog
from syncwizard.tui.dialogs.edit import EditorDialog
from syncwizard.tui.dialogs.file_picker import FilePickerDialog
from syncwizard.tui.dialogs.help import HelpDialog
from syncwizard.tui.dialogs.name import NameDialog
from syncwizard.tui.dialogs.password import PasswordDialog
from syncwizard.tui.dialogs.run_sql import RunSqlDialog
from syncwizard.tui.dialogs.schema_edit import SchemaDialog
from syncwizard.tui.dialogs.settings import SettingsDialog
from syncwizard.tui.dialogs.views import ViewsDialog
from syncwizard.tui.opening import Opening
from syncwizard.tui.settings import TaskView
from tests.tui.keyboard import at_screens
from tests.tui.test_keys_in_order import press_at_once
from tests.tui.test_object_edits import table_dialog

pytestmark = pytest.mark.slow

ALERTS = tuple(each for each in SETTINGS if each.path.startswith("advanced.alerts.email"))


def settings_dialog() -> SettingsDialog:
    return SettingsDialog("Alerts", ALERTS, {each.path: "" for each in ALERTS}, lambda texts: [])


DIALOGS: dict[str, Callable[[], Dialog[Any]]] = {
    "name": lambda: NameDialog("Save as", "shop"),
    "passwords": lambda: PasswordDialog([Question(part="source", what="source")]),
    "file": lambda: FilePickerDialog("A file"),
    "run SQL": lambda: RunSqlDialog("source", "db1:5432/kb", ["SELECT 1"], own_account=False),
    "copy": lambda: CopyTextDialog("SQL", "SELECT 1", "statement.sql"),
    "typed": lambda: TypedConfirmDialog("Release", "It goes.", name="kb", source="a", destination="b", verb="Release"),
    "editor": lambda: EditorDialog("Script", "", lambda text: ""),
    "help": lambda: HelpDialog([]),
    "schema": lambda: SchemaDialog(SchemaEdit(schema="kb", name="kb"), ["documents"]),
    "table": table_dialog,
    "settings": settings_dialog,
    "views": lambda: ViewsDialog([], TaskView(name=""), lambda views: None),
    "tables": lambda: BatchDialog([], before={}, others={}, operations={}),
}


def _has(widget: Input | TextArea) -> bool:
    return (widget.value if isinstance(widget, Input) else widget.text) == "1427"


@pytest.mark.parametrize("dialog", DIALOGS.values(), ids=DIALOGS.keys())
async def test_each_field_takes_a_burst_in_its_order(dialog: Callable[[], Dialog[Any]]) -> None:
    async with at_screens(Opening()) as person:
        await person.app.push_screen(dialog())
        await person.until(lambda: person.app.focused, "the dialog takes keys")
        fields = [field for field in person.app.screen.query(Input) if field.focusable]
        areas = list(person.app.screen.query(TextArea))
        assert fields or areas
        for field in fields:
            await person.focus(field)
            press_at_once(person, "end", "ctrl+u", "4", "2", "x", "backspace", "home", "1", "end", "7")
            await person.until(partial(_has, field), f"{field} has it, and has {field.value!r}")
        for area in areas:
            await person.focus(area)
            press_at_once(person, "ctrl+end", "ctrl+u", "4", "2", "x", "backspace", "home", "1", "end", "7")
            await person.until(partial(_has, area), f"the text has it, and has {area.text!r}")
