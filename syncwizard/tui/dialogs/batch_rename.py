"""Renames many tables at once; every resulting name, and what else has it, is in sight before it is taken."""

from collections.abc import Mapping, Sequence

from textual import on
from textual.app import ComposeResult
from textual.widgets import Input

from syncwizard.task.drafting.renaming import (
    Case,
    Change,
    Prefix,
    Regex,
    Renamed,
    Replace,
    Suffix,
    change_problem,
    preview,
)
from syncwizard.task.names import ObjectName, TableName
from syncwizard.task.problem import Problem
from syncwizard.task.text import one_line
from syncwizard.tui.dialogs.dialog import Box
from syncwizard.tui.dialogs.edit import EditDialog
from syncwizard.tui.widgets.choice import Choice
from syncwizard.tui.widgets.columns import Cell, Column, Line
from syncwizard.tui.widgets.field import Field
from syncwizard.tui.widgets.listing import Listing

KINDS = (
    ("prefix", "prefix"),
    ("suffix", "suffix"),
    ("replace", "replace"),
    ("lower", "lower case"),
    ("upper", "upper case"),
    ("regex", "regular expression"),
)
COLUMNS = (
    Column(title="TABLE", name=True),
    Column(title="AT THE DESTINATION", name=True),
    Column(title="", width=24),
)


class BatchRenameDialog(EditDialog[list[Renamed]]):
    """Answers the tables with their new names. `before`: what they are called; `others`: what else is called what."""

    def __init__(
        self, tables: Sequence[TableName], *, before: Mapping[TableName, str], others: Mapping[ObjectName, str]
    ) -> None:
        super().__init__()
        self._tables, self._before, self._others = tables, before, others
        self._found: list[Renamed] = []

    def compose(self) -> ComposeResult:
        """What is done to the names, over what becomes of them."""
        with Box(f"Rename {len(self._tables):,} tables"):
            yield Field("kind", "Change", Choice(KINDS))
            yield Field("first", "Text", Input(compact=True))
            yield Field("second", "Becomes", Input(compact=True))
            yield Listing(COLUMNS, id="preview")
            yield from self.buttons()

    def on_mount(self) -> None:
        """Begins at the kind of change."""
        self._look()
        self.query_one(Choice).focus()

    @property
    def changed(self) -> bool:
        """Whether something is typed."""
        return any(field.value for field in self.query(Input))

    @property
    def change(self) -> Change:
        """What the fields say by now."""
        first, second = self._field("first").value, self._field("second").value
        match self.query_one(Choice).value:
            case "prefix":
                return Prefix(text=first)
            case "suffix":
                return Suffix(text=first)
            case "replace":
                return Replace(old=first, new=second)
            case "regex":
                return Regex(pattern=first, name=second)
            case "lower":
                return Case(to="lower")
        return Case(to="upper")

    def answer(self) -> list[Renamed] | None:
        """The new names; none where one of them cannot be."""
        self._look()
        if problem := change_problem(self.change):
            self._field("first").mark(Problem(path="first", message=problem))
            self._field("first").control.focus()
            return None
        if any(each.problem for each in self._found):
            self.query_one(Listing).focus()
            return None
        return self._found

    @on(Input.Changed)
    @on(Choice.Changed)
    def _edited(self, event: Input.Changed | Choice.Changed) -> None:
        event.stop()
        self._look()

    def _look(self) -> None:
        change = self.change
        self._field("first").display = not isinstance(change, Case)
        self._field("second").display = isinstance(change, Replace | Regex)
        typed = isinstance(change, Case) or bool(self._field("first").value)
        problem = change_problem(change) if typed else ""
        self._field("first").mark(Problem(path="first", message=problem) if problem else None)
        good = typed and not problem
        self._found = preview(self._tables, change, self._others, self._before) if good else []
        # Those that cannot be come first: the others need no look.
        ordered = sorted(self._found, key=lambda each: not each.problem)
        self.query_one(Listing).show([_line(each) for each in ordered])
        wrong = sum(bool(each.problem) for each in self._found)
        text = f"{len(self._found):,} of {len(self._tables):,} names change"
        self.say(f"✗ {text}; {wrong:,} cannot be taken" if wrong else text if good else "", failed=bool(wrong))

    def _field(self, path: str) -> Field:
        return self.query_one(f"#field-{path}", Field)


def _line(each: Renamed) -> Line:
    return Line(
        key=str(each.table),
        cells=(
            Cell(one_line(str(each.table)), "muted"),
            Cell(one_line(each.after), "bad" if each.problem else "accent"),
            Cell(one_line(each.problem), "warn"),
        ),
    )
