"""The compiled loops beside the Python that they stand in for: the same frames, pieces, steps, rows and refusals."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from struct import pack
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncwizard.errors import ProtocolError, TaskFailed
from syncwizard.postgres.destination.binding import blocks
from syncwizard.postgres.messages import CopyMessages
from syncwizard.postgres.wire import binary_blocks
from syncwizard.rows import compiled
from syncwizard.rows.changes import NULL, Piece, Redefinition, Route, Row, Truncation
from syncwizard.rows.fold import Move, Net, Ordered, Step, fold
from syncwizard.rows.frame_rows import LARGEST_BYTES, FrameRows
from syncwizard.rows.pgoutput import Decoder
from syncwizard.rows.relation_message import RelationMessage
from tests.support import messages
from tests.support.messages import framed, value
from tests.unit.test_fold_model import History, histories
from tests.unit.test_malformed import TRANSACTION
from tests.unit.test_pgoutput import ITEMS, ROW, route

LOOPS = compiled.loops
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(LOOPS is None, reason="the package was built without a compiler"),
]
MANY = settings(max_examples=300)


@contextmanager
def row_path(loops: Any) -> Iterator[None]:
    compiled.loops, before = loops, compiled.loops
    try:
        yield
    finally:
        compiled.loops = before


def both(act: Callable[[], Any]) -> tuple[Any, Any]:
    """What comes of the same act by Python and by compiled loops: a result, or the words of an error."""
    found = []
    for loops in (None, LOOPS):
        with row_path(loops):
            try:
                found.append(act())
            except (ProtocolError, TaskFailed, psycopg.Error) as error:
                found.append((type(error), str(error)))
    return found[0], found[1]


# Messages to frames ------------------------------------------------------------------------------------------------


def message(kind: bytes, body: bytes) -> bytes:
    return kind + pack(">i", len(body) + 4) + body


MESSAGES = st.one_of(
    st.binary(max_size=40).map(lambda body: message(b"d", b"w" + body)),
    st.binary(max_size=40).map(lambda body: message(b"d", b"w" + body)),
    st.binary(max_size=20).map(lambda body: message(b"d", b"k" + body)),
    st.sampled_from([message(b"N", b"SNOTICE\0\0"), message(b"c", b""), message(b"E", b"C42704\0Mno\0\0")]),
    st.binary(max_size=8),
    st.integers(-2, 6).map(lambda length: b"d" + pack(">i", length)),
)


@MANY
@given(stream=st.lists(MESSAGES, max_size=12).map(b"".join), size=st.integers(1, 64), limit=st.integers(-1, 90))
def test_messages_become_the_same_frames(stream: bytes, size: int, limit: int) -> None:
    def take() -> Any:
        taking = CopyMessages()
        found: list[Any] = []
        for at in range(0, len(stream), size):
            taking.add(stream[at : at + size])
            while True:
                frames, end = taking.take(limit)
                found.append((frames, end))
                if not frames and end is None:
                    break
                if end == b"":
                    break
        return found

    python, loops = both(take)
    assert loops == python


# Frames to pieces, pieces to steps ---------------------------------------------------------------------------------


def piece_as_data(piece: Piece) -> Any:
    changes = [
        ("truncate", [each.source for each in change.routes], change.cascade, change.restart_identity)
        if isinstance(change, Truncation)
        else (change[0], change[1].source, change[2])
        for change in piece.changes
        if not isinstance(change, Redefinition)
    ]
    rest = (piece.first, piece.weight, piece.final_lsn, piece.commit_time, piece.ends, piece.end_lsn)
    return changes, rest, piece.beats, piece.truncations


def packed(rows: Sequence[Row], positions: tuple[int, ...]) -> bytes:
    return b"".join(bytes(block) for block in blocks(rows, positions)) if rows else b""


def step_as_data(step: Step) -> Any:
    assert not isinstance(step, Redefinition)
    if isinstance(step, Truncation):
        return [each.source for each in step.routes]
    if isinstance(step, Move):
        return step.route.source, step.old, step.new
    return [part_as_data(part) for part in step]


def part_as_data(part: Net | Ordered) -> Any:
    """Rows, and what COPY would get of them."""
    route = part.route
    if isinstance(part, Ordered):
        changes = [(kind, old, new) for kind, _, old, new in part.changes]
        return route.source, changes, list(part.inserts), packed(part.inserts, route.written)
    updates = {known: (list(rows), packed(rows, known)) for known, rows in part.updates.items()}
    inserts, upserts = ((list(rows), packed(rows, route.written)) for rows in (part.inserts, part.upserts))
    deletes = list(map(route.key_of, part.deletes)), packed(part.deletes, route.key)
    return route.source, deletes, updates, inserts, upserts


def folded(pieces: list[Piece]) -> Any:
    return [step_as_data(step) for step in fold([change for piece in pieces for change in piece.changes])]


@MANY
@given(drawn=histories(), piece_bytes=st.sampled_from([1, 1500, 1 << 20]), burst=st.sampled_from([1, 3, 7, 100]))
def test_a_stream_becomes_the_same_pieces_and_steps(
    drawn: tuple[History, list[int]], piece_bytes: int, burst: int
) -> None:
    made, pairs = drawn

    def decode() -> Any:
        pieces = made.pieces(pairs, piece_bytes, burst)
        return list(map(piece_as_data, pieces)), folded(pieces), [folded([piece]) for piece in pieces]

    python, loops = both(decode)
    assert loops == python


def decode(stream: list[bytes], resolve: Callable[[RelationMessage, int], Route], piece_bytes: int) -> Any:
    pieces = Decoder(resolve, piece_bytes).feed(stream)
    return list(map(piece_as_data, pieces)), folded(pieces)


@settings(max_examples=1000)
@given(st.data())
def test_whatever_comes_is_refused_in_the_same_words(data: st.DataObject) -> None:
    more = [messages.insert(ITEMS.oid, ROW), messages.update(ITEMS.oid, ROW), messages.delete(ITEMS.oid, ROW)] * 2
    sent = [*TRANSACTION[:2], *more, *TRANSACTION[2:], messages.begin(30), *more, messages.commit(30, 40)]
    stream = [framed(each) for each in sent]
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(0, len(stream) - 1))
        frame = stream[at]
        begin = data.draw(st.integers(0, len(frame)))
        stream[at] = frame[:begin] + data.draw(st.binary(max_size=6)) + frame[begin + data.draw(st.integers(0, 6)) :]
    piece_bytes = data.draw(st.sampled_from([1, 600, 1 << 20]))
    python, loops = both(lambda: decode(stream, lambda body, at: route(body), piece_bytes))
    assert loops == python


@pytest.mark.parametrize("at", range(len(TRANSACTION)))
def test_a_message_that_ends_early_is_refused_in_the_same_words(at: int) -> None:
    for length in range(len(TRANSACTION[at])):
        stream = [framed(each) for each in TRANSACTION]
        stream[at] = framed(TRANSACTION[at][:length])
        python, loops = both(lambda stream=stream: decode(stream, lambda body, at: route(body), 1 << 20))  # type: ignore[misc]
        assert loops == python


# Rows of COPY ------------------------------------------------------------------------------------------------------

VALUES = st.one_of(st.just(NULL), st.binary(max_size=9).map(value))


@MANY
@given(
    rows=st.lists(st.tuples(VALUES, VALUES, VALUES), min_size=1, max_size=40),
    positions=st.permutations(range(3)).flatmap(lambda order: st.integers(0, 3).map(lambda count: order[:count])),
    text=st.sets(st.integers(0, 2)),
)
def test_rows_are_packed_as_they_are_one_by_one(rows: list[Row], positions: list[int], text: set[int]) -> None:
    into = route(ITEMS)
    into.text = frozenset(text)
    into.__post_init__()
    frames = [framed(messages.insert(ITEMS.oid, row, text)) for row in rows]
    found = packed(FrameRows(into, frames), tuple(positions))
    picked = [tuple([row[at] for at in positions]) for row in rows]
    assert found == b"".join(bytes(block) for block in binary_blocks(picked, len(positions)))  # type: ignore[arg-type]


def test_what_stays_in_frames_is_packed_in_blocks() -> None:
    row = (value(b"\0\0\0\7"), value(b"x" * 10_000), NULL)
    frames = [framed(messages.insert(ITEMS.oid, row))] * 100
    found = list(FrameRows(route(ITEMS), frames).packed((0, 1, 2)))
    assert len(found) > 1
    assert max(map(len, found)) < LARGEST_BYTES
    assert b"".join(found) == (b"\0\3" + b"".join(row)) * 100


def test_large_rows_stay_views_of_their_frames() -> None:
    row = (value(b"\0\0\0\7"), value(b"x" * (LARGEST_BYTES + 1)), NULL)
    stream = [*TRANSACTION[:2], messages.insert(ITEMS.oid, row), messages.commit(10, 20)]
    [piece] = Decoder(lambda body, at: route(body), 1 << 30).feed([framed(each) for each in stream])
    [step] = fold(piece.changes)
    assert isinstance(step, list)
    [part] = step
    assert isinstance(part, Net)
    [found] = part.inserts
    assert isinstance(found[1], memoryview)
