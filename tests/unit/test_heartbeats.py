"""Heartbeats in the stream follow one another, or the source has another history."""

from struct import pack

import pytest

from syncwizard.rows.batches import singly
from syncwizard.rows.changes import NULL, Beat, Piece, Row
from syncwizard.rows.heartbeat import Heartbeats, next_generation
from syncwizard.rows.pgoutput import Decoder
from syncwizard.rows.relation_message import RelationMessage
from tests.support import messages
from tests.support.messages import framed, value
from tests.unit.test_pgoutput import route

SLOT = "dts_sync_0123456789ab"
TABLE = RelationMessage(
    oid=7,
    schema="public",
    name="dts_postgres_heartbeat",
    replica_identity="f",
    columns=(("slot_name", True, 25, -1), ("beats", True, 20, -1), ("beat_at", True, 1184, -1)),
)
# 2026-01-02 03:04:05.000006 UTC.
AT = 1_767_323_045_000_006


class Broken(Exception):
    """What a heartbeat of another history raises."""


def row(number: int, at: int = AT, *, slot: str = SLOT) -> Row:
    clock = pack(">q", at - 946_684_800_000_000)
    return value(slot.encode()), value(pack(">q", number)), value(clock)


def decoder(last: Beat | None, *awaited: Beat) -> Decoder:
    heartbeats = Heartbeats(SLOT, last, Broken, awaited)
    return Decoder(lambda message, transaction: route(message, heartbeat=True), 1 << 20, heartbeats=heartbeats)


def feed(stream: Decoder, *changes: bytes) -> Piece:
    """The piece of a transaction for each change."""
    sent = [messages.relation(TABLE)]
    for number, change in enumerate(changes, 1):
        sent += [messages.begin(100 * number), change, messages.commit(100 * number, 100 * number + 5)]
    (piece,) = stream.feed(map(framed, sent))
    return piece


def test_the_last_one_goes_along_with_its_transactions() -> None:
    changes = [messages.update(TABLE.oid, row(number), row(number - 1), full=True) for number in (4, 5, 6)]
    piece = feed(decoder(Beat(3, AT)), *changes)
    # Each may be the last that is applied, when another one is refused.
    assert [[beat for _, beat in part.heartbeats] for part in singly(piece)] == [[Beat(n, AT)] for n in (4, 5, 6)]


def test_text_and_binary_say_the_same() -> None:
    written = (value(SLOT.encode()), value(b"4"), value(b"2026-01-02 03:04:05.000006+00"))
    assert feed(decoder(None), messages.update(TABLE.oid, written, text=(0, 1, 2))).heartbeats[-1][1] == Beat(4, AT)


def test_the_first_one_known_is_taken_as_it_is() -> None:
    assert feed(decoder(None), messages.update(TABLE.oid, row(77))).heartbeats[-1][1] == Beat(77, AT)


@pytest.mark.parametrize("number", [2, 3, 5])
def test_one_that_does_not_follow_is_refused(number: int) -> None:
    with pytest.raises(Broken, match=f"heartbeat {number} came after heartbeat 3"):
        feed(decoder(Beat(3, AT)), messages.update(TABLE.oid, row(number)))


def test_one_that_follows_another_of_the_same_number_is_refused() -> None:
    with pytest.raises(Broken, match="after another heartbeat 3"):
        feed(decoder(Beat(3, AT)), messages.update(TABLE.oid, row(4), row(3, AT + 1), full=True))


def test_a_row_made_anew_begins_anew() -> None:
    begin = next_generation(3)
    anew = messages.update(TABLE.oid, row(begin + 1), row(begin), full=True)
    last = messages.update(TABLE.oid, row(4), row(3), full=True)
    assert feed(decoder(Beat(3, AT)), last, anew).heartbeats[-1][1] == Beat(begin + 1, AT)
    with pytest.raises(Broken):
        feed(decoder(Beat(begin + 1, AT)), anew)


@pytest.mark.parametrize("last", [None, Beat(3, AT)])
def test_those_that_have_to_come_are_met_by_number_and_time(last: Beat | None) -> None:
    sent = [messages.update(TABLE.oid, row(number)) for number in (4, 5, 6)]
    awaited = Beat(4, AT), Beat(6, AT)
    assert feed(decoder(last, *awaited), *sent).heartbeats[-1][1] == Beat(6, AT)
    with pytest.raises(Broken, match="heartbeat 6, written after tables were read, has not come"):
        feed(decoder(last, Beat(4, AT), Beat(6, AT + 1)), *sent)
    # The row was made anew in between.
    anew = messages.update(TABLE.oid, row(next_generation(6) + 1))
    with pytest.raises(Broken, match="heartbeat 7"):
        feed(decoder(last, Beat(7, AT)), *sent, anew)
    assert feed(decoder(last, *awaited, Beat(next_generation(6) + 1, AT)), *sent, anew).heartbeats


def test_those_of_other_tasks_are_none_of_ours() -> None:
    stranger = messages.update(TABLE.oid, row(900, slot="dts_sync_ffffffffffff"))
    deleted = messages.delete(TABLE.oid, row(3), full=True)
    inserted = messages.insert(TABLE.oid, row(0))
    emptied = messages.update(TABLE.oid, (NULL, NULL, NULL))
    piece = feed(decoder(Beat(3, AT)), stranger, deleted, inserted, emptied, messages.update(TABLE.oid, row(4)))
    assert piece.heartbeats[-1][1] == Beat(4, AT)
