"""Writes pgoutput's frames from the lines of test_decoding, for the one decoder there is. Pure.

A transaction comes whole, at its commit. Two things are not in the text: the OID of a table, which is that of the
captured table of that name, and where the commit record begins. The frame of a COMMIT says where that record ends; its
last byte stands for its beginning. No other record lies between them, so that it compares with every position as the
beginning does.
"""

from collections.abc import Iterable, Iterator, Mapping
from struct import Struct

import msgspec

from syncwizard.errors import ProtocolError, TaskFailed
from syncwizard.remedies import resync
from syncwizard.rows.decoded_text import Row, rows_of, table_of, truncated
from syncwizard.task.names import TableName

_POSITION = Struct(">Q").unpack_from
_HEAD = Struct(">cQQq").pack
_BEGIN = Struct(">cQqI").pack
_COMMIT = Struct(">cBQQq").pack
_OID = Struct(">I").pack
_SHORT = Struct(">h").pack
_LENGTH = Struct(">i").pack
_TYPE = Struct(">Ii").pack


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """A captured table as the catalogue has it, with names in the stream's encoding. `columns`: name, type's OID and
    modifier; `generated` names are no part of them; `keys`: the columns of its replica identity, those of its primary
    key where that is FULL. Changes of transactions before `from_lsn` are not captured; `aside`: none are applied."""

    oid: int
    table: TableName
    identity: str
    keys: frozenset[bytes]
    columns: tuple[tuple[bytes, int, int], ...]
    generated: frozenset[bytes]
    from_lsn: int = 0
    aside: bool = False


class Transaction(msgspec.Struct, kw_only=True):
    """One that has ended. `tables`: those of its changes, as its lines write them."""

    number: int
    committed: int
    end_lsn: int
    tables: frozenset[bytes]
    lines: Iterable[bytes]

    @property
    def final_lsn(self) -> int:
        """Stands for the beginning of the commit record."""
        return self.end_lsn - 1


def position_of(frame: bytes) -> int:
    """The position that a frame's header has: of the COMMIT where its record ends."""
    return int(_POSITION(frame, 1)[0])


class Transcoder:
    """Keeps what the decoder knows of each table: it is described again when its lines have other columns."""

    def __init__(self) -> None:
        self._shapes: dict[int, tuple[bytes, ...]] = {}
        self._described: dict[int, Described] = {}

    def frames(self, transaction: Transaction, described: Mapping[bytes, Described]) -> Iterator[bytes]:
        """The transaction in pgoutput's frames. `described`: captured tables by their names in the lines; lines of
        others are passed over."""
        end, final = transaction.end_lsn, transaction.final_lsn
        head = _HEAD(b"w", end, end, transaction.committed)
        captured = {name: table for name, table in described.items() if final >= table.from_lsn}
        yield head + _BEGIN(b"B", final, transaction.committed, transaction.number)
        for line in transaction.lines:
            if (name := table_of(line)) is not None:
                if (table := captured.get(name)) is not None:
                    yield from self._change(head, line, table)
            elif (emptied := truncated(line)) is not None:
                yield from self._truncate(head, *emptied, captured)
            else:
                raise ProtocolError(f"a line of test_decoding that begins with {line[:20]!r}")
        yield head + _COMMIT(b"C", 0, final, end, transaction.committed)

    def _truncate(
        self, head: bytes, names: list[bytes], cascade: bool, restart: bool, captured: Mapping[bytes, Described]
    ) -> Iterator[bytes]:
        tables = [captured[name] for name in names if name in captured]
        for table in tables:
            yield from self._describe(head, table, None)
        if tables:
            oids = b"".join(_OID(table.oid) for table in tables)
            yield head + b"T" + _LENGTH(len(tables)) + bytes([cascade | restart << 1]) + oids

    def _change(self, head: bytes, line: bytes, table: Described) -> Iterator[bytes]:
        kind, old, new = rows_of(line)
        if kind != b"D" and new is None:
            raise ProtocolError(f"a change of {table.table} without its new row")
        if not _is_addressed(kind, old, table):
            if table.aside:
                return
            raise _unaddressed(table)
        yield from self._describe(head, table, new)
        parts, shape = [head, kind, _OID(table.oid)], self._shapes[table.oid]
        if old is not None:
            parts.append(b"O" if table.identity == "f" else b"K")
            _add_tuple(parts, shape, old, table)
        if new is not None:
            parts.append(b"N")
            _add_tuple(parts, shape, new, table)
        yield b"".join(parts)

    def _describe(self, head: bytes, table: Described, row: Row | None) -> Iterator[bytes]:
        """A Relation message where this row has other columns than the one before, or the catalogue has."""
        shape = self._shapes.get(table.oid)
        if row is not None:
            shape = tuple(name for name in row if name not in table.generated)
        elif shape is None:
            shape = tuple(name for name, _, _ in table.columns)
        if self._described.get(table.oid) != table or self._shapes.get(table.oid) != shape:
            self._described[table.oid], self._shapes[table.oid] = table, shape
            yield head + _relation(table, shape)


def _is_addressed(kind: bytes, old: Row | None, table: Described) -> bool:
    """Whether the line says which row it was."""
    if kind == b"I":
        return True
    if old is None:
        # An update that left the key as it was.
        return kind == b"U" and bool(table.keys)
    return table.identity == "f" or old.keys() <= table.keys


def _relation(table: Described, shape: tuple[bytes, ...]) -> bytes:
    types = {name: (kind, modifier) for name, kind, modifier in table.columns}
    schema = b"" if table.table.schema == "pg_catalog" else table.table.schema.encode()
    parts = [b"R", _OID(table.oid), schema, b"\0", table.table.name.encode(), b"\0", table.identity.encode()]
    parts.append(_SHORT(len(shape)))
    for name in shape:
        part_of_identity = table.identity == "f" or name in table.keys
        parts += [bytes([part_of_identity]), name, b"\0", _TYPE(*types.get(name, (0, -1)))]
    return b"".join(parts)


def _add_tuple(parts: list[bytes], shape: tuple[bytes, ...], row: Row, table: Described) -> None:
    if not row.keys() <= table.generated.union(shape):
        raise ProtocolError(f"a row of {table.table} with columns that it has not")
    parts.append(_SHORT(len(shape)))
    for name in shape:
        value = row.get(name)
        if value is None:
            parts.append(b"n")
        elif isinstance(value, bytes):
            parts += [b"t", _LENGTH(len(value)), value]
        else:
            parts.append(b"u")


def _unaddressed(table: Described) -> TaskFailed:
    """The error of a change whose row cannot be found."""
    return TaskFailed(
        f"a row of {table.table} was changed while the table had another replica identity, or none",
        where="source",
        detail="test_decoding does not say which row it was",
        remedy=resync(tables=[table.table]),
    )
