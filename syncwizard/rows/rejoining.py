"""Where a stream joins what is applied: its first transaction is the last one that was applied, and comes once more.

A source that was set back to an earlier state of itself has another one there, or none, however far its WAL has grown
since (rule 5). Pure.
"""

from collections.abc import Callable, Sequence
from struct import Struct
from struct import error as struct_error

from syncwizard.errors import ProtocolError
from syncwizard.rows.changes import POSTGRES_EPOCH_MICROSECONDS, Commit
from syncwizard.rows.tuples import MESSAGE_AT
from syncwizard.task.lsn import format_lsn

_BODY_AT = MESSAGE_AT + 1
_OID_END = _BODY_AT + 4
_BEGIN = Struct(">Qq").unpack_from


class Rejoining:
    """Takes the frames of a stream until it goes beyond `applied_lsn`, where the last applied transaction ends.

    `last`: the commit of the transaction that has to come first; None where it need not come. `broken` makes the error
    that is raised when another one comes, from the reason.

    - `over`: from here on everything is new
    - `awaits`: the first transaction has not come
    - `relations`: the Relation messages that were passed, by OID as it is sent: a server describes a relation once
    """

    def __init__(self, applied_lsn: int, last: Commit | None, broken: Callable[[str], Exception]) -> None:
        self._applied_lsn = applied_lsn
        self._last = last
        self._broken = broken
        self._within = False
        self.over = False
        self.relations: dict[bytes, bytes] = {}

    @property
    def awaits(self) -> bool:
        """Whether nothing shows yet that it is the history which was applied."""
        return self._last is not None

    def take(self, frames: Sequence[bytes]) -> list[bytes]:
        """Those of the frames that follow on what is applied. Raises what `broken` makes, and ProtocolError."""
        following: list[bytes] = []
        for at, frame in enumerate(frames):
            kind = frame[MESSAGE_AT : MESSAGE_AT + 1]
            if self._within:
                if kind == b"R":
                    self.relations[frame[_BODY_AT:_OID_END]] = frame
                elif kind == b"C":
                    self._within = False
            elif kind == b"B":
                if self._is_new(frame):
                    self.over = True
                    return [*following, *frames[at:]]
                self._within = True
            else:
                # What stands in no transaction is the decoder's to judge.
                following.append(frame)
        return following

    def _is_new(self, frame: bytes) -> bool:
        try:
            lsn, committed = _BEGIN(frame, _BODY_AT)
        except struct_error as error:
            raise ProtocolError(f"a transaction that begins with {len(frame)} bytes") from error
        last, self._last = self._last, None
        if last is not None:
            if lsn != last.lsn:
                raise self._broken(
                    f"the destination has a transaction that was committed at {format_lsn(last.lsn)}, which it has not"
                )
            if committed + POSTGRES_EPOCH_MICROSECONDS != last.at:
                raise self._broken(
                    f"the transaction that it committed at {format_lsn(lsn)} is not the one that was applied"
                )
        return bool(lsn >= self._applied_lsn)
