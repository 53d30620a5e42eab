"""The inbox between receiver and applier: what makes a batch, and what is not waited for."""

import threading
import time

from syncwizard.rows.changes import Piece
from syncwizard.rows.inbox import WORTHWHILE_BYTES, Idle, Inbox

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
