"""Takes over what a task file says of the chosen objects; what each of them gets, and what is in the way of that, is in
sight before it is taken."""

from typing import cast

from textual import on
from textual.app import ComposeResult

from syncwizard.rows.imported_edits import Imported, Part, Taken, imported
from syncwizard.task.drafting.choice import ObjectChoice
from syncwizard.task.specification import TaskSpec
from syncwizard.task.text import counted, one_line
from syncwizard.tui.dialogs.dialog import Box
from syncwizard.tui.dialogs.edit import EditDialog
from syncwizard.tui.widgets.choice import Choice
from syncwizard.tui.widgets.columns import Cell, Column, Line
from syncwizard.tui.widgets.field import Field
from syncwizard.tui.widgets.listing import Listing

PARTS = (
    ("everything", "everything"),
    ("rules", "filters, scripts, operations"),
    ("names", "names and columns"),
)
COLUMNS = (Column(title="OBJECT", width=26, name=True), Column(title="GETS"))


class ImportDialog(EditDialog[Imported]):
    """Answers with the choice that the file makes of the present one."""

    def __init__(self, spec: TaskSpec, choice: ObjectChoice, *, title: str, database: str) -> None:
        """`database`: the source's, for scripts; `title`: names the file."""
        super().__init__()
        self._spec, self._choice, self._title, self._database = spec, choice, title, database
        self._found = Imported(choice=choice, taken=[])

    def compose(self) -> ComposeResult:
        """What is taken of the file, over what becomes of the objects."""
        with Box(self._title):
            yield Field("part", "Take", Choice(PARTS))
            yield Listing(COLUMNS, id="preview")
            yield from self.buttons()

    def on_mount(self) -> None:
        """Begins at what is taken."""
        self._look()
        self.query_one(Choice).focus()

    @property
    def changed(self) -> bool:
        """Nothing is typed here that could be lost."""
        return False

    def answer(self) -> Imported | None:
        """What the file makes of the choice; none where that is the same choice."""
        if self._found.changes:
            return self._found
        self.query_one(Listing).focus()
        return None

    @on(Choice.Changed)
    def _chosen(self, event: Choice.Changed) -> None:
        event.stop()
        self._look()

    def _look(self) -> None:
        part = cast(Part, self.query_one(Choice).value)
        self._found = found = imported(self._spec, self._choice, part, self._database)
        self.query_one(Listing).show([_line(each) for each in found.taken])
        skipped = len(found.taken) - found.changes
        text = f"{counted(found.changes, 'entry', 'entries')} of the file can be taken"
        if skipped:
            text += f"; {skipped:,} cannot, and stay as they are"
        if not found.taken:
            text = "the file says nothing of the chosen objects that is other than here"
        self.say(text if found.changes else f"✗ {text}", failed=not found.changes)


def _line(each: Taken) -> Line:
    words = Cell(one_line(each.skipped), "warn") if each.skipped else Cell(one_line(each.after), "accent")
    return Line(key=str(each), cells=(Cell(one_line(str(each)), "muted" if each.skipped else "plain"), words))
