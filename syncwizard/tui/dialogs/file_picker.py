"""Chooses a file that exists: a tree to walk through, and its path to type."""

from pathlib import Path

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Button, DirectoryTree, Input, Static

from syncwizard.task.file import expanded
from syncwizard.tui.dialogs.dialog import Box, Dialog


class Folders(DirectoryTree):
    """The tree, with signs that every terminal draws one column wide."""

    ICON_NODE = "▸ "
    ICON_NODE_EXPANDED = "▾ "
    ICON_FILE = "  "


class FilePickerDialog(Dialog[str]):
    """Its result is the path of a file, or None when it was left."""

    def __init__(self, title: str, start: str = "") -> None:
        """`start`: a file or folder to begin at; the home folder where it is empty or gone."""
        super().__init__()
        self._title = title
        chosen = expanded(start) if start else Path.home()
        folder = chosen if chosen.is_dir() else chosen.parent
        self._folder = (folder if folder.is_dir() else Path.home()).absolute()
        self._start = start

    def compose(self) -> ComposeResult:
        """Path, tree, buttons."""
        with Box(self._title):
            yield Input(self._start or f"{self._folder}/", compact=True, select_on_focus=False)
            yield Static("", classes="dialog-status -failed", markup=False)
            yield Folders(self._folder)
            with Horizontal(classes="dialog-buttons"):
                yield Button("Cancel", id="cancel", compact=True)
                yield Button("Folder above", id="above", compact=True)
                yield Button("Choose", id="choose", variant="primary", compact=True)

    def on_mount(self) -> None:
        """Begins in the tree: most will walk."""
        self.query_one(DirectoryTree).focus()

    @on(DirectoryTree.FileSelected)
    def _selected(self, event: DirectoryTree.FileSelected) -> None:
        event.stop()
        self.dismiss(str(event.path))

    @on(DirectoryTree.NodeHighlighted)
    def _highlighted(self, event: DirectoryTree.NodeHighlighted[object]) -> None:
        path = getattr(event.node.data, "path", None)
        # A folder that is read late says so, too, while a person types already.
        if path is not None and self.query_one(Folders).has_focus:
            self.query_one(Input).value = str(path)

    @on(Input.Submitted)
    @on(Button.Pressed, "#choose")
    def _choose(self) -> None:
        path = expanded(self.query_one(Input).value)
        if path.is_file():
            self.dismiss(str(path))
        elif path.is_dir():
            self.query_one(DirectoryTree).path = path
        else:
            self.query_one(".dialog-status", Static).update("✗ there is no such file")

    @on(Button.Pressed, "#above")
    def _go_above(self) -> None:
        tree = self.query_one(DirectoryTree)
        tree.path = Path(tree.path).absolute().parent

    @on(Button.Pressed, "#cancel")
    def _cancel(self) -> None:
        self.action_back()
