"""Headline figures, large where there is room: name, value with its unit, and the last minutes below."""

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Digits

from syncwizard.tui.formatting import Part, Tone
from syncwizard.tui.monitor.figures import DASH, Figure
from syncwizard.tui.widgets.lines import Lines

# Beside the last minutes: how high their peak is.
PEAK_COLUMNS = 10


class Tile(Vertical):
    """One figure, five lines high."""

    def compose(self) -> ComposeResult:
        """Name, number, unit and remark; the last minutes."""
        yield Lines(classes="tile-name")
        with Horizontal(classes="tile-value"):
            yield Digits("")
            yield Lines(classes="tile-unit")
        yield Lines(classes="tile-trail")

    @property
    def trail_columns(self) -> int:
        """How many columns there are for the last minutes."""
        return max(0, self.size.width - PEAK_COLUMNS - 1)

    def show(self, figure: Figure) -> None:
        """Replaces the figure."""
        number, _, unit = figure.value.rpartition(" ") if " " in figure.value else (figure.value, "", "")
        # With a note there is none to spare at 80 columns.
        gap = " " if figure.note else "  "
        remark = figure.note or (figure.remark if self.screen.has_class("-wide") else "")
        self.query_one(".tile-name", Lines).show([[(figure.name, "strong"), (f"{gap}{remark}", "muted")]])
        self.query_one(Digits).update(number if number != DASH else "-")
        self.query_one(".tile-unit", Lines).show([[], [], [(unit, "muted")]])
        self.query_one(".tile-trail", Lines).show([[(figure.trail, "accent"), (f" {figure.peak}", "muted")]])
        self.set_class(figure.tone == "warn", "-warn")
        self.set_class(figure.aged, "-aged")


class Headline(Vertical):
    """All figures: as tiles, or, where something else needs the room, on one line."""

    def compose(self) -> ComposeResult:
        """Tiles, and the line."""
        with Horizontal(id="headline-tiles"):
            for _ in range(4):
                yield Tile()
        yield Lines(id="headline-line")

    @property
    def trail_columns(self) -> int:
        """How many columns there are for the last minutes of a figure."""
        return min((tile.trail_columns for tile in self.query(Tile)), default=0)

    def show(self, figures: Sequence[Figure], *, aged: bool) -> None:
        """Replaces the figures; `aged` ones are of another time, and greyed."""
        self.set_class(aged, "-aged")
        for tile, figure in zip(self.query(Tile), figures, strict=True):
            tile.show(figure)
        parts: list[Part] = []
        for figure in figures:
            tone: Tone = "muted" if figure.aged else "warn" if figure.tone == "warn" else "strong"
            note = f", {figure.note}" if figure.note and not figure.brief else ""
            value = figure.brief or figure.value
            parts += [(f"{figure.name} ", "muted"), (value, tone), (note, "muted"), ("   ", "plain")]
        line = self.query_one("#headline-line", Lines)
        line.set_class(aged, "-aged")
        line.show([parts])
