"""A draft is forgotten, after a question."""

from collections.abc import Callable

from textual.screen import Screen

from syncwizard.client import drafts
from syncwizard.client.drafts import KeptDraft
from syncwizard.tui.dialogs.confirm import ConfirmDialog


def forget(screen: Screen[None], kept: KeptDraft, done: Callable[[], object]) -> None:
    """Asks, removes the draft, and calls `done`."""

    def go(confirmed: bool | None) -> None:
        if not confirmed:
            return
        try:
            drafts.remove(kept.draft.id)
        except OSError as error:
            screen.notify(str(error), title="Not forgotten", severity="error", markup=False)
        done()

    text = "Nothing was started with it; what was typed is gone then."
    screen.app.push_screen(ConfirmDialog(f"Forget the draft {kept.draft.name}?", text, "Forget"), go)
