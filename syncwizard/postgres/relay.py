"""Passes COPY data from the source's socket to the destination's as it is: its messages are the same both ways.

Over connections without encryption only. Rows are neither taken apart nor put together, so a row of any size costs a
few blocks of memory, and 2 million narrow rows 0.3 s of this process where libpq and its wrapper cost 2 s.

Source of the formats: PostgreSQL manual, "Message Formats" and "COPY Operations".
"""

import os
import select
from collections import deque
from collections.abc import Callable
from struct import Struct

import psycopg

from syncwizard.errors import ProtocolError
from syncwizard.postgres.messages import LARGEST_ASIDE_BYTES, server_error
from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.wire import Wire
from syncwizard.throttling import Pace

READ_BYTES = 256 * 1024
# Read and not yet written: enough that neither server waits for the other's round; more would only be memory.
READ_AHEAD_BYTES = 2 * 1024 * 1024

_COPY_DATA = ord("d")
_COPY_OUT = ord("H")
_ERROR = ord("E")
_READY = ord("Z")
# Those, and CopyDone, CommandComplete, NoticeResponse, ParameterStatus, NotificationResponse.
_KNOWN = frozenset(b"HEZcCNSA")
_HEAD_BYTES = 5
_HEAD = Struct(">ci").pack
_LENGTH = Struct(">i").unpack_from


class CopyOut:
    """What a server answers to COPY … TO STDOUT, however it arrives; pure.

    `begun`: it has begun to send rows; `finished`: it is ready for the next command; `error`: what it sent instead, or
    in the middle. `messages` and `bytes` count what was passed, in payload.
    """

    def __init__(self) -> None:
        self.begun = False
        self.finished = False
        self.error: psycopg.Error | None = None
        self.messages = 0
        self.bytes = 0
        self._missing = 0
        self._rest = b""

    def take(self, data: bytes) -> list[memoryview]:
        """The parts of the bytes that are CopyData messages, or parts of them; in order."""
        passed: list[memoryview] = []
        begin = min(self._missing, len(data))
        if begin:
            self._missing -= begin
            passed.append(memoryview(data)[:begin])
            self.bytes += begin
        elif self._rest:
            data, self._rest = self._rest + data, b""
        at = start = begin
        end = len(data)
        view = memoryview(data)
        messages = 0
        while end - at >= _HEAD_BYTES:
            stop = at + 1 + _LENGTH(data, at + 1)[0]
            if stop < at + _HEAD_BYTES:
                raise ProtocolError(f"a message of kind {chr(data[at])!r} with a length of {stop - at - 1}")
            if data[at] == _COPY_DATA:
                # 0.12 µs a row.
                messages += 1
                at = stop
                continue
            if at > start:
                passed.append(view[start:at])
            start = at
            if data[at] not in _KNOWN:
                raise ProtocolError(f"a message of unknown kind {chr(data[at])!r}")
            if stop > end:
                if end - at > LARGEST_ASIDE_BYTES:
                    raise ProtocolError(f"a message of kind {chr(data[at])!r} with more than {end - at} bytes")
                break
            self._other(data[at], data[at + _HEAD_BYTES : stop])
            at = start = stop
        if at > end:
            self._missing = at - end
            at = end
        if at > start:
            passed.append(view[start:at])
        self._rest = data[at:]
        self.messages += messages
        self.bytes += sum(map(len, passed)) - begin - _HEAD_BYTES * messages
        return passed

    def _other(self, kind: int, body: bytes) -> None:
        if kind == _COPY_OUT:
            self.begun = True
        elif kind == _ERROR:
            self.error = self.error or server_error(body)
        elif kind == _READY:
            self.finished = True


class Relay:
    """One COPY from a session of the source to one of the destination; both are ready for it, and plain."""

    def __init__(self, source: Connection, destination: Connection, pace: Pace | None = None) -> None:
        self._source = source
        self._reading = source.pgconn.socket
        self._writer = Wire(destination)
        self._writing = destination.pgconn.socket
        self._out = CopyOut()
        self._waiting: deque[memoryview] = deque()
        self._waiting_bytes = 0
        self._pace = pace
        self._read_bytes = READ_BYTES
        self._readable = select.poll()
        self._readable.register(self._reading, select.POLLIN)
        self._writable = select.poll()
        self._writable.register(self._writing, select.POLLIN | select.POLLOUT)
        self._either = select.poll()
        self._either.register(self._reading, select.POLLIN)
        self._either.register(self._writing, select.POLLIN | select.POLLOUT)

    def run(self, copy_out: bytes, copy_in: bytes, report: Callable[[int, int], None]) -> tuple[int, int]:
        """Rows that went in, and bytes passed; `report` gets messages and bytes after each block.

        Raises psycopg errors of either end; the source's session then shows that it was the source.
        """
        # The source first: where the table is gone there, the destination's transaction is still in order.
        self._send(_HEAD(b"Q", len(copy_out) + _HEAD_BYTES) + copy_out + b"\0")
        while not self._out.begun:
            self._read()
            if not self._out.begun:
                self._readable.poll()
        self._writer.begin_copy_in(copy_in)
        if self._pace is not None:
            self._pace.begin()
        while not self._out.finished or self._waiting:
            self._pass_on()
            report(self._out.messages, self._out.bytes)
            if self._pace is not None:
                self._read_bytes = self._pace.step(self._out.messages, self._out.bytes, READ_BYTES)
        return self._writer.end_copy(), self._out.bytes

    def _pass_on(self) -> None:
        """Reads and writes what goes without waiting; waits when nothing goes."""
        room = not self._out.finished and self._waiting_bytes < READ_AHEAD_BYTES
        moved = room and self._read()
        if self._waiting:
            moved = self._write() or moved
        if moved:
            return
        of_interest = self._writable if not room else self._either if self._waiting else self._readable
        ready = of_interest.poll()
        if any(number == self._writing and events & select.POLLIN for number, events in ready):
            # Notices, which would fill the way back; an error is reported at the end.
            self._writer.pgconn.consume_input()

    def _read(self) -> bool:
        """Takes what has arrived; False when nothing has. Raises what the source says."""
        try:
            data = os.read(self._reading, self._read_bytes)
        except BlockingIOError:
            return False
        except OSError as error:
            raise self._lost(str(error)) from error
        if not data:
            raise self._lost("the server closed it unexpectedly")
        for part in self._out.take(data):
            self._waiting.append(part)
            self._waiting_bytes += len(part)
        if self._out.error is not None and self._out.finished:
            # libpq has to hear from the server that the transaction has failed.
            self._source.pgconn.exec_(b"")
            raise self._out.error
        return True

    def _write(self) -> bool:
        try:
            written = os.write(self._writing, self._waiting[0])
        except BlockingIOError:
            return False
        except OSError as error:
            # libpq knows the server's last words, if there were any.
            self._writer.end_copy()
            raise psycopg.OperationalError(f"the session of the copy was lost: {error}") from error
        self._waiting_bytes -= written
        if written < len(self._waiting[0]):
            self._waiting[0] = self._waiting[0][written:]
        else:
            self._waiting.popleft()
        return True

    def _send(self, data: bytes) -> None:
        """A command to the source, which is waiting for one."""
        try:
            while data:
                data = data[os.write(self._reading, data) :]
        except OSError as error:
            raise self._lost(str(error)) from error

    def _lost(self, reason: str) -> psycopg.Error:
        """The end of the source's session, in the server's words if there were any."""
        self._source.close()
        return self._out.error or psycopg.OperationalError(f"the session of the copy was lost: {reason}")
