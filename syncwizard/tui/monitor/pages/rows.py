"""The rows of a table that differ, and the marked one at both ends, column by column, as it is read again."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical
from textual.getters import query_one

from syncwizard.client import probes
from syncwizard.client.probes import Probe
from syncwizard.client.tasks import StoredTask
from syncwizard.client.verifying import difference_words
from syncwizard.errors import SyncwizardError
from syncwizard.task.handover import Handover
from syncwizard.task.text import one_line, pad
from syncwizard.task.verification import ColumnValues, DifferenceKind, RowDifference, RowValues, TableVerification
from syncwizard.tui.actions import bindings
from syncwizard.tui.background import in_background
from syncwizard.tui.dialogs.copy_text import CopyTextDialog
from syncwizard.tui.formatting import Tone
from syncwizard.tui.monitor.link import View
from syncwizard.tui.monitor.pages.page import Latest, TaskPage
from syncwizard.tui.task_actions import Secrets
from syncwizard.tui.widgets.columns import Cell, Column, Line
from syncwizard.tui.widgets.lines import PaneTitle
from syncwizard.tui.widgets.listing import Listing

VALUE_COLUMNS = (
    Column(title="", width=1, gap=1),
    Column(title="COLUMN", width=18, name=True),
    Column(title="SOURCE"),
    Column(title="DESTINATION"),
)
NULL = "NULL"


class RowsPage(TaskPage):
    """Reads the values of the marked row when asked to: they are in no journal, and may be others by now."""

    AUTO_FOCUS = "#rows-differing"
    BINDINGS: ClassVar[list[BindingType]] = bindings("rows.values", "rows.whole")

    listing = query_one("#rows-differing", Listing)
    values = query_one("#rows-columns", Listing)

    def __init__(self, task: StoredTask, latest: Latest, table: TableVerification) -> None:
        super().__init__(task, latest)
        self._table = table
        self._probe: Probe[RowValues] | None = None
        # The row whose values are shown or asked for.
        self._asked: RowDifference | None = None
        self._found: RowValues | None = None
        self._problem = ""

    def content(self) -> ComposeResult:
        """The rows over, or beside, the values of one of them."""
        key = ", ".join(self._table.key_columns).upper() or "ROW"
        with Container(id="rows-panes"):
            with Vertical(id="rows-list"):
                yield PaneTitle("", id="rows-title")
                width = max([24, *(len(difference_words(row)) for row in self._table.rows)])
                yield Listing((Column(title=one_line(key)), Column(title="", width=width)), id="rows-differing")
            with Vertical(id="rows-values"):
                yield PaneTitle("", id="values-title")
                yield Listing(VALUE_COLUMNS, id="rows-columns")

    def on_mount(self) -> None:
        """Begins at the rows."""
        lines = [
            Line(
                key=str(index),
                cells=(Cell(one_line(", ".join(row.key))), Cell(difference_words(row), _TONES[row.kind])),
            )
            for index, row in enumerate(self._table.rows)
        ]
        self.listing.show(lines)

    def on_unmount(self) -> None:
        """Ends a question that is on its way."""
        if self._probe is not None:
            self._probe.cancel()

    @property
    def marked(self) -> RowDifference | None:
        """The row under the cursor."""
        key = self.listing.key
        return None if key is None else self._table.rows[int(key)]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A row without a key cannot be found again."""
        return bool(self._table.key_columns) if action == "values" else True

    def draw(self, view: View, now: float) -> None:
        """The titles; the lists are drawn when they change."""
        table = self._table
        more = (
            f" of {'at least ' if table.more else ''}{table.differing:,}" if table.differing > len(table.rows) else ""
        )
        about = f"{len(table.rows):,}{more} rows that differ, at {table.lsn}"
        self.query_one("#rows-title", PaneTitle).say(f"{one_line(str(table.table))} · {about}")
        self.query_one("#values-title", PaneTitle).say(self._title())

    def action_values(self) -> None:
        """Reads the marked row at both ends."""
        if self.marked is not None and self._table.key_columns:
            self.task_actions.with_secrets(self.stored, self._ask)

    def action_whole(self) -> None:
        """The row with its values, whole, as far as they were read."""
        if (row := self.marked) is None:
            return
        found = self._found if row == self._asked else None
        parts = [f"{self._table.table} ({', '.join(row.key)}): {difference_words(row)}"]
        parts += [_whole(each, found) for each in found.columns] if found is not None else []
        name = f"{self.stored.spec.short_id}-row.txt"
        self.app.push_screen(CopyTextDialog("A row that differs", "\n\n".join(parts), name))

    @on(Listing.Chosen, "#rows-differing")
    def _chosen(self) -> None:
        self.action_values()

    def _ask(self, secrets: Secrets) -> None:
        row, table = self.marked, self._table.table
        if row is None:
            return
        if self._probe is not None:
            self._probe.cancel()
        self._asked, self._found, self._problem = row, None, ""
        self._show()

        def work() -> RowValues:
            given: Handover = secrets()
            self._probe = probe = probes.row(self.stored.spec, given, table, row.key)
            found: list[RowValues] = []
            probe.run(found.append)
            return found[0]

        def came(found: RowValues) -> None:
            if row == self._asked:
                self._found = found
                self._show()

        def failed(error: SyncwizardError) -> None:
            if row == self._asked:
                self._problem = one_line(f"{error.title}: {error.detail}" if error.detail else error.title)
                self._show()

        in_background(self, work, came, failed)

    def _show(self) -> None:
        self.values.show(value_lines(self._found) if self._found is not None else [])
        self._draw()

    def _title(self) -> str:
        if not self._table.key_columns:
            return "Values · rows of this table have no key by which to find them again"
        if self._asked is None:
            return "Values · Enter reads the marked row at both ends"
        key = one_line(", ".join(self._asked.key))
        if self._problem:
            return f"Values of {key} · ✗ {self._problem}"
        if self._found is None:
            return f"Values of {key} · reading both ends …"
        return f"Values of {key} · {_state(self._found)}"


_TONES: dict[DifferenceKind, Tone] = {"changed": "bad", "only-source": "warn", "only-destination": "warn"}


def _state(found: RowValues) -> str:
    """How the row is at both ends by now."""
    if not found.at_source and not found.at_destination:
        return "at neither end by now"
    if not found.at_destination:
        return "only at the source, by now"
    if not found.at_source:
        return "only at the destination, by now"
    differing = sum(each.differs for each in found.columns)
    return f"{differing} of {len(found.columns)} columns differ, by now" if differing else "equal by now"


def value_lines(found: RowValues) -> list[Line]:
    """The columns, those that differ first."""
    ordered = sorted(found.columns, key=lambda each: not each.differs)
    return [
        Line(
            key=each.column,
            cells=(
                Cell("✗" if each.differs else "", "bad"),
                Cell(one_line(each.column if each.column == each.there else f"{each.column} → {each.there}")),
                _value(each.source, there=found.at_source, differs=each.differs),
                _value(each.destination, there=found.at_destination, differs=each.differs),
            ),
        )
        for each in ordered
    ]


def _value(text: str | None, *, there: bool, differs: bool) -> Cell:
    if not there:
        return Cell("–", "muted")
    if text is None:
        return Cell(NULL, "bad" if differs else "muted")
    return Cell(one_line(text) or "''", "bad" if differs else "plain")


def _whole(each: ColumnValues, found: RowValues) -> str:
    name = f"{each.column}{' differs' if each.differs else ''}"
    ends = (("source", each.source, found.at_source), ("destination", each.destination, found.at_destination))
    lines = [
        f"  {pad(end, 11)}  {'no row' if not there else NULL if text is None else one_line(text)}"
        for end, text, there in ends
    ]
    return "\n".join([name, *lines])
