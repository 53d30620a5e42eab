"""The task's heartbeats as they come in the stream, each the successor of the one before: a source that was set back to
an earlier state of itself continues from another one. Pure."""

from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from struct import Struct
from struct import error as struct_error

from syncwizard.errors import ProtocolError
from syncwizard.rows.changes import NULL, POSTGRES_EPOCH_MICROSECONDS, UPDATE, Beat, Row
from syncwizard.rows.tuples import MARK_AT, MESSAGE_AT, NEW, decode_values

_INTEGER = Struct(">q").unpack
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TEXT = ord("t")
# A heartbeat a second for a hundred years.
_GENERATION_BITS = 32


class Heartbeats:
    """Compares the heartbeats of one task; `last` is the latest, None where none is known. Those of `awaited` have to
    come, in their order.

    `broken` makes the error that is raised when one does not follow the one before, from the reason.
    """

    def __init__(
        self, slot: str, last: Beat | None, broken: Callable[[str], Exception], awaited: Iterable[Beat] = ()
    ) -> None:
        self._slot = slot.encode()
        self._awaited = deque(awaited)
        self._broken = broken
        self.last = last

    def take(self, frame: bytes) -> None:
        """The next change of the heartbeat's table, of this task or another one."""
        if frame[MESSAGE_AT] != UPDATE:
            return
        before, beat = self._read(frame)
        if beat is None:
            return
        last = self.last
        if last is not None and not _begins_anew(beat.number, last.number):
            if beat.number != last.number + 1:
                raise self._broken(f"heartbeat {beat.number} came after heartbeat {last.number}")
            if before is not None and before != last:
                raise self._broken(f"heartbeat {beat.number} came after another heartbeat {last.number}")
        while self._awaited and self._awaited[0].number <= beat.number:
            if (wanted := self._awaited.popleft()) != beat:
                raise self._broken(f"heartbeat {wanted.number}, written after tables were read, has not come")
        self.last = beat

    def _read(self, frame: bytes) -> tuple[Beat | None, Beat | None]:
        """What the row was, where the source sends that, and what it is; None and None for another task's."""
        at, before = MARK_AT, None
        if frame[at] != NEW:
            old, kinds, at = decode_values(frame, at + 1)
            before = self._beat(old, kinds)
        row, kinds, _ = decode_values(frame, at + 1)
        return before, self._beat(row, kinds)

    def _beat(self, row: Row, kinds: bytes) -> Beat | None:
        if len(row) < 3 or None in row[:3] or NULL in row[:3]:
            return None
        # Each with its length in front.
        name, number, at = (bytes(value or b"")[4:] for value in row[:3])
        if name != self._slot:
            return None
        try:
            return Beat(_number(number, kinds[1]), _microseconds(at, kinds[2]))
        except (ValueError, TypeError, struct_error) as error:
            raise ProtocolError("a heartbeat whose number or time cannot be read") from error


def next_generation(number: int) -> int:
    """What a row that is made anew counts from: beyond all that those of the row before may be, some of which may
    still be in the stream.

    >>> next_generation(17) == next_generation(4_000_000_000) == 1 << 32
    True
    """
    return ((number >> _GENERATION_BITS) + 1) << _GENERATION_BITS


def _begins_anew(number: int, last: int) -> bool:
    return number > last and number & ((1 << _GENERATION_BITS) - 1) == 1


def _number(value: bytes, kind: int) -> int:
    return int(value) if kind == _TEXT else int(_INTEGER(value)[0])


def _microseconds(value: bytes, kind: int) -> int:
    if kind == _TEXT:
        return (datetime.fromisoformat(value.decode()) - _EPOCH) // timedelta(microseconds=1)
    return int(_INTEGER(value)[0]) + POSTGRES_EPOCH_MICROSECONDS
