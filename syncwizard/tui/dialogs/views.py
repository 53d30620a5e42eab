"""The saved views of the task list: to show one, to forget one, to keep what is shown under a name."""

from collections.abc import Callable, Sequence
from typing import ClassVar

import msgspec
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widgets import Button, Input, Label, OptionList, Static
from textual.widgets.option_list import Option

from syncwizard.tui.actions import bindings
from syncwizard.tui.dialogs.dialog import Box, Dialog
from syncwizard.tui.settings import TaskView
from syncwizard.tui.task_views import ALL, describe, with_view

# A longer one would take the place of the tasks' totals.
LONGEST_NAME = 20


class ViewsDialog(Dialog[TaskView]):
    """Its result is the view to show; None when it was left."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("views.discard")]

    def __init__(
        self, views: Sequence[TaskView], shown: TaskView, keep: Callable[[tuple[TaskView, ...]], object]
    ) -> None:
        """`shown`: what the list shows now; `keep` is given the views whenever they have changed."""
        super().__init__()
        self._views = tuple(views)
        self._shown = shown
        self._keep = keep

    def compose(self) -> ComposeResult:
        """The views, and the field for the name of what is shown."""
        with Box("Views"):
            yield OptionList(*self._options(), compact=True, markup=False)
            yield Static(f"Shown now: {describe(self._shown)}", classes="dialog-note", markup=False)
            with Horizontal(classes="dialog-field"):
                yield Label("Save as")
                yield Input(placeholder="a name", max_length=LONGEST_NAME, compact=True)
            with Horizontal(classes="dialog-buttons"):
                yield Button("Close", id="close", compact=True)
                yield Button("Discard", id="discard", compact=True)
                yield Button("Save", id="save", compact=True)
                yield Button("Show", id="show", variant="primary", compact=True)

    def on_mount(self) -> None:
        """Begins at the name where there is nothing to choose."""
        self.query_one(OptionList).highlighted = min(1, len(self._views))
        self.query_one(OptionList if self._views else Input).focus()

    @on(OptionList.OptionSelected)
    @on(Button.Pressed, "#show")
    def _show(self) -> None:
        index = self.query_one(OptionList).highlighted
        if index is not None:
            self.dismiss([ALL, *self._views][index])

    @on(Button.Pressed, "#close")
    def _close(self) -> None:
        self.action_back()

    @on(Input.Submitted)
    @on(Button.Pressed, "#save")
    def _save(self) -> None:
        name = self.query_one(Input).value.strip()
        if not name or name == ALL.name:
            self.query_one(Input).focus()
            return
        kept = msgspec.structs.replace(self._shown, name=name)
        self._changed(with_view(self._views, kept))
        self.dismiss(kept)

    @on(Button.Pressed, "#discard")
    def action_discard(self) -> None:
        """Forgets the marked view; the first, all tasks, stays."""
        options = self.query_one(OptionList)
        index = options.highlighted
        if not index:
            return
        self._changed(self._views[: index - 1] + self._views[index:])
        options.clear_options()
        options.add_options(self._options())
        options.highlighted = min(index, len(self._views))

    def _changed(self, views: tuple[TaskView, ...]) -> None:
        self._views = views
        self._keep(views)

    def _options(self) -> list[Option]:
        return [Option(f"{view.name:<{LONGEST_NAME}}  {describe(view)}") for view in (ALL, *self._views)]
