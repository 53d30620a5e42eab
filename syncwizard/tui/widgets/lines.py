"""A few lines of text whose parts say how they are meant; the style sheet says how that looks."""

from collections.abc import Sequence
from typing import ClassVar

from textual.content import Content
from textual.widget import Widget

from syncwizard.tui.formatting import TONES, Part


class Lines(Widget):
    """Draws lines of parts, as they are: without wrapping where `wrap` is False."""

    DEFAULT_CSS = """
    Lines {
        height: auto;
        & > .lines--plain { color: $foreground; }
        & > .lines--strong { color: $foreground; text-style: bold; }
        & > .lines--muted { color: $text-muted; }
        & > .lines--good { color: $success; }
        & > .lines--warn { color: $warning; }
        & > .lines--bad { color: $error; text-style: bold; }
        & > .lines--accent { color: $primary; }
        &.-aged > * { color: $text-disabled; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"lines--{tone}" for tone in TONES}

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._shown: list[list[Part]] = []

    def show(self, lines: Sequence[Sequence[Part]]) -> None:
        """Replaces the lines; draws nothing where they are the same."""
        new = [list(line) for line in lines]
        if new != self._shown:
            taller = len(new) != len(self._shown) or self.styles.height is None or self.styles.height.is_auto
            self._shown = new
            self.refresh(layout=taller)

    def render(self) -> Content:
        """The lines as text."""
        return Content("\n").join([self._line(parts) for parts in self._shown])

    def _line(self, parts: Sequence[Part]) -> Content:
        return Content("").join(
            [Content.styled(text, self.get_visual_style(f"lines--{tone}")) for text, tone in parts if text]
        )
