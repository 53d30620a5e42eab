"""A chart of one figure: zero based, with a round top, units at its axis and time below; drawn again for new data."""

from collections.abc import Callable, Sequence

from rich.text import Text
from textual.content import Content
from textual_plotext import PlotextPlot

from syncwizard.tui.monitor.history import ceiling, runs

# Braille patterns are the line; all else is axes and labels.
_BRAILLE = ("⠀", "⣿")
AXIS_COLUMNS = 10
NOTHING = "  nothing was measured yet"


class Chart(PlotextPlot):
    """`show` gives it columns; the style sheet gives it colours, so that it can be read on any theme and without."""

    DEFAULT_CSS = """
    Chart {
        height: 1fr;
        color: $text-muted;
        & > .chart--line { color: $primary; }
    }
    """
    COMPONENT_CLASSES = {"chart--line"}  # noqa: RUF012

    def __init__(self, describe: Callable[[float], str], *, id: str | None = None) -> None:
        """`describe` writes a value with its unit, for the axis."""
        super().__init__(id=id)
        self.theme = "clear"
        self._describe = describe
        self._columns: Sequence[float | None] = ()
        self._labels: Sequence[tuple[int, str]] = ()
        self._room = 0
        self._built: tuple[tuple[int, int], Content] | None = None

    @property
    def column_count(self) -> int:
        """How many points there is room for: one a column. Out of sight: was; 0 before it was ever in sight."""
        if self.size.width:
            self._room = max(10, self.size.width - AXIS_COLUMNS)
        return self._room

    def show(self, columns: Sequence[float | None], labels: Sequence[tuple[int, str]]) -> None:
        """Replaces the data; `labels` stand below their columns."""
        if (columns, labels) != (self._columns, self._labels):
            self._columns, self._labels = columns, labels
            self._built = None
            self.refresh()

    def render(self) -> Content:
        """The chart as text: built once for each data and size."""
        size = (self.size.width, self.size.height)
        if not any(value is not None for value in self._columns):
            return Content(NOTHING)
        if self._built is None or self._built[0] != size:
            self._prepare()
            drawn = super().render()
            self._built = (size, self._styled(drawn.plain if isinstance(drawn, Text) else str(drawn)))
        return self._built[1]

    def notify_style_update(self) -> None:
        """Another theme."""
        super().notify_style_update()
        self._built = None

    def _prepare(self) -> None:
        plot, known = self.plt, [value for value in self._columns if value is not None]
        plot.clear_figure()
        top = ceiling(known)
        count = max(2, len(self._columns))
        for positions, values in runs(self._columns):
            plot.plot(positions, values, marker="braille")
        plot.ylim(0, top)
        plot.xlim(0, count - 1)
        plot.yticks([0, top / 2, top], [self._describe(0.0), self._describe(top / 2), self._describe(top)])
        plot.xticks([column for column, _ in self._labels], [label for _, label in self._labels])
        plot.frame(False)
        plot.xaxes(True, False)
        plot.yaxes(True, False)

    def _styled(self, text: str) -> Content:
        content = Content(text.rstrip("\n"))
        style = self.get_visual_style("chart--line")
        start: int | None = None
        for index, character in enumerate(content.plain + " "):
            inside = _BRAILLE[0] < character <= _BRAILLE[1]
            if inside and start is None:
                start = index
            elif not inside and start is not None:
                content = content.stylize(style, start, index)
                start = None
        return content
