"""Questions before something is done: a plain one, and one that wants the task's name typed."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.events import Key
from textual.widgets import Button, Input, Static

from syncwizard.tui.dialogs.dialog import Box, Dialog, LongText


class ConfirmDialog(Dialog[bool]):
    """Asks before something that can be undone. The focus is on Cancel: Enter confirms nothing by itself."""

    BINDINGS: ClassVar[list[BindingType]] = [("y", "confirm", "Yes")]
    confirming_keys = ("y",)
    confirming_buttons = ("confirm",)

    def __init__(self, title: str, text: str, verb: str) -> None:
        """`verb` is the label of the button that does it."""
        super().__init__()
        self._title, self._text, self._verb = title, text, verb

    def compose(self) -> ComposeResult:
        """The question, and Cancel before the action."""
        with Box(self._title):
            yield LongText(self._text)
            with Horizontal(classes="dialog-buttons"):
                yield Button("Cancel", id="cancel", compact=True)
                yield Button(f"{self._verb} (y)", id="confirm", compact=True)

    def on_mount(self) -> None:
        """Starts where nothing happens."""
        self.query_one("#cancel").focus()

    @on(Button.Pressed, "#confirm")
    def action_confirm(self) -> None:
        """Yes."""
        self.dismiss(True)

    @on(Button.Pressed, "#cancel")
    def _cancel(self) -> None:
        self.action_back()


class TypedConfirmDialog(Dialog[bool]):
    """Asks before something that cannot be undone: the task's name has to be typed, both ends are labelled."""

    def __init__(
        self, title: str, text: str, *, name: str, source: str, destination: str, verb: str, details: str = ""
    ) -> None:
        """`name` is what has to be typed; `source` and `destination` say where the ends are; `details` may be long."""
        super().__init__()
        self._title, self._text, self._wanted, self._verb = title, text, name, verb
        self._details = details
        self._source, self._destination = source, destination

    def compose(self) -> ComposeResult:
        """What happens, where, and the field for the name."""
        with Box(self._title, severe=True):
            yield Static(self._text, classes="dialog-text", markup=False)
            if self._details:
                with VerticalScroll(classes="dialog-scroll"):
                    yield Static(self._details, classes="dialog-text", markup=False)
            yield Static(f"SOURCE       {self._source}", classes="dialog-end", markup=False)
            yield Static(f"DESTINATION  {self._destination}", classes="dialog-end", markup=False)
            yield Static(f"Type the task's name to go on:  {self._wanted}", classes="dialog-question", markup=False)
            yield Input(id="name", placeholder="the name, as it stands above", compact=True, select_on_focus=False)
            with Horizontal(classes="dialog-buttons"):
                yield Button("Cancel", id="cancel", compact=True)
                yield Button(self._verb, id="confirm", compact=True, variant="error", disabled=True)

    def on_mount(self) -> None:
        """Starts where nothing happens."""
        self.query_one("#cancel").focus()

    def on_key(self, event: Key) -> None:
        """Typing goes into the field wherever the focus is."""
        field = self.query_one(Input)
        if event.is_printable and event.character and not field.has_focus and event.character != " ":
            field.focus()
            field.insert_text_at_cursor(event.character)
            event.stop()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self.query_one("#confirm", Button).disabled = event.value.strip() != self._wanted

    @on(Input.Submitted)
    def _entered(self) -> None:
        """Enter in the field confirms nothing: it goes to the button, if the name is right."""
        confirm = self.query_one("#confirm", Button)
        if not confirm.disabled:
            confirm.focus()

    @on(Button.Pressed, "#confirm")
    def _confirm(self) -> None:
        self.dismiss(True)

    @on(Button.Pressed, "#cancel")
    def _cancel(self) -> None:
        self.action_back()
