"""Decodes pgoutput, protocol version 1, into transactions of changes with raw column bytes.

Source of the format: PostgreSQL manual, "Logical Replication Message Formats".
"""

from collections.abc import Callable
from struct import Struct

import msgspec

from syncwizard.errors import TaskFailed
from syncwizard.rows.changes import DELETE, INSERT, NULL, UPDATE, Change, Piece, Route, Row, Truncation, Value

# Microseconds since 2000-01-01 on the wire; the difference to the Unix epoch.
POSTGRES_EPOCH_SECONDS = 946_684_800

_LENGTH = Struct(">i").unpack_from
_COUNT = Struct(">h").unpack_from
_OID = Struct(">I").unpack_from
_BEGIN = Struct(">QqI").unpack_from
_COMMIT = Struct(">BQQq").unpack_from

# What a Python object for a change costs beside its bytes, measured as growth of the process over a million
# changes of a four-column row.
OBJECT_BYTES = 450

_TEXT = ord("t")
_NULL = ord("n")


class RelationMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A Relation message. `columns`: (name, part of the replica identity, type OID, type modifier)."""

    oid: int
    schema: str
    name: str
    replica_identity: str
    columns: tuple[tuple[str, bool, int, int], ...]


class Decoder:
    """Takes messages in order, gives pieces of transactions.

    `resolve` compiles a route for a relation (it may ask catalogues) or gives None for a relation whose changes
    are none of this task's. A transaction beyond `piece_bytes` comes in several pieces. `commit_time` is that of
    the transaction at hand or the last one, by the source's clock.
    """

    def __init__(self, resolve: Callable[[RelationMessage], Route | None], piece_bytes: int) -> None:
        self._resolve = resolve
        self._piece_bytes = piece_bytes
        self._routes: dict[int, Route | None] = {}
        self._messages: dict[int, RelationMessage] = {}
        self._final_lsn = 0
        self.commit_time = 0.0
        self._first = True
        self._heartbeat = False
        self._truncations = False
        self._weight = 0
        self._changes: list[Change | Truncation] = []
        self.in_transaction = False

    def feed(self, data: bytes, at: int) -> Piece | None:
        """Takes the message that begins at `at`; a piece when one is complete."""
        kind = data[at]
        if kind == 73:  # Insert
            return self._insert(data, at)
        if kind == 85:  # Update
            return self._update(data, at)
        if kind == 68:  # Delete
            return self._delete(data, at)
        if kind == 66:  # Begin
            self._begin(data, at)
        elif kind == 67:  # Commit
            return self._commit(data, at)
        elif kind == 82:  # Relation
            self._relation(data, at)
        elif kind == 84:  # Truncate
            return self._truncate(data, at)
        elif kind not in (79, 89, 77):  # Origin, Type, Message: nothing to do
            raise TaskFailed(
                f"the source sent a pgoutput message of unknown kind {chr(kind)!r}",
                where="source",
                remedy="this server version speaks a newer protocol: update syncwizard",
            )
        return None

    def _begin(self, data: bytes, at: int) -> None:
        self._final_lsn, microseconds, _ = _BEGIN(data, at + 1)
        self.commit_time = microseconds / 1e6 + POSTGRES_EPOCH_SECONDS
        self._first = True
        self._heartbeat = False
        self._weight = 0
        self._changes = []
        self.in_transaction = True

    def _commit(self, data: bytes, at: int) -> Piece:
        _, _, end_lsn, _ = _COMMIT(data, at + 1)
        self.in_transaction = False
        return self._piece(end_lsn)

    def _piece(self, end_lsn: int = 0) -> Piece:
        piece = Piece(
            first=self._first,
            changes=self._changes,
            weight=self._weight,
            final_lsn=self._final_lsn,
            end_lsn=end_lsn,
            commit_time=self.commit_time,
            heartbeat=self._heartbeat,
            truncations=self._truncations,
        )
        self._truncations = False
        self._first = False
        self._weight = 0
        self._changes = []
        return piece

    def _relation(self, data: bytes, at: int) -> None:
        message = parse_relation(data, at)
        # pgoutput repeats the message after an invalidation; only a difference needs a new route.
        if self._messages.get(message.oid) != message:
            self._messages[message.oid] = message
            self._routes[message.oid] = self._resolve(message)

    def _route(self, data: bytes, at: int) -> Route | None:
        route = self._routes[_OID(data, at + 1)[0]]
        if route is None:
            return None
        if route.heartbeat:
            self._heartbeat = True
            return None
        return None if self._final_lsn < route.pair_lsn else route

    def _add(self, change: Change, size: int) -> Piece | None:
        self._changes.append(change)
        self._weight += size + OBJECT_BYTES
        return self._piece() if self._weight > self._piece_bytes else None

    def _insert(self, data: bytes, at: int) -> Piece | None:
        route = self._route(data, at)
        if route is None:
            return None
        row, end = decode_row(data, at + 6, route.text)
        return self._add((INSERT, route, None, row), end - at)

    def _update(self, data: bytes, at: int) -> Piece | None:
        route = self._route(data, at)
        if route is None:
            return None
        old: Row | None = None
        end = at + 5
        if data[end] != 78:  # 'K' or 'O' before 'N'
            old, end = decode_row(data, end + 1, route.text)
        new, end = decode_row(data, end + 1, route.text)
        return self._add((UPDATE, route, old, new), end - at)

    def _delete(self, data: bytes, at: int) -> Piece | None:
        route = self._route(data, at)
        if route is None:
            return None
        old, end = decode_row(data, at + 6, route.text)
        return self._add((DELETE, route, old, None), end - at)

    def _truncate(self, data: bytes, at: int) -> Piece | None:
        count = _LENGTH(data, at + 1)[0]
        options = data[at + 5]
        routes = []
        for number in range(count):
            route = self._routes[_OID(data, at + 6 + 4 * number)[0]]
            if route is not None and not route.heartbeat and self._final_lsn >= route.pair_lsn:
                routes.append(route)
        if routes:
            self._truncations = True
            self._changes.append(
                Truncation(routes=tuple(routes), cascade=bool(options & 1), restart_identity=bool(options & 2))
            )
            self._weight += OBJECT_BYTES
        return None


def decode_row(data: bytes, at: int, text: set[int]) -> tuple[Row, int]:
    """The TupleData at `at` and the position after it; positions of text columns are added to `text`."""
    # The innermost loop of the incremental path: about 0.2 µs a column.
    count = _COUNT(data, at)[0]
    at += 2
    values: list[Value] = []
    append = values.append
    for position in range(count):
        kind = data[at]
        at += 1
        if kind in b"bt":
            end = at + 4 + _LENGTH(data, at)[0]
            append(data[at:end])
            at = end
            if kind == _TEXT:
                text.add(position)
        elif kind == _NULL:
            append(NULL)
        else:
            append(None)
    return tuple(values), at


def parse_relation(data: bytes, at: int) -> RelationMessage:
    """The Relation message at `at`."""
    oid = _OID(data, at + 1)[0]
    schema, at = _string(data, at + 5)
    name, at = _string(data, at)
    identity = chr(data[at])
    count = _COUNT(data, at + 1)[0]
    at += 3
    columns = []
    for _ in range(count):
        flags = data[at]
        column, at = _string(data, at + 1)
        type_oid = _OID(data, at)[0]
        modifier = _LENGTH(data, at + 4)[0]
        at += 8
        columns.append((column, bool(flags & 1), type_oid, modifier))
    # The pg_catalog schema is sent as an empty string.
    return RelationMessage(
        oid=oid, schema=schema or "pg_catalog", name=name, replica_identity=identity, columns=tuple(columns)
    )


def _string(data: bytes, at: int) -> tuple[str, int]:
    end = data.index(0, at)
    return data[at:end].decode(), end + 1
