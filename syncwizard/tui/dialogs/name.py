"""Asks for one line of text: a name, a path."""

from collections.abc import Callable

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Button, Input, Static

from syncwizard.tui.dialogs.dialog import Box, Dialog

Judge = Callable[[str], str]


def anything(text: str) -> str:
    """Finds nothing wrong but emptiness."""
    return "" if text.strip() else "it is empty"


class NameDialog(Dialog[str]):
    """Its result is what was typed, or None when it was left. `judge` says what is wrong with a text, if anything."""

    def __init__(self, title: str, value: str, *, note: str = "", verb: str = "Save", judge: Judge = anything) -> None:
        super().__init__()
        self._title = title
        self._value = value
        self._note = note
        self._verb = verb
        self._judge = judge

    def compose(self) -> ComposeResult:
        """The line, what is wrong with it, and what becomes of it."""
        with Box(self._title):
            yield Input(self._value, compact=True)
            yield Static("", classes="dialog-status -failed", markup=False)
            yield Static(self._note, classes="dialog-note", markup=False)
            with Horizontal(classes="dialog-buttons"):
                yield Button("Cancel", id="cancel", compact=True)
                yield Button(self._verb, id="save", variant="primary", compact=True)

    @on(Input.Submitted)
    @on(Button.Pressed, "#save")
    def _answer(self) -> None:
        text = self.query_one(Input).value.strip()
        if problem := self._judge(text):
            self.query_one(".dialog-status", Static).update(f"✗ {problem}")
        else:
            self.dismiss(text)

    @on(Button.Pressed, "#cancel")
    def _cancel(self) -> None:
        self.action_back()
