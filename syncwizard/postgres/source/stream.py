"""The replication stream: START_REPLICATION on a walsender session, frames in, status updates out.

Over a connection without encryption frames are read from the socket itself: libpq takes 16 KiB at a time, and 0.6 µs a
frame in which no other thread of the process works. Under TLS or GSSAPI the bytes are libpq's, and so is the reading.

Source of the frames: PostgreSQL manual, "Streaming Replication Protocol".
"""

import os
import select
import socket
import time
from struct import Struct
from typing import NoReturn, Protocol

import psycopg
from psycopg import pq, sql
from psycopg.errors import error_from_result

from syncwizard.errors import ProtocolError
from syncwizard.postgres.messages import KEEPALIVE, XLOG_DATA, CopyMessages
from syncwizard.postgres.session.connection import Connection, is_plain
from syncwizard.rows.pgoutput import POSTGRES_EPOCH_SECONDS
from syncwizard.task.lsn import format_lsn

_KEEPALIVE_BODY = Struct(">QqB").unpack_from
_KEEPALIVE_BYTES = 18
_STATUS = Struct(">cQQQqB").pack
_HEAD = Struct(">ci").pack
_TIMEVAL = Struct("ll").pack

# All that a Unix socket holds of small messages, and a good part of what TCP does.
READ_BYTES = 256 * 1024
# How long the kernel lets one read or write of the stream's own wait.
SOCKET_SECONDS = 1
# A walsender answers at once, before it reads any WAL.
START_SECONDS = 60.0


class ReplicationStream(Protocol):
    """One walsender session that streams a slot. Used by one thread."""

    def receive(self, limit_bytes: int) -> tuple[list[bytes], bytes | None]:
        """XLogData frames that have arrived, up to about so much, and what ended them: a keepalive frame, b"" when
        there was nothing more yet, None at the limit. Waits a second at most for the first one.

        Raises psycopg errors at the end of the stream.
        """

    def send_status(self, received: int, flushed: int) -> None:
        """A Standby status update: what was received, and what is durable at the destination."""


def start_stream(
    connection: Connection, slot: str, lsn: int, publication: str, *, binary: bool
) -> "SocketStream | LibpqStream":
    """Begins streaming after `lsn`. Protocol version 1: transactions come whole, at their commit (rule 7)."""
    command = sql.SQL("START_REPLICATION SLOT {} LOGICAL {} (proto_version '1', publication_names {}{})").format(
        sql.Identifier(slot),
        sql.SQL(format_lsn(lsn)),  # type: ignore[arg-type, unused-ignore]
        # A list of identifiers inside a literal: the name is ours, lower case without specials.
        sql.Literal(publication),
        # Left out otherwise: servers before 14 do not know the option.
        sql.SQL(", binary 'true'" if binary else ""),
    )
    stream = SocketStream(connection) if is_plain(connection) else LibpqStream(connection)
    stream.start(command.as_bytes(None))
    return stream


class SocketStream:
    """Reads and writes the session's socket past libpq, which from `start` on is only asked to close it."""

    def __init__(self, connection: Connection) -> None:
        self._descriptor = connection.pgconn.socket
        self._messages = CopyMessages()
        # One blocking call, ended by the kernel, instead of poll and read: each lets other threads of the process in,
        # and has to wait for its turn again. The description is shared with libpq's number for it.
        with socket.socket(fileno=os.dup(self._descriptor)) as shared:
            shared.setblocking(True)
            for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
                shared.setsockopt(socket.SOL_SOCKET, option, _TIMEVAL(SOCKET_SECONDS, 0))

    def start(self, command: bytes) -> None:
        """Sends the command and waits for its answer. Raises the server's error."""
        self._write(_HEAD(b"Q", len(command) + 5) + command + b"\0")
        deadline = time.monotonic() + START_SECONDS
        while not self._messages.begun:
            if time.monotonic() > deadline:
                raise psycopg.OperationalError(f"the source has not begun to stream within {START_SECONDS:.0f} s")
            self._messages.add(self._read())

    def receive(self, limit_bytes: int) -> tuple[list[bytes], bytes | None]:
        """See ReplicationStream."""
        frames, end = self._messages.take(limit_bytes)
        if frames or end:
            return frames, end
        self._messages.add(self._read())
        return self._messages.take(limit_bytes)

    def send_status(self, received: int, flushed: int) -> None:
        """See ReplicationStream."""
        status = status_update(received, flushed)
        self._write(_HEAD(b"d", len(status) + 4) + status)

    def _read(self) -> bytes:
        """What has arrived; b"" after a second without anything."""
        try:
            data = os.read(self._descriptor, READ_BYTES)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise psycopg.OperationalError(f"the replication session was lost: {error}") from error
        if not data:
            raise psycopg.OperationalError("the source closed the replication session")
        return data

    def _write(self, data: bytes) -> None:
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError as error:
            raise psycopg.OperationalError(f"the replication session was lost: {error}") from error


class LibpqStream:
    """Lets libpq read and write."""

    def __init__(self, connection: Connection) -> None:
        self._pgconn = connection.pgconn
        self._readable = select.poll()
        self._readable.register(self._pgconn.socket, select.POLLIN)
        self._writable = select.poll()
        self._writable.register(self._pgconn.socket, select.POLLIN | select.POLLOUT)

    def start(self, command: bytes) -> None:
        """Sends the command and waits for its answer. Raises the server's error."""
        self._pgconn.send_query(command)
        self._flush()
        while self._pgconn.is_busy():
            self._readable.poll()
            self._pgconn.consume_input()
        result = self._pgconn.get_result()
        if result is None or result.status != pq.ExecStatus.COPY_BOTH:
            if result is None:
                raise psycopg.OperationalError("the source closed the replication session")
            raise error_from_result(result, encoding="utf-8")

    def receive(self, limit_bytes: int) -> tuple[list[bytes], bytes | None]:
        """See ReplicationStream."""
        frames, end = self._take(limit_bytes)
        if frames or end != b"":
            return frames, end
        # Waking for every message costs more than decoding it: everything there is was taken first.
        self._readable.poll(SOCKET_SECONDS * 1000)
        self._pgconn.consume_input()
        return self._take(limit_bytes)

    def _take(self, limit_bytes: int) -> tuple[list[bytes], bytes | None]:
        get = self._pgconn.get_copy_data
        frames: list[bytes] = []
        while limit_bytes > 0:
            size, frame = get(1)
            if size <= 0:
                if size < 0:
                    self._ended()
                return frames, b""
            if frame[0] == XLOG_DATA:
                # psycopg's C implementation gives bytes, which bytes() returns as they are.
                frames.append(bytes(frame))
                limit_bytes -= size
            elif frame[0] == KEEPALIVE:
                return frames, bytes(frame)
            else:
                raise ProtocolError(f"a replication message of unknown kind {chr(frame[0])!r}")
        return frames, None

    def _ended(self) -> NoReturn:
        result = self._pgconn.get_result()
        if result is not None and result.status == pq.ExecStatus.FATAL_ERROR:
            raise error_from_result(result, encoding="utf-8")
        raise psycopg.OperationalError("the source ended the replication stream")

    def send_status(self, received: int, flushed: int) -> None:
        """See ReplicationStream."""
        self._pgconn.put_copy_data(status_update(received, flushed))
        self._flush()

    def _flush(self) -> None:
        while self._pgconn.flush():
            for _, ready in self._writable.poll():
                if ready & select.POLLIN:
                    self._pgconn.consume_input()


def status_update(received: int, flushed: int) -> bytes:
    """The frame of a Standby status update."""
    now = int((time.time() - POSTGRES_EPOCH_SECONDS) * 1_000_000)
    return _STATUS(b"r", max(received, flushed), flushed, flushed, now, 0)


def parse_keepalive(frame: bytes) -> tuple[int, bool]:
    """The end of WAL and whether a reply is asked for, of a keepalive frame ('k')."""
    if len(frame) != _KEEPALIVE_BYTES:
        raise ProtocolError(f"a keepalive of {len(frame)} bytes")
    wal_end, _, reply = _KEEPALIVE_BODY(frame, 1)
    return wal_end, bool(reply)
