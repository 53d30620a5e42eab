"""Paragraphs in two columns: what each is about, and what there is to say of it."""

from collections.abc import Sequence

import msgspec
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Static


class Paragraph(msgspec.Struct, frozen=True):
    """A few words to find it by, and what there is to know."""

    title: str
    text: str


class Paragraphs(Vertical):
    """A line of its own for each; drawn again only when they change."""

    DEFAULT_CSS = """
    Paragraphs {
        height: auto;
        & > Horizontal { height: auto; margin-bottom: 1; }
        & .paragraphs--title { width: 25; text-style: bold; }
        & .paragraphs--text { width: 1fr; height: auto; color: $text-muted; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._shown: list[Paragraph] = []

    def show(self, paragraphs: Sequence[Paragraph]) -> None:
        """Shows these and no others."""
        if list(paragraphs) != self._shown:
            self._shown = list(paragraphs)
            self.refresh(recompose=True)

    def compose(self) -> ComposeResult:
        """A pair of columns each."""
        for paragraph in self._shown:
            with Horizontal():
                yield Static(paragraph.title, classes="paragraphs--title", markup=False)
                yield Static(paragraph.text, classes="paragraphs--text", markup=False)
