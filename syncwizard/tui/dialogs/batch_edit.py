"""Edits many tables at once: their names, a filter, the operations. What each of them gets, and what is in the way of
that, is in sight before it is taken."""

from collections.abc import Mapping, Sequence

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Input, Label

from syncwizard.rows.batch_edits import Edited, OfBatch, filtered, operating
from syncwizard.task.drafting.renaming import (
    Case,
    Change,
    Prefix,
    Regex,
    Replace,
    Suffix,
    change_problem,
    preview,
    with_name,
)
from syncwizard.task.drafting.table_edit import OPERATIONS
from syncwizard.task.names import ObjectName, TableName
from syncwizard.task.objects import Operation
from syncwizard.task.problem import Problem
from syncwizard.task.text import one_line
from syncwizard.tui.dialogs.dialog import Box
from syncwizard.tui.dialogs.edit import EditDialog
from syncwizard.tui.widgets.choice import Choice
from syncwizard.tui.widgets.columns import Cell, Column, Line
from syncwizard.tui.widgets.field import Field
from syncwizard.tui.widgets.listing import Listing
from syncwizard.tui.widgets.ticks import Ticks

KINDS = (
    ("prefix", "prefix"),
    ("suffix", "suffix"),
    ("replace", "replace"),
    ("lower", "lower case"),
    ("upper", "upper case"),
    ("regex", "regular expression"),
    ("filter", "filter"),
    ("operations", "operations"),
)
COLUMNS = (
    Column(title="TABLE", name=True),
    Column(title="AT THE DESTINATION", name=True),
    Column(title="", width=24),
)
NO_FILTER = "An empty filter takes theirs away: all rows travel."


class BatchDialog(EditDialog[list[Edited]]):
    """Answers the tables with their new entries. `before`: what they are called; `others`: what else is called what;
    `operations`: what their schemas say of them."""

    def __init__(
        self,
        tables: Sequence[OfBatch],
        *,
        before: Mapping[TableName, str],
        others: Mapping[ObjectName, str],
        operations: Mapping[str, Sequence[Operation] | None],
    ) -> None:
        super().__init__()
        self._tables, self._before, self._others, self._operations = tables, before, others, operations
        self._found: list[Edited] = []

    def compose(self) -> ComposeResult:
        """What is done to the tables, over what becomes of them."""
        with Box(f"Edit {len(self._tables):,} tables"):
            yield Field("kind", "Change", Choice(KINDS))
            yield Field("first", "Text", Input(compact=True))
            yield Field("second", "Becomes", Input(compact=True))
            with Horizontal(classes="dialog-field", id="batch-operations"):
                yield Label("Applied")
                yield Ticks([(each, each) for each in OPERATIONS])
            yield Listing(COLUMNS, id="preview")
            yield from self.buttons()

    def on_mount(self) -> None:
        """Begins at the kind of change."""
        self.query_one(Ticks).values = frozenset(OPERATIONS)
        self._look()
        self.query_one(Choice).focus()

    @property
    def changed(self) -> bool:
        """Whether something is typed or ticked."""
        return any(field.value for field in self.query(Input)) or self.query_one(Ticks).values != frozenset(OPERATIONS)

    @property
    def kind(self) -> str:
        """What is changed."""
        return self.query_one(Choice).value

    @property
    def change(self) -> Change | None:
        """What the fields say by now of the names; None where it is not about these."""
        first, second = self._field("first").value, self._field("second").value
        match self.kind:
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
            case "upper":
                return Case(to="upper")
        return None

    def answer(self) -> list[Edited] | None:
        """The new entries; none where one of them cannot be."""
        self._look()
        change = self.change
        if change is not None and (problem := change_problem(change)):
            self._field("first").mark(Problem(path="first", message=problem))
            self._field("first").control.focus()
            return None
        if any(each.problem for each in self._found):
            # A filter is wrong by itself as a rule, names are by what they meet.
            (self._field("first").control if self.kind == "filter" else self.query_one(Listing)).focus()
            return None
        return [each for each in self._found if not each.skipped]

    @on(Input.Changed)
    @on(Choice.Changed)
    @on(Ticks.Changed)
    def _edited(self, event: Input.Changed | Choice.Changed | Ticks.Changed) -> None:
        event.stop()
        self._look()

    def _look(self) -> None:
        kind, change = self.kind, self.change
        self._field("first").display = kind not in ("lower", "upper", "operations")
        self._field("second").display = isinstance(change, Replace | Regex)
        self.query_one("#batch-operations").display = kind == "operations"
        self._found = self._edits(change)
        # Those that cannot be come first, then those that stay: the others need no look.
        ordered = sorted(self._found, key=lambda each: (not each.problem, not each.skipped))
        self.query_one(Listing).show([_line(each) for each in ordered])
        self._say_how_many()

    def _edits(self, change: Change | None) -> list[Edited]:
        typed = isinstance(change, Case) or bool(self._field("first").value)
        problem = change_problem(change) if change is not None and typed else ""
        self._field("first").mark(Problem(path="first", message=problem) if problem else None)
        if self.kind == "filter":
            return filtered(self._tables, self._field("first").value)
        if change is None:
            return operating(self._tables, self.query_one(Ticks).values, self._operations)
        return self._renamed(change) if typed and not problem else []

    def _renamed(self, change: Change) -> list[Edited]:
        entries = {each.name: each.entry for each in self._tables}
        return [
            Edited(
                table=each.table,
                before=each.before,
                after=each.after,
                entry=with_name(entries[each.table], each.after),
                problem=each.problem,
            )
            for each in preview(list(entries), change, self._others, self._before)
        ]

    def _say_how_many(self) -> None:
        wrong = sum(bool(each.problem) for each in self._found)
        skipped = sum(bool(each.skipped) for each in self._found)
        changing = len(self._found) - skipped
        what = {"filter": "filters", "operations": "choices of operations"}.get(self.kind, "names")
        text = f"{changing:,} of {len(self._tables):,} {what} change"
        if skipped:
            text += f"; {skipped:,} without its columns stay as they are"
        if wrong:
            self.say(f"✗ {text}; {wrong:,} cannot be taken", failed=True)
        elif self.kind == "filter" and not self._field("first").value.strip():
            self.say(f"{text}. {NO_FILTER}")
        else:
            self.say(text if self._found else "")

    def _field(self, path: str) -> Field:
        return self.query_one(f"#field-{path}", Field)


def _line(each: Edited) -> Line:
    return Line(
        key=str(each.table),
        cells=(
            Cell(one_line(str(each.table)), "muted"),
            Cell(one_line(each.after), "bad" if each.problem else "muted" if each.skipped else "accent"),
            Cell(one_line(each.problem or each.skipped), "warn"),
        ),
    )
