"""What the applier is given next, prepared ahead or not: the same batches in the same order."""

import pytest

from syncwizard.errors import TaskFailed
from syncwizard.rows.batches import Batch, singly, transactions
from syncwizard.rows.changes import UPDATE, Beat, Change, Piece, Route, RouteColumn
from syncwizard.rows.inbox import Idle, Inbox
from syncwizard.stages.incremental.batches import AHEAD_BYTES, BATCH_BYTES, Batches
from syncwizard.task.names import TableName
from tests.support import messages
from tests.support.messages import framed, value

NAME = TableName("public", "t")
ROUTE = Route(source=NAME, target=NAME, columns=(RouteColumn(source="id", name="id", type_name="integer"),), key=(0,))


def piece(number: int, weight: int = AHEAD_BYTES) -> Piece:
    """One transaction with an update of one row."""
    frame = framed(messages.update(1, (value(b"%04d" % number),)))
    return Piece(
        first=True,
        changes=[(UPDATE, ROUTE, frame)],
        weight=weight,
        final_lsn=number,
        commit_time=0.0,
        ends=[(1, number, number, 0)],
        end_lsn=number,
    )


def numbers(batch: object) -> list[int]:
    assert isinstance(batch, Batch)
    return [each.final_lsn for each in batch.pieces]


def batches_of(*items: Piece | Idle) -> tuple[Inbox, Batches]:
    inbox = Inbox()
    inbox.put(items)
    return inbox, Batches(inbox, lambda commit_time: 0.0)


def test_a_batch_that_is_prepared_is_the_next_one_and_folded() -> None:
    half = BATCH_BYTES // 2 + 1
    idle = Idle(9)
    inbox, batches = batches_of(piece(1, half), piece(2, half), piece(3, half), idle)
    seen = []
    for _ in range(3):
        batch = batches.next(None, one_by_one=False)
        assert isinstance(batch, Batch)
        batches.prepare(batch, one_by_one=False)
        seen += numbers(batch)
        assert len(batch.steps) == 1
    assert seen == [1, 2, 3]
    assert batches.next(None, one_by_one=False) is idle
    inbox.close()
    assert batches.next(None, one_by_one=False) is None


def test_one_by_one_nothing_is_folded_nor_prepared() -> None:
    _, batches = batches_of(piece(1), piece(2))
    batch = batches.next(None, one_by_one=True)
    assert isinstance(batch, Batch)
    batches.prepare(batch, one_by_one=True)
    following = batches.next(None, one_by_one=True)
    assert isinstance(following, Batch)
    assert [(numbers(each), each.steps) for each in (batch, following)] == [([1], []), ([2], [])]


def test_rows_that_fill_a_batch_alone_are_not_taken_ahead() -> None:
    inbox, batches = batches_of(piece(1), piece(2, BATCH_BYTES + 1))
    batch = batches.next(None, one_by_one=False)
    assert isinstance(batch, Batch)
    batches.prepare(batch, one_by_one=False)
    assert inbox.holds(1, BATCH_BYTES * 2)


def test_what_cannot_be_folded_is_reported_in_its_turn() -> None:
    deleted = framed(messages.delete(1, (value(b"0001"),)))
    bad = piece(2)
    bad.changes = [(ord("D"), ROUTE, deleted), (UPDATE, ROUTE, framed(messages.update(1, (value(b"0001"),))))]
    half = BATCH_BYTES // 2 + 1
    first = piece(1, half)
    bad.weight = half
    inbox, batches = batches_of(first, bad)
    batch = batches.next(None, one_by_one=False)
    assert isinstance(batch, Batch)
    assert numbers(batch) == [1]
    batches.prepare(batch, one_by_one=False)
    with pytest.raises(TaskFailed, match="that it deleted before"):
        batches.next(None, one_by_one=False)
    inbox.close()
    batches.close()


def test_nothing_within_the_time_is_a_batch_of_nothing() -> None:
    _, batches = batches_of()
    assert numbers(batches.next(0.01, one_by_one=False)) == []


def changes(*ids: int) -> list[Change]:
    """An update of each row."""
    return [(UPDATE, ROUTE, framed(messages.update(1, (value(b"%04d" % number),)))) for number in ids]


def several(*, first: bool) -> Piece:
    """Three transactions, of which the one in the middle is empty."""
    return Piece(
        first=first,
        changes=[*changes(1, 2, 3)],
        weight=3000,
        final_lsn=30,
        commit_time=0.0,
        ends=[(1, 10, 11, 0), (1, 20, 21, 0), (3, 30, 31, 0)],
        end_lsn=31,
        beats=(1.0, 2.0),
        heartbeats=[(11, Beat(1, 1)), (31, Beat(2, 2))],
    )


@pytest.mark.parametrize("first", [True, False])
def test_a_piece_is_taken_apart_where_its_transactions_end(first: bool) -> None:
    parts = singly(several(first=first))
    assert [part.changes for part in parts] == [changes(1), [], changes(2, 3)]
    # The first one may be the rest of a transaction; those behind it begin in the piece.
    assert [part.first for part in parts] == [first, True, True]
    assert [(part.final_lsn, part.end_lsn, part.ends) for part in parts] == [
        (10, 11, [(1, 10, 11, 0)]),
        (20, 21, [(0, 20, 21, 0)]),
        (30, 31, [(2, 30, 31, 0)]),
    ]
    assert [part.heartbeats for part in parts] == [[(11, Beat(1, 1))], [], [(31, Beat(2, 2))]]
    assert [part.beats for part in parts] == [None, None, (1.0, 2.0)]


def test_the_rest_of_a_transaction_goes_with_its_beginning() -> None:
    beginning = Piece(first=True, changes=[*changes(0)], weight=1000, final_lsn=10, commit_time=0.0)
    found = transactions([beginning, several(first=False), piece(40)])
    assert [[len(part.changes) for part in each] for each in found] == [[1, 1], [0], [2], [1]]
    assert [each[-1].end_lsn for each in found] == [11, 21, 31, 40]
