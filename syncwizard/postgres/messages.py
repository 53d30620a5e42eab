"""Cuts what a walsender sends while it streams into replication frames, and reads what servers complain of; pure.

Source of the formats: PostgreSQL manual, "Message Formats" and "Streaming Replication Protocol".
"""

from struct import Struct

import psycopg

from syncwizard.errors import ProtocolError
from syncwizard.rows import compiled

XLOG_DATA = ord("w")
KEEPALIVE = ord("k")

_COPY_DATA = ord("d")
_ERROR = ord("E")
_COPY_BOTH = ord("W")
# CopyDone, CommandComplete, ReadyForQuery: the server has ended the stream.
_ENDS = frozenset(b"cCZ")
# NoticeResponse, ParameterStatus, NotificationResponse: may come at any moment and mean nothing to a stream.
_ASIDE = frozenset(b"NSA")
_HEAD_BYTES = 5
_LENGTH_BYTES = 4
_LENGTH = Struct(">i").unpack_from

# Messages beyond this are put together from what comes in, once: adding each read to the ones before would copy a
# row of 300 MB a thousand times.
_LARGE_BYTES = 1024 * 1024
# A server allocates no more for a value, or for a message.
LARGEST_BYTES = 1 << 30
# Of what comes beside the data: errors and notices, whose words may quote a value.
LARGEST_ASIDE_BYTES = 16 * 1024 * 1024
# Fields of an ErrorResponse, as libpq shows them.
_SHOWN = {"D": "DETAIL:  ", "H": "HINT:  ", "W": "CONTEXT:  "}


class CopyMessages:
    """Takes bytes as they come, gives the frames that are complete."""

    def __init__(self) -> None:
        self._begun = False
        self._data = b""
        self._at = 0
        # Of a large message: what has come of its payload, and how much is missing.
        self._parts: list[bytes] = []
        self._missing = 0

    def add(self, data: bytes) -> None:
        """The bytes that came next."""
        if self._missing:
            rest = data[: self._missing]
            self._parts.append(rest)
            self._missing -= len(rest)
            data = data[len(rest) :]
        self._data = self._data[self._at :] + data
        self._at = 0

    def take(self, limit_bytes: int) -> tuple[list[bytes], bytes | None]:
        """XLogData frames up to about so many bytes, and what ended them: a keepalive frame, b"" when nothing more is
        complete, None at the limit.

        Raises the psycopg error that the server sent, OperationalError at the end of the stream, and ProtocolError for
        what is no message of one.
        """
        try:
            return self._take(limit_bytes)
        except IndexError as error:
            # Looking at each length would cost a fifth of the loop.
            raise ProtocolError("a message of kind 'd' without a body, or with a length that cannot be") from error

    def _take(self, limit_bytes: int) -> tuple[list[bytes], bytes | None]:
        frames: list[bytes] = []
        if self._parts:
            if self._missing:
                return frames, b""
            whole, self._parts = b"".join(self._parts), []
            frames.append(whole)
            limit_bytes -= len(whole)
        # 0.2 µs a frame, where libpq and its wrapper cost 0.6 µs.
        data, at = self._data, self._at
        complete = len(data) - _HEAD_BYTES
        last = at + limit_bytes
        if compiled.loops is not None:
            taken, at, beyond = compiled.loops.take(data, at, last)
            frames += taken
            if beyond:
                self._at = at
                return frames, None
        append = frames.append
        while at <= complete:
            stop = at + 1 + _LENGTH(data, at + 1)[0]
            if data[at] != _COPY_DATA:
                check_length(data[at], stop - at - 1)
                self._other(data[at], data[at + _HEAD_BYTES : stop], whole=stop <= len(data))
                if stop > len(data):
                    break
            elif stop > len(data):
                check_length(_COPY_DATA, stop - at - 1)
                if stop - at > _LARGE_BYTES:
                    self._begin_large(data[at + _HEAD_BYTES :], stop - len(data))
                    return frames, b""
                break
            elif (frame := data[at + _HEAD_BYTES : stop])[0] == XLOG_DATA:
                append(frame)
                if stop > last:
                    self._at = stop
                    return frames, None
            elif frame[0] == KEEPALIVE:
                self._at = stop
                return frames, frame
            else:
                raise ProtocolError(f"a replication message of unknown kind {chr(frame[0])!r}")
            at = stop
        self._at = at
        return frames, b""

    @property
    def begun(self) -> bool:
        """Whether the server has answered that it streams. Raises what it answered instead."""
        if not self._begun:
            self._await_begin()
        return self._begun

    def _await_begin(self) -> None:
        data, at = self._data, self._at
        while not self._begun and at + _HEAD_BYTES <= len(data):
            length = _LENGTH(data, at + 1)[0]
            check_length(data[at], length)
            stop = at + 1 + length
            self._begun = data[at] == _COPY_BOTH and stop <= len(data)
            if data[at] != _COPY_BOTH:
                self._other(data[at], data[at + _HEAD_BYTES : stop], whole=stop <= len(data))
            if stop > len(data):
                break
            at = stop
        self._at = at

    def _begin_large(self, part: bytes, missing: int) -> None:
        self._parts = [part]
        self._missing = missing
        self._data = b""
        self._at = 0

    def _other(self, kind: int, body: bytes, *, whole: bool) -> None:
        """What comes beside CopyData; `whole` when all of it has come."""
        if not whole and len(body) > LARGEST_ASIDE_BYTES:
            raise ProtocolError(f"a message of kind {chr(kind)!r} with more than {LARGEST_ASIDE_BYTES} bytes")
        if kind == _ERROR:
            if whole:
                raise server_error(body)
        elif kind in _ENDS:
            raise psycopg.OperationalError("the source ended the replication stream")
        elif kind not in _ASIDE:
            raise ProtocolError(f"a message of unknown kind {chr(kind)!r}")


def check_length(kind: int, length: int) -> None:
    """The length that a message tells, its own four bytes included. Raises ProtocolError for one that cannot be.

    >>> check_length(ord("c"), 4)
    """
    if length < _LENGTH_BYTES or length > LARGEST_BYTES:
        raise ProtocolError(f"a message of kind {chr(kind)!r} with a length of {length}")


def server_error(body: bytes) -> psycopg.Error:
    """The error of an ErrorResponse, in libpq's words without the severity.

    >>> error = server_error(b"SERROR\\0C42704\\0Mno such thing\\0Hmake it\\0\\0")
    >>> error.sqlstate, str(error)
    ('42704', 'no such thing\\nHINT:  make it')
    """
    fields = {chr(field[0]): field[1:].decode(errors="replace") for field in body.split(b"\0") if field}
    lines = [fields.get("M", "the server gave no reason")]
    lines += [title + fields[code] for code, title in _SHOWN.items() if code in fields]
    state = fields.get("C", "")
    try:
        kind = psycopg.errors.lookup(state)
    except KeyError:
        kind = psycopg.DatabaseError
    error = kind("\n".join(lines))
    error.sqlstate = state or None
    return error
