"""The steps of the wizard on one line: those done, the one in sight, those to come."""

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Static


class RailStep(Static):
    """One step; a click asks for it."""

    class Clicked(Message):
        """A person wants to go to the step at `index`."""

        def __init__(self, index: int) -> None:
            super().__init__()
            self.index = index

    def __init__(self, index: int, title: str) -> None:
        self._index = index
        self._title = title
        self._text = f"○ {title}"
        super().__init__(self._text, markup=False)

    def mark(self, current: int, done: int) -> None:
        """Shows how the step stands to the one in sight; `done` steps are behind their Next."""
        self.set_class(self._index == current, "-current")
        self.set_class(self._index < done, "-done")
        glyph = "●" if self._index == current else "✓" if self._index < done else "○"
        text = f"{glyph} {self._title}"
        if text != self._text:
            self._text = text
            self.update(text)

    def on_click(self) -> None:
        """Says so."""
        self.post_message(self.Clicked(self._index))


class StepRail(Horizontal):
    """All steps in order."""

    DEFAULT_CSS = """
    StepRail {
        height: 1;
        padding: 0 1;
        & > RailStep { width: auto; color: $text-muted; }
        & > RailStep.-done { color: $success; }
        & > RailStep.-current { color: $text; text-style: bold; }
        & > .rail--line { width: auto; color: $border-blurred; }
    }
    """

    def __init__(self, titles: Sequence[str]) -> None:
        super().__init__()
        self._titles = titles

    def compose(self) -> ComposeResult:
        """One widget a step."""
        for index, title in enumerate(self._titles):
            if index:
                yield Static(" ── ", classes="rail--line", markup=False)
            yield RailStep(index, title)

    def mark(self, current: int, done: int) -> None:
        """Shows which step is in sight, and how many are done."""
        for step in self.query(RailStep):
            step.mark(current, done)
