"""A line of values in braille dots, two by four in a character; with its axes, as plain text of exact widths. Pure."""

from collections.abc import Sequence

import msgspec

# Of a character's dots, by row and column: the bit of each in the block that begins at U+2800.
_BITS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_BLANK = 0x2800
DOTS_WIDE, DOTS_HIGH = 2, 4


def plot(values: Sequence[float | None], top: float, rows: int) -> list[str]:
    """The values between 0 and `top`, one a column, in so many rows; steps are joined, a gap stays empty.

    >>> plot([0.0, 0.0, None, 4.0, 4.0, 2.0], 4.0, 1)
    ['⣀⣀⠀⠉⠑⠒']
    >>> plot([0.0, 8.0, 0.0], 8.0, 2)
    ['⢀⢷⠀', '⡸⠀⣇']
    """
    cells = [[0] * len(values) for _ in range(rows)]
    height = rows * DOTS_HIGH - 1
    before: int | None = None
    for column, value in enumerate(values):
        if value is None:
            before = None
            continue
        following = values[column + 1] if column + 1 < len(values) else None
        halves = (value, value if following is None else (value + following) / 2)
        for side, each in enumerate(halves):
            here = round(min(1.0, max(0.0, each / top)) * height)
            # From behind the last dot on: two lines side by side would be twice as thick.
            first = here if before is None or here == before else before + (1 if here > before else -1)
            for dot in range(min(first, here), max(first, here) + 1):
                row, part = divmod(height - dot, DOTS_HIGH)
                cells[row][column] |= _BITS[part][side]
            before = here
    return ["".join(chr(_BLANK + bits) for bits in row) for row in cells]


# Eighths of a row, from one on: what was measured is not nothing.
_EIGHTHS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float | None], top: float) -> str:
    """The values between 0 and `top`, one a column, in one row; a gap stays empty.

    >>> sparkline([0.0, 1.0, None, 8.0], 8.0)
    '▁▂ █'
    """
    return "".join(
        " " if value is None else _EIGHTHS[round(min(1.0, max(0.0, value / top)) * (len(_EIGHTHS) - 1))]
        for value in values
    )


# A figure that stands still is a line, and no block from edge to edge.
HEADROOM = 1.5


def trail(values: Sequence[float | None]) -> str:
    """The values in one row, with room above the highest of them.

    >>> trail([3.0, 3.0, None, 0.0])
    '▆▆ ▁'
    """
    return sparkline(values, HEADROOM * max((value for value in values if value is not None), default=0.0) or 1.0)


def row_of(value: float, top: float, rows: int) -> int:
    """The row, from above, that the value is drawn in.

    >>> row_of(0.0, 10.0, 3), row_of(5.0, 10.0, 3), row_of(10.0, 10.0, 3)
    (2, 1, 0)
    """
    height = rows * DOTS_HIGH - 1
    return (height - round(min(1.0, max(0.0, value / top)) * height)) // DOTS_HIGH


def axis(width: int, labels: Sequence[tuple[int, str]]) -> tuple[str, str]:
    """The line below a plot with a mark at each label's column, and the labels, those left out that find no room.

    >>> for line in axis(24, [(0, "-5 min"), (10, "12:00"), (23, "now")]): print(line)
    ┬─────────┬────────────┬
    -5 min  12:00        now
    """
    line, text = ["─"] * width, ""
    # The last one is now, which must be there.
    end = max((column for column, _ in labels), default=0)
    reserved = next((len(label) + 1 for column, label in labels if column == end), 0)
    for column, label in labels:
        start = max(0, min(column - (len(label) // 2 if 0 < column < end else 0), width - len(label)))
        room = width if column == end else width - reserved
        if start < len(text) + (1 if text else 0) or start + len(label) > room:
            continue
        line[min(column, width - 1)] = "┬"
        text = text.ljust(start) + label
    return "".join(line), text.ljust(width)


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """A text within a plot, from `column` of `row` on."""

    row: int
    column: int
    text: str


def peak_note(values: Sequence[float | None], top: float, rows: int, text: str) -> Note | None:
    """The text beside the highest value, where there is room for it; None where there is none, or where it is the last.

    >>> peak_note([1.0, 9.0, 1.0, 1.0, 1.0, 1.0, 1.0], 10.0, 3, "9 s")
    Note(row=0, column=3, text='9 s')
    """
    known = [(value, column) for column, value in enumerate(values) if value is not None]
    if not known or max(known)[0] == values[-1]:
        return None
    peak, at = max(known, key=lambda each: each[0])
    row = row_of(peak, top, rows)
    for start in (at + 2, at - 1 - len(text)):
        columns = range(max(0, start - 1), start + len(text) + 1)
        if start < 0 or start + len(text) > len(values):
            continue
        near = (values[column] for column in columns if column < len(values) and column != at)
        if all(value is None or row_of(value, top, rows) > row for value in near):
            return Note(row=row, column=start, text=text)
    return None
