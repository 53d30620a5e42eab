"""The step of the settings that every task has a sensible default for."""

from collections.abc import Iterator
from functools import partial
from itertools import groupby, islice
from typing import ClassVar, get_args

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.widget import Widget
from textual.widgets import Button, Input, Label, Static

from syncwizard.rows.as_typed import TableShape, script_problem, shape_of
from syncwizard.task.drafting.choice import ObjectChoice
from syncwizard.task.drafting.draft import StepName
from syncwizard.task.names import TableName
from syncwizard.task.settings import Declared
from syncwizard.task.specification import SETTINGS, EtlErrors
from syncwizard.task.text import one_line
from syncwizard.tui.dialogs.edit import Attempt, EditorDialog
from syncwizard.tui.widgets.choice import Choice
from syncwizard.tui.widgets.field import Field
from syncwizard.tui.wizard.form import FormStep
from syncwizard.tui.wizard.trying import Trials, chosen_tables

CAPITALIZATIONS = (("source", "as at the source"), ("lower", "lower case"), ("upper", "upper case"))
ABOUT_CAPITALIZATION = "Of schemas, tables and columns that have no name of their own."
ABOUT_SCRIPT = "Every row of every table goes through it, behind the table's own script."
ABOUT_ERRORS = "The task stops, or the row is put into syncwizard.dead_letters, with its key and the reason."
SCRIPT_NOTE = 'For each row of every table: e_set(`tier`, "gold"). The manual has all functions (F1).'
# While a script is typed it is tried on so many tables: a pause in typing must not become one of the screen.
TABLES_CHECKED = 50


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
            yield Static("Names at the destination", classes="form--heading")
            yield Field("capitalization", "Letters", Choice(CAPITALIZATIONS))
            yield Static(ABOUT_CAPITALIZATION, classes="form--about", markup=False)
            yield from self._transformation()

    def _transformation(self) -> Iterator[Widget]:
        yield Static("Transformation", classes="form--heading")
        with Horizontal(classes="form--line"):
            yield Label("Script", classes="field--label")
            yield Button("none", id="script", compact=True)
        yield Static(ABOUT_SCRIPT, classes="form--about", markup=False)
        yield Field("advanced.etl_errors", "Row in error", Choice([(word, word) for word in get_args(EtlErrors)]))
        yield Static(ABOUT_ERRORS, classes="form--about", markup=False)

    def show(self) -> None:
        """Fills the fields; the script is in a dialog of its own, its beginning on the button."""
        super().show()
        for button in self.query("#script").results(Button):
            button.label = one_line(self.value_of("advanced.etl"))[:60] or "none"

    @on(Button.Pressed, "#script")
    def _open_script(self, event: Button.Pressed) -> None:
        event.stop()

        def answered(answer: str | None) -> None:
            if answer is not None:
                self.take("advanced.etl", answer)
                self.show()

        text, choice = self.value_of("advanced.etl"), self.wizard.choice
        attempt: Attempt | None = None
        if choice is not None and chosen_tables(choice):
            trials = Trials(lambda: (self.wizard.spec, self.wizard.secrets))
            attempt = partial(trials.of_script, choice)
        dialog = EditorDialog("Script of the task", text, self._script_problem, note=SCRIPT_NOTE, attempt=attempt)
        self.app.push_screen(dialog, answered)

    def _script_problem(self, text: str) -> str:
        tables = () if self.wizard.choice is None else some_shapes(self.wizard.choice)
        return script_problem(text, tables, self.wizard.draft.source.database)

    def command(self, file_name: str) -> str:
        """What shows every setting, default or not."""
        return f"syncwizard preview {file_name}"


def some_shapes(choice: ObjectChoice) -> Iterator[TableShape]:
    """The first of the chosen tables whose columns are known; the precheck looks at all of them."""
    tables = (each for schema in choice.schemas for each in choice.view(schema).chosen.get("table", ()))
    known = ((each, columns) for each in tables if (columns := choice.catalogue.columns_of.get(each.relation)))
    for each, columns in islice(known, TABLES_CHECKED):
        yield shape_of(TableName(each.schema, each.name), columns)


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
    yield Field(each.path, each.setting.label, control, unit=plain(each.limits))
    yield Static(plain(each.setting.help), classes="form--about", markup=False)


def plain(text: str) -> str:
    """Words of the manual, where keys and values stand in backquotes.

    >>> plain("`off` or not")
    'off or not'
    """
    return text.replace("`", "")
