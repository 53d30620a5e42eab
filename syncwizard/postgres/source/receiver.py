"""Reads the stream in a thread of its own: frames to pieces, pieces to the inbox, positions back to the source."""

import time
from collections.abc import Callable, Iterable

from syncwizard.postgres.source.stream import ReplicationStream, parse_keepalive
from syncwizard.rows.changes import Piece, Redefinition
from syncwizard.rows.inbox import Idle, Inbox
from syncwizard.rows.pgoutput import Decoder
from syncwizard.rows.rejoining import Rejoining

# Behind by more than this, throughput counts for more than latency.
LATE_SECONDS = 0.5
# An idle position is made durable and acknowledged this often (rule 4), and at once when the source asks.
IDLE_SECONDS = 10.0
STATUS_SECONDS = 1.0
# Taken in one go before looking at the clock and the inbox again: about 700 small frames.
BURST_BYTES = 64 * 1024


class Positions:
    """Shared between receiver, watcher and applier: each field has one writer, so no lock is needed."""

    def __init__(self, durable: int, last_commit: int | None = None) -> None:
        self.received = durable  # receiver
        self.durable = durable  # applier
        # applier: where the last transaction that is durable was committed, and before the first one where it began
        self.last_commit = durable if last_commit is None else last_commit
        self.verified = durable  # watcher: up to here the publication is known to have been ours
        # watcher: the source's clock less our steady one, which does not jump when the machine's clock is put right
        self.clock_offset_seconds = 0.0

    def set_clock(self, ask: Callable[[], float]) -> None:
        """Compares the clocks; `ask` answers with the source's, in seconds since the epoch."""
        before = time.monotonic()
        clock = ask()
        self.clock_offset_seconds = clock - (before + time.monotonic()) / 2

    def late_seconds(self, commit_time: float) -> float:
        """How long ago, by the source's clock, something was committed; not at all where that was put back since."""
        return max(0.0, time.monotonic() + self.clock_offset_seconds - commit_time)

    @property
    def acknowledged(self) -> int:
        """Up to here all is durable, and known to have come in full."""
        return min(self.durable, self.verified)

    @property
    def forgettable(self) -> int:
        """What the source may forget: not the last transaction, which it has to show at the next connection."""
        return min(self.acknowledged, self.last_commit)


class Receiver:
    """The thread's body: `run` until the inbox is closed or the stream ends (which raises). `rejoining` takes what
    comes first."""

    def __init__(
        self, stream: ReplicationStream, decoder: Decoder, inbox: Inbox, positions: Positions, rejoining: Rejoining
    ) -> None:
        self._stream = stream
        self._rejoining: Rejoining | None = rejoining
        self._decoder = decoder
        self._inbox = inbox
        self._positions = positions
        self._sent_at = 0.0
        self._idle_at = time.monotonic()
        self._idle_lsn = 0
        self.stopped = False

    def run(self) -> None:
        """Receives until `stopped`."""
        while not self.stopped:
            if self._inbox.wait_for_room(STATUS_SECONDS):
                self._take()
            self._report()

    def _take(self) -> None:
        """Takes what has arrived, and waits for it when there is nothing."""
        frames, end = self._stream.receive(BURST_BYTES)
        pieces = self._decode(frames if self._rejoining is None else self._rejoin(self._rejoining, frames))
        while (redefinition := self._decoder.waits_for) is not None:
            # What follows has other columns, and leads into a table that the applier is about to change.
            self._inbox.put(pieces)
            self._inbox.hurry()
            if not self._await(redefinition):
                return
            self._decoder.forget(redefinition)
            pieces = self._decode(())
        idle = self._keepalive(end) if end else None
        if pieces or idle:
            self._inbox.put([*pieces, idle] if idle else pieces)
        if end:
            # A walsender sends a keepalive when it is about to wait for more to be written.
            self._inbox.hurry()

    def _rejoin(self, rejoining: Rejoining, frames: list[bytes]) -> list[bytes]:
        """What follows on what is applied."""
        following = rejoining.take(frames)
        if rejoining.over:
            self._decoder.recall(rejoining.relations)
            self._rejoining = None
        return following

    def _decode(self, frames: Iterable[bytes]) -> list[Piece]:
        pieces = self._decoder.feed(frames)
        if pieces:
            self._positions.received = pieces[-1].end_lsn or pieces[-1].final_lsn
        return pieces

    def _await(self, redefinition: Redefinition) -> bool:
        """Waits until the applier has done it; False when the session ends before."""
        while not redefinition.done.wait(STATUS_SECONDS):
            if self.stopped or self._inbox.closed:
                self.stopped = True
                return False
            self._report()
        return True

    def _keepalive(self, frame: bytes) -> Idle | None:
        wal_end, reply = parse_keepalive(frame)
        now = time.monotonic()
        joined = self._rejoining is None or not self._rejoining.awaits
        idle = joined and not self._decoder.in_transaction and wal_end > self._positions.received
        if reply:
            self._send(now)
        if idle and (reply or now - self._idle_at > IDLE_SECONDS) and wal_end > self._idle_lsn:
            self._idle_at = now
            self._idle_lsn = wal_end
            return Idle(wal_end)
        return None

    def _report(self) -> None:
        now = time.monotonic()
        if now - self._sent_at >= STATUS_SECONDS:
            self._send(now)

    def _send(self, now: float) -> None:
        self._sent_at = now
        self._stream.send_status(self._positions.received, self._positions.forgettable)
