"""What a walsender sends, cut into frames however it arrives."""

from collections.abc import Iterator
from struct import pack

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncwizard.errors import ProtocolError
from syncwizard.postgres.messages import LARGEST_ASIDE_BYTES, CopyMessages, server_error

BOTH = b"W" + pack(">ibh", 7, 0, 0)
LARGE = 3 * 1024 * 1024


def message(kind: bytes, body: bytes) -> bytes:
    return kind + pack(">i", len(body) + 4) + body


def begun() -> CopyMessages:
    messages = CopyMessages()
    messages.add(BOTH)
    assert messages.begun
    return messages


def taken(messages: CopyMessages, limit: int = 1 << 30) -> Iterator[bytes]:
    """All frames that are complete, keepalives in their place."""
    while True:
        frames, end = messages.take(limit)
        yield from frames
        if end:
            yield end
        elif end == b"":
            return


frames = st.one_of(
    st.binary(max_size=60).map(lambda body: b"w" + body),
    st.binary(max_size=3).map(lambda body: b"k" + body),
    st.integers(LARGE - 8, LARGE).map(lambda size: b"w" + bytes(size)),
)
asides = st.sampled_from([b"N", b"S", b"A"]).flatmap(lambda kind: st.binary(max_size=9).map(lambda b: message(kind, b)))


@given(st.lists(st.one_of(frames, asides), max_size=12), st.data())
def test_frames_are_the_same_however_they_are_split(sent: list[bytes], data: st.DataObject) -> None:
    stream = BOTH + b"".join(one if one[:1] in b"NSA" else message(b"d", one) for one in sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    messages = CopyMessages()
    found: list[bytes] = []
    for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        messages.add(stream[begin:end])
        if messages.begun:
            found += taken(messages, data.draw(st.sampled_from([1, 50, 1 << 30])))
    assert found == [one for one in sent if one[:1] in b"wk"]


def test_the_limit_ends_a_burst_and_nothing_is_passed_over() -> None:
    messages = begun()
    messages.add(b"".join(message(b"d", b"w%d" % number) for number in range(5)))
    assert messages.take(1) == ([b"w0"], None)
    assert messages.take(20) == ([b"w1", b"w2", b"w3"], None)
    assert messages.take(20) == ([b"w4"], b"")


def test_a_keepalive_ends_a_burst_in_its_place() -> None:
    messages = begun()
    messages.add(message(b"d", b"w1") + message(b"d", b"k2") + message(b"d", b"w3"))
    assert messages.take(99) == ([b"w1"], b"k2")
    assert messages.take(99) == ([b"w3"], b"")


def test_the_servers_error_is_raised_once_it_is_complete() -> None:
    error = message(b"E", b"SFATAL\0VFATAL\0C57P01\0Mterminating connection\0Dwhy\0\0")
    messages = begun()
    messages.add(message(b"d", b"w1") + error[:-5])
    assert messages.take(99) == ([b"w1"], b"")
    messages.add(error[-5:])
    with pytest.raises(psycopg.errors.AdminShutdown, match=r"terminating connection\nDETAIL:  why") as raised:
        messages.take(99)
    assert raised.value.sqlstate == "57P01"


def test_an_answer_that_is_an_error_is_raised_instead_of_beginning() -> None:
    messages = CopyMessages()
    messages.add(message(b"N", b"SNOTICE\0\0") + message(b"E", b"SERROR\0C55006\0Mslot is active\0\0"))
    with pytest.raises(psycopg.errors.ObjectInUse, match="slot is active"):
        _ = messages.begun


@pytest.mark.parametrize("kind", [b"c", b"C", b"Z"])
def test_the_end_of_the_stream_is_no_silence(kind: bytes) -> None:
    messages = begun()
    messages.add(message(b"d", b"w1") + message(kind, b""))
    with pytest.raises(psycopg.OperationalError, match="ended the replication stream"):
        list(taken(messages))


def test_bytes_that_are_no_message_are_refused() -> None:
    messages = begun()
    messages.add(b"xyzzy and more")
    with pytest.raises(ProtocolError):
        messages.take(99)


@pytest.mark.parametrize("length", [-(1 << 31), -1, 0, 3, 4, (1 << 31) - 1])
@pytest.mark.parametrize("kind", [b"d", b"N", b"E"])
def test_a_length_that_cannot_be_ends_the_session(kind: bytes, length: int) -> None:
    if (kind, length) in [(b"N", 4), (b"E", 4)]:
        return
    messages = begun()
    messages.add(message(b"d", b"w1") + kind + pack(">i", length) + b"abc")
    with pytest.raises(ProtocolError):
        list(taken(messages))


def test_what_comes_beside_the_data_is_not_collected_for_ever() -> None:
    messages = begun()
    messages.add(b"N" + pack(">i", 900_000_000))
    with pytest.raises(ProtocolError, match="more than"):
        for _ in range(LARGEST_ASIDE_BYTES // LARGE + 2):
            messages.add(bytes(LARGE))
            messages.take(99)


@given(st.lists(st.binary(max_size=40), max_size=8), st.binary(max_size=40), st.data())
def test_whatever_comes_ends_in_frames_or_in_one_of_two_errors(
    sent: list[bytes], rest: bytes, data: st.DataObject
) -> None:
    stream = b"".join(message(b"d", b"w" + one) if data.draw(st.booleans()) else one for one in sent) + rest
    if stream and data.draw(st.booleans()):
        at = data.draw(st.integers(0, len(stream) - 1))
        stream = stream[:at] + data.draw(st.binary(min_size=1, max_size=4)) + stream[at + 1 :]
    messages = begun()
    try:
        size = data.draw(st.integers(1, 200))
        for begin in range(0, len(stream), size):
            messages.add(stream[begin : begin + size])
            for frame in taken(messages):
                assert frame[:1] in (b"w", b"k")
    except (ProtocolError, psycopg.Error):
        pass


def test_a_state_that_the_driver_does_not_know_is_kept() -> None:
    error = server_error(b"SERROR\0CXY123\0Mstrange\0\0")
    assert isinstance(error, psycopg.DatabaseError)
    assert (error.sqlstate, str(error)) == ("XY123", "strange")
