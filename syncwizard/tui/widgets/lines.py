"""A few lines of text whose parts say how they are meant; the style sheet says how that looks."""

from collections.abc import Sequence

from textual.content import Content
from textual.style import Style

from syncwizard.tui.formatting import Part, Tone
from syncwizard.tui.widgets.tones import Toned


class Lines(Toned):
    """Draws lines of parts, as they are: without wrapping where `wrap` is False."""

    DEFAULT_CSS = """
    Lines { height: auto; }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._shown: list[list[Part]] = []
        # Looking a style up costs more than all else of a line.
        self._styles_of: dict[Tone, Style] = {}

    def show(self, lines: Sequence[Sequence[Part]]) -> None:
        """Replaces the lines; draws nothing where they are the same."""
        new = [list(line) for line in lines]
        if new != self._shown:
            before, self._shown = self._shape, new
            # Arranging the whole screen again is what costs most: only where the height may be another.
            self.refresh(layout=self._shape != before)

    @property
    def _shape(self) -> list[int]:
        """What the height follows from: the number of lines, and their lengths where they are wrapped."""
        if self.styles.text_wrap == "nowrap":
            return [0] * len(self._shown)
        return [sum(len(text) for text, _ in line) for line in self._shown]

    def render(self) -> Content:
        """The lines as text."""
        return Content("\n").join([self._line(parts) for parts in self._shown])

    def notify_style_update(self) -> None:
        """Another theme, or another class."""
        super().notify_style_update()
        self._styles_of = {}

    def _style(self, tone: Tone) -> Style:
        if tone not in self._styles_of:
            self._styles_of[tone] = self.tone_style(tone)
        return self._styles_of[tone]

    def _line(self, parts: Sequence[Part]) -> Content:
        return Content("").join([Content.styled(text, self._style(tone)) for text, tone in parts if text])


class PaneTitle(Lines):
    """The name of a pane, and what it shows at the moment, within a thin rule."""

    DEFAULT_CSS = """
    PaneTitle { height: 1; text-wrap: nowrap; }
    """

    def __init__(self, title: str, *, id: str) -> None:
        super().__init__(id=id)
        self.say(title)

    def say(self, title: str) -> None:
        """Replaces the title; what comes after its first point is about it."""
        name, point, about = title.partition(" · ")
        self.show([[("─ ", "faint"), (name, "strong"), (f"{point}{about}", "muted"), (" ", "plain"), (RULE, "faint")]])


# Longer than any line: the end of it is cut.
RULE = "─" * 400
