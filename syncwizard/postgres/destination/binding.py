"""Rows as the server takes them: as parameters of a statement, or as rows of a COPY."""

from collections.abc import Iterable, Sequence
from itertools import chain

from syncwizard.postgres.destination.statements import Positions
from syncwizard.postgres.wire import BINARY_HEADER, BINARY_TRAILER, binary_blocks, is_large
from syncwizard.rows.changes import Route, Row, Value
from syncwizard.rows.frame_rows import FrameRows

# Up to this many rows a table and kind are single statements: a staging table for one row is planned as a
# sequential scan of it and costs a COPY round trip (measured crossover between 40 and 80 rows).
SMALL_ROWS = 50

BINARY = 1
TEXT = 0
# A value without bytes, with its length in front.
EMPTY = bytes(4)


def bound(route: Route, row: Row, positions: Positions) -> tuple[list[Value], list[int]]:
    """Parameters of some columns: values without their lengths, NULL as None, and their formats."""
    values: list[Value] = []
    for at in positions:
        value = row[at]
        assert value is not None
        values.append(value[4:] if len(value) > 4 or value == EMPTY else None)
    if not route.text:
        return values, [BINARY] * len(positions)
    # libpq takes text up to the next zero byte, which only bytes objects have behind them, not views into a frame.
    values = [
        bytes(value) if value is not None and at in route.text else value
        for at, value in zip(positions, values, strict=True)
    ]
    return values, [TEXT if at in route.text else BINARY for at in positions]


def goes_by_copy(rows: Sequence[Row]) -> bool:
    """Whether rows are too many for single statements, or one is too large for a parameter: libpq moves all that is
    left of a message after each part that it has sent, so that 400 MB took minutes; COPY data goes in pieces."""
    return len(rows) > SMALL_ROWS or any(map(is_large, rows))


def blocks(rows: Sequence[Row], positions: Positions) -> Iterable[bytes | memoryview]:
    """The rows reduced to some columns, in this order, as binary COPY."""
    if isinstance(rows, FrameRows):
        return chain((BINARY_HEADER,), rows.packed(positions), (BINARY_TRAILER,))
    # As many need not be the same: a key over all columns may have them in another order.
    if not rows or positions != tuple(range(len(rows[0]))):
        rows = [tuple([row[at] for at in positions]) for row in rows]
    return binary_blocks(rows, len(positions))  # type: ignore[arg-type]
