"""Ten real rows of a table before and after its filter and scripts, and how many travel; nothing is changed by it."""

from collections.abc import Callable, Sequence

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.suggester import SuggestFromList
from textual.widgets import Button, Input, Label, Static

from syncwizard.client.probes import Probe
from syncwizard.errors import SyncwizardError
from syncwizard.task.names import TableName
from syncwizard.task.text import one_line
from syncwizard.task.trial import Trial, describe_number, describe_rows, describe_trial
from syncwizard.tui.background import in_background
from syncwizard.tui.dialogs.copy_text import CopyTextDialog
from syncwizard.tui.dialogs.dialog import Box, Dialog
from syncwizard.tui.remedies import marked_lines

# The probe that tries a table, and counts its rows where asked. Called in a thread; it may ask a keyring.
Begin = Callable[[TableName, bool], Probe[Trial]]


class TrialDialog(Dialog[None]):
    """Asks both ends at once when it opens; Esc ends the question. Of several tables one can be named."""

    def __init__(self, tables: Sequence[TableName], begin: Begin) -> None:
        super().__init__()
        self._tables = {str(table): table for table in tables}
        self._begin = begin
        self._probe: Probe[Trial] | None = None
        # Of the question whose answer is awaited: an older one's is not shown.
        self._number = 0
        self._text = ""

    def compose(self) -> ComposeResult:
        """The table where there is a choice, the rows, and what can be done with them."""
        first = next(iter(self._tables))
        with Box(f"Rows of {one_line(first)}" if len(self._tables) == 1 else "Rows of a table"):
            if len(self._tables) > 1:
                with Horizontal(classes="dialog-field"):
                    yield Label("Table", markup=False)
                    yield Input(first, id="table", compact=True, suggester=SuggestFromList(self._tables))
            with VerticalScroll(classes="dialog-scroll"):
                yield Static("", id="trial-rows", markup=False)
            yield Static("", classes="dialog-status", markup=False)
            with Horizontal(classes="dialog-buttons"):
                yield Button("Close", id="close", compact=True)
                yield Button("Count the rows", id="count", compact=True)
                yield Button("Copy…", id="copy", compact=True)

    def on_mount(self) -> None:
        """Asks at once."""
        self.query_one("#close").focus()
        self._ask(count=False)

    def on_unmount(self) -> None:
        """Ends a question that runs."""
        self._end()

    @on(Button.Pressed, "#close")
    def _close(self) -> None:
        self.action_back()

    @on(Button.Pressed, "#count")
    def _count(self) -> None:
        self._ask(count=True)

    @on(Button.Pressed, "#copy")
    def _copy(self) -> None:
        self.app.push_screen(CopyTextDialog("Rows before and after", self._text, "syncwizard-rows.txt"))

    @on(Input.Submitted, "#table")
    def _named(self) -> None:
        self._ask(count=False)

    def _ask(self, *, count: bool) -> None:
        self._end()
        name = next(iter(self._tables)) if len(self._tables) == 1 else self.query_one("#table", Input).value.strip()
        table = self._tables.get(name)
        if table is None:
            self._say(f"✗ no table {one_line(name)} is selected", failed=True)
            return
        number = self._number
        self._say("counting the rows at the source … (Esc stops)" if count else "asking both ends …")

        def work() -> Trial:
            self._probe = probe = self._begin(table, count)
            if number != self._number:
                probe.cancel()
            found: list[Trial] = []
            probe.run(found.append)
            return found[0]

        in_background(self, work, lambda trial: self._came(number, trial), lambda error: self._broken(number, error))

    def _end(self) -> None:
        self._number += 1
        if self._probe is not None:
            self._probe.cancel()

    def _came(self, number: int, trial: Trial) -> None:
        if number != self._number:
            return
        self._text = "\n".join(describe_trial(trial))
        self.query_one("#trial-rows", Static).update("\n".join(describe_rows(trial)) or "the table has no row")
        self._say("✓ " + (describe_number(trial) or "both ends can evaluate it"))

    def _broken(self, number: int, error: SyncwizardError) -> None:
        if number == self._number:
            detail = f": {error.detail}" if error.detail else ""
            self._say("\n".join([f"✗ {error.title}{detail}", *marked_lines(error.remedy)]), failed=True)

    def _say(self, text: str, *, failed: bool = False) -> None:
        status = self.query_one(".dialog-status", Static)
        status.set_class(failed, "-failed")
        status.update(text)
