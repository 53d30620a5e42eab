"""What a server answers to COPY … TO STDOUT, passed on message by message however it arrives."""

from struct import pack

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncwizard.errors import ProtocolError
from syncwizard.postgres.relay import CopyOut


def message(kind: bytes, body: bytes) -> bytes:
    return kind + pack(">i", len(body) + 4) + body


BEGIN = message(b"H", b"\1\0\0")
END = message(b"c", b"") + message(b"C", b"COPY 2\0") + message(b"Z", b"T")
ERROR = message(b"E", b"SERROR\0C42P01\0Mno such table\0\0")
rows = st.binary(max_size=40).map(lambda body: message(b"d", body))
asides = st.sampled_from([b"N", b"S"]).flatmap(lambda kind: st.binary(max_size=9).map(lambda body: message(kind, body)))


def split(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted(cuts)
    return [data[begin:end] for begin, end in zip([0, *places], [*places, len(data)], strict=True)]


@given(st.lists(st.one_of(rows, asides), max_size=12), st.data())
def test_rows_are_passed_as_they_are_however_they_are_split(sent: list[bytes], data: st.DataObject) -> None:
    stream = BEGIN + b"".join(sent) + END
    out = CopyOut()
    passed = b""
    for part in split(stream, data.draw(st.lists(st.integers(0, len(stream)), max_size=10))):
        passed += b"".join(out.take(part))
    copied = [one for one in sent if one[:1] == b"d"]
    assert passed == b"".join(copied)
    assert out.begun and out.finished and out.error is None
    assert (out.messages, out.bytes) == (len(copied), sum(len(one) - 5 for one in copied))


@pytest.mark.parametrize("before", [b"", BEGIN + message(b"d", b"row")])
def test_an_error_is_known_before_the_server_is_ready_again(before: bytes) -> None:
    out = CopyOut()
    out.take(before + ERROR)
    assert isinstance(out.error, psycopg.errors.UndefinedTable) and not out.finished
    out.take(message(b"Z", b"E"))
    assert out.finished


def test_a_large_row_is_not_held_back() -> None:
    out = CopyOut()
    row = message(b"d", bytes(10_000_000))
    passed = [bytes(part) for block in split(BEGIN + row + END, [20, 5_000_000]) for part in out.take(block)]
    assert b"".join(passed) == row
    assert len(passed[0]) < 20
    assert out.messages == 1


def test_bytes_that_are_no_message_are_refused() -> None:
    with pytest.raises(ProtocolError, match="unknown kind"):
        CopyOut().take(b"no message at all")


@pytest.mark.parametrize("kind", [b"d", b"N", b"E"])
@pytest.mark.parametrize("length", [-(1 << 31), -1, 0, 3])
def test_a_length_that_cannot_be_ends_the_session(kind: bytes, length: int) -> None:
    out = CopyOut()
    with pytest.raises(ProtocolError, match="length of"):
        out.take(BEGIN + message(b"d", b"row") + kind + pack(">i", length) + b"abc")


@given(st.lists(st.one_of(rows, asides, st.binary(max_size=20)), max_size=8), st.integers(1, 100))
def test_whatever_comes_ends(sent: list[bytes], size: int) -> None:
    out = CopyOut()
    stream = b"".join(sent)
    try:
        for begin in range(0, len(stream), size):
            out.take(stream[begin : begin + size])
    except ProtocolError:
        pass
