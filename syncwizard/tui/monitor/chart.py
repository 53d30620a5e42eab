"""A chart of one figure: zero based, with a round top, units at its axis and time below; drawn again for new data."""

from collections.abc import Callable, Sequence

from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from syncwizard.task.text import fit
from syncwizard.tui.plotting import Note, axis, peak_note, plot, row_of

# The same for every figure, so that charts below each other have the same moments below each other.
AXIS_COLUMNS = 9
LAST_COLUMNS = 9
# The line of the axis, and the times below it.
TIME_ROWS = 2
NOTHING = "  nothing was measured yet"

Describe = Callable[[float], str]


class Chart(Widget):
    """`show` gives it columns; the style sheet gives it colours, so that it can be read on any theme and without."""

    DEFAULT_CSS = """
    Chart {
        height: 1fr;
        color: $text-muted;
        & > .chart--line { color: $primary; }
        & > .chart--note { color: $text; }
    }
    """
    COMPONENT_CLASSES = {"chart--line", "chart--note"}  # noqa: RUF012

    def __init__(
        self, describe: Describe, ceiling: Callable[[Sequence[float]], float], mark: Describe, *, id: str | None = None
    ) -> None:
        """`describe` writes a round value at the axis, `ceiling` finds one above all values, `mark` writes any."""
        super().__init__(id=id)
        self._describe, self._ceiling, self._mark = describe, ceiling, mark
        self._columns: Sequence[float | None] = ()
        self._labels: Sequence[tuple[int, str]] = ()
        self._room = 0
        self._built: tuple[tuple[int, int], list[Strip]] | None = None

    @property
    def column_count(self) -> int:
        """How many points there is room for: one a column. Out of sight: was; 0 before it was ever in sight."""
        if self.size.width:
            self._room = max(10, self.size.width - AXIS_COLUMNS - LAST_COLUMNS)
        return self._room

    def show(self, columns: Sequence[float | None], labels: Sequence[tuple[int, str]]) -> None:
        """Replaces the data; `labels` stand below their columns."""
        if (columns, labels) != (self._columns, self._labels):
            self._columns, self._labels = columns, labels
            self._built = None
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """A line of the chart, which is built once for each data and size."""
        size = (self.size.width, self.size.height)
        if self._built is None or self._built[0] != size:
            self._built = (size, self._build(*size))
        lines = self._built[1]
        return lines[y] if y < len(lines) else Strip.blank(size[0], self.rich_style)

    def notify_style_update(self) -> None:
        """Another theme."""
        super().notify_style_update()
        self._built = None

    def _build(self, width: int, height: int) -> list[Strip]:
        base, known = self.rich_style, [value for value in self._columns if value is not None]
        if not known:
            return [Strip([Segment(NOTHING, base)]).adjust_cell_length(width, base)]
        rows, top = max(1, height - TIME_ROWS), self._ceiling(known)
        # In the middle of four rows there is none: a mark there would look like another value.
        halves = (top / 2,) if rows % 2 or rows > 4 else ()
        marks = {row_of(value, top, rows): self._describe(value) for value in (*halves, 0.0, top)}
        peak = peak_note(self._columns, top, rows, self._mark(max(known)))
        # The column of now may be a moment old, with nothing measured in it yet.
        last = next((value for value in reversed(self._columns[-2:]) if value is not None), None)
        lines = []
        for row, dots in enumerate(plot(self._columns, top, rows)):
            segments = [
                Segment(f"{fit(marks.get(row, ''), AXIS_COLUMNS - 2, right=True)} {'┤' if row in marks else '│'}", base)
            ]
            segments += self._dots(dots, peak if peak is not None and peak.row == row else None)
            if last is not None and row == row_of(last, top, rows):
                segments.append(Segment(f" {self._mark(last)}", self.get_component_rich_style("chart--note")))
            lines.append(Strip(segments).adjust_cell_length(width, base))
        line, times = axis(len(self._columns), self._labels)
        lines.append(Strip([Segment(" " * (AXIS_COLUMNS - 1) + "└" + line, base)]).adjust_cell_length(width, base))
        lines.append(Strip([Segment(" " * AXIS_COLUMNS + times, base)]).adjust_cell_length(width, base))
        return lines

    def _dots(self, dots: str, note: Note | None) -> list[Segment]:
        style = self.get_component_rich_style("chart--line")
        if note is None:
            return [Segment(dots, style)]
        end = note.column + len(note.text)
        return [
            Segment(dots[: note.column], style),
            Segment(note.text, self.get_component_rich_style("chart--note")),
            Segment(dots[end:], style),
        ]
