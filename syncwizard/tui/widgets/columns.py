"""What a listing shows, as data: columns, and lines of cells. Pure."""

from collections.abc import Sequence

import msgspec

from syncwizard.tui.formatting import Tone

GAP = 2


class Cell(msgspec.Struct, frozen=True):
    """A text and how it is meant; the style sheet says how that looks. `unit` follows it, muted; `span`: over how many
    columns it goes."""

    text: str
    tone: Tone = "plain"
    unit: str = ""
    span: int = 1

    @property
    def whole(self) -> str:
        """The text with its unit."""
        return f"{self.text} {self.unit}" if self.unit else self.text


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """`width` in cells; 0 takes what the others leave, which columns of that kind share. `name`: what is too long loses
    its middle, since both ends tell names apart. `gap`: the cells behind it."""

    title: str
    width: int = 0
    right: bool = False
    name: bool = False
    gap: int = GAP


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A cell a column. `below`: a second line across them all, with `hint` at its right end; `marked`: among those that
    the next action is for; `heading`: a title over the lines that follow, which the cursor passes over."""

    key: str
    cells: tuple[Cell, ...] = ()
    below: Cell = Cell("")
    hint: Cell = Cell("")
    marked: bool = False
    heading: str = ""

    @property
    def height(self) -> int:
        """In rows."""
        return 2 if self.below.text or self.hint.text else 1


def heading(title: str) -> Line:
    """A line that titles those below it."""
    return Line(key="", heading=title)


def quantity(text: str, tone: Tone = "plain") -> Cell:
    """A number with its unit, which is muted.

    >>> quantity("3.2 MB")
    Cell(text='3.2', tone='plain', unit='MB', span=1)
    >>> quantity("–")
    Cell(text='–', tone='plain', unit='', span=1)
    """
    number, _, unit = text.rpartition(" ")
    return Cell(number, tone, unit) if number and " " not in number else Cell(text, tone)


def widths(columns: Sequence[Column], width: int) -> list[int]:
    """How wide each column is where all together have so many cells."""
    fixed = sum(column.width for column in columns) + sum(column.gap for column in columns[:-1])
    loose = [index for index, column in enumerate(columns) if not column.width]
    rest = max(0, width - fixed)
    share, more = divmod(rest, len(loose)) if loose else (0, 0)
    shares = {index: share + (1 if place < more else 0) for place, index in enumerate(loose)}
    return [column.width or shares[index] for index, column in enumerate(columns)]
