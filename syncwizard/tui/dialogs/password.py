"""Asks for a secret without a terminal's prompt. What was typed goes to the caller and nowhere else."""

from collections.abc import Sequence

import msgspec
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Button, Input, Label, Static

from syncwizard.client.credentials import Question
from syncwizard.task.handover import Handover
from syncwizard.tui.dialogs.dialog import Box, Dialog


class PasswordDialog(Dialog[Handover]):
    """A field for each question; its result is what was typed, or None when it was left."""

    def __init__(self, questions: Sequence[Question], reason: str = "") -> None:
        """`reason` stands above the fields: what they are asked for, or why they are asked again."""
        super().__init__()
        self._questions = questions
        self._reason = reason

    def compose(self) -> ComposeResult:
        """One field a secret."""
        with Box("Password" if len(self._questions) == 1 else "Passwords"):
            if self._reason:
                yield Static(self._reason, classes="dialog-text", markup=False)
            for question in self._questions:
                yield Label(question.what, markup=False)
                yield Input(password=True, compact=True, id=question.part)
            yield Static("Kept in memory only, until this program ends.", classes="dialog-note")
            with Horizontal(classes="dialog-buttons"):
                yield Button("Cancel", id="cancel", compact=True)
                yield Button("Continue", id="continue", variant="primary", compact=True)

    @on(Input.Submitted)
    def _next_field(self, event: Input.Submitted) -> None:
        """Enter goes to the next field, and from the last one on."""
        event.stop()
        if event.input.id == self._questions[-1].part:
            self._answer()
        else:
            self.focus_next(Input)

    @on(Button.Pressed, "#continue")
    def _answer(self) -> None:
        typed = {question.part: self.query_one(f"#{question.part}", Input).value for question in self._questions}
        self.dismiss(msgspec.structs.replace(Handover(), **typed))

    @on(Button.Pressed, "#cancel")
    def _cancel(self) -> None:
        self.action_back()
