"""What the receiver makes of keepalives: a position is idle between transactions only, of a history that is known."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from struct import pack
from types import SimpleNamespace
from typing import Any

from syncwizard.postgres.source.receiver import Positions, Receiver
from syncwizard.postgres.source.stream import SocketStream
from syncwizard.rows.changes import POSTGRES_EPOCH_MICROSECONDS, Commit, Piece
from syncwizard.rows.inbox import Idle, Inbox
from syncwizard.rows.pgoutput import Decoder
from syncwizard.rows.rejoining import Rejoining
from tests.support import messages
from tests.support.messages import framed
from tests.unit.test_pgoutput import ITEMS, ROW, route

BOTH = b"W" + pack(">ibh", 7, 0, 0)
# Where the last transaction that was applied was committed, and where it ends.
LAST, APPLIED = Commit(100, POSTGRES_EPOCH_MICROSECONDS), 110


class Line:
    """A walsender's end of a session; `inbox` is that of the receiver at the other one."""

    def __init__(self, walsender: socket.socket, inbox: Inbox) -> None:
        self._walsender = walsender
        self.inbox = inbox

    def send(self, *frames: bytes) -> None:
        """Each in a CopyData message."""
        self._walsender.sendall(b"".join(b"d" + pack(">i", len(frame) + 4) + frame for frame in frames))

    def transaction(self, lsn: int) -> list[bytes]:
        """The frames of one with an insert, up to its commit."""
        return [
            framed(each) for each in (messages.begin(lsn), messages.relation(ITEMS), messages.insert(ITEMS.oid, ROW))
        ]

    def keepalive(self, wal_end: int) -> None:
        """One that asks for a reply."""
        self.send(b"k" + pack(">QqB", wal_end, 0, 1))

    def taken(self, number: int) -> list[int | str]:
        """The next so many that come: the position of an Idle, "rows" for a batch."""
        found: list[int | str] = []
        for _ in range(number):
            item = self.inbox.take(1, lambda commit_time: 0.0, 5.0)
            found.append(item.lsn if isinstance(item, Idle) else "rows" if item else "nothing")
        return found


@contextmanager
def received(last: Commit | None) -> Iterator[Line]:
    """A receiver at work over the protocol's own bytes."""
    ours, walsender = socket.socketpair()
    with ours, walsender:
        session: Any = SimpleNamespace(pgconn=SimpleNamespace(socket=ours.fileno()))
        stream = SocketStream(session)
        walsender.sendall(BOTH)
        stream.start(b"START_REPLICATION")
        walsender.recv(1 << 16)
        inbox = Inbox()
        decoder = Decoder(lambda message, transaction: route(message), 1 << 20)
        receiver = Receiver(stream, decoder, inbox, Positions(APPLIED), Rejoining(APPLIED, last, AssertionError))
        thread = threading.Thread(target=receiver.run)
        thread.start()
        try:
            yield Line(walsender, inbox)
        finally:
            receiver.stopped = True
            thread.join()


def test_nothing_is_idle_within_a_transaction() -> None:
    with received(None) as line:
        line.send(*line.transaction(200))
        line.keepalive(300)
        line.send(framed(messages.commit(200, 210)))
        line.keepalive(400)
        assert line.taken(2) == ["rows", 400]


def test_nothing_is_idle_before_the_stream_has_shown_its_history() -> None:
    with received(LAST) as line:
        line.keepalive(300)
        line.send(*line.transaction(LAST.lsn), framed(messages.commit(LAST.lsn, APPLIED)))
        line.keepalive(400)
        line.send(*line.transaction(500), framed(messages.commit(500, 510)))
        assert line.taken(2) == [400, "rows"]


def test_a_relation_that_the_last_transaction_described_is_known() -> None:
    """The server describes it once; what was applied is passed over, and comes to the inbox no more."""
    with received(LAST) as line:
        line.send(*line.transaction(LAST.lsn), framed(messages.commit(LAST.lsn, APPLIED)))
        line.send(
            framed(messages.begin(200)), framed(messages.insert(ITEMS.oid, ROW)), framed(messages.commit(200, 210))
        )
        item = line.inbox.take(1, lambda commit_time: 0.0, 5.0)
        assert isinstance(item, list) and [type(each) for each in item] == [Piece] and len(item[0].changes) == 1
