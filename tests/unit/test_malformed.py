"""Whatever a walsender sends, decoding ends: in changes, or in a protocol error that names what was wrong."""

from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncwizard.errors import ProtocolError, TaskFailed
from syncwizard.postgres.source.stream import parse_keepalive
from syncwizard.rows.changes import NULL, Beat
from syncwizard.rows.fold import fold
from syncwizard.rows.heartbeat import Heartbeats
from syncwizard.rows.pgoutput import Decoder
from syncwizard.rows.tuples import decoded
from tests.support import messages
from tests.support.messages import framed, value
from tests.unit.test_pgoutput import ITEMS, ROW, route

RELATION = messages.relation(ITEMS)
TRANSACTION = [
    messages.begin(10),
    RELATION,
    messages.insert(ITEMS.oid, ROW),
    messages.update(ITEMS.oid, (value(b"\0\0\0\7"), None, NULL), ROW),
    messages.update(ITEMS.oid, ROW),
    messages.delete(ITEMS.oid, ROW, full=True),
    messages.truncate([ITEMS.oid]),
    messages.commit(10, 20),
]


def read(stream: list[bytes], *, heartbeat: bool = False, piece_bytes: int = 1 << 20) -> None:
    """Everything that is done to frames before a statement is made of them."""
    heartbeats = Heartbeats("slot", Beat(1, 1), AssertionError)
    decoder = Decoder(
        lambda message, transaction: route(message, heartbeat=heartbeat), piece_bytes, heartbeats=heartbeats
    )
    for piece in decoder.feed(stream):
        fold(piece.changes)
        # Also what folding leaves out.
        for change in piece.changes:
            if isinstance(change, tuple):
                decoded(change)


def test_the_transaction_is_in_order() -> None:
    read([framed(message) for message in TRANSACTION])


@pytest.mark.parametrize("at", range(len(TRANSACTION)))
def test_a_message_that_ends_early_is_a_protocol_error(at: int) -> None:
    for length in range(len(TRANSACTION[at])):
        stream = [framed(message) for message in TRANSACTION]
        stream[at] = framed(TRANSACTION[at][:length])
        with pytest.raises(ProtocolError):
            read(stream)


@pytest.mark.parametrize(
    "missing", [0, 1, 7], ids=["a transaction without its beginning", "a relation not described", "one in another"]
)
def test_a_message_out_of_its_order_is_a_protocol_error(missing: int) -> None:
    stream = [message for at, message in enumerate(TRANSACTION) if at != missing]
    with pytest.raises(ProtocolError):
        read([framed(message) for message in [*stream, *stream]])


def test_the_commit_of_another_transaction_is_a_protocol_error() -> None:
    with pytest.raises(ProtocolError, match="did not begin"):
        read([framed(message) for message in [*TRANSACTION[:-1], messages.commit(11, 20)]])


@pytest.mark.parametrize("length", [-2, -(1 << 31), 9, (1 << 31) - 1])
@pytest.mark.parametrize("column", range(3))
def test_a_value_of_a_length_that_cannot_be_is_a_protocol_error(length: int, column: int) -> None:
    row = [value(b"\0\0\0\7"), value(b"hi"), value(b"there")]
    row[column] = pack(">i", length) + row[column][4:]
    for message in (messages.insert(ITEMS.oid, tuple(row)), messages.delete(ITEMS.oid, tuple(row), full=True)):
        with pytest.raises(ProtocolError):
            read([framed(one) for one in (messages.begin(10), RELATION, message, messages.commit(10, 20))])


@given(st.data())
def test_whatever_comes_ends_in_changes_or_in_a_named_error(data: st.DataObject) -> None:
    stream = [framed(message) for message in TRANSACTION]
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(stream) - 1))
        frame = stream[at]
        begin = data.draw(st.integers(0, len(frame)))
        stream[at] = frame[:begin] + data.draw(st.binary(max_size=6)) + frame[begin + data.draw(st.integers(0, 6)) :]
    try:
        read(stream, heartbeat=data.draw(st.booleans()), piece_bytes=data.draw(st.sampled_from([1, 1 << 20])))
    except (ProtocolError, TaskFailed):
        pass


@pytest.mark.parametrize("length", [0, 1, 17, 19])
def test_a_keepalive_of_another_length_is_a_protocol_error(length: int) -> None:
    with pytest.raises(ProtocolError):
        parse_keepalive((b"k" + bytes(18))[:length])
