"""A line of a form: label, control, and under them what is wrong. It knows the path of its value and nothing else."""

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Label, Static

from syncwizard.task.validation import Problem
from syncwizard.tui.widgets.choice import Choice


class Field(Vertical):
    """The field at `path` of a draft, say `source.host`. `help` is shown by the step while the field has the focus."""

    DEFAULT_CSS = """
    Field {
        height: auto;
        & > Horizontal { height: 1; }
        & .field--label { width: 15; color: $text-muted; }
        & .field--unit { width: auto; margin-left: 1; color: $text-muted; }
        & Input { width: 1fr; }
        & .field--problem { display: none; color: $text-error; margin-left: 15; height: auto; }
        &.-wrong .field--problem { display: block; }
        &.-wrong .field--label { color: $text-error; text-style: bold; }
        &:focus-within .field--label { color: $text; }
    }
    """

    class Left(Message):
        """The focus went elsewhere."""

        def __init__(self, field: "Field") -> None:
            super().__init__()
            self.field = field

    def __init__(
        self,
        path: str,
        label: str,
        control: Input | Choice,
        *,
        help: str = "",
        unit: str | Widget = "",
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id_of(path), classes=classes)
        self.path = path
        self.label = label
        self.field_help = help
        self.control = control
        self._problem: Problem | None = None
        self._unit = Static(unit, classes="field--unit", markup=False) if isinstance(unit, str) else unit
        # Without one its margin would cost a column.
        self._unit.display = unit != ""

    def compose(self) -> ComposeResult:
        """Label and control on one line, the problem below."""
        with Horizontal():
            yield Label(self.label, classes="field--label", markup=False)
            yield self.control
            yield self._unit
        yield Static("", classes="field--problem", markup=False)

    @property
    def value(self) -> str:
        """What stands in the field."""
        return self.control.value

    def fill(self, value: str) -> None:
        """Shows a value that no person typed here."""
        if value != self.control.value:
            with self.control.prevent(Input.Changed, Choice.Changed):
                self.control.value = value

    def mark(self, problem: Problem | None) -> None:
        """Shows what is wrong with the value, or that nothing is."""
        if problem == self._problem:
            return
        self._problem = problem
        self.set_class(problem is not None, "-wrong")
        words = f"✗ {problem.message}" + (f": {problem.remedy}" if problem.remedy else "") if problem else ""
        self.query_one(".field--problem", Static).update(words)

    @property
    def wrong(self) -> bool:
        """Whether a problem is shown."""
        return self.has_class("-wrong")

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        """Enter goes to the next field: many expect it to."""
        event.stop()
        self.screen.focus_next()

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        """Says that the field was left; its value may be judged now."""
        self.post_message(self.Left(self))

    @classmethod
    def around(cls, widget: Widget) -> "Field | None":
        """The field that the widget is part of."""
        return next((node for node in widget.ancestors if isinstance(node, Field)), None)


def id_of(path: str) -> str:
    """The id of the field at the path.

    >>> id_of("source.key_password")
    'field-source-key_password'
    """
    return "field-" + path.replace(".", "-")
