"""Bytes as the manual describes them become changes; transactions come whole, in pieces, or not at all."""

from collections.abc import Collection

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncwizard.errors import TaskFailed
from syncwizard.rows.batches import transactions
from syncwizard.rows.changes import (
    DELETE,
    INSERT,
    NULL,
    UPDATE,
    Change,
    Piece,
    Route,
    RouteColumn,
    Row,
    Statement,
    Truncation,
)
from syncwizard.rows.pgoutput import Decoder
from syncwizard.rows.relation_message import RelationMessage, parse_relation
from syncwizard.rows.relations import Postponed
from syncwizard.rows.tuples import decoded, first_rows
from syncwizard.task.names import TableName
from tests.support import messages
from tests.support.messages import framed, value

# Written by hand after the manual, so that a mistake shared by encoder and decoder shows.
GOLDEN_BEGIN = bytes.fromhex("42 00000001 0000a0b0 000000000016e360 00000309")
GOLDEN_RELATION = bytes.fromhex(
    "52 00004001 7075626c696300 6974656d7300 64 0003"
    "01 696400 00000017 ffffffff"
    "00 6c6162656c00 00000413 00000018"
    "00 626f647900 00000019 ffffffff"
)
GOLDEN_INSERT = bytes.fromhex("49 00004001 4e 0003 62 00000004 00000007 74 00000002 6869 6e")
GOLDEN_UPDATE = bytes.fromhex(
    "55 00004001 4b 0003 62 00000004 00000007 6e 6e 4e 0003 62 00000004 00000008 74 00000000 75"
)
GOLDEN_DELETE = bytes.fromhex("44 00004001 4f 0003 62 00000004 00000008 6e 6e")
GOLDEN_TRUNCATE = bytes.fromhex("54 00000001 03 00004001")
GOLDEN_COMMIT = bytes.fromhex("43 00 00000001 0000a0b0 00000001 0000a0e8 000000000016e360")

ITEMS = RelationMessage(
    oid=0x4001,
    schema="public",
    name="items",
    replica_identity="d",
    columns=(("id", True, 23, -1), ("label", False, 1043, 24), ("body", False, 25, -1)),
)
ROW = (value(b"\0\0\0\7"), value(b"hi"), NULL)


def route(message: RelationMessage, *, pair_lsn: int = 0, heartbeat: bool = False, text: Collection[int] = ()) -> Route:
    name = TableName(message.schema, message.name)
    return Route(
        source=name,
        target=name,
        columns=tuple(RouteColumn(source=column, name=column, type_name="text") for column, _, _, _ in message.columns),
        key=tuple(at for at, (_, identity, _, _) in enumerate(message.columns) if identity),
        pair_lsn=pair_lsn,
        full=message.replica_identity == "f",
        heartbeat=heartbeat,
        text=frozenset(text),
    )


def decoder(*, pair_lsn: int = 0, piece_bytes: int = 1 << 20, text: Collection[int] = ()) -> Decoder:
    return Decoder(lambda message, transaction: route(message, pair_lsn=pair_lsn, text=text), piece_bytes)


def feed(decoder: Decoder, *stream: bytes) -> list[Piece]:
    """The pieces of a stream that comes in one go."""
    return decoder.feed(map(framed, stream))


def rows(change: Change | Statement) -> tuple[int, Row | None, Row | None]:
    """Kind, old and new row of a change that is no Truncation."""
    assert isinstance(change, tuple)
    kind, _, old, new = decoded(change)
    return kind, old, new


def test_golden_messages_of_the_manual_are_decoded() -> None:
    stream = decoder(text={1})
    (piece,) = feed(
        stream,
        GOLDEN_BEGIN,
        GOLDEN_RELATION,
        GOLDEN_INSERT,
        GOLDEN_UPDATE,
        GOLDEN_DELETE,
        GOLDEN_TRUNCATE,
        GOLDEN_COMMIT,
    )
    inserted, updated, deleted, truncation = piece.changes
    assert rows(inserted) == (INSERT, None, ROW)
    assert rows(updated) == (
        UPDATE,
        (value(b"\0\0\0\7"), NULL, NULL),
        (value(b"\0\0\0\x08"), value(b""), None),
    )
    assert rows(deleted) == (DELETE, (value(b"\0\0\0\x08"), NULL, NULL), None)
    assert isinstance(truncation, Truncation) and truncation.cascade and truncation.restart_identity
    assert isinstance(inserted, tuple)
    assert truncation.routes == (inserted[1],)
    assert (piece.final_lsn, piece.end_lsn) == (0x1_0000_A0B0, 0x1_0000_A0E8)
    assert piece.commit_time == pytest.approx(946_684_801.5)
    assert piece.first and piece.last and piece.beats is None and not stream.in_transaction


def test_the_encoder_of_the_tests_writes_the_golden_messages() -> None:
    assert parse_relation(GOLDEN_RELATION, 0) == ITEMS
    assert messages.relation(ITEMS) == GOLDEN_RELATION
    assert messages.begin(0x1_0000_A0B0, 946_684_801.5, 0x309) == GOLDEN_BEGIN
    assert messages.commit(0x1_0000_A0B0, 0x1_0000_A0E8, 946_684_801.5) == GOLDEN_COMMIT
    assert messages.insert(ITEMS.oid, ROW, text={1}) == GOLDEN_INSERT
    old, new = (value(b"\0\0\0\7"), NULL, NULL), (value(b"\0\0\0\x08"), value(b""), None)
    assert messages.update(ITEMS.oid, new, old, text={1}) == GOLDEN_UPDATE
    assert messages.delete(ITEMS.oid, (new[0], NULL, NULL), full=True) == GOLDEN_DELETE
    assert messages.truncate([ITEMS.oid], cascade=True, restart_identity=True) == GOLDEN_TRUNCATE


def test_an_empty_value_is_not_null_and_neither_is_an_unchanged_one() -> None:
    row = (value(b""), NULL, None)
    stream = decoder()
    (piece,) = feed(
        stream,
        messages.begin(10),
        messages.relation(ITEMS),
        messages.update(ITEMS.oid, row),
        messages.commit(10, 20),
    )
    (change,) = piece.changes
    assert rows(change) == (UPDATE, None, row)


def test_a_large_transaction_comes_in_pieces_of_which_the_last_has_its_end() -> None:
    pieces = feed(
        decoder(piece_bytes=2000),
        messages.begin(100),
        messages.relation(ITEMS),
        *(messages.insert(ITEMS.oid, (value(b"%d" % number), NULL, NULL)) for number in range(20)),
        messages.commit(100, 120),
        messages.begin(130),
        messages.insert(ITEMS.oid, ROW),
        messages.commit(130, 140),
    )
    *parts, last, other = pieces
    assert parts and parts[0].first
    assert not any(part.last or part.end_lsn for part in parts)
    assert not any(part.first for part in [*parts[1:], last])
    assert last.last and last.end_lsn == 120
    assert sum(len(part.changes) for part in [*parts, last]) == 20
    assert {part.final_lsn for part in [*parts, last]} == {100}
    assert other.first and other.last and len(other.changes) == 1
    assert all(0 < part.weight < 3000 for part in parts)


@pytest.mark.parametrize(("final_lsn", "kept"), [(99, 0), (100, 4), (101, 4)])
def test_commits_below_the_pair_of_a_table_are_skipped(final_lsn: int, kept: int) -> None:
    (piece,) = feed(
        decoder(pair_lsn=100),
        messages.begin(final_lsn),
        messages.relation(ITEMS),
        messages.insert(ITEMS.oid, ROW),
        messages.update(ITEMS.oid, ROW),
        messages.delete(ITEMS.oid, ROW),
        messages.truncate([ITEMS.oid]),
        messages.commit(final_lsn, 110),
    )
    assert len(piece.changes) == kept
    assert piece.end_lsn == 110


def test_a_truncate_keeps_only_the_tables_whose_pair_it_follows() -> None:
    other = RelationMessage(oid=2, schema="public", name="late", replica_identity="d", columns=ITEMS.columns)
    stream = Decoder(
        lambda message, transaction: route(message, pair_lsn=200 if message.name == "late" else 0), 1 << 20
    )
    (piece,) = feed(
        stream,
        messages.begin(100),
        messages.relation(ITEMS),
        messages.relation(other),
        messages.truncate([ITEMS.oid, other.oid]),
        messages.commit(100, 110),
    )
    (truncation,) = piece.changes
    assert isinstance(truncation, Truncation)
    assert [str(found.source) for found in truncation.routes] == ["public.items"]


def test_a_relation_without_a_place_is_an_error_for_the_first_change_that_is_taken() -> None:
    """Before its pair it may be what it is not any more."""
    fits: list[bool] = []

    def resolve(message: RelationMessage, transaction: int) -> Route | Postponed:
        fits.append(message.name == "items")
        return route(message, pair_lsn=200) if fits[-1] else Postponed(TaskFailed("no place"), 200)

    was = RelationMessage(oid=ITEMS.oid, schema="public", name="was", replica_identity="d", columns=ITEMS.columns)
    before = [messages.relation(was), messages.insert(was.oid, ROW), messages.truncate([was.oid])]
    for change in (messages.insert(was.oid, ROW), messages.truncate([was.oid])):
        stream = Decoder(resolve, 1 << 20)
        (piece,) = feed(stream, messages.begin(199), *before, messages.commit(199, 199))
        assert piece.changes == []
        with pytest.raises(TaskFailed, match="no place"):
            feed(stream, messages.begin(200), change)
    fits.clear()
    stream = Decoder(resolve, 1 << 20)
    feed(stream, messages.begin(199), *before, messages.commit(199, 199))
    (piece,) = feed(
        stream,
        messages.begin(200),
        messages.relation(ITEMS),
        messages.insert(ITEMS.oid, ROW),
        messages.commit(200, 210),
    )
    assert len(piece.changes) == 1
    assert fits == [False, True]


def test_a_relation_that_is_described_anew_is_no_error_any_more() -> None:
    """What it is now belongs to no task, or is in a copy that comes later."""
    described: list[Route | Postponed | None] = [None, Postponed(TaskFailed("no place"), 100)]
    stream = Decoder(lambda message, transaction: described.pop(), 1 << 20)
    was = RelationMessage(oid=ITEMS.oid, schema="public", name="was", replica_identity="d", columns=ITEMS.columns)
    feed(stream, messages.begin(50), messages.relation(was), messages.commit(50, 60))
    changes = [messages.insert(ITEMS.oid, ROW), messages.truncate([ITEMS.oid])]
    (piece,) = feed(stream, messages.begin(200), messages.relation(ITEMS), *changes, messages.commit(200, 210))
    assert piece.changes == []


@pytest.mark.parametrize(("cascade", "restart"), [(True, False), (False, True), (False, False)])
def test_a_truncate_has_the_options_of_its_statement(cascade: bool, restart: bool) -> None:
    truncate = messages.truncate([ITEMS.oid], cascade=cascade, restart_identity=restart)
    (piece,) = feed(decoder(), messages.begin(10), messages.relation(ITEMS), truncate, messages.commit(10, 20))
    (truncation,) = piece.changes
    assert isinstance(truncation, Truncation)
    assert (truncation.cascade, truncation.restart_identity) == (cascade, restart)


def test_a_relation_that_changed_gets_a_new_route_and_a_repeated_one_does_not() -> None:
    wider = RelationMessage(
        oid=ITEMS.oid,
        schema="public",
        name="items",
        replica_identity="f",
        columns=(*ITEMS.columns, ("extra", False, 25, -1)),
    )
    (piece,) = feed(
        decoder(),
        messages.begin(10),
        messages.relation(ITEMS),
        messages.insert(ITEMS.oid, ROW),
        messages.relation(ITEMS),
        messages.insert(ITEMS.oid, ROW),
        messages.relation(wider),
        messages.insert(ITEMS.oid, (*ROW, NULL)),
        messages.commit(10, 20),
    )
    first, again, changed = (change[1] for change in piece.changes if isinstance(change, tuple))
    assert first is again
    assert changed is not first and changed.full and len(changed.columns) == 4


def test_the_heartbeat_marks_its_transaction_and_is_no_change() -> None:
    stream = Decoder(lambda message, transaction: route(message, heartbeat=True), 1 << 20)
    (beating,) = feed(
        stream,
        messages.begin(10, 946_684_801.5),
        messages.relation(ITEMS),
        messages.update(ITEMS.oid, ROW),
        messages.commit(10, 20),
    )
    (quiet,) = feed(stream, messages.begin(30), messages.commit(30, 40))
    assert beating.beats == pytest.approx((946_684_801.5, 946_684_801.5)) and not beating.changes and not beating.filled
    assert quiet.beats is None


def test_changes_of_a_table_that_is_set_aside_are_counted_from_its_pair_on_and_not_taken() -> None:
    def aside(message: RelationMessage, transaction: int) -> Route:
        name = TableName(message.schema, message.name)
        return Route(source=name, target=name, columns=(), key=(), pair_lsn=0x1_0000A0B0, aside=True)

    stream = Decoder(aside, 1 << 20)
    truncate = GOLDEN_TRUNCATE
    (piece,) = feed(
        stream, GOLDEN_BEGIN, GOLDEN_RELATION, GOLDEN_INSERT, GOLDEN_UPDATE, truncate, GOLDEN_DELETE, GOLDEN_COMMIT
    )
    assert piece.last and piece.changes == []
    assert piece.held_back == {TableName("public", "items"): 4}
    (piece,) = feed(stream, GOLDEN_BEGIN, GOLDEN_COMMIT)
    assert piece.held_back is None

    def later(message: RelationMessage, transaction: int) -> Route:
        return msgspec.structs.replace(aside(message, transaction), pair_lsn=0x1_0000A0B1)

    (piece,) = feed(Decoder(later, 1 << 20), GOLDEN_BEGIN, GOLDEN_RELATION, GOLDEN_INSERT, GOLDEN_COMMIT)
    # Its copy has this one.
    assert piece.held_back is None


def test_several_heartbeats_at_once_are_known_by_the_first_and_the_last() -> None:
    stream = Decoder(lambda message, transaction: route(message, heartbeat=True), 1 << 20)
    beats: list[bytes] = [messages.relation(ITEMS)]
    for number in range(3):
        begin = messages.begin(10 * number, 946_684_801.0 + number)
        beats += [begin, messages.update(ITEMS.oid, ROW), messages.commit(10 * number, 10 * number + 5)]
    (piece,) = feed(stream, *beats)
    assert piece.beats == pytest.approx((946_684_801.0, 946_684_803.0))


def test_changes_of_relations_outside_the_task_are_left_out() -> None:
    (piece,) = feed(
        Decoder(lambda message, transaction: None, 1 << 20),
        messages.begin(10),
        messages.relation(ITEMS),
        messages.insert(ITEMS.oid, ROW),
        messages.update(ITEMS.oid, ROW),
        messages.delete(ITEMS.oid, ROW),
        messages.truncate([ITEMS.oid]),
        messages.commit(10, 20),
    )
    assert piece.changes == [] and piece.last


def test_origin_type_and_message_are_passed_over_and_an_unknown_kind_is_refused() -> None:
    stream = decoder()
    assert feed(stream, b"O" + bytes(9), b"Y" + bytes(6), b"M" + bytes(14)) == []
    with pytest.raises(TaskFailed, match="unknown kind 'S'"):
        feed(stream, b"S" + bytes(5))


def test_transactions_that_come_together_are_one_piece_and_what_is_open_waits_for_its_end() -> None:
    stream = decoder()
    (together,) = feed(
        stream,
        messages.begin(10),
        messages.relation(ITEMS),
        messages.insert(ITEMS.oid, ROW),
        messages.commit(10, 20),
        messages.begin(30),
        messages.commit(30, 40),
        messages.begin(50),
        messages.update(ITEMS.oid, ROW),
        messages.insert(ITEMS.oid, ROW),
        messages.commit(50, 60),
        messages.begin(70),
        messages.delete(ITEMS.oid, ROW),
    )
    assert [end[:3] for end in together.ends] == [(1, 10, 20), (1, 30, 40), (3, 50, 60)]
    assert (together.final_lsn, together.end_lsn, together.filled) == (50, 60, 2)
    assert [rows(change)[0] for change in together.changes] == [INSERT, UPDATE, INSERT]
    assert stream.in_transaction
    (opened,) = feed(stream, messages.commit(70, 80))
    assert opened.first and [rows(change)[0] for change in opened.changes] == [DELETE] and opened.end_lsn == 80

    ((first,), (second,), (third,)) = transactions([together])
    assert [len(part.changes) for part in (first, second, third)] == [1, 0, 2]
    assert [(part.final_lsn, part.end_lsn) for part in (first, second, third)] == [(10, 20), (30, 40), (50, 60)]
    assert sum(part.weight for part in (first, second, third)) == pytest.approx(together.weight, abs=3)


def test_rows_of_the_same_length_are_distinguished_by_their_columns() -> None:
    drawn = [
        (value(b"ab"), value(b"c"), NULL),
        (value(b"a"), value(b"bc"), NULL),
        (value(b"ab"), NULL, value(b"c")),
        (value(b"ab"), None, value(b"c")),
        (value(b"ab"), value(b"c"), None),
        (value(b""), value(b"abc"), NULL),
        (NULL, NULL, value(b"abcdefg")),
    ]
    (piece,) = feed(
        decoder(),
        messages.begin(10),
        messages.relation(ITEMS),
        *(messages.update(ITEMS.oid, row) for row in drawn * 2),
        messages.commit(10, 20),
    )
    assert len({len(change[2]) for change in piece.changes if isinstance(change, tuple)}) < len(drawn)
    assert [rows(change)[2] for change in piece.changes] == drawn * 2


# Of few lengths, so that frames are alike in length and not in their columns, and values that look like heads.
FIELDS = st.sampled_from([NULL, None, *map(value, (b"", b"ab", b"cd", b"abcdefg", b"b\0\0\0\2ab", b"t\0\0\0\0n"))])


@given(st.lists(st.tuples(FIELDS, FIELDS, FIELDS), min_size=1, max_size=30))
def test_many_rows_at_once_are_what_they_are_one_by_one(drawn: list[Row]) -> None:
    made = route(ITEMS)
    frames = [framed(messages.insert(ITEMS.oid, row)) for row in drawn]
    assert first_rows(frames, made) == drawn
    # Now with the layouts that were learned.
    assert first_rows(frames * 2, made) == drawn * 2


def test_a_row_of_many_megabytes_is_not_copied() -> None:
    large = (value(b"\0\0\0\7"), value(b"x" * (8 << 20)), None)
    (piece,) = feed(
        decoder(piece_bytes=1 << 30),
        messages.begin(10),
        messages.relation(ITEMS),
        messages.update(ITEMS.oid, large, (large[0], NULL, NULL)),
        messages.update(ITEMS.oid, large),
        messages.commit(10, 20),
    )
    for change in piece.changes:
        _, _, new = rows(change)
        assert new == large
        assert isinstance(new[1], memoryview)


def test_a_value_in_another_form_than_the_routes_is_refused() -> None:
    stream = decoder(text={1})
    binary = messages.insert(ITEMS.oid, ROW)
    [piece] = feed(stream, GOLDEN_BEGIN, GOLDEN_RELATION, binary, GOLDEN_COMMIT)
    with pytest.raises(TaskFailed, match=r"column label of public\.items came in binary form unexpectedly"):
        rows(piece.changes[0])
