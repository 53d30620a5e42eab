"""Reads the stream in a thread of its own: frames to pieces, pieces to the inbox, positions back to the source."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from syncwizard.postgres.source.stream import ReplicationStream, parse_keepalive
from syncwizard.rows.changes import Piece
from syncwizard.rows.pgoutput import Decoder

# Reading stops while the inbox holds this much, so that memory is bounded whatever the destination does.
INBOX_BYTES = 48 * 1024 * 1024
# Behind by more than this, throughput counts for more than latency.
LATE_SECONDS = 0.5
# A batch of about twenty thousand narrow changes: smaller ones pay a dozen round trips for fewer rows (measured 7.1 s
# against 8.1 s for 120,000 TPC-B transactions with a third of it).
WORTHWHILE_BYTES = 12 * 1024 * 1024
# An idle position is made durable and acknowledged this often (rule 4), and at once when the source asks.
IDLE_SECONDS = 10.0
STATUS_SECONDS = 1.0
# Taken in one go before looking at the clock and the inbox again: about 700 small frames.
BURST_BYTES = 64 * 1024


class Idle:
    """Nothing is open up to this position; it may be acknowledged once everything before is durable."""

    __slots__ = ("lsn",)

    def __init__(self, lsn: int) -> None:
        self.lsn = lsn


class Inbox:
    """What was received and not yet applied. The receiver puts, the applier takes."""

    def __init__(self) -> None:
        self._items: deque[Piece | Idle] = deque()
        self._weight = 0
        self._wanted = 0
        self._complete = False
        self._changed = threading.Condition()
        self._closed = False

    def put(self, items: Sequence[Piece | Idle]) -> None:
        """Adds items; never blocks: the receiver asks `wait_for_room` first."""
        with self._changed:
            self._items.extend(items)
            self._complete = False
            self._weight += sum(item.weight for item in items if isinstance(item, Piece))
            # Waking the applier for every few rows, while it waits for many, would cost more than decoding them.
            if self._weight >= self._wanted or not isinstance(items[-1], Piece):
                self._changed.notify_all()

    def hurry(self) -> None:
        """Says that nothing more is on its way for now: waiting for a larger batch would be in vain."""
        with self._changed:
            self._complete = True
            self._changed.notify_all()

    def take(
        self, weight: int, patience: Callable[[float], float], seconds_to_first: float | None
    ) -> list[Piece] | Idle | None:
        """What belongs to the next batch: whole transactions up to about `weight` bytes, or the next part of a
        larger one, nothing when nothing came in so many seconds; or an Idle; None when closed.

        Waits for the first item, and then as many seconds as `patience` says of its commit time for a batch that
        is worth its statements, unless nothing more is on its way.
        """
        with self._changed:
            while not self._items and not self._closed:
                if not self._changed.wait(seconds_to_first):
                    return []
            first = self._items[0] if self._items else None
            seconds = patience(first.commit_time) if isinstance(first, Piece) else 0.0
            if seconds:
                self._wanted = min(weight, WORTHWHILE_BYTES)
                self._changed.wait_for(self._worthwhile, seconds)
                self._wanted = 0
            if self._closed:
                return None
            if isinstance(first, Idle):
                self._items.popleft()
                return first
            pieces = self._pop(weight)
            self._changed.notify_all()
            return pieces

    def holds(self, least: int, largest: int) -> bool:
        """Whether at least so many bytes wait, and the first item is a piece of at most so many."""
        with self._changed:
            first = self._items[0] if self._items else None
            return isinstance(first, Piece) and self._weight >= least and first.weight <= largest

    def _worthwhile(self) -> bool:
        return self._weight >= self._wanted or self._complete or self._closed

    def _pop(self, weight: int) -> list[Piece]:
        pieces: list[Piece] = []
        taken = whole = 0
        for item in self._items:
            if isinstance(item, Idle) or (pieces and taken + item.weight > weight):
                break
            pieces.append(item)
            taken += item.weight
            if item.last:
                whole = len(pieces)
        # Cut after the last complete transaction; a transaction that fills all of it goes on in parts.
        pieces = pieces[: whole or len(pieces)]
        for piece in pieces:
            self._items.popleft()
            self._weight -= piece.weight
        return pieces

    def wait_for_room(self, seconds: float) -> bool:
        """Waits until more may be read; False when there is still no room after `seconds`."""
        if self._weight < INBOX_BYTES:
            return True
        with self._changed:
            return self._changed.wait_for(lambda: self._weight < INBOX_BYTES or self._closed, seconds)

    @property
    def closed(self) -> bool:
        """Whether nothing more is taken."""
        return self._closed

    def close(self) -> None:
        """Ends every wait."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class Positions:
    """Shared between receiver, guardian and applier: each field has one writer, so no lock is needed."""

    def __init__(self, durable: int) -> None:
        self.received = durable  # receiver
        self.durable = durable  # applier
        self.verified = durable  # guardian: up to here the publication is known to have been ours
        # guardian: the source's clock less our steady one, which does not jump when the machine's clock is put right
        self.clock_offset_seconds = 0.0

    def set_clock(self, ask: Callable[[], float]) -> None:
        """Compares the clocks; `ask` answers with the source's, in seconds since the epoch."""
        before = time.monotonic()
        clock = ask()
        self.clock_offset_seconds = clock - (before + time.monotonic()) / 2

    def late_seconds(self, commit_time: float) -> float:
        """How long ago, by the source's clock, something was committed."""
        return time.monotonic() + self.clock_offset_seconds - commit_time

    @property
    def acknowledged(self) -> int:
        """What the source may forget."""
        return min(self.durable, self.verified)


class Receiver:
    """The thread's body: `run` until the inbox is closed or the stream ends (which raises)."""

    def __init__(self, stream: ReplicationStream, decoder: Decoder, inbox: Inbox, positions: Positions) -> None:
        self._stream = stream
        self._decoder = decoder
        self._inbox = inbox
        self._positions = positions
        self._sent_at = 0.0
        self._sent = 0
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
        pieces = self._decoder.feed(frames)
        if pieces:
            self._positions.received = pieces[-1].end_lsn or pieces[-1].final_lsn
        idle = self._keepalive(end) if end else None
        if pieces or idle:
            self._inbox.put([*pieces, idle] if idle else pieces)
        if end:
            # A walsender sends a keepalive when it is about to wait for more to be written.
            self._inbox.hurry()

    def _keepalive(self, frame: bytes) -> Idle | None:
        wal_end, reply = parse_keepalive(frame)
        now = time.monotonic()
        idle = not self._decoder.in_transaction and wal_end > self._positions.received
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
        self._sent = self._positions.acknowledged
        self._stream.send_status(self._positions.received, self._sent)
