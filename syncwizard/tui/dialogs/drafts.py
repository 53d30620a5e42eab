"""Offers the drafts that were left: a crash, a lost connection or a pause for thought costs no answers."""

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widgets import Button, OptionList, Static
from textual.widgets.option_list import Option

from syncwizard.client import drafts
from syncwizard.client.drafts import KeptDraft
from syncwizard.task.drafting.draft import TaskDraft
from syncwizard.task.text import format_seconds
from syncwizard.tui.actions import bindings
from syncwizard.tui.dialogs.confirm import ConfirmDialog
from syncwizard.tui.dialogs.dialog import Box, Dialog


class DraftsDialog(Dialog[TaskDraft]):
    """Its result is the draft to go on with, which may be a new one; None when it was left."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("drafts.discard")]

    def __init__(self, kept: Sequence[KeptDraft], now: float) -> None:
        """`now`: seconds since the epoch, for the ages."""
        super().__init__()
        self._kept = list(kept)
        self._now = now

    def compose(self) -> ComposeResult:
        """The drafts, the newest first."""
        with Box("Go on with a draft?"):
            yield Static("These tasks were described and not started.", classes="dialog-text")
            yield OptionList(*self._options(), compact=True, markup=False)
            with Horizontal(classes="dialog-buttons"):
                yield Button("Go on", id="continue", compact=True)
                yield Button("New task", id="new", compact=True)
                yield Button("Discard… (x)", id="discard", compact=True)

    def on_mount(self) -> None:
        """Begins at the draft edited last."""
        self.query_one(OptionList).highlighted = 0
        self.query_one(OptionList).focus()

    @on(OptionList.OptionSelected)
    @on(Button.Pressed, "#continue")
    def _continue(self) -> None:
        index = self.query_one(OptionList).highlighted
        if index is not None:
            self.dismiss(self._kept[index].draft)

    @on(Button.Pressed, "#new")
    def _new(self) -> None:
        self.dismiss(TaskDraft())

    @on(Button.Pressed, "#discard")
    def action_discard(self) -> None:
        """Asks, then forgets the marked draft: it may be the typing of an hour."""
        index = self.query_one(OptionList).highlighted
        if index is not None:
            kept = self._kept[index]
            question = ConfirmDialog("Discard this draft?", describe_draft(kept, self._now), "Discard")
            self.app.push_screen(question, lambda sure: self._discard(index) if sure else None)

    def _discard(self, index: int) -> None:
        """Without another draft there is nothing to choose."""
        options = self.query_one(OptionList)
        try:
            drafts.remove(self._kept[index].draft.id)
        except OSError as error:
            self.notify(str(error), title="Not discarded", severity="error", markup=False)
            return
        del self._kept[index]
        if not self._kept:
            self._new()
            return
        options.clear_options()
        options.add_options(self._options())
        options.highlighted = min(index, len(self._kept) - 1)

    def _options(self) -> list[Option]:
        return [Option(describe_draft(kept, self._now)) for kept in self._kept]


def describe_draft(kept: KeptDraft, now: float) -> str:
    r"""Its name and how long ago it was edited, and its ends below.

    >>> describe_draft(KeptDraft(draft=TaskDraft(name="kb"), edited_at=0.0), 90.0)
    'kb · 90.0 s ago\n  ? → ?'
    """
    ends = f"{kept.draft.source.describe()} → {kept.draft.destination.describe()}"
    return f"{kept.draft.name} · {format_seconds(now - kept.edited_at)} ago\n  {ends}"
