"""The step of the settings that every task has a sensible default for."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import groupby, islice
from typing import ClassVar, get_args

import msgspec
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.widget import Widget
from textual.widgets import Button, Label, Static

from syncwizard.client import alerts
from syncwizard.rows.as_typed import TableShape, script_problem, shape_of
from syncwizard.task.drafting.choice import ObjectChoice
from syncwizard.task.drafting.draft import StepName, TaskDraft
from syncwizard.task.names import TableName
from syncwizard.task.problem import Problem
from syncwizard.task.settings import Declared, text_of
from syncwizard.task.specification import SETTINGS, EtlErrors
from syncwizard.task.text import one_line, shorten
from syncwizard.tui.dialogs.edit import Attempt, EditorDialog
from syncwizard.tui.dialogs.settings import SettingsDialog, Texts
from syncwizard.tui.widgets.choice import Choice
from syncwizard.tui.widgets.field import Field
from syncwizard.tui.widgets.setting_field import setting_field
from syncwizard.tui.wizard.form import FormStep
from syncwizard.tui.wizard.trying import Trials, chosen_tables

CAPITALIZATIONS = (("source", "as at the source"), ("lower", "lower case"), ("upper", "upper case"))
ABOUT_CAPITALIZATION = "Of schemas, tables and columns that have no name of their own."
ABOUT_SCRIPT = "Every row of every table goes through it, behind the table's own script."
ABOUT_ERRORS = "The task stops, or the row is put into syncwizard.dead_letters, with its key and the reason."
SCRIPT_NOTE = 'For each row of every table: e_set(`tier`, "gold"). The manual has all functions (F1).'
# While a script is typed it is tried on so many tables: a pause in typing must not become one of the screen.
TABLES_CHECKED = 50


AS_USUAL = "as usual"
SEND_A_TEST = "Send a test"
CHANGED_SHOWN = 2
VALUE_COLUMNS = 16


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Settings with a form of their own; `about`: what they are for."""

    id: str
    title: str
    about: str
    settings: tuple[Declared, ...]

    def describe(self, value_of: Callable[[str], str]) -> str:
        """What is set otherwise than by default, in a line."""
        changed = [
            f"{each.setting.label.lower()} {shorten(one_line(text), VALUE_COLUMNS)}"
            for each in self.settings
            if (text := value_of(each.path)) != text_of(each.default)
        ]
        more = f" and {len(changed) - CHANGED_SHOWN} more" if len(changed) > CHANGED_SHOWN else ""
        return ", ".join(changed[:CHANGED_SHOWN]) + more if changed else AS_USUAL


def _below(*prefixes: str) -> tuple[Declared, ...]:
    return tuple(each for each in SETTINGS if each.path.startswith(prefixes))


ALERTS = Part(
    id="part-alerts",
    title="Alerts",
    about="By e-mail, webhook, command or syslog, when something is wrong for a while.",
    settings=_below("advanced.alerts."),
)
PARTS = (
    Part(
        id="part-throttle",
        title="Throttle",
        about="How fast the copy and the changes may be, by day and at quiet hours; or a class; how many workers.",
        settings=_below("advanced.class", "advanced.throttle.", "advanced.copy_workers", "advanced.index_workers"),
    ),
    ALERTS,
    Part(
        id="part-metrics",
        title="Metrics",
        about="For Prometheus: a file, or an address.",
        settings=_below("advanced.metrics."),
    ),
    Part(
        id="part-definitions",
        title="Definitions",
        about="Whether changes of definitions at the source are followed; and the tag of the environment.",
        settings=_below("advanced.ddl", "advanced.dropped_tables", "advanced.tag"),
    ),
)


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
                    yield from setting_field(each)
            yield Static("Names at the destination", classes="form--heading")
            yield Field("capitalization", "Letters", Choice(CAPITALIZATIONS))
            yield Static(ABOUT_CAPITALIZATION, classes="form--about", markup=False)
            yield from self._transformation()
            yield Static("More", classes="form--heading")
            for part in PARTS:
                with Horizontal(classes="form--line"):
                    yield Label(part.title, classes="field--label")
                    yield Button(AS_USUAL, id=part.id, compact=True, classes="settings-part")
                yield Static(part.about, classes="form--about", markup=False)

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
        for part in PARTS:
            for button in self.query(f"#{part.id}").results(Button):
                button.label = part.describe(self.value_of)

    @on(Button.Pressed, ".settings-part")
    def _open_part(self, event: Button.Pressed) -> None:
        event.stop()
        part = next(each for each in PARTS if each.id == event.button.id)

        def answered(texts: Texts | None) -> None:
            for path, text in (texts or {}).items():
                if text != self.value_of(path):
                    self.take(path, text)
            self.show()

        texts = {each.path: self.value_of(each.path) for each in part.settings}
        trial = (SEND_A_TEST, self._send_test) if part is ALERTS else None
        self.app.push_screen(SettingsDialog(part.title, part.settings, texts, self._problems_of, trial=trial), answered)

    def _with(self, texts: Texts) -> TaskDraft:
        draft = self.wizard.draft
        for path, text in texts.items():
            draft = draft.with_value(path, text)
        return draft

    def _problems_of(self, texts: Texts) -> list[Problem]:
        return self._with(texts).problems("advanced")

    def _send_test(self, texts: Texts) -> str:
        return " · ".join(
            f"{each.receiver} {f'✗ {each.trouble}' if each.trouble else '✓'}"
            for each in alerts.send_test_of(self._with(texts).to_spec())
        )

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
