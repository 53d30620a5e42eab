"""A text to read, to send to the terminal's clipboard, or to write to a file."""

import os
from pathlib import Path

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Button, Input, Static

from syncwizard.client.files import write_private
from syncwizard.errors import UsageError
from syncwizard.task.file import expanded, is_file
from syncwizard.tui.dialogs.dialog import Box, Dialog
from syncwizard.tui.read_only import is_read_only

TMUX_HINT = "tmux passes it on with: set -g set-clipboard on"


class CopyTextDialog(Dialog[None]):
    """Shows `text`; whether the terminal took a copy cannot be known, so the file is beside it.

    Screens that change nothing write no file either.
    """

    def __init__(self, title: str, text: str, file_name: str, *, severe: bool = False) -> None:
        """`file_name` is what a file would be called, in the working directory."""
        super().__init__()
        self._title, self._text, self._file_name, self._severe = title, text, file_name, severe
        # The file that may be replaced: it is ours, or the person knows of it.
        self._replaced: Path | None = None

    def compose(self) -> ComposeResult:
        """The text, the field for the file's name, and what can be done with it."""
        with Box(self._title, severe=self._severe):
            with VerticalScroll(classes="dialog-scroll"):
                yield Static(self._text, classes="dialog-text", markup=False)
            yield Static("", classes="dialog-status", markup=False)
            if not is_read_only():
                yield Input(self._file_name, id="file", compact=True)
            with Horizontal(classes="dialog-buttons"):
                yield Button("Close", id="close", compact=True)
                yield Button("Copy", id="copy", compact=True)
                if not is_read_only():
                    yield Button("Write to file", id="write", compact=True)

    def on_mount(self) -> None:
        """Starts where nothing happens."""
        self.query_one("#close").focus()

    @on(Button.Pressed, "#close")
    def _close(self) -> None:
        self.action_back()

    @on(Button.Pressed, "#copy")
    def _copy(self) -> None:
        self.app.copy_to_clipboard(self._text)
        hint = f"; {TMUX_HINT}" if os.environ.get("TMUX") else "; it does not say whether it took it"
        self._say(f"sent to the terminal{hint}")

    @on(Button.Pressed, "#write")
    @on(Input.Submitted, "#file")
    def _write(self) -> None:
        path = expanded(self.query_one("#file", Input).value)
        if path != self._replaced and is_file(str(path)):
            self._replaced = path
            self._say("there is such a file; write once more to replace it", failed=True)
            return
        try:
            write_private(path, self._text)
        except UsageError as error:
            self._say(f"{error.title}: {error.detail}", failed=True)
        else:
            self._replaced = path
            self._say(f"written to {path.absolute()}")

    def _say(self, text: str, *, failed: bool = False) -> None:
        status = self.query_one(".dialog-status", Static)
        status.set_class(failed, "-failed")
        status.update(text)
