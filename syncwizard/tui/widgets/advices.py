"""Advice in two columns: what it is about, and what there is to know."""

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from syncwizard.tui.steps.minding import Advice


class Advices(Vertical):
    """A line of its own for each; drawn again only when they change."""

    DEFAULT_CSS = """
    Advices {
        height: auto;
        & > Horizontal { height: auto; margin-bottom: 1; }
        & .advices--title { width: 25; text-style: bold; }
        & .advices--text { width: 1fr; height: auto; color: $text-muted; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._shown: list[Advice] = []

    def show(self, advices: Sequence[Advice]) -> None:
        """Shows these and no others."""
        if list(advices) != self._shown:
            self._shown = list(advices)
            self.refresh(recompose=True)

    def compose(self) -> ComposeResult:
        """A pair of columns each."""
        for advice in self._shown:
            with Horizontal():
                yield Static(advice.title, classes="advices--title", markup=False)
                yield Static(advice.text, classes="advices--text", markup=False)
