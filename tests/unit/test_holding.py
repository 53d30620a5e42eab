"""A stream that is held for a comparison, and goes on although what held it is gone."""

from typing import Any

import msgspec
import pytest

from syncwizard.postgres.source.receiver import Positions
from syncwizard.rows.changes import Piece
from syncwizard.rows.inbox import AtLimit, Inbox
from syncwizard.stages.incremental import holding
from syncwizard.stages.incremental.frames import Held, Hold, HoldEnded
from syncwizard.stages.incremental.holding import Holding
from syncwizard.task.lsn import format_lsn


class Told:
    """The engine's side, as far as it only hears."""

    def __init__(self) -> None:
        self.frames: list[msgspec.Struct] = []

    def send(self, frame: msgspec.Struct) -> None:
        self.frames.append(frame)

    def receive(self, timeout: float | None) -> Any | None:
        return None


def taken(inbox: Inbox) -> object:
    return inbox.take(1 << 30, lambda commit_time: 0.0, None)


def held_inbox() -> tuple[Inbox, Told, Holding]:
    """A transaction that commits at 16 waits at a limit of 16, and the engine knows."""
    inbox, told = Inbox(), Told()
    holder = Holding(inbox, told, Positions(0, None))
    inbox.put(
        [Piece(first=True, changes=[], weight=1, final_lsn=16, commit_time=0.0, ends=[(0, 16, 24, 0)], end_lsn=24)]
    )
    holder.hold(Hold(limit=format_lsn(16)))
    assert isinstance(taken(inbox), AtLimit)
    holder.reached()
    assert [type(frame) for frame in told.frames] == [Held]
    return inbox, told, holder


def test_a_stream_whose_holder_is_gone_goes_on_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holding, "HOLD_SECONDS", -1.0)
    inbox, told, holder = held_inbox()
    holder.expire()
    assert isinstance(told.frames[-1], HoldEnded)
    assert isinstance(taken(inbox), list)


def test_a_stream_that_is_held_for_a_short_time_stays_held() -> None:
    inbox, told, holder = held_inbox()
    holder.expire()
    assert isinstance(told.frames[-1], Held)
    holder.let_go()
    holder.expire()
    assert isinstance(taken(inbox), list)
    assert isinstance(told.frames[-1], Held)
