"""Rows that stay in their frames until something asks for values: compiled loops pack them for COPY.

Made where those loops have seen every frame: each holds a whole row of the route first, with all of its values.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import NamedTuple, overload

from syncwizard.rows import compiled
from syncwizard.rows.changes import Key, Route, Row
from syncwizard.rows.tuples import first_rows

# Rows of larger frames are views of them, and are sent value by value.
LARGEST_BYTES = 1024 * 1024
BLOCK_BYTES = 256 * 1024


class FrameRows(Sequence[Row]):
    """The first rows of frames, complete and none of them large; a sequence of rows as any other."""

    def __init__(self, route: Route, frames: list[bytes]) -> None:
        self._route = route
        self._frames = frames

    @cached_property
    def _rows(self) -> list[Row]:
        return first_rows(self._frames, self._route)

    def __len__(self) -> int:
        return len(self._frames)

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows if self._frames else ())

    @overload
    def __getitem__(self, at: int) -> Row: ...
    @overload
    def __getitem__(self, at: slice) -> list[Row]: ...
    def __getitem__(self, at: int | slice) -> Row | list[Row]:
        return self._rows[at]

    def __eq__(self, other: object) -> bool:
        """Whether the other sequence has the same rows."""
        return isinstance(other, Sequence) and len(self) == len(other) and list(self) == list(other)

    # Rows are no keys of anything.
    __hash__ = None  # type: ignore[assignment]

    def packed(self, positions: tuple[int, ...]) -> Iterator[bytes]:
        """The rows reduced to some columns, in this order, as COPY has them in binary form: in blocks, without header
        and trailer."""
        assert compiled.loops is not None
        at = 0
        while at < len(self._frames):
            block, at = compiled.loops.pack(self._frames, at, self._route.forms, positions, BLOCK_BYTES)
            yield block


class Scanned(NamedTuple):
    """The apply key in the first row of each frame, and whether every value of all rows was sent."""

    keys: list[Key]
    complete: bool


def scanned(route: Route, frames: list[bytes]) -> Scanned | None:
    """What the compiled loops see in frames that are not large; None without them, and where a frame holds no row of
    the route first: decoding it says what is wrong."""
    if compiled.loops is None:
        return None
    found = compiled.loops.scan(frames, route.forms, route.key)
    return None if found is None else Scanned(*found)
