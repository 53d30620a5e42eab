"""The replication stream: START_REPLICATION on a walsender session, frames in, status updates out.

Source of the frames: PostgreSQL manual, "Streaming Replication Protocol".
"""

import select
import time
from struct import Struct
from typing import NoReturn

import psycopg
from psycopg import pq, sql
from psycopg.errors import error_from_result

from syncwizard.postgres.connection import Connection
from syncwizard.rows.pgoutput import POSTGRES_EPOCH_SECONDS
from syncwizard.task.lsn import format_lsn

_XLOG_DATA = ord("w")
_KEEPALIVE = ord("k")
_KEEPALIVE_BODY = Struct(">QqB").unpack_from
_STATUS = Struct(">cQQQqB").pack


class ReplicationStream:
    """One walsender session that streams a slot. Used by one thread."""

    def __init__(self, connection: Connection) -> None:
        self._pgconn = connection.pgconn
        self._readable = select.poll()
        self._readable.register(self._pgconn.socket, select.POLLIN)
        self._writable = select.poll()
        self._writable.register(self._pgconn.socket, select.POLLIN | select.POLLOUT)

    def start(self, slot: str, lsn: int, publication: str, *, binary: bool) -> None:
        """Begins streaming after `lsn`. Protocol version 1: transactions come whole, at their commit (rule 7)."""
        command = sql.SQL(
            "START_REPLICATION SLOT {} LOGICAL {} (proto_version '1', publication_names {}, binary {})"
        ).format(
            sql.Identifier(slot),
            sql.SQL(format_lsn(lsn)),  # type: ignore[arg-type, unused-ignore]
            # A list of identifiers inside a literal: the name is ours, lower case without specials.
            sql.Literal(publication),
            sql.Literal("true" if binary else "false"),
        )
        self._pgconn.send_query(command.as_bytes(None))
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
        """XLogData frames that have arrived, up to about so much, and what ended them: a keepalive frame, b"" when
        there is nothing more yet, None at the limit. Raises psycopg errors at the end of the stream.
        """
        get = self._pgconn.get_copy_data
        frames: list[bytes] = []
        while limit_bytes > 0:
            size, frame = get(1)
            if size <= 0:
                if size < 0:
                    self._ended()
                return frames, b""
            if frame[0] == _XLOG_DATA:
                # psycopg's C implementation gives bytes, which bytes() returns as they are.
                frames.append(bytes(frame))
                limit_bytes -= size
            elif frame[0] == _KEEPALIVE:
                return frames, bytes(frame)
        return frames, None

    def _ended(self) -> NoReturn:
        result = self._pgconn.get_result()
        if result is not None and result.status == pq.ExecStatus.FATAL_ERROR:
            raise error_from_result(result, encoding="utf-8")
        raise psycopg.OperationalError("the source ended the replication stream")

    def wait(self, seconds: float) -> None:
        """Waits until something arrives, and takes it in."""
        self._readable.poll(seconds * 1000)
        self._pgconn.consume_input()

    def send_status(self, received: int, flushed: int) -> None:
        """A Standby status update: what was received, and what is durable at the destination."""
        now = int((time.time() - POSTGRES_EPOCH_SECONDS) * 1_000_000)
        self._pgconn.put_copy_data(_STATUS(b"r", max(received, flushed), flushed, flushed, now, 0))
        self._flush()

    def _flush(self) -> None:
        while self._pgconn.flush():
            for _, ready in self._writable.poll():
                if ready & select.POLLIN:
                    self._pgconn.consume_input()


def parse_keepalive(frame: bytes) -> tuple[int, bool]:
    """The end of WAL and whether a reply is asked for, of a keepalive frame ('k')."""
    wal_end, _, reply = _KEEPALIVE_BODY(frame, 1)
    return wal_end, bool(reply)
