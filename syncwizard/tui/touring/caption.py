"""The two lines of a tour below a screen: what happens now, and the keys that stop, step and end it."""

from textual.content import Content
from textual.widget import Widget

HELP = "Space pauses  ← → step  Esc takes over"


class Caption(Widget):
    """Stands below everything else and covers nothing: the screen is two lines shorter meanwhile."""

    DEFAULT_CSS = """
    Caption {
        split: bottom;
        height: 2;
        padding: 0 1;
        background: $primary;
        color: $background;
        text-style: bold;
        text-wrap: nowrap;
        & > .caption--below { text-style: none; }
        &:ansi, &:nocolor { background: ansi_default; color: ansi_default; text-style: reverse; }
    }
    """
    COMPONENT_CLASSES = {"caption--below"}  # noqa: RUF012
    ALLOW_SELECT = False

    def __init__(self, caption: str, place: str) -> None:
        super().__init__()
        self._caption, self._place = caption, place

    def say(self, caption: str, place: str) -> None:
        """Shows the caption, and below it where in the tour this is."""
        if (caption, place) != (self._caption, self._place):
            self._caption, self._place = caption, place
            self.refresh()

    def render(self) -> Content:
        """Both lines, the keys at the right end of the second."""
        gap = max(2, self.content_size.width - len(self._place) - len(HELP))
        below = Content.styled(f"{self._place}{' ' * gap}{HELP}", self.get_visual_style("caption--below"))
        return Content("\n").join([Content(self._caption), below])
