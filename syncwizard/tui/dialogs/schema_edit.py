"""How a schema differs at the destination: its name, rules for the names in it, the operations that are applied."""

from collections.abc import Mapping as NamesOf
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
from syncwizard.task.object_rules import name_problem
from syncwizard.task.objects import Operation
from syncwizard.task.problem import Problem
from syncwizard.task.text import one_line
from syncwizard.tui.dialogs.dialog import Box
from syncwizard.tui.dialogs.edit import EditDialog
from syncwizard.tui.widgets.field import Field
from syncwizard.tui.widgets.ticks import Ticks

RULES_NOTE = r"A rule a line for names without one of their own, later ones too: tmp_(.+) => stage_\1"
NAMES_SHOWN = 3
NO_NAMES: NamesOf[str, str] = {}


class SchemaDialog(EditDialog[SchemaEdit]):
    """Answers the schema's settings. `tables`: those of it that are selected, for what rules do to them; `named`: the
    names at the destination that tables have been given by themselves."""

    def __init__(self, edit: SchemaEdit, tables: Sequence[str], named: NamesOf[str, str] = NO_NAMES) -> None:
        super().__init__()
        self._begun, self._tables, self._named = edit, tables, named
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
        problem = rules_problem(self.edit.rules) or self._meeting()
        self.say(f"✗ {problem}" if problem else self._effect(), failed=bool(problem))
        return problem

    def _meeting(self) -> str:
        """What is wrong with the names that tables get: two that are one, or one that is none."""
        arrivals: dict[str, list[str]] = {}
        for name, new in self._names():
            arrivals.setdefault(new, []).append(name)
        for new, those in arrivals.items():
            if (problem := name_problem(new)) and new not in those:
                return f"{one_line(those[0])} would be {one_line(new)}: {problem}"
            if len(those) > 1:
                more = f" and {len(those) - 2:,} more" if len(those) > 2 else ""
                return f"{one_line(those[0])} and {one_line(those[1])}{more} would both be {one_line(new)}"
        return ""

    def _names(self) -> list[tuple[str, str]]:
        """The tables, with what each would be called."""
        schema = self._begun.schema
        names = Mapping(rules={schema: tuple(rules_of(self.edit.rules))})
        return [(name, self._named.get(name) or names.table(TableName(schema, name)).name) for name in self._tables]

    def _effect(self) -> str:
        """What the rules do to the tables there are."""
        if not rules_of(self.edit.rules):
            return ""
        changed = [
            f"{one_line(name)} → {one_line(new)}"
            for name, new in self._names()
            if new != name and name not in self._named
        ]
        more = f" and {len(changed) - NAMES_SHOWN:,} more" if len(changed) > NAMES_SHOWN else ""
        return f"{', '.join(changed[:NAMES_SHOWN])}{more}" if changed else "no table has a name that matches"
