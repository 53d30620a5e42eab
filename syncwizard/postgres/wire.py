"""libpq below the cursor: pipelines, COPY and replication data without a Python object a value.

Used where psycopg's cursors cost more than the work (measured: 12 s against 5.5 s for two million copied rows).
Waiting is done in poll(), outside the interpreter lock, so that another thread of the process can work meanwhile.
"""

import select
from collections.abc import Iterable, Sequence
from contextlib import suppress

import psycopg
from psycopg import pq
from psycopg.errors import error_from_result

from syncwizard.postgres.session.connection import Connection

_OK = (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK, pq.ExecStatus.EMPTY_QUERY)

# Blocks for put_copy_data: larger ones gain nothing, smaller ones cost a call each.
COPY_BLOCK_BYTES = 256 * 1024
# libpq moves all that is left of its buffer after each partial send, so a row of 300 MB at once took a minute; the
# server does not care where CopyData messages end.
LARGEST_PUT_BYTES = 4 * 1024 * 1024

BINARY_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
BINARY_TRAILER = b"\xff\xff"


class Wire:
    """A connection used at the level of libpq. Raises psycopg errors like its cursors do."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.pgconn = connection.pgconn
        self._readable = select.poll()
        self._readable.register(self.pgconn.socket, select.POLLIN)
        self._either = select.poll()
        self._either.register(self.pgconn.socket, select.POLLIN | select.POLLOUT)

    def flush(self) -> None:
        """Sends what is buffered, reading meanwhile so that neither side can block the other."""
        while self.pgconn.flush():
            for _, ready in self._either.poll():
                if ready & select.POLLIN:
                    self.pgconn.consume_input()

    def result(self) -> "pq.abc.PGresult | None":
        """The next result of what was sent, or None at the end of a statement's results."""
        pgconn = self.pgconn
        while pgconn.is_busy():
            self._readable.poll()
            pgconn.consume_input()
        return pgconn.get_result()

    def execute(self, statement: bytes) -> "pq.abc.PGresult":
        """Runs one statement outside a pipeline."""
        self.pgconn.send_query(statement)
        self.flush()
        result = self._single()
        self.raise_for(result)
        return result

    def copy_in(self, statement: bytes, blocks: Iterable[bytes | memoryview]) -> int:
        """Runs a COPY … FROM STDIN with these blocks; the number of rows the server took."""
        self.begin_copy_in(statement)
        for block in blocks:
            self.put(block)
        return self.end_copy()

    def begin_copy_in(self, statement: bytes) -> None:
        """Starts a COPY … FROM STDIN."""
        self._begin_copy(statement, pq.ExecStatus.COPY_IN)

    def begin_copy_out(self, statement: bytes) -> None:
        """Starts a COPY … TO STDOUT, whose data is read from `pgconn`."""
        self._begin_copy(statement, pq.ExecStatus.COPY_OUT)

    def end_copy_out(self) -> None:
        """Takes the result after the last data."""
        self.raise_for(self._single())

    def _begin_copy(self, statement: bytes, wanted: pq.ExecStatus) -> None:
        self.pgconn.send_query(statement)
        self.flush()
        started = self.result()
        if started is None or started.status != wanted:
            while self.result() is not None:
                pass
            self.raise_for(started)

    def try_flush(self) -> bool:
        """Sends what goes without waiting; True when something is left."""
        return bool(self.pgconn.flush())

    def put_soon(self, block: bytes | bytearray | memoryview) -> bool:
        """Takes over one block of COPY data after what is left of the one before; True when some of it is unsent."""
        for at in range(0, len(block) - LARGEST_PUT_BYTES, LARGEST_PUT_BYTES):
            self._put(block[at : at + LARGEST_PUT_BYTES])
        rest = len(block) % LARGEST_PUT_BYTES or LARGEST_PUT_BYTES
        self._put(block[-rest:] if len(block) > rest else block)
        return self.try_flush()

    def _put(self, block: bytes | bytearray | memoryview) -> None:
        self.flush()
        while self.pgconn.put_copy_data(block) == 0:
            self._either.poll()
            self.pgconn.flush()

    def put(self, block: bytes | bytearray | memoryview) -> None:
        """Sends one block of COPY data."""
        if self.put_soon(block):
            self.flush()

    def end_copy(self) -> int:
        """Ends the COPY; the number of rows."""
        while self.pgconn.put_copy_end() == 0:
            self._either.poll()
            self.pgconn.flush()
        self.flush()
        result = self._single()
        self.raise_for(result)
        return result.command_tuples or 0

    def give_up_copy(self) -> None:
        """Ends the COPY with an error of ours, after which the transaction can be rolled back."""
        with suppress(psycopg.Error):
            while self.pgconn.put_copy_end(b"given up") == 0:
                self._either.poll()
                self.pgconn.flush()
            self.flush()
            while self.result() is not None:
                pass

    def raise_for(self, result: "pq.abc.PGresult | None") -> None:
        """Raises the server's error, if the result is one."""
        if result is None:
            raise psycopg.OperationalError("the server ended the conversation")
        if result.status not in _OK:
            raise error_from_result(result, encoding="utf-8")

    def _single(self) -> "pq.abc.PGresult":
        """The last result up to the end of the statement; a lost connection shows as an error result."""
        last: pq.abc.PGresult | None = None
        while (result := self.result()) is not None:
            if last is None or last.status in _OK:
                last = result
        if last is None:
            raise psycopg.OperationalError("the server ended the conversation")
        return last


def is_large(row: Sequence[bytes | memoryview | None]) -> bool:
    """Whether a row came in a frame so large that its values are views of it (`rows.tuples`)."""
    return memoryview in map(type, row)


def binary_blocks(rows: Iterable[Sequence[bytes | memoryview]], columns: int) -> Iterable[bytes | memoryview]:
    """Binary COPY of rows whose values carry their lengths, in blocks of about COPY_BLOCK_BYTES.

    Values of a large row are blocks themselves, so that nothing of it is in memory twice.
    Source: PostgreSQL manual, COPY, "Binary Format".
    """
    count = columns.to_bytes(2, "big")
    parts = [BINARY_HEADER]
    size = 0
    for row in rows:
        if is_large(row):
            yield b"".join([*parts, count])
            yield from row
            parts = []
            size = 0
            continue
        line = count + b"".join(row)
        parts.append(line)
        size += len(line)
        if size > COPY_BLOCK_BYTES:
            yield b"".join(parts)
            parts = []
            size = 0
    parts.append(BINARY_TRAILER)
    yield b"".join(parts)
