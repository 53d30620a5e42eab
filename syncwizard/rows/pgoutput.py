"""Decodes pgoutput, protocol version 1, into transactions of changes with raw column bytes.

Source of the format: PostgreSQL manual, "Logical Replication Message Formats".
"""

from collections.abc import Callable, Iterable, Mapping
from struct import Struct
from struct import error as struct_error

from syncwizard.errors import ProtocolError, TaskFailed
from syncwizard.rows import compiled
from syncwizard.rows.changes import (
    CHANGE_BYTES,
    DELETE,
    END_BYTES,
    INSERT,
    KIND_NAMES,
    TRUNCATE,
    UPDATE,
    Beat,
    Change,
    End,
    Piece,
    Redefinition,
    Route,
    Statement,
    Truncation,
)
from syncwizard.rows.heartbeat import Heartbeats
from syncwizard.rows.relation_message import RelationMessage
from syncwizard.rows.relations import Postponed, Relations, short
from syncwizard.rows.tuples import MESSAGE_AT
from syncwizard.task.names import TableName

# Microseconds since 2000-01-01 on the wire; the difference to the Unix epoch.
POSTGRES_EPOCH_SECONDS = 946_684_800

_BODY_AT = MESSAGE_AT + 1
_OID_END = _BODY_AT + 4
_LENGTH = Struct(">i").unpack_from
_COUNT = Struct(">h").unpack_from
_OID = Struct(">I").unpack_from
_BEGIN = Struct(">QqI").unpack_from
_COMMIT = Struct(">BQQq").unpack_from

_ROW_KINDS = frozenset((INSERT, UPDATE, DELETE))

# The frame's header goes along with a change; as bytes of its message only the message counts.
_OVERHEAD = CHANGE_BYTES - MESSAGE_AT


class Decoder:
    """Takes XLogData frames in order, gives pieces of transactions. Raises ProtocolError for what is no message of
    pgoutput, as far as it looks: rows are sliced later.

    `resolve` and `codec` are those of Relations. A transaction beyond `piece_bytes` comes in several pieces.
    `heartbeats` compares those of the task. `captured` says of a captured command, by its frame and the final LSN of
    its transaction, what it means for the task: None for nothing. So does `described` of a Relation message, by the
    final LSN and the id of its transaction.
    """

    def __init__(
        self,
        resolve: Callable[[RelationMessage, int], Route | Postponed | None],
        piece_bytes: int,
        codec: str = "utf-8",
        heartbeats: Heartbeats | None = None,
        captured: "Callable[[bytes, int], Redefinition | None] | None" = None,
        described: "Callable[[RelationMessage, int, int], Redefinition | None] | None" = None,
    ) -> None:
        self._heartbeats = heartbeats
        self._captured = captured
        self._described = described
        # What has to be done before the frames behind it can be decoded.
        self.waits_for: Redefinition | None = None
        self._kept: list[bytes] = []
        # In the open transaction there was one.
        self._redefined = False
        self._relations = Relations(resolve, codec)
        self._piece_bytes = piece_bytes
        self.in_transaction = False
        # Of the transaction that is open or was last.
        self._final_lsn = 0
        self._committed = 0
        self._transaction = 0
        self._beats = False
        # Of the piece in the making; up to its last end it weighs `_ended_weight`.
        self._first = True
        self._changes: list[Change | Statement] = []
        self._ends: list[End] = []
        self._weight = 0
        self._ended_weight = 0
        self._beats_at: tuple[int, int] | None = None
        self._beaten: list[tuple[int, Beat]] = []
        self._truncations = False
        # Since the last piece that ended, those of the open transaction included: figures only.
        self._filtered: dict[tuple[str, str], int] = {}
        self._held_back: dict[TableName, int] = {}

    def feed(self, frames: Iterable[bytes]) -> list[Piece]:
        """The pieces that are complete with these frames: all transactions that end in them.

        With a Redefinition, which `waits_for` has then, only those up to it; what is behind it is kept, and comes
        before the frames of the next time.
        """
        pieces: list[Piece] = []
        if self._kept:
            kept, self._kept = self._kept, []
            frames = [*kept, *frames]
        if compiled.loops is None:
            self._feed(frames, pieces)
        else:
            self._feed_compiled(list(frames), pieces)
        if self._ends:
            pieces.append(self._whole())
        return pieces

    def _feed_compiled(self, frames: list[bytes], pieces: list[Piece]) -> None:
        """Rows, and the ends of ordinary transactions, by compiled loops; one frame of another kind at a time here."""
        at = 0
        while at < len(frames):
            state = (
                self.in_transaction,
                self._final_lsn,
                self._committed,
                self._transaction,
                self._weight,
                self._ended_weight,
            )
            ordinary = self._first and not self._beats
            limits = (self._piece_bytes, _OVERHEAD, END_BYTES)
            at, filled, state = compiled.loops.feed(
                frames,
                at,
                self._relations.routes,
                self._relations.sieves,
                self._changes,
                self._ends,
                state,
                ordinary,
                *limits,
            )
            open_, self._final_lsn, self._committed, self._transaction, self._weight, self._ended_weight = state
            self.in_transaction = bool(open_)
            if filled:
                self._cut(pieces)
            elif at < len(frames):
                self._feed(frames[at : at + 1], pieces)
                at += 1
                if self.waits_for is not None:
                    self._kept += frames[at:]
                    return

    def _feed(self, frames: Iterable[bytes], pieces: list[Piece]) -> None:
        # The innermost loop of the incremental path: 0.25 µs a frame, where a call for each cost 2 µs.
        relations, routes = self._relations, self._relations.routes
        changes, weight, final_lsn = self._changes, self._weight, self._final_lsn
        rest = iter(frames)
        for frame in rest:
            try:
                kind = frame[MESSAGE_AT]
                found = routes[frame[_BODY_AT:_OID_END]] if kind in _ROW_KINDS else None
            except (IndexError, KeyError):
                found = relations.find(frame, frame[_BODY_AT:_OID_END], self._transaction)
            if found is not None:
                route, from_lsn = found
                if route is None or final_lsn < from_lsn:
                    if relations.postponed:
                        relations.check_postponed(frame[_BODY_AT:_OID_END], final_lsn)
                    if route is None:
                        continue
                    if route.commands:
                        self._weight = weight
                        if self._redefines(kind, frame, pieces):
                            self._kept += rest
                            return
                        changes, weight = self._changes, self._weight
                        continue
                    if route.heartbeat or route.aside:
                        self._take_apart(route, frame, final_lsn)
                        continue
                    if route.sieve is None or final_lsn < route.pair_lsn:
                        continue
                    sieved = self._sieved(kind, route, frame)
                    if sieved is None:
                        continue
                    frame = sieved
                changes.append((kind, route, frame))
                weight += len(frame) + _OVERHEAD
                if weight < self._piece_bytes:
                    continue
                self._weight = weight
                self._cut(pieces)
            elif kind == 66:  # Begin
                final_lsn = self._begin(frame)
                continue
            elif kind == 82 and self._described is not None and self._is_redescribed(frame, pieces):
                self._kept += [frame, *rest]
                return
            else:
                self._weight = weight
                if kind == 67:  # Commit
                    self._commit(frame, pieces)
                else:
                    self._other(kind, frame)
            changes, weight = self._changes, self._weight
        self._weight = weight

    def _redefines(self, kind: int, frame: bytes, pieces: list[Piece]) -> bool:
        """Whether a captured command concerns the task: it ends a piece of its transaction."""
        if kind != INSERT or self._captured is None:
            return False
        return self._waits(self._captured(frame, self._final_lsn), pieces)

    def _is_redescribed(self, frame: bytes, pieces: list[Piece]) -> bool:
        """Whether a Relation message shows a definition that has to be followed before it is taken."""
        assert self._described is not None
        message = self._relations.parse(frame)
        return self._waits(self._described(message, self._final_lsn, self._transaction), pieces)

    def _waits(self, redefinition: Redefinition | None, pieces: list[Piece]) -> bool:
        if redefinition is None:
            return False
        if self._ends:
            pieces.append(self._whole())
        self._changes.append(redefinition)
        self._weight += CHANGE_BYTES
        self._truncations = True
        pieces.append(self._part())
        self._redefined = True
        self.waits_for = redefinition
        return True

    def recall(self, described: Mapping[bytes, bytes]) -> None:
        """Takes Relation messages that came before the first frame; see Relations."""
        self._relations.recall(described)

    def forget(self, redefinition: Redefinition) -> None:
        """The redefinition is done: its table's next description needs a new route, even if that is the same."""
        self.waits_for = None
        self._relations.forget(redefinition.command.relation)

    def _sieved(self, kind: int, route: Route, frame: bytes) -> bytes | None:
        assert route.sieve is not None
        if route.sieve.leaves_out(kind):
            self._count_filtered(route, kind)
            return None
        return route.sieve.take(kind, route, frame, self._committed)

    def _count_filtered(self, route: Route, kind: int) -> None:
        key = (str(route.source), KIND_NAMES[kind])
        self._filtered[key] = self._filtered.get(key, 0) + 1

    def _take_apart(self, route: Route, frame: bytes, final_lsn: int) -> None:
        """A change that is not applied: a heartbeat, or one of a table that is set aside."""
        if route.heartbeat:
            self._beats = True
            if self._heartbeats is not None:
                self._heartbeats.take(frame)
        elif final_lsn >= route.pair_lsn:
            self._hold_back(route.source)

    def _hold_back(self, table: TableName) -> None:
        self._held_back[table] = self._held_back.get(table, 0) + 1

    def _begin(self, frame: bytes) -> int:
        """The final LSN of the transaction that begins."""
        before = self._ends[-1][0] if self._ends else 0
        if self.in_transaction or len(self._changes) != before:
            raise ProtocolError("a transaction that begins within another one, or after changes of none")
        try:
            self._final_lsn, self._committed, self._transaction = _BEGIN(frame, _BODY_AT)
        except struct_error as error:
            raise short(frame) from error
        self.in_transaction = True
        return self._final_lsn

    def _commit(self, frame: bytes, pieces: list[Piece]) -> None:
        try:
            _, final_lsn, end_lsn, _ = _COMMIT(frame, _BODY_AT)
        except struct_error as error:
            raise short(frame) from error
        if not self.in_transaction or final_lsn != self._final_lsn:
            raise ProtocolError("the end of a transaction that did not begin")
        self.in_transaction = False
        self._weight += END_BYTES
        self._ended_weight = self._weight
        self._ends.append((len(self._changes), self._final_lsn, end_lsn, self._committed))
        if self._beats:
            self._beats = False
            self._beats_at = (self._beats_at[0] if self._beats_at else self._committed, self._committed)
            if self._heartbeats is not None and self._heartbeats.last is not None:
                self._beaten.append((end_lsn, self._heartbeats.last))
        if not self._first:
            pieces.append(self._whole())

    def _cut(self, pieces: list[Piece]) -> None:
        """Takes away what has grown too large: first the transactions that have ended."""
        if self._ends:
            pieces.append(self._whole())
        if not self.in_transaction:
            raise ProtocolError("changes of no transaction")
        if self._weight >= self._piece_bytes:
            pieces.append(self._part())

    def _part(self) -> Piece:
        """What there is of the open transaction, which goes on."""
        piece = Piece(
            first=self._first,
            changes=self._changes,
            weight=self._weight,
            final_lsn=self._final_lsn,
            commit_time=_seconds(self._committed),
            truncations=self._truncations,
        )
        self._first = self._truncations = False
        self._changes = []
        self._weight = 0
        return piece

    def _whole(self) -> Piece:
        """The transactions that have ended; what is open stays."""
        count, final_lsn, end_lsn, _ = self._ends[-1]
        changes = self._changes
        self._changes = changes[count:]
        del changes[count:]
        piece = Piece(
            first=self._first,
            changes=changes,
            weight=self._ended_weight,
            final_lsn=final_lsn,
            commit_time=_seconds(self._ends[0][3]),
            ends=self._ends,
            end_lsn=end_lsn,
            beats=(_seconds(self._beats_at[0]), _seconds(self._beats_at[1])) if self._beats_at else None,
            heartbeats=self._beaten,
            truncations=self._truncations,
            alone=self._redefined,
            filtered=self._filtered,
            held_back=self._held_back or None,
        )
        self._redefined = False
        self._filtered = {}
        self._held_back = {}
        self._weight -= self._ended_weight
        self._ends = []
        self._beats_at = None
        self._beaten = []
        self._first = True
        self._truncations = self._truncations and bool(self._changes)
        return piece

    def _other(self, kind: int, frame: bytes) -> None:
        if kind == 82:  # Relation
            self._relations.describe(frame, self._transaction)
        elif kind == TRUNCATE:
            self._truncate(frame)
        elif kind not in (79, 89, 77):  # Origin, Type, Message: nothing to do
            raise TaskFailed(
                f"the source sent a pgoutput message of unknown kind {chr(kind)!r}",
                where="source",
                remedy="this server version speaks a newer protocol: update syncwizard",
            )

    def _truncate(self, frame: bytes) -> None:
        if len(frame) < _BODY_AT + 5 or len(frame) != _BODY_AT + 5 + 4 * _LENGTH(frame, _BODY_AT)[0]:
            raise short(frame)
        options = frame[_BODY_AT + 4]
        routes = []
        for at in range(_BODY_AT + 5, len(frame), 4):
            route, _ = self._relations.find(frame, frame[at : at + 4], self._transaction)
            self._relations.check_postponed(frame[at : at + 4], self._final_lsn)
            if route is None or route.heartbeat or route.commands or self._final_lsn < route.pair_lsn:
                continue
            if route.aside:
                self._hold_back(route.source)
            elif route.sieve is not None and route.sieve.leaves_out(TRUNCATE):
                self._count_filtered(route, TRUNCATE)
            else:
                routes.append(route)
        if routes:
            self._truncations = True
            self._changes.append(
                Truncation(
                    routes=tuple(routes),
                    cascade=bool(options & 1),
                    restart_identity=bool(options & 2),
                    spared=self._relations.spared(routes),
                )
            )
            self._weight += CHANGE_BYTES


def _seconds(microseconds: int) -> float:
    """Since the Unix epoch, of a time on the wire."""
    return microseconds / 1e6 + POSTGRES_EPOCH_SECONDS
