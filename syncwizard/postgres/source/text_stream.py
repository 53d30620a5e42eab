"""A stream of test_decoding, given to the receiver as one of pgoutput (see `rows.transcoding`).

Transactions are held until they have ended: beyond some megabytes in a file without a name in the temporary folder.
What the slot may forget is put in positions that the server compares with: where the commit before ended.
"""

import tempfile
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import chain
from struct import Struct
from typing import IO

from psycopg import sql

from syncwizard.errors import ProtocolError, TaskFailed
from syncwizard.postgres.session.connection import Connection, is_plain
from syncwizard.postgres.source.listed import Listed
from syncwizard.postgres.source.stream import LibpqStream, ReplicationStream, SocketStream
from syncwizard.remedies import to_do
from syncwizard.rows.decoded_text import begun, committed, table_of, truncated
from syncwizard.rows.transcoding import Transaction, Transcoder, position_of
from syncwizard.rows.tuples import MESSAGE_AT

# Of one transaction that are held in memory.
HELD_BYTES = 8 * 1024 * 1024
_LENGTH = Struct(">I")


def start_text_stream(connection: Connection, slot: str, lsn: int, listed: Listed) -> "TextStream":
    """Begins streaming with the transaction whose commit is at `lsn` or comes next after it."""
    if connection.info.parameter_status("server_encoding") != "UTF8":
        raise TaskFailed(
            "test_decoding sends text in the encoding of the source, which is not UTF8",
            where="source",
            remedy=to_do("set advanced.decoding to pgoutput, in a new task"),
        )
    # From where the slot is: the beginning of the last commit, which the server would compare with, is not known.
    command = sql.SQL(
        "START_REPLICATION SLOT {} LOGICAL 0/0"
        " (\"include-xids\" 'on', \"include-timestamp\" 'on', \"skip-empty-xacts\" 'off')"
    ).format(sql.Identifier(slot))
    stream = SocketStream(connection) if is_plain(connection) else LibpqStream(connection)
    stream.start(command.as_bytes(None))
    return TextStream(stream, lsn, listed)


class TextStream:
    """A ReplicationStream over another one. Transactions that were committed before `from_lsn` are passed over."""

    def __init__(self, stream: ReplicationStream, from_lsn: int, listed: Listed) -> None:
        self._stream = stream
        self._from_lsn = from_lsn
        self._listed = listed
        self._transcoder = Transcoder()
        self._open: _Held | None = None
        self._ready: Iterator[bytes] = iter(())
        # What ended the frames that were taken last: handed on behind all that came of them.
        self._end: bytes | None = None
        # Where the commits end, each with what may be forgotten once the one behind it is durable.
        self._last_end = 0
        self._ends: list[int] = []

    def receive(self, limit_bytes: int) -> tuple[list[bytes], bytes | None]:
        """See ReplicationStream."""
        frames, size = self._take(limit_bytes)
        if size >= limit_bytes:
            return frames, None
        if frames or self._end:
            end, self._end = self._end, None
            return frames, end
        arrived, end = self._stream.receive(limit_bytes)
        ended = [transaction for frame in arrived if (transaction := self._add(frame)) is not None]
        if ended:
            names = frozenset().union(*(transaction.tables for transaction in ended))
            described = self._listed.describe(names, [each.number for each in ended if each.tables])
            self._ready = chain.from_iterable(self._transcoder.frames(each, described) for each in ended)
        # Within a transaction the position of a keepalive says nothing of what is held.
        self._end = end if self._open is None else b""
        frames, size = self._take(limit_bytes)
        if size >= limit_bytes:
            return frames, None
        end, self._end = self._end, None
        return frames, end

    def _take(self, limit_bytes: int) -> tuple[list[bytes], int]:
        frames: list[bytes] = []
        size = 0
        for frame in self._ready:
            frames.append(frame)
            size += len(frame)
            if size >= limit_bytes:
                break
        return frames, size

    def _add(self, frame: bytes) -> Transaction | None:
        """The transaction that has ended with the frame, if it is to be taken."""
        line = frame[MESSAGE_AT:]
        if self._open is not None and (table := table_of(line)) is not None:
            if self._listed.captures(table):
                self._open.add(line, [table])
        elif (end := committed(line)) is not None:
            return self._commit(end[0], end[1], position_of(frame))
        elif (number := begun(line)) is not None:
            if self._open is not None:
                raise ProtocolError("a transaction that begins within another one")
            self._open = _Held(number)
        elif self._open is not None and (emptied := truncated(line)) is not None:
            if names := [name for name in emptied[0] if self._listed.captures(name)]:
                self._open.add(line, names)
        elif not line.startswith(b"message: "):
            raise ProtocolError(f"a line of test_decoding that begins with {line[:20]!r}")
        return None

    def _commit(self, number: int, at: int, end_lsn: int) -> Transaction | None:
        held, self._open = self._open, None
        if held is None or held.number != number:
            raise ProtocolError("the end of a transaction that did not begin")
        self._ends.append(self._last_end)
        self._last_end = end_lsn
        transaction = Transaction(
            number=number, committed=at, end_lsn=end_lsn, tables=frozenset(held.tables), lines=held.lines()
        )
        return transaction if transaction.final_lsn >= self._from_lsn else None

    def send_status(self, received: int, flushed: int) -> None:
        """See ReplicationStream. The slot stays before the commit that `flushed` names."""
        at = bisect_right(self._ends, flushed)
        forgotten = self._ends[at - 1] if at else 0
        del self._ends[: max(at - 1, 0)]
        self._stream.send_status(max(received, flushed), forgotten)


class _Held:
    """The lines of one transaction, and the tables that they are about."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.tables: set[bytes] = set()
        self._lines: list[bytes] = []
        self._bytes = 0
        self._file: IO[bytes] | None = None

    def add(self, line: bytes, tables: Iterable[bytes]) -> None:
        """The line that came next."""
        self.tables.update(tables)
        self._lines.append(line)
        self._bytes += len(line)
        if self._bytes > HELD_BYTES:
            self._file = self._file or tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as this
            for each in self._lines:
                self._file.write(_LENGTH.pack(len(each)) + each)
            self._lines, self._bytes = [], 0

    def lines(self) -> Iterator[bytes]:
        """All of them, once."""
        if self._file is not None:
            with self._file as file:
                file.seek(0)
                while head := file.read(_LENGTH.size):
                    yield file.read(_LENGTH.unpack(head)[0])
        yield from self._lines
