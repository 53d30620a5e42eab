"""A list of lines in columns over a plain sequence: only what is in sight is drawn, so any number of lines is quick.

It knows a cursor and its keys, and nothing of what the lines mean.
"""

from collections.abc import Sequence
from itertools import accumulate
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.cache import LRUCache
from textual.events import Click
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from syncwizard.task.text import fit, fit_words, shorten
from syncwizard.tui.actions import bindings
from syncwizard.tui.formatting import Tone
from syncwizard.tui.widgets.columns import GAP, Cell, Column, Line, widths
from syncwizard.tui.widgets.tones import Toned

# Before each line: the bar of the cursor, or the mark.
GUTTER = 1
BAR, MARKED = "▌", "■"


class Listing(ScrollView, Toned, can_focus=True):
    """Lines under a header. The line under the cursor keeps its colours: a bar and its ground say where it is."""

    DEFAULT_CSS = """
    Listing {
        height: 1fr;
        scrollbar-size-vertical: 1;
        overflow-x: hidden;
        & > .listing--header { color: $text-muted; }
        & > .listing--bar { color: $primary; text-style: bold; }
        & > .listing--cursor { background: $block-cursor-blurred-background; }
        & > .listing--focus { background: $block-hover-background; }
        &:nocolor > .listing--focus { text-style: bold reverse; }
        &:nocolor > .listing--cursor { text-style: underline; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"listing--header", "listing--bar", "listing--cursor", "listing--focus"}
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("list.down", "list.up", "list.first", "list.last"),
        Binding("down", "down", show=False),
        Binding("up", "up", show=False),
        Binding("home", "first", show=False),
        Binding("end", "last", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
    ]
    ALLOW_SELECT = False

    class _About(Message):
        """Something about the line with this key."""

        def __init__(self, listing: "Listing", key: str) -> None:
            super().__init__()
            self.listing, self.key = listing, key

        @property
        def control(self) -> "Listing":
            """For `@on` with a selector."""
            return self.listing

    class Chosen(_About):
        """Two clicks on a line; what Enter does is bound by the screen."""

    class Moved(_About):
        """The cursor is on another line."""

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        id: str | None = None,
        follow_end: bool = False,
    ) -> None:
        """`follow_end`: a cursor on the last line stays on the last line when more come."""
        super().__init__(id=id)
        self._columns = tuple(columns)
        self._follow_end = follow_end
        self._lines: Sequence[Line] = ()
        # The row that each line begins at, and the one behind them all.
        self._tops: list[int] = [0]
        self._rows: list[int] = []
        self._cursor = 0
        self._strips: LRUCache[tuple[object, ...], Strip] = LRUCache(512)
        self._room = 0

    @property
    def room(self) -> int:
        """The columns of a line. Out of sight: as they were; 0 before it was ever in sight."""
        self._room = max(0, self.scrollable_content_region.width - GUTTER) or self._room
        return self._room

    @property
    def key(self) -> str | None:
        """The key of the line that has the cursor, None without lines."""
        return self._lines[self._cursor].key if self._lines else None

    @property
    def lines(self) -> Sequence[Line]:
        """All lines, in sight or not."""
        return self._lines

    def show(self, lines: Sequence[Line], columns: Sequence[Column] | None = None) -> None:
        """Replaces the lines; the cursor stays with its key."""
        if columns is not None and tuple(columns) != self._columns:
            self._columns = tuple(columns)
            self._strips.clear()
        elif lines == self._lines:
            return
        at_end = self._follow_end and self._cursor >= len(self._lines) - 1
        key = self.key
        self._lines = lines
        self._tops = [0, *accumulate(line.height for line in lines)]
        self._rows = [index for index, line in enumerate(lines) for _ in range(line.height)]
        found = next((index for index, line in enumerate(lines) if line.key == key and not line.heading), None)
        self._cursor = self._beside(found if found is not None else self._cursor, 1)
        if at_end:
            self._cursor = self._beside(len(lines) - 1, -1)
        self.virtual_size = Size(self.size.width, self._tops[-1] + 1)
        if at_end:
            self._reveal()
        self.refresh()

    def go_to(self, key: str) -> None:
        """Puts the cursor on the line with this key, where there is one."""
        found = next((index for index, line in enumerate(self._lines) if line.key == key), None)
        if found is not None:
            self._move(found, 1)

    def notify_style_update(self) -> None:
        """Another theme."""
        super().notify_style_update()
        self._strips.clear()

    def on_resize(self) -> None:
        """The lines are as wide as we are."""
        self._strips.clear()
        self.virtual_size = Size(self.size.width, self._tops[-1] + 1)
        self._reveal()

    def render_line(self, y: int) -> Strip:
        """The header, which does not scroll, or a line."""
        width = self.scrollable_content_region.width
        if y == 0:
            titles = Line(key="", cells=tuple(Cell(column.title) for column in self._columns))
            return self._strip(titles, "listing--header", width)
        row = y - 1 + self.scroll_offset.y
        if row >= len(self._rows):
            return Strip.blank(width, self.rich_style)
        index = self._rows[row]
        line = self._lines[index]
        over = ("listing--focus" if self.has_focus else "listing--cursor") if index == self._cursor else ""
        if line.heading:
            over = ""
        return self._strip(line, over, width, part=row - self._tops[index])

    def action_down(self) -> None:
        """Next line."""
        self._step(1)

    def action_up(self) -> None:
        """Line before."""
        self._step(-1)

    def action_first(self) -> None:
        """First line."""
        self._step(-len(self._lines))

    def action_last(self) -> None:
        """Last line."""
        self._step(len(self._lines))

    def action_page(self, direction: int) -> None:
        """A screenful further, or back."""
        row = self._tops[self._cursor] + direction * max(1, self.size.height - 2)
        if self._rows:
            self._move(self._rows[max(0, min(row, len(self._rows) - 1))], direction)

    def on_click(self, event: Click) -> None:
        """Puts the cursor on a line; on the line that has it, chooses it."""
        row = event.y - 1 + self.scroll_offset.y
        if event.y == 0 or row >= len(self._rows) or self._lines[self._rows[row]].heading:
            return
        index = self._rows[row]
        if index == self._cursor and event.chain == 2:
            self.post_message(self.Chosen(self, self._lines[index].key))
        else:
            self._move(index, 1)

    def _step(self, count: int) -> None:
        self._move(self._cursor + count, 1 if count > 0 else -1)

    def _beside(self, index: int, direction: int) -> int:
        """The line there, or the nearest to it that is no heading."""
        index = max(0, min(index, len(self._lines) - 1))
        ways = (range(index, len(self._lines)), range(index, -1, -1))
        for way in ways if direction > 0 else reversed(ways):
            found = next((each for each in way if each < len(self._lines) and not self._lines[each].heading), None)
            if found is not None:
                return found
        return index

    def _move(self, index: int, direction: int) -> None:
        index = self._beside(index, direction)
        if not self._lines or index == self._cursor:
            return
        self._cursor = index
        self._reveal()
        self.refresh()
        self.post_message(self.Moved(self, self._lines[index].key))

    def _reveal(self) -> None:
        """Scrolls so that the cursor is in sight, below the header, and with it the heading that is right above it."""
        if self._lines:
            first = self._cursor - 1 if self._cursor and self._lines[self._cursor - 1].heading else self._cursor
            top, end = self._tops[first], self._tops[self._cursor + 1]
            self.scroll_to_region(
                Region(0, top, 1, end - top + 1), animate=False, force=True, immediate=True, x_axis=False
            )

    def _strip(self, line: Line, over: str, width: int, part: int = 0) -> Strip:
        shown = (line.below, line.hint) if part else (line.cells, line.heading)
        key = (shown, line.marked, over, width)
        if (known := self._strips.get(key)) is None:
            base = self._style(over)
            segments = [self._gutter(line, over)]
            if line.heading:
                title = f"{line.heading} "
                segments += [self._part(title, "muted", over), self._part("─" * (width - len(title)), "faint", over)]
            else:
                segments += self._below(line, over, width - GUTTER) if part else self._cells(line, over, width - GUTTER)
            known = self._strips[key] = Strip(segments).adjust_cell_length(width, base)
        return known

    def _gutter(self, line: Line, over: str) -> Segment:
        if over in ("listing--focus", "listing--cursor") or line.marked:
            focused = over == "listing--focus" or line.marked
            bar = self.get_component_rich_style("listing--bar") if focused else self.rich_style
            style = Style.combine([bar, Style(bgcolor=self._style(over).bgcolor)])
            return Segment(MARKED if line.marked else BAR, style)
        return Segment(" ", self._style(over))

    def _cells(self, line: Line, over: str, width: int) -> list[Segment]:
        segments: list[Segment] = []
        sizes, place = widths(self._columns, width), 0
        for cell in line.cells:
            if place >= len(sizes):
                break
            if place:
                segments.append(Segment(" " * self._columns[place - 1].gap, self._style(over)))
            column, over_these = self._columns[place], self._columns[place : place + cell.span]
            size = sum(sizes[place : place + cell.span]) + sum(each.gap for each in over_these[:-1])
            text = shorten(cell.text, size) if column.name else cell.whole
            right = column.right and cell.span == 1
            shown = fit(text, size, right=right) if right or column.name else fit_words(text, size)
            if cell.unit and shown.endswith(cell.unit):
                segments.append(self._part(shown[: -len(cell.unit)], cell.tone, over))
                segments.append(self._part(cell.unit, "muted", over))
            else:
                segments.append(self._part(shown, cell.tone, over))
            place += cell.span
        return segments

    def _below(self, line: Line, over: str, width: int) -> list[Segment]:
        room = max(0, width - 2 - (cell_len(line.hint.text) + GAP if line.hint.text else 0))
        text = fit_words(line.below.text, room)
        return [
            self._part(f"  {text}{' ' * GAP if line.hint.text else ''}", line.below.tone, over),
            self._part(line.hint.text, line.hint.tone, over),
        ]

    def _part(self, text: str, tone: Tone, over: str) -> Segment:
        return Segment(text, self._toned(tone, over))

    def _style(self, over: str) -> Style:
        return self.get_component_rich_style(over) if over else self.rich_style

    def _toned(self, tone: Tone, over: str) -> Style:
        if over == "listing--header":
            return self._style(over)
        toned = self.get_component_rich_style(f"tone--{tone}")
        if not over:
            return toned
        ground = self._style(over)
        # What the ground adds where there is no colour (bold, reverse) goes with the colour of the part.
        return Style.combine(
            [toned, Style(bgcolor=ground.bgcolor, bold=ground.bold, reverse=ground.reverse, underline=ground.underline)]
        )
