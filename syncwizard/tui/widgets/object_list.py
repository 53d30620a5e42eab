"""A tree of objects as a list of lines, drawn by line: only what is in sight costs anything, whatever there is."""

import textwrap
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import ClassVar, NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from syncwizard.task.drafting.choice import ObjectChoice
from syncwizard.task.drafting.outline import Line, Outline
from syncwizard.tui.actions import bindings
from syncwizard.tui.formatting import Tone
from syncwizard.tui.widgets.listing import BAR, GUTTER
from syncwizard.tui.widgets.object_line import draw
from syncwizard.tui.widgets.tones import Toned

# Of the words beside an object.
WORD_TONES: tuple[Tone, ...] = ("plain", "muted", "accent", "warn")


class _Styles(NamedTuple):
    """Of a line and its ground under the cursor, of the bar beside that, and of the tones of its words."""

    line: Style
    cursor: Style
    bar: Style
    tones: Mapping[Tone, Style]


class ObjectList(ScrollView, Toned, can_focus=True):
    """Shows lines that are made elsewhere, and says what a person wants done with the one under the cursor.

    `ticks`: whether lines have boxes, which a list of what is chosen has no need for.
    """

    DEFAULT_CSS = """
    ObjectList {
        height: 1fr;
        overflow-x: hidden;
        scrollbar-size-vertical: 1;
        scrollbar-gutter: stable;
        & > .object-list--bar { color: $primary; }
        & > .object-list--cursor { background: $block-cursor-blurred-background; }
        &:focus > .object-list--cursor { background: $block-hover-background; color: $text; text-style: bold; }
        &:nocolor > .object-list--cursor { text-style: underline; }
        &:nocolor:focus > .object-list--cursor { text-style: bold reverse; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"object-list--cursor", "object-list--bar"}
    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "down", show=False),
        Binding("up", "up", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("home", "first", show=False),
        Binding("end", "last", show=False),
        *bindings("list.down", "list.up", "list.first", "list.last"),
        *bindings("picker.tick", "picker.expand", "picker.collapse", "picker.whole"),
    ]

    class Wanted(Message):
        """A person wants something done with a line: `tick`, `expand`, `collapse` or `whole`."""

        def __init__(self, control: "ObjectList", what: str, line: Line) -> None:
            super().__init__()
            self._control = control
            self.what = what
            self.line = line

        @property
        def control(self) -> "ObjectList":
            """The list."""
            return self._control

    class Moved(Message):
        """Another line is under the cursor, or none."""

        def __init__(self, control: "ObjectList") -> None:
            super().__init__()
            self._control = control

        @property
        def control(self) -> "ObjectList":
            """The list."""
            return self._control

    def __init__(self, *, ticks: bool, empty: str = "", id: str | None = None) -> None:
        super().__init__(id=id)
        self._ticks = ticks
        self._empty = empty
        self._choice: ObjectChoice | None = None
        self._lines = Outline()
        self._styles = _Styles(Style.null(), Style.null(), Style.null(), {})
        self.cursor = 0

    def show(self, choice: ObjectChoice, lines: Outline, empty: str = "") -> None:
        """Draws these lines; the cursor stays on what it was on, or near. `empty` is shown where there are none."""
        node = None if self.line is None else self.line.node
        self._choice, self._lines, self._empty = choice, lines, empty or self._empty
        if node is not None and (self.line is None or self.line.node != node):
            place = lines.place_of(node)
            self.cursor = self.cursor if place is None else place
        self.cursor = max(0, min(self.cursor, len(lines) - 1))
        self.virtual_size = Size(self.scrollable_content_region.width, len(lines))
        self._keep_in_sight()
        self.refresh()
        self.post_message(self.Moved(self))

    @property
    def line(self) -> Line | None:
        """The line under the cursor."""
        return self._lines[self.cursor] if self.cursor < len(self._lines) else None

    def on_resize(self) -> None:
        """The lines are as wide as the list."""
        self.virtual_size = Size(self.scrollable_content_region.width, len(self._lines))
        self._keep_in_sight()

    def render_lines(self, crop: Region) -> list[Strip]:
        """The lines in sight. Looking a style up costs as much as drawing a line: once for all of them."""
        cursor, bar = (self.get_component_rich_style(f"object-list--{part}") for part in ("cursor", "bar"))
        tones = {tone: self.get_component_rich_style(f"tone--{tone}") for tone in WORD_TONES}
        self._styles = _Styles(self.rich_style, cursor, bar, tones)
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """One line in sight."""
        width = self.scrollable_content_region.width
        number = y + self.scroll_offset.y
        style, cursor, bar, tones = self._styles
        if self._choice is None or number >= len(self._lines):
            text = "" if self._lines else next(islice(self._explanation(width), number, None), "")
            return Strip([Segment(text, style)]).adjust_cell_length(width, style)
        drawn = draw(self._lines[number], self._choice, width - GUTTER, ticks=self._ticks)
        over = Style.null()
        if number == self.cursor:
            style, over = cursor, Style(bgcolor=cursor.bgcolor, reverse=cursor.reverse, underline=cursor.underline)
        parts = [
            Segment(BAR if number == self.cursor else " ", (bar if self.has_focus else style) + over),
            Segment(drawn.lead + drawn.name, style),
            *(Segment(text, tones[tone] + over) for text, tone in drawn.words),
            Segment(drawn.figures, style),
            Segment(drawn.bar, tones["accent"] + over),
        ]
        return Strip(parts).adjust_cell_length(width, style)

    def _explanation(self, width: int) -> Iterator[str]:
        for line in self._empty.splitlines():
            yield from textwrap.wrap(line, max(10, width)) or [""]

    def action_down(self) -> None:
        """Next line."""
        self._move(self.cursor + 1)

    def action_up(self) -> None:
        """Line before."""
        self._move(self.cursor - 1)

    def action_page(self, direction: int) -> None:
        """A screenful further."""
        self._move(self.cursor + direction * max(1, self.scrollable_content_region.height - 1))

    def action_first(self) -> None:
        """First line."""
        self._move(0)

    def action_last(self) -> None:
        """Last line."""
        self._move(len(self._lines) - 1)

    def action_tick(self) -> None:
        """Ticks the line, or not any more."""
        self._want("tick")

    def action_expand(self) -> None:
        """Shows what is below the line."""
        self._want("expand")

    def action_collapse(self) -> None:
        """Hides what is below the line; from a line without, goes to the one above it."""
        if self.line is not None and not self.line.expanded and self.line.depth:
            depth = self.line.depth
            self._move(next(number for number in range(self.cursor, -1, -1) if self._lines[number].depth < depth))
        else:
            self._want("collapse")

    def action_whole(self) -> None:
        """The line's schema whole, or by a list."""
        self._want("whole")

    def on_click(self, event: events.Click) -> None:
        """Moves the cursor; on the box it ticks, on the arrow it opens or closes."""
        number = event.y + self.scroll_offset.y
        if number >= len(self._lines):
            return
        self._move(number)
        line = self._lines[number]
        column = event.x - GUTTER - 2 * line.depth
        if column < 2:
            self._want("collapse" if line.expanded else "expand")
        elif column < 6 and self._ticks:
            self._want("tick")

    def _want(self, what: str) -> None:
        if self.line is not None:
            self.post_message(self.Wanted(self, what, self.line))

    def _move(self, number: int) -> None:
        before = self.cursor
        self.cursor = max(0, min(number, len(self._lines) - 1))
        self._keep_in_sight()
        for changed in {before, self.cursor}:
            self.refresh_line(changed)
        self.post_message(self.Moved(self))

    def _keep_in_sight(self) -> None:
        self.scroll_to_region(Region(0, self.cursor, 1, 1), animate=False, force=True)
