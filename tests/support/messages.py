"""Encodes pgoutput messages of protocol version 1, as a walsender would send them.

Source of the format: PostgreSQL manual, "Logical Replication Message Formats".
"""

from collections.abc import Collection, Sequence
from struct import pack

from syncwizard.rows.changes import NULL, Row
from syncwizard.rows.pgoutput import POSTGRES_EPOCH_SECONDS
from syncwizard.rows.relation_message import RelationMessage
from syncwizard.rows.tuples import MESSAGE_AT


def value(data: bytes) -> bytes:
    """A value as rows hold it: its length, then its bytes."""
    return pack(">i", len(data)) + data


def framed(message: bytes) -> bytes:
    """The message in an XLogData frame."""
    return b"w" + bytes(MESSAGE_AT - 1) + message


def begin(final_lsn: int, commit_time: float = POSTGRES_EPOCH_SECONDS, xid: int = 1) -> bytes:
    """Begin: `final_lsn` is where the commit record starts, `commit_time` in seconds since the Unix epoch."""
    return b"B" + pack(">QqI", final_lsn, _microseconds(commit_time), xid)


def commit(final_lsn: int, end_lsn: int, commit_time: float = POSTGRES_EPOCH_SECONDS) -> bytes:
    """Commit."""
    return b"C" + pack(">BQQq", 0, final_lsn, end_lsn, _microseconds(commit_time))


def relation(message: RelationMessage) -> bytes:
    """Relation."""
    head = b"R" + pack(">I", message.oid) + message.schema.encode() + b"\0" + message.name.encode() + b"\0"
    columns = b"".join(
        pack(">B", part_of_identity) + name.encode() + b"\0" + pack(">Ii", type_oid, modifier)
        for name, part_of_identity, type_oid, modifier in message.columns
    )
    return head + message.replica_identity.encode() + pack(">h", len(message.columns)) + columns


def insert(oid: int, row: Row, text: Collection[int] = ()) -> bytes:
    """Insert."""
    return b"I" + pack(">I", oid) + b"N" + tuple_data(row, text)


def update(oid: int, new: Row, old: Row | None = None, *, full: bool = False, text: Collection[int] = ()) -> bytes:
    """Update; `full` says that `old` is the whole old row and not its key."""
    before = b"" if old is None else (b"O" if full else b"K") + tuple_data(old, text)
    return b"U" + pack(">I", oid) + before + b"N" + tuple_data(new, text)


def delete(oid: int, old: Row, *, full: bool = False, text: Collection[int] = ()) -> bytes:
    """Delete."""
    return b"D" + pack(">I", oid) + (b"O" if full else b"K") + tuple_data(old, text)


def truncate(oids: Sequence[int], *, cascade: bool = False, restart_identity: bool = False) -> bytes:
    """Truncate."""
    options = cascade | restart_identity << 1
    return b"T" + pack(">iB", len(oids), options) + b"".join(pack(">I", oid) for oid in oids)


def tuple_data(row: Row, text: Collection[int] = ()) -> bytes:
    """TupleData; the columns at the positions `text` are marked as text, the others as binary."""
    parts = [pack(">h", len(row))]
    for at, column in enumerate(row):
        if column is None:
            parts.append(b"u")
        elif column == NULL:
            parts.append(b"n")
        else:
            parts.append((b"t" if at in text else b"b") + column)
    return b"".join(parts)


def _microseconds(seconds: float) -> int:
    return round((seconds - POSTGRES_EPOCH_SECONDS) * 1e6)
