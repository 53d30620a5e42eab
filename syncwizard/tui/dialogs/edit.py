"""Dialogs that take answers: F8 takes them where nothing is wrong, Esc asks first; and one for a text."""

from collections.abc import Callable
from typing import ClassVar, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widgets import Button, Static, TextArea

from syncwizard.tui.actions import bindings
from syncwizard.tui.dialogs.confirm import ConfirmDialog
from syncwizard.tui.dialogs.dialog import Box, Dialog

Answer = TypeVar("Answer")
# What is wrong with a text; empty where nothing is.
Judge = Callable[[str], str]
# The dialog that tries a text on real rows.
Attempt = Callable[[str], Dialog[None]]
# A pause in typing: a check of a script over many tables is not made at each key.
PAUSE_SECONDS = 0.2


class EditDialog(Dialog[Answer]):
    """Has buttons Cancel and Take, a line for what is wrong, and answers by `answer`."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("edit.take")]

    @property
    def changed(self) -> bool:
        """Whether Esc would lose something."""
        raise NotImplementedError

    def answer(self) -> Answer | None:
        """The answers, None where something is wrong, which is then shown and has the focus."""
        raise NotImplementedError

    def action_take(self) -> None:
        """Takes the answers."""
        if (answer := self.answer()) is not None:
            self.dismiss(answer)

    def action_back(self) -> None:
        """Leaves; what was changed is not lost without a question."""
        if not self.changed:
            self.dismiss(None)
            return

        def answered(discard: bool | None) -> None:
            if discard:
                self.dismiss(None)

        self.app.push_screen(ConfirmDialog("Drop the changes?", "Esc goes back to them.", "Drop them"), answered)

    def buttons(self, verb: str = "Take (F8)", *, more: tuple[Button, ...] = ()) -> ComposeResult:
        """The end of the box; `more` buttons stand between the two."""
        yield Static("", id="edit-status", classes="dialog-status", markup=False)
        with Horizontal(classes="dialog-buttons"):
            yield Button("Cancel", id="cancel", compact=True)
            yield from more
            yield Button(verb, id="take", variant="primary", compact=True)

    def say(self, text: str, *, failed: bool = False) -> None:
        """Shows something above the buttons."""
        status = self.query_one("#edit-status", Static)
        status.set_class(failed, "-failed")
        status.update(text)

    @on(Button.Pressed, "#take")
    def _take(self, event: Button.Pressed) -> None:
        event.stop()
        self.action_take()

    @on(Button.Pressed, "#cancel")
    def _cancel(self, event: Button.Pressed) -> None:
        event.stop()
        self.action_back()


class EditorDialog(EditDialog[str]):
    """A text of some lines, checked while it is typed; an empty one is an answer too."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("edit.try")]

    def __init__(
        self,
        title: str,
        text: str,
        judge: Judge,
        *,
        note: str = "",
        good: str = "nothing wrong",
        attempt: Attempt | None = None,
    ) -> None:
        """`note`: what can be written; `good`: what is shown of a text that nothing is wrong with."""
        super().__init__()
        self._title, self._text, self._judge, self._note, self._good = title, text, judge, note, good
        self._attempt = attempt
        self._typed = 0

    def compose(self) -> ComposeResult:
        """The text, what to know of it, what is wrong with it."""
        with Box(self._title):
            yield TextArea(self._text, soft_wrap=True, show_line_numbers=True, compact=True)
            yield Static(self._note, classes="dialog-note", markup=False)
            trying = (Button("Try (F5)", id="try", compact=True),) if self._attempt is not None else ()
            yield from self.buttons(more=trying)

    def on_mount(self) -> None:
        """Begins at the end of the text."""
        area = self.query_one(TextArea)
        area.move_cursor(area.document.end)
        area.focus()
        self._check()

    @property
    def text(self) -> str:
        """What is typed."""
        return self.query_one(TextArea).text

    @property
    def changed(self) -> bool:
        """Whether it is another text."""
        return self.text != self._text

    def answer(self) -> str | None:
        """The text."""
        return self.text.strip() if self._check() else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Not every text can be tried."""
        return self._attempt is not None if action == "try" else super().check_action(action, parameters)

    @on(Button.Pressed, "#try")
    def action_try(self) -> None:
        """Shows what the text makes of real rows, once nothing is wrong with it."""
        if self._attempt is not None and self._check():
            self.app.push_screen(self._attempt(self.text.strip()))

    @on(TextArea.Changed)
    def _edited(self, event: TextArea.Changed) -> None:
        event.stop()
        self._typed += 1
        now = self._typed

        def check() -> None:
            if now == self._typed:
                self._check()

        self.set_timer(PAUSE_SECONDS, check)

    def _check(self) -> bool:
        if not self.text.strip():
            self.say("")
            return True
        problem = self._judge(self.text)
        self.say(f"✗ {problem}" if problem else f"✓ {self._good}", failed=bool(problem))
        return not problem
