"""The last applied transaction comes first, once more, or the source has another history."""

from collections.abc import Iterator
from itertools import chain

import pytest

from syncwizard.errors import ProtocolError
from syncwizard.rows import compiled
from syncwizard.rows.changes import INSERT, POSTGRES_EPOCH_MICROSECONDS, Commit
from syncwizard.rows.pgoutput import POSTGRES_EPOCH_SECONDS, Decoder
from syncwizard.rows.rejoining import Rejoining
from syncwizard.rows.relation_message import RelationMessage
from tests.support import messages
from tests.support.messages import framed
from tests.unit.test_pgoutput import ITEMS, ROW, feed, route, rows

AT = 1_000_001
SECONDS = POSTGRES_EPOCH_SECONDS + AT / 1e6
APPLIED = [
    messages.begin(100, SECONDS),
    messages.relation(ITEMS),
    messages.insert(ITEMS.oid, ROW),
    messages.commit(100, 110, SECONDS),
]
LAST = Commit(100, POSTGRES_EPOCH_MICROSECONDS + AT)
NEXT = [messages.begin(110), messages.insert(ITEMS.oid, ROW), messages.commit(110, 120)]


class AnotherHistory(Exception):
    """What a stream that does not join raises."""


@pytest.fixture(params=["python", "compiled"])
def _loops(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if request.param == "python":
        monkeypatch.setattr(compiled, "loops", None)
    elif compiled.loops is None:
        pytest.skip("the package was built without a compiler")
    yield


def joining(last: Commit | None = LAST, applied: int = 110) -> Rejoining:
    return Rejoining(applied, last, AnotherHistory)


def taken(rejoining: Rejoining, *stream: bytes) -> list[bytes]:
    """What is left of a stream that comes frame by frame, while it is not joined."""
    left: list[list[bytes]] = []
    for frame in map(framed, stream):
        left.append([frame] if rejoining.over else rejoining.take([frame]))
    return list(chain.from_iterable(left))


def test_the_last_transaction_is_left_out_however_it_is_cut() -> None:
    rejoining = joining()
    assert rejoining.awaits
    assert rejoining.take([framed(each) for each in APPLIED + NEXT]) == [framed(each) for each in NEXT]
    assert rejoining.over and not rejoining.awaits
    rejoining = joining()
    assert taken(rejoining, *APPLIED[:3]) == []
    assert not rejoining.over and not rejoining.awaits
    assert taken(rejoining, APPLIED[3], *NEXT) == [framed(each) for each in NEXT]
    assert rejoining.over


@pytest.mark.parametrize("first", [messages.begin(110, SECONDS), messages.begin(100, SECONDS + 0.000_001)])
def test_another_transaction_is_another_history(first: bytes) -> None:
    rejoining = joining()
    with pytest.raises(AnotherHistory, match="committed at 0/64"):
        rejoining.take([framed(first)])
    assert not rejoining.over


def test_all_that_was_applied_is_left_out_where_nothing_has_to_come() -> None:
    """As after an older version, which moved the position and not the last commit."""
    rejoining = joining(None, 210)
    assert not rejoining.awaits
    later = [messages.begin(200), *APPLIED[1:3], messages.commit(200, 210)]
    following = [messages.begin(210), messages.commit(210, 220)]
    assert taken(rejoining, *APPLIED, *later, *following) == [framed(each) for each in following]


def test_a_beginning_that_is_cut_short_is_no_history() -> None:
    with pytest.raises(ProtocolError, match="begins with"):
        joining().take([framed(messages.begin(100)[:9])])


@pytest.mark.usefixtures("_loops")
def test_what_was_described_in_it_is_known_behind_it() -> None:
    rejoining = joining()
    decoder = Decoder(lambda message, transaction: route(message), 1 << 20)
    truncated = [messages.begin(120), messages.truncate([ITEMS.oid]), messages.commit(120, 130)]
    rejoining.take([framed(each) for each in APPLIED])
    decoder.recall(rejoining.relations)
    (piece,) = feed(decoder, *NEXT)
    assert rows(piece.changes[0]) == (INSERT, None, ROW)
    decoder = Decoder(lambda message, transaction: route(message), 1 << 20)
    decoder.recall(rejoining.relations)
    (piece,) = feed(decoder, *truncated)
    assert len(piece.changes) == 1


@pytest.mark.usefixtures("_loops")
def test_what_is_described_again_before_its_next_change_needs_no_place_before() -> None:
    """As a table whose column was dropped at both ends since."""
    wider = RelationMessage(oid=ITEMS.oid, schema="public", name="wider", replica_identity="d", columns=ITEMS.columns)
    resolved: list[str] = []

    def resolve(message: RelationMessage, transaction: int) -> object:
        resolved.append(message.name)
        return route(message)

    rejoining = joining()
    rejoining.take([framed(messages.begin(100, SECONDS)), framed(messages.relation(wider)), framed(APPLIED[3])])
    decoder = Decoder(resolve, 1 << 20)  # type: ignore[arg-type]
    decoder.recall(rejoining.relations)
    (piece,) = feed(decoder, NEXT[0], messages.relation(ITEMS), *NEXT[1:])
    assert rows(piece.changes[0]) == (INSERT, None, ROW)
    assert resolved == ["items"]
