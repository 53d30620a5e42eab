"""Asks what is to be compared before a verification begins."""

import uuid
from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Button, Label, Static

from syncwizard.task.names import TableName
from syncwizard.task.text import one_line
from syncwizard.task.verification import VerificationMode, VerificationOrder
from syncwizard.tui.dialogs.dialog import Box, Dialog
from syncwizard.tui.widgets.choice import Choice

MODES: tuple[tuple[VerificationMode, str], ...] = (
    ("rows", "every row"),
    ("counts", "numbers of rows"),
    ("schema", "definitions"),
    ("vectors", "vector searches"),
)
SAMPLES = (("100", "all rows"), ("50", "50 % of them"), ("10", "10 %"))
NOTE = (
    "Both ends are read at the same commit while changes are applied, table by table; nothing is locked. Leaving the "
    "screens does not end it."
)


class VerifyDialog(Dialog[VerificationOrder]):
    """Its result is the order; `marked`: the table under the cursor, which may be compared alone."""

    confirming_buttons = ("compare",)

    def __init__(self, marked: TableName | None) -> None:
        super().__init__()
        self._marked = marked

    def compose(self) -> ComposeResult:
        """What, which tables, and whether more rows at the destination matter."""
        with Box("Compare both ends"):
            yield from _field("Compare", MODES, "mode")
            if self._marked is not None:
                one = one_line(str(self._marked))
                yield from _field(
                    "Tables", (("all", "all"), ("one", one if len(one) < 40 else "the marked one")), "tables"
                )
            yield from _field("Of each", SAMPLES, "sample")
            yield from _field("Extra rows", (("count", "are differences"), ("ignore", "are none")), "extra")
            yield Static(NOTE, classes="dialog-note", markup=False)
            with Horizontal(classes="dialog-buttons"):
                yield Button("Cancel", id="cancel", compact=True)
                yield Button("Compare", id="compare", variant="primary", compact=True)

    def on_mount(self) -> None:
        """Begins at the button: what is chosen already is what most want."""
        self.query_one("#compare").focus()

    @on(Button.Pressed, "#compare")
    def _compare(self) -> None:
        modes: dict[str, VerificationMode] = {mode: mode for mode, _ in MODES}
        alone = self._marked is not None and self.query_one("#tables", Choice).value == "one"
        self.dismiss(
            VerificationOrder(
                id=uuid.uuid4(),
                mode=modes[self.query_one("#mode", Choice).value],
                tables=(self._marked,) if alone and self._marked is not None else (),
                sample=int(self.query_one("#sample", Choice).value),
                ignore_extra=self.query_one("#extra", Choice).value == "ignore",
            )
        )

    @on(Button.Pressed, "#cancel")
    def _cancel(self) -> None:
        self.action_back()


def _field(label: str, options: Sequence[tuple[str, str]], id: str) -> ComposeResult:
    with Horizontal(classes="dialog-field"):
        yield Label(label, markup=False)
        yield Choice(options, id=id)
