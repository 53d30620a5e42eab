"""Asks before statements are run at an end: all of them can be read, and the account that runs them is asked for."""

from collections.abc import Sequence

import msgspec
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Button, Input, Label, Static

from syncwizard.errors import End
from syncwizard.task.text import counted
from syncwizard.tui.dialogs.copy_text import CopyTextDialog
from syncwizard.tui.dialogs.dialog import Box, Dialog, LongText


class RunAs(msgspec.Struct, frozen=True):
    """Who runs the statements: the task's account when `user` is empty. The password is not kept."""

    user: str = ""
    password: str = ""


class RunSqlDialog(Dialog[RunAs]):
    """Its result is who runs the statements, None when it was left. The focus is on Cancel, and Run is the last of the
    buttons: no two keys in a row run anything."""

    confirming_buttons = ("run",)

    def __init__(self, end: End, place: str, statements: Sequence[str], *, own_account: bool) -> None:
        """`place` says where the end is. Without `own_account` the task's account has not the right to run them."""
        super().__init__()
        self._end, self._place, self._statements, self._own = end, place, statements, own_account

    def compose(self) -> ComposeResult:
        """How many and where, the statements, the account, and Cancel before the others."""
        count = counted(len(self._statements), "statement", "statements")
        with Box(f"Run SQL at the {self._end}?"):
            yield Static(f"At the {self._end.upper()}, {self._place}: {count}", classes="dialog-text", markup=False)
            yield LongText("\n".join(f"{statement};" for statement in self._statements))
            with Horizontal(classes="dialog-field"):
                yield Label("Account", markup=False)
                placeholder = "the task's account" if self._own else "one that may grant this: not the task's account"
                yield Input(id="user", placeholder=placeholder, compact=True)
            with Horizontal(classes="dialog-field"):
                yield Label("Password", markup=False)
                yield Input(id="password", password=True, placeholder="not kept", compact=True)
            with Horizontal(classes="dialog-buttons"):
                yield Button("Cancel", id="cancel", compact=True)
                yield Button("Copy…", id="copy", compact=True)
                yield Button("Run", id="run", compact=True, disabled=not self._own)

    def on_mount(self) -> None:
        """Starts where nothing happens."""
        self.query_one("#cancel").focus()

    @on(Input.Changed, "#user")
    def _typed(self, event: Input.Changed) -> None:
        self.query_one("#run", Button).disabled = not (self._own or event.value.strip())

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        """Enter in a field runs nothing."""
        event.stop()
        self.focus_next()

    @on(Button.Pressed, "#copy")
    def _copy(self) -> None:
        text = "".join(f"{statement};\n" for statement in self._statements)
        self.app.push_screen(CopyTextDialog(f"SQL for the {self._end}", text, f"{self._end}.sql"))

    @on(Button.Pressed, "#run")
    def _run(self) -> None:
        user, password = self.query_one("#user", Input).value.strip(), self.query_one("#password", Input).value
        self.dismiss(RunAs(user, password))

    @on(Button.Pressed, "#cancel")
    def _cancel(self) -> None:
        self.action_back()
