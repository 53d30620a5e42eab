"""How a schema differs at the destination: its name, rules for the names in it, the operations that are applied."""

from collections.abc import Sequence
from typing import cast

import msgspec
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Input, Label, Static, TextArea

from syncwizard.task.drafting.schema_edit import SchemaEdit, rules_of, rules_problem, schema_problem
from syncwizard.task.drafting.table_edit import OPERATIONS
from syncwizard.task.mapping import Mapping
from syncwizard.task.names import TableName
from syncwizard.task.objects import Operation
from syncwizard.task.problem import Problem
from syncwizard.task.text import one_line
from syncwizard.tui.dialogs.dialog import Box
from syncwizard.tui.dialogs.edit import EditDialog
from syncwizard.tui.widgets.field import Field
from syncwizard.tui.widgets.ticks import Ticks

RULES_NOTE = r"A rule a line for names without one of their own, later ones too: tmp_(.+) => stage_\1"
NAMES_SHOWN = 3


class SchemaDialog(EditDialog[SchemaEdit]):
    """Answers the schema's settings. `tables`: those of it that are selected, for what rules do to them."""

    def __init__(self, edit: SchemaEdit, tables: Sequence[str]) -> None:
        super().__init__()
        self._begun, self._tables = edit, tables
        self._operations = edit.operations

    def compose(self) -> ComposeResult:
        """The name, the rules, the operations."""
        with Box(f"Schema {one_line(self._begun.schema)}"):
            yield Field("name", "Name there", Input(self._begun.name, compact=True, select_on_focus=False))
            yield Static("Rules", classes="dialog-note")
            yield TextArea(self._begun.rules, show_line_numbers=False, compact=True)
            yield Static(RULES_NOTE, classes="dialog-note", markup=False)
            with Horizontal(classes="dialog-field"):
                yield Label("Operations")
                yield Ticks([(each, each) for each in OPERATIONS], id="operations")
            yield from self.buttons()

    def on_mount(self) -> None:
        """Begins at the name."""
        chosen = OPERATIONS if self._operations is None else self._operations
        self.query_one(Ticks).values = frozenset(chosen)
        self.query_one(Input).focus()

    @property
    def edit(self) -> SchemaEdit:
        """The answers by now."""
        return msgspec.structs.replace(
            self._begun,
            name=self.query_one(Input).value,
            rules=self.query_one(TextArea).text,
            operations=self._operations,
        )

    @property
    def changed(self) -> bool:
        """Whether anything is answered otherwise."""
        return self.edit != self._begun

    def answer(self) -> SchemaEdit | None:
        """The answers; or the focus on what is wrong."""
        if self._judge_name():
            self.query_one(Input).focus()
        elif self._judge_rules():
            self.query_one(TextArea).focus()
        else:
            return self.edit
        return None

    @on(Input.Changed)
    def _name_typed(self, event: Input.Changed) -> None:
        event.stop()
        self._judge_name()

    @on(TextArea.Changed)
    def _rules_typed(self, event: TextArea.Changed) -> None:
        event.stop()
        self._judge_rules()

    @on(Ticks.Changed)
    def _ticked(self, event: Ticks.Changed) -> None:
        event.stop()
        chosen = cast(list[Operation], event.values)
        self._operations = None if len(chosen) == len(OPERATIONS) else chosen

    def _judge_name(self) -> str:
        problem = schema_problem(self.edit)
        self.query_one(Field).mark(Problem(path="name", message=problem) if problem else None)
        return problem

    def _judge_rules(self) -> str:
        problem = rules_problem(self.edit.rules)
        self.say(f"✗ {problem}" if problem else self._effect(), failed=bool(problem))
        return problem

    def _effect(self) -> str:
        """What the rules do to the tables there are."""
        schema, rules = self._begun.schema, tuple(rules_of(self.edit.rules))
        if not rules:
            return ""
        names = Mapping(rules={schema: rules})
        changed = [
            f"{one_line(name)} → {one_line(new)}"
            for name in self._tables
            if (new := names.table(TableName(schema, name)).name) != name
        ]
        more = f" and {len(changed) - NAMES_SHOWN:,} more" if len(changed) > NAMES_SHOWN else ""
        return f"{', '.join(changed[:NAMES_SHOWN])}{more}" if changed else "no table has a name that matches"
