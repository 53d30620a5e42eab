"""How a table differs at the destination: its name, its columns, which rows and changes of it travel, its script."""

from collections.abc import Callable, Mapping
from typing import ClassVar, cast

import msgspec
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Button, Input, Label

from syncwizard.rows.as_typed import (
    TableShape,
    filter_problem,
    origin_keys_problem,
    script_problem,
    shape_of,
)
from syncwizard.task.drafting.catalogue import ColumnFacts
from syncwizard.task.drafting.table_edit import MISSING, OPERATIONS, TableEdit, must_travel
from syncwizard.task.names import TableName
from syncwizard.task.objects import Operation, TableObject
from syncwizard.task.problem import Problem
from syncwizard.task.text import one_line
from syncwizard.tui.actions import bindings
from syncwizard.tui.dialogs.dialog import Box, Dialog
from syncwizard.tui.dialogs.edit import EditDialog, EditorDialog
from syncwizard.tui.dialogs.merging import NOTES, MergingFields
from syncwizard.tui.widgets.choice import Choice
from syncwizard.tui.widgets.columns import Cell, Column, Line
from syncwizard.tui.widgets.field import Field
from syncwizard.tui.widgets.listing import Listing
from syncwizard.tui.widgets.ticks import Ticks

COLUMNS = (
    Column(title="COLUMN", name=True),
    Column(title="TYPE", width=20),
    Column(title="AT THE DESTINATION", name=True),
)
FILTER_NOTE = "A condition as behind WHERE, over the columns of the table, the ones left out too: region = 'eu'"
SCRIPT_NOTE = 'For each row, before the task\'s own script: e_set(`tier`, "gold"). The manual has all functions (F1).'


class ColumnGrid(Listing):
    """The columns; Space ticks one, Enter goes to its name."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(
        "columns.tick", "columns.rename", methods={"columns.tick": "screen.tick", "columns.rename": "screen.rename"}
    )


class ColumnName(Input):
    """The new name of the column under the cursor; up, down and Enter go to the next one's."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,enter", "screen.rename_next(1)", show=False),
        Binding("up", "screen.rename_next(-1)", show=False),
    ]


class TableDialog(EditDialog[TableObject]):
    """Answers the table's entry. `taken`: what else is called something in its schema there, in words, by name."""

    def __init__(
        self,
        table: TableName,
        edit: TableEdit,
        *,
        taken: Mapping[str, str],
        database: str = "",
        attempt: Callable[[TableObject], Dialog[None]] | None = None,
    ) -> None:
        """`database`: the source's, for scripts; `attempt`: the dialog that tries an entry on real rows."""
        super().__init__()
        self._table, self._begun, self._edit = table, edit, edit
        self._taken, self._database, self._attempt = taken, database, attempt
        # The column whose name is in the field.
        self._column = edit.columns[0].name if edit.columns else ""

    def compose(self) -> ComposeResult:
        """The name over the columns, rows and changes below them."""
        with Box(f"Table {one_line(str(self._table))}"):
            yield Field("name", "Name there", Input(self._edit.name, compact=True, select_on_focus=False))
            yield ColumnGrid(COLUMNS, id="columns")
            yield Field("column", "Column there", ColumnName(compact=True))
            yield from _opener("Filter", "where")
            with Horizontal(classes="dialog-field"):
                yield Label("Operations")
                yield Ticks([(each, each) for each in OPERATIONS], id="operations")
            yield from _opener("Script", "etl")
            yield MergingFields(self._edit.merging, self._edit.origin)
            yield from self.buttons()

    def on_mount(self) -> None:
        """Begins at the columns: that is what most come for."""
        chosen = self._edit.inherited if self._edit.operations is None else self._edit.operations
        self.query_one(Ticks).values = frozenset(chosen)
        self._draw()
        self._show_column(self._column)
        (self.grid if self._edit.columns else self._field("name").control).focus()

    @property
    def grid(self) -> ColumnGrid:
        """The columns."""
        return self.query_one(ColumnGrid)

    @property
    def changed(self) -> bool:
        """Whether anything is answered otherwise."""
        self._take_typed()
        return self._edit.to_object() != self._begun.to_object()

    def answer(self) -> TableObject | None:
        """The entry; or the focus on what is wrong."""
        self._take_typed()
        self._judge()
        if self._edit.name_problem(self._taken):
            self._field("name").control.focus()
            return None
        if self._origin_problem():
            self.query_one("#origin").focus()
            return None
        column, problem = self._edit.columns_problem
        if problem:
            self.grid.go_to(column)
            self._show_column(column)
            self._judge()
            self._field("column").control.focus()
            self.say(f"✗ {problem}", failed=True)
            return None
        for key, text, judge in self._texts():
            if problem := judge(text):
                self.say(f"✗ {problem}", failed=True)
                self.query_one(f"#open-{key}").focus()
                return None
        return self._edit.to_object()

    # Columns

    def action_tick(self) -> None:
        """The column under the cursor travels, or not any more."""
        if (column := self._under_cursor()) is not None:
            self._edit = self._edit.ticked(column)
            self._draw()
            self._judge()
            self._explain(column)

    def action_rename(self) -> None:
        """To the name of the column under the cursor."""
        if self.grid.key is not None:
            self._show_column(self.grid.key)
            # Not by the way of a message: what is typed next must not come before it.
            self.set_focus(self._field("column").control)

    def action_rename_next(self, by: int) -> None:
        """To the name of the next column, or of the one before."""
        self._take_typed()
        self.grid.action_down() if by > 0 else self.grid.action_up()
        if self.grid.key is not None:
            self._show_column(self.grid.key)
        self._judge()

    @on(Listing.Moved)
    def _moved(self, event: Listing.Moved) -> None:
        event.stop()
        # A key may be faster than this message: what counts is where the cursor is by now.
        if self.grid.key is not None:
            self._take_typed()
            self._show_column(self.grid.key)
            self._judge()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._take_typed()
        self._judge()

    @on(Choice.Changed, "#merging")
    def _merged(self, event: Choice.Changed) -> None:
        event.stop()
        self._merging.show()
        self._take_typed()
        self._judge()
        self.say(NOTES[self._merging.way])

    def _take_typed(self) -> None:
        """What stands in the fields by now; the message of a change may be about a column that was left."""
        name, column = self._field("name").value, self._field("column").value
        edit = self._edit if self._edit.name == name else _with(self._edit, "name", name)
        way, origin = self._merging.way, self._merging.text
        if (edit.merging, edit.origin) != (way, origin):
            edit = msgspec.structs.replace(edit, merging=way, origin=origin)
        if self._column and edit.arrives_as(self._column) != column:
            edit = edit.renamed(self._column, column)
        if edit is not self._edit:
            self._edit = edit
            self._draw()

    def _show_column(self, column: str) -> None:
        self._column = column
        field = self._field("column")
        field.fill(self._edit.arrives_as(column))
        if (facts := self._facts(column)) is not None:
            field.control.disabled = column in self._edit.left_out
            self._explain(facts)

    def _judge(self) -> None:
        problems = {
            "name": self._edit.name_problem(self._taken),
            "column": self._edit.column_problem(self._column) if self._column else "",
        }
        for path, problem in problems.items():
            self._field(path).mark(Problem(path=path, message=problem) if problem else None)
        self._merging.mark(self._origin_problem())

    def _origin_problem(self) -> str:
        problem = self._edit.origin_problem
        if problem or self._edit.merging != "keys" or not self._shape.columns:
            return problem
        return origin_keys_problem(self._edit.origin, self._shape)

    def _explain(self, column: ColumnFacts) -> None:
        reason = must_travel(column)
        if reason:
            self.say(f"{one_line(column.name)} stays: {reason}")
        elif column.computed:
            self.say(f"{one_line(column.name)} is computed by the server, at the destination too")
        elif column.name in self._edit.left_out:
            self.say(f"{one_line(column.name)} does not travel; Space ticks it")
        else:
            self.say("")

    def _draw(self) -> None:
        self.grid.show([_line(each, self._edit) for each in self._edit.columns])
        for key, text, _ in self._texts():
            self.query_one(f"#open-{key}", Button).label = one_line(text)[:56] or "none"

    # Rows and changes

    @on(Ticks.Changed)
    def _operations(self, event: Ticks.Changed) -> None:
        event.stop()
        self._edit = self._edit.operating(cast(list[Operation], event.values))

    @on(Button.Pressed, "#open-where")
    def _open_filter(self, event: Button.Pressed) -> None:
        event.stop()
        self._ask("Filter", "where", self._edit.where, self._filter_problem, FILTER_NOTE)

    @on(Button.Pressed, "#open-etl")
    def _open_script(self, event: Button.Pressed) -> None:
        event.stop()
        self._ask("Script", "script", self._edit.script, self._script_problem, SCRIPT_NOTE)

    def _ask(self, title: str, field: str, text: str, judge: Callable[[str], str], note: str) -> None:
        def answered(answer: str | None) -> None:
            if answer is not None:
                self._edit = _with(self._edit, field, answer)
                self._draw()
                self.say("")

        def attempt(answer: str) -> Dialog[None]:
            assert self._attempt is not None
            return self._attempt(_with(self._edit, field, answer).to_object())

        title = f"{title} of {one_line(str(self._table))}"
        trying = None if self._attempt is None else attempt
        self.app.push_screen(EditorDialog(title, text, judge, note=note, attempt=trying), answered)

    def _texts(self) -> tuple[tuple[str, str, Callable[[str], str]], ...]:
        return (
            ("where", self._edit.where, self._filter_problem),
            ("etl", self._edit.script, self._script_problem),
        )

    def _filter_problem(self, text: str) -> str:
        return filter_problem(text, self._shape) if self._shape.columns else ""

    def _script_problem(self, text: str) -> str:
        return script_problem(text, [self._shape] if self._shape.columns else [], self._database)

    @property
    def _merging(self) -> MergingFields:
        return self.query_one(MergingFields)

    @property
    def _shape(self) -> TableShape:
        return shape_of(self._table, self._edit.columns)

    def _field(self, path: str) -> Field:
        return self.query_one(f"#field-{path}", Field)

    def _facts(self, name: str) -> ColumnFacts | None:
        return next((each for each in self._edit.columns if each.name == name), None)

    def _under_cursor(self) -> ColumnFacts | None:
        return None if self.grid.key is None else self._facts(self.grid.key)


def _opener(label: str, key: str) -> ComposeResult:
    with Horizontal(classes="dialog-field"):
        yield Label(label)
        yield Button("none", id=f"open-{key}", compact=True)


def _line(column: ColumnFacts, edit: TableEdit) -> Line:
    out = column.name in edit.left_out
    box = "[ ]" if out else "[=]" if column.of_key else "[x]"
    there = edit.arrives_as(column.name)
    if column.computed and not out:
        box = "[·]"
    type_ = f"{column.type} key" if column.of_key else column.type
    target = Cell("–", "muted") if out else Cell(one_line(there), "plain" if there == column.name else "accent")
    if edit.column_problem(column.name):
        target = Cell(one_line(there), "bad")
    missing = column.type == MISSING
    return Line(
        key=column.name,
        cells=(
            Cell(f"{box} {one_line(column.name)}", "muted" if out else "plain"),
            Cell(type_, "warn" if missing else "muted"),
            target,
        ),
    )


def _with(edit: TableEdit, field: str, value: str) -> TableEdit:
    return msgspec.structs.replace(edit, **{field: value})
