"""Right behind the decoder: leaves out changes by their operation, drops rows that surely fail, and stamps changes.

A stamp is a column more at the end of each tuple: `__OPERATION__` or `__COMMIT_TIMESTAMP__`, for scripts that read it.
"""

import datetime
from struct import Struct

from syncwizard.rows.changes import DELETE, INSERT, KIND_NAMES, TRUNCATE, UPDATE, Route, SieveLoop
from syncwizard.rows.early import Early
from syncwizard.rows.etl.values import OPERATION
from syncwizard.rows.projection import Projection
from syncwizard.rows.tuples import COLUMNS_AT, MARK_AT, tuple_end

_COUNT = Struct(">h")
_LENGTH = Struct(">i")
_MOMENT = Struct(">q")
_BINARY, _TEXT = b"b", b"t"
_EPOCH_MICROSECONDS = 946_684_800_000_000


class TableSieve:
    """For one route. `text`: stamps come as text, as all values of the stream do."""

    def __init__(self, projection: Projection, early: Early | None, *, text: bool) -> None:
        operations = projection.operations
        self._left_out = frozenset(
            kind for kind in (INSERT, UPDATE, DELETE, TRUNCATE) if KIND_NAMES[kind] not in operations
        )
        self._early = early if early is not None and early.decides else None
        self._stamps = projection.stamps
        self._text = text

    @property
    def idle(self) -> bool:
        """Whether every change goes on as it is."""
        return not self._left_out and self._early is None and not self._stamps

    def leaves_out(self, kind: int) -> bool:
        """Whether all changes of a kind are left out."""
        return kind in self._left_out

    def take(self, kind: int, route: Route, frame: bytes, committed: int) -> bytes | None:
        """The frame that goes on, None where its rows surely fail."""
        if self._stamps:
            frame = self._stamped(kind, frame, committed)
        if self._early is not None and self._early.drops(kind, route, frame):
            return None
        return frame

    def loop(self, route: Route) -> SieveLoop | None:
        """The same for compiled loops, which add no stamps and count nothing; None where only Python does it."""
        program = b"" if self._early is None else self._early.program
        if self._stamps or program is None:
            return None
        identity = bytes(at in route.identity for at in range(len(route.columns)))
        return SieveLoop(route.pair_lsn, program, route.forms, identity, bytes(sorted(self._left_out)), route.full)

    def _stamped(self, kind: int, frame: bytes, committed: int) -> bytes:
        values = b"".join(self._stamp(stamp, kind, committed) for stamp in self._stamps)
        more = len(self._stamps)
        first = tuple_end(frame, COLUMNS_AT - 2)
        parts = [frame[: COLUMNS_AT - 2], _longer(frame[COLUMNS_AT - 2 : first], more), values]
        if kind == UPDATE and frame[MARK_AT] != ord("N"):
            parts += [frame[first : first + 1], _longer(frame[first + 1 :], more), values]
        return b"".join(parts)

    def _stamp(self, stamp: str, kind: int, committed: int) -> bytes:
        """A column of a tuple: its form, its length, its value."""
        if stamp == OPERATION:
            value = KIND_NAMES[kind].upper().encode()
        elif self._text:
            value = moment_text(committed).encode()
        else:
            value = _MOMENT.pack(committed)
        return (_TEXT if self._text else _BINARY) + _LENGTH.pack(len(value)) + value


def moment_text(committed: int) -> str:
    """A time on the wire as PostgreSQL reads it.

    >>> moment_text(1_500_000)
    '2000-01-01 00:00:01.500000+00'
    """
    moment = datetime.datetime.fromtimestamp(0, datetime.UTC) + datetime.timedelta(
        microseconds=committed + _EPOCH_MICROSECONDS
    )
    return f"{moment:%Y-%m-%d %H:%M:%S.%f}+00"


def _longer(data: bytes, more: int) -> bytes:
    """A tuple that says it has so many columns more."""
    return _COUNT.pack(_COUNT.unpack_from(data)[0] + more) + data[2:]
