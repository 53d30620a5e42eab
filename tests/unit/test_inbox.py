"""The inbox between receiver and applier: what makes a batch, and what is not waited for."""

import threading
import time

from syncwizard.rows.changes import Piece
from syncwizard.rows.inbox import INBOX_BYTES, WORTHWHILE_BYTES, AtLimit, Idle, Inbox

LONG_SECONDS = 20.0


def piece(weight: int, *, first: bool = True, last: bool = True) -> Piece:
    ends = [(0, 10, 20, 0)] if last else []
    return Piece(
        first=first, changes=[], weight=weight, final_lsn=10, commit_time=0.0, ends=ends, end_lsn=20 if last else 0
    )


def taken(inbox: Inbox, weight: int = 1 << 30, patience: float = 0.0) -> list[Piece]:
    found = inbox.take(weight, lambda commit_time: patience, None)
    assert isinstance(found, list)
    return found


def test_a_batch_is_whole_transactions_or_the_next_part_of_one_that_is_larger() -> None:
    inbox = Inbox()
    pieces = [piece(100), piece(100), piece(500, last=False), piece(500, first=False, last=False)]
    inbox.put([*pieces, piece(50, first=False), piece(10)])
    assert taken(inbox, 600) == pieces[:2]
    assert taken(inbox, 600) == [pieces[2]]
    assert [found.weight for found in taken(inbox, 600)] == [500, 50, 10]


def test_the_beginning_of_a_large_transaction_does_not_go_with_whole_ones() -> None:
    """Theirs can be committed without it."""
    inbox = Inbox()
    pieces = [piece(100), piece(100), piece(100, last=False)]
    inbox.put(pieces)
    assert taken(inbox, 600) == pieces[:2]
    assert taken(inbox, 600) == pieces[2:]


def test_what_was_taken_makes_room() -> None:
    inbox = Inbox()
    inbox.put([piece(INBOX_BYTES)])
    assert not inbox.wait_for_room(0.0)
    taken(inbox)
    assert inbox.wait_for_room(0.0)
    assert not inbox.holds(1, INBOX_BYTES)


def test_what_comes_after_a_pause_of_the_source_is_waited_for_again() -> None:
    inbox = Inbox()
    inbox.put([piece(10)])
    inbox.hurry()
    taken(inbox)
    inbox.put([piece(10)])

    def more() -> None:
        """Gets the inbox where it is waited at, or where a batch has been taken."""
        inbox.put([piece(20)])
        inbox.hurry()

    source = threading.Thread(target=more)

    def patience(commit_time: float) -> float:
        source.start()
        return LONG_SECONDS

    found = inbox.take(1 << 30, patience, None)
    assert isinstance(found, list)
    assert [each.weight for each in found] == [10, 20]
    source.join()


def test_a_late_applier_waits_for_a_batch_worth_its_statements() -> None:
    inbox = Inbox()
    inbox.put([piece(10)])
    more = threading.Timer(0.2, inbox.put, [[piece(WORTHWHILE_BYTES)]])
    more.start()
    assert len(taken(inbox, patience=LONG_SECONDS)) == 2
    more.join()


def test_nobody_waits_for_more_once_the_source_has_sent_everything() -> None:
    begun = time.monotonic()
    inbox = Inbox()
    inbox.put([piece(10)])
    inbox.hurry()
    assert len(taken(inbox, patience=LONG_SECONDS)) == 1
    inbox.put([piece(10)])
    later = threading.Timer(0.2, inbox.hurry)
    later.start()
    assert len(taken(inbox, patience=LONG_SECONDS)) == 1
    later.join()
    assert time.monotonic() - begun < LONG_SECONDS / 2


def test_an_idle_position_is_taken_alone_and_after_what_came_before_it() -> None:
    inbox = Inbox()
    idle = Idle(30)
    inbox.put([piece(10), idle])
    assert len(taken(inbox)) == 1
    assert inbox.take(1, lambda commit_time: 0.0, None) is idle
    inbox.close()
    assert inbox.take(1, lambda commit_time: 0.0, None) is None


def committed(*positions: int) -> Piece:
    """Transactions that commit at these positions, in one piece."""
    ends = [(0, at, at + 5, 0) for at in positions]
    return Piece(
        first=True,
        changes=[],
        weight=10 * len(ends),
        final_lsn=positions[-1],
        commit_time=0.0,
        ends=ends,
        end_lsn=positions[-1] + 5,
    )


def test_what_commits_at_the_limit_or_later_is_held_until_it_is_let_go() -> None:
    inbox = Inbox()
    inbox.put([committed(100, 200, 300), committed(400)])
    inbox.hold(300)
    assert [end[1] for found in taken(inbox) for end in found.ends] == [100, 200]
    assert isinstance(inbox.take(1 << 30, lambda at: 0.0, None), AtLimit)
    # Reported once; after that there is nothing to do.
    assert inbox.take(1 << 30, lambda at: 0.0, 0.01) == []
    assert not inbox.holds(1, 1 << 30)
    assert inbox.let_go()
    assert [end[1] for found in taken(inbox) for end in found.ends] == [300, 400]
    assert not inbox.let_go()


def test_a_limit_is_reached_when_something_beyond_it_came_and_not_before() -> None:
    inbox = Inbox()
    inbox.hold(300)
    assert inbox.take(1 << 30, lambda at: 0.0, 0.01) == []
    inbox.put([committed(200)])
    assert [found.final_lsn for found in taken(inbox)] == [200]
    assert inbox.take(1 << 30, lambda at: 0.0, 0.01) == []
    inbox.put([Idle(301)])
    assert isinstance(inbox.take(1 << 30, lambda at: 0.0, None), AtLimit)
    inbox.let_go()
    assert isinstance(inbox.take(1 << 30, lambda at: 0.0, None), Idle)


def test_a_transaction_that_has_begun_comes_to_its_end_before_everything_is_held() -> None:
    inbox = Inbox()
    parts = [piece(500, last=False), piece(500, first=False, last=False), piece(50, first=False)]
    inbox.put(parts)
    assert taken(inbox, 100) == parts[:1]
    inbox.hold(0)
    assert taken(inbox, 100) == parts[1:2]
    assert taken(inbox, 100) == parts[2:]
    inbox.put([piece(10)])
    assert isinstance(inbox.take(100, lambda at: 0.0, None), AtLimit)
    inbox.hold(10)
    assert isinstance(inbox.take(100, lambda at: 0.0, None), AtLimit)
    inbox.hold(11)
    assert len(taken(inbox)) == 1


def test_an_applier_that_waits_for_a_larger_batch_takes_note_of_a_limit() -> None:
    inbox = Inbox()
    inbox.put([committed(100)])
    holding = threading.Timer(0.2, inbox.hold, [50])
    holding.start()
    assert isinstance(inbox.take(1 << 30, lambda at: LONG_SECONDS, None), AtLimit)
    holding.join()


def test_a_transaction_with_a_changed_definition_ends_its_batch() -> None:
    inbox = Inbox()
    pieces = [piece(100), piece(100), piece(100)]
    pieces[1].alone = True
    inbox.put(pieces)
    assert taken(inbox) == pieces[:2]
    assert taken(inbox) == pieces[2:]


def test_nothing_is_taken_once_it_is_closed() -> None:
    """The session ends, and another one gets what was not applied."""
    inbox = Inbox()
    inbox.put([piece(100), Idle(30)])
    inbox.close()
    assert inbox.take(1 << 30, lambda commit_time: 0.0, None) is None
