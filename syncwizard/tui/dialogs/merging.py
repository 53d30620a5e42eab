"""How rows of a table are told from those of others that go to the same table of the destination: by a column that gets
their origin, or by a condition over their keys."""

from typing import cast

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input

from syncwizard.task.drafting.table_edit import Merging
from syncwizard.task.problem import Problem
from syncwizard.tui.widgets.choice import Choice
from syncwizard.tui.widgets.field import Field

WAYS: tuple[tuple[Merging, str], ...] = (
    ("", "not merged"),
    ("column", "by an origin column"),
    ("keys", "by its keys"),
)
LABELS: dict[Merging, str] = {"": "", "column": "Origin column", "keys": "Keys"}
# What each way is, in the words of the dialog's last line.
NOTES: dict[Merging, str] = {
    "": "Only its own rows go to its table there.",
    "column": "Tables of one name there become one; its key has this text column, for database.schema.table",
    "keys": "Tables of one name there become one; a constraint keeps these keys in this table: tenant = 1",
}


class MergingFields(Vertical):
    """The way, and below it the column or the condition. Its controls say what they always say."""

    DEFAULT_CSS = "MergingFields { height: auto; }"

    def __init__(self, way: Merging, text: str) -> None:
        super().__init__()
        self._way, self._text = way, text

    def compose(self) -> ComposeResult:
        """The text only where there is a way."""
        yield Field("merging", "Merged there", Choice(WAYS, self._way, id="merging"))
        yield Field("origin", LABELS[self._way] or "Origin", Input(self._text, compact=True, id="origin"))

    def on_mount(self) -> None:
        """What is not asked is not shown."""
        self.show()

    @property
    def way(self) -> Merging:
        """The chosen one."""
        return cast(Merging, self.query_one("#merging", Choice).value)

    @property
    def text(self) -> str:
        """What is typed for it."""
        return self.query_one("#origin", Input).value

    def show(self) -> None:
        """The field of the way."""
        field = self.query_one("#field-origin", Field)
        field.display = bool(self.way)
        field.query_one(".field--label").update(LABELS[self.way])  # type: ignore[attr-defined]

    def mark(self, problem: str) -> None:
        """What is wrong with the text."""
        field = self.query_one("#field-origin", Field)
        field.mark(Problem(path="origin", message=problem) if problem else None)
