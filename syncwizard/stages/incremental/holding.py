"""Holds the applier between two transactions, so that both ends can be read at one commit (rule 24)."""

import time

from syncwizard.postgres.source.receiver import Positions
from syncwizard.rows.inbox import Inbox
from syncwizard.stages.context import Channel
from syncwizard.stages.incremental.frames import Held, Hold, HoldEnded
from syncwizard.task.lsn import format_lsn, parse_lsn

# After so long the one that holds the stream is taken for dead: rows matter more than a comparison of them.
HOLD_SECONDS = 30.0


class Holding:
    """Between the listener, which obeys the engine, and the writer, which comes to a halt at the limit."""

    def __init__(self, inbox: Inbox, channel: Channel, positions: Positions) -> None:
        self._inbox = inbox
        self._channel = channel
        self._positions = positions
        self._limit = ""
        self._until = 0.0

    def hold(self, order: Hold) -> None:
        """Begins to hold, or goes on to another limit. In the listener's thread, as `let_go` and `expire`."""
        self._limit = order.limit
        self._until = time.monotonic() + HOLD_SECONDS
        self._inbox.hold(parse_lsn(order.limit))

    def let_go(self) -> None:
        """Lets the stream go on."""
        self._until = 0.0
        self._inbox.let_go()

    def expire(self) -> None:
        """Lets the stream go on that was held for too long."""
        if self._until and time.monotonic() > self._until:
            self.end()

    def end(self) -> None:
        """The stream is held no longer, and the engine hears of it."""
        self._until = 0.0
        if self._inbox.let_go():
            self._channel.send(HoldEnded())

    def reached(self) -> None:
        """All transactions before the limit are durable. In the writer's thread, which is between two of them."""
        self._channel.send(Held(limit=self._limit, applied_lsn=format_lsn(self._positions.durable)))
