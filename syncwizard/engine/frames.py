"""Frames on a pipe: four bytes of length (big-endian), one byte that says what it is, then msgpack."""

import os
import struct

import msgspec

_HEADER = struct.Struct(">IB")

# What a frame is. A failure ends the conversation; kept apart from the payload, so that the structs of either
# side are free in their tags.
MESSAGE = 0
FAILURE = 1

_encoder = msgspec.msgpack.Encoder()


def write_frame(descriptor: int, frame: msgspec.Struct, kind: int = MESSAGE) -> None:
    """Writes one frame whole; raises BrokenPipeError when the other end is closed."""
    payload = _encoder.encode(frame)
    rest = memoryview(_HEADER.pack(len(payload), kind) + payload)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def read_frame(descriptor: int) -> tuple[int, bytes]:
    """The next frame's kind and payload; raises EOFError at the end of the pipe, also in the middle of a frame.

    Reads exactly one frame and nothing beyond it, so that select on the descriptor tells the truth.
    """
    length, kind = _HEADER.unpack(_read_exactly(descriptor, _HEADER.size))
    return kind, _read_exactly(descriptor, length)


def _read_exactly(descriptor: int, size: int) -> bytes:
    parts: list[bytes] = []
    while size:
        part = os.read(descriptor, min(size, 1 << 20))
        if not part:
            raise EOFError("the pipe was closed")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
