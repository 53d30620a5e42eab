"""A list of lines in columns over a plain sequence: only what is in sight is drawn, so any number of lines is quick.

It knows a cursor and its keys, and nothing of what the lines mean.
"""

from collections.abc import Sequence
from typing import ClassVar

import msgspec
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.cache import LRUCache
from textual.events import Click
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from syncwizard.task.text import fit, shorten
from syncwizard.tui.actions import bindings
from syncwizard.tui.formatting import Tone
from syncwizard.tui.widgets.tones import Toned

GAP = 2


class Cell(msgspec.Struct, frozen=True):
    """A text and how it is meant; the style sheet says how that looks."""

    text: str
    tone: Tone = "plain"


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """`width` in cells; 0 takes what the others leave, which columns of that kind share. `name`: what is too long loses
    its middle, since both ends tell names apart."""

    title: str
    width: int = 0
    right: bool = False
    name: bool = False


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A cell a column; `below` is a second line across them all, where the listing has room for one."""

    key: str
    cells: tuple[Cell, ...]
    below: Cell = Cell("")


class Listing(ScrollView, Toned, can_focus=True):
    """Lines under a header."""

    DEFAULT_CSS = """
    Listing {
        height: 1fr;
        scrollbar-size-vertical: 1;
        overflow-x: hidden;
        & > .listing--header { color: $text-muted; text-style: bold; }
        & > .listing--cursor { background: $block-cursor-blurred-background; }
        & > .listing--focus { background: $block-cursor-background; color: $block-cursor-foreground; text-style: bold; }
        &:nocolor > .listing--focus { text-style: bold reverse; }
        &:nocolor > .listing--cursor { text-style: underline; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"listing--header", "listing--cursor", "listing--focus"}
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

    class Chosen(Message):
        """Two clicks on a line; what Enter does is bound by the screen."""

        def __init__(self, listing: "Listing", key: str) -> None:
            super().__init__()
            self.listing, self.key = listing, key

        @property
        def control(self) -> "Listing":
            """For `@on` with a selector."""
            return self.listing

    class Moved(Message):
        """The cursor is on another line."""

        def __init__(self, listing: "Listing", key: str) -> None:
            super().__init__()
            self.listing, self.key = listing, key

        @property
        def control(self) -> "Listing":
            """For `@on` with a selector."""
            return self.listing

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
        self._cursor = 0
        self._height = 1
        self._strips: LRUCache[tuple[object, ...], Strip] = LRUCache(512)
        self._room = 0

    @property
    def room(self) -> int:
        """The columns of a line. Out of sight: as they were; 0 before it was ever in sight."""
        self._room = self.scrollable_content_region.width or self._room
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
        self._height = 2 if any(line.below.text for line in lines) else 1
        found = next((index for index, line in enumerate(lines) if line.key == key), None)
        self._cursor = found if found is not None else max(0, min(self._cursor, len(lines) - 1))
        if at_end:
            self._cursor = max(0, len(lines) - 1)
        self.virtual_size = Size(self.size.width, len(lines) * self._height + 1)
        if at_end:
            self._reveal()
        self.refresh()

    def notify_style_update(self) -> None:
        """Another theme."""
        super().notify_style_update()
        self._strips.clear()

    def on_resize(self) -> None:
        """The lines are as wide as we are."""
        self._strips.clear()
        self.virtual_size = Size(self.size.width, len(self._lines) * self._height + 1)
        self._reveal()

    def render_line(self, y: int) -> Strip:
        """The header, which does not scroll, or a line."""
        width = self.scrollable_content_region.width
        if y == 0:
            cells = tuple(Cell(column.title) for column in self._columns)
            return self._strip(cells, "listing--header", width, header=True)
        index, part = divmod(y - 1 + self.scroll_offset.y, self._height)
        if index >= len(self._lines):
            return Strip.blank(width, self.rich_style)
        line = self._lines[index]
        marked = index == self._cursor
        over = ("listing--focus" if self.has_focus else "listing--cursor") if marked else ""
        if part == 1:
            return self._below(line.below, over, width)
        return self._strip(line.cells, over, width)

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
        self._step(direction * max(1, (self.size.height - 1) // self._height - 1))

    def on_click(self, event: Click) -> None:
        """Puts the cursor on a line; on the line that has it, chooses it."""
        index = (event.y - 1 + self.scroll_offset.y) // self._height
        if event.y == 0 or index >= len(self._lines):
            return
        if index == self._cursor and event.chain == 2:
            self.post_message(self.Chosen(self, self._lines[index].key))
        else:
            self._move(index)

    def _step(self, count: int) -> None:
        self._move(self._cursor + count)

    def _move(self, index: int) -> None:
        index = max(0, min(index, len(self._lines) - 1))
        if not self._lines or index == self._cursor:
            return
        self._cursor = index
        self._reveal()
        self.refresh()
        self.post_message(self.Moved(self, self._lines[index].key))

    def _reveal(self) -> None:
        """Scrolls so that the cursor is in sight, below the header."""
        if self._lines:
            top = self._cursor * self._height
            self.scroll_to_region(
                Region(0, top, 1, self._height + 1), animate=False, force=True, immediate=True, x_axis=False
            )

    def _strip(self, cells: tuple[Cell, ...], over: str, width: int, *, header: bool = False) -> Strip:
        key = (cells, over, width)
        if (known := self._strips.get(key)) is None:
            known = self._drawn(cells, over, width, header)
            self._strips[key] = known
        return known

    def _drawn(self, cells: tuple[Cell, ...], over: str, width: int, header: bool) -> Strip:
        segments: list[Segment] = []
        base = self._style(over)
        for index, (cell, column, size) in enumerate(zip(cells, self._columns, self._widths(width), strict=False)):
            if index:
                segments.append(Segment(" " * GAP, base))
            style = base if header else self._toned(cell.tone, over)
            text = shorten(cell.text, size) if column.name else cell.text
            segments.append(Segment(fit(text, size, right=column.right), style))
        return Strip(segments).adjust_cell_length(width, base)

    def _below(self, cell: Cell, over: str, width: int) -> Strip:
        style = self._toned(cell.tone, over)
        return Strip([Segment(fit(f"  {cell.text}", width), style)]).adjust_cell_length(width, style)

    def _style(self, over: str) -> Style:
        return self.get_component_rich_style(over) if over else self.rich_style

    def _toned(self, tone: Tone, over: str) -> Style:
        # On the line with the focus its own colours are the ones that can be read.
        if over == "listing--focus":
            return self._style(over)
        toned = self.get_component_rich_style(f"tone--{tone}")
        return Style.combine([toned, Style(bgcolor=self._style(over).bgcolor)]) if over else toned

    def _widths(self, width: int) -> list[int]:
        fixed = sum(column.width for column in self._columns) + GAP * (len(self._columns) - 1)
        loose = [index for index, column in enumerate(self._columns) if not column.width]
        rest = max(0, width - fixed)
        share, more = divmod(rest, len(loose)) if loose else (0, 0)
        shares = {index: share + (1 if place < more else 0) for place, index in enumerate(loose)}
        return [column.width or shares[index] for index, column in enumerate(self._columns)]
