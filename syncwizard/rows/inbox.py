"""What the receiver has decoded and the applier has not taken yet, bounded in bytes."""

import threading
from collections import deque
from collections.abc import Callable, Sequence

from syncwizard.rows.batches import singly
from syncwizard.rows.changes import Piece

# Reading stops while the inbox holds this much, so that memory is bounded whatever the destination does.
INBOX_BYTES = 48 * 1024 * 1024


# A batch of about twenty thousand narrow changes: smaller ones pay a dozen round trips for fewer rows (measured 7.1 s
# against 8.1 s for 120,000 TPC-B transactions with a third of it).
WORTHWHILE_BYTES = 12 * 1024 * 1024


class Idle:
    """Nothing is open up to this position; it may be acknowledged once everything before is durable."""

    __slots__ = ("lsn",)

    def __init__(self, lsn: int) -> None:
        self.lsn = lsn


class AtLimit:
    """Every transaction that commits below the inbox's limit was taken, and none beyond it is."""

    __slots__ = ()


class Inbox:
    """What was received and not yet applied. The receiver puts, the applier takes.

    With a limit, transactions that commit at it or later stay; the applier gets `AtLimit` once all before were taken.
    """

    def __init__(self) -> None:
        self._items: deque[Piece | Idle] = deque()
        self._weight = 0
        self._wanted = 0
        self._complete = False
        self._changed = threading.Condition()
        self._closed = False
        # Commits from here on are held back; 0 holds all of them, None none.
        self._limit: int | None = None
        self._held = False
        # The last piece taken was not the end of its transaction.
        self._open = False

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
        self,
        weight: int,
        patience: Callable[[float], float],
        seconds_to_first: float | None,
        *,
        divided: bool = False,
    ) -> list[Piece] | Idle | AtLimit | None:
        """What belongs to the next batch: whole transactions up to about `weight` bytes, or the next part of a
        larger one, nothing when nothing came in so many seconds; or an Idle; AtLimit once a limit; None when closed.

        Waits for the first item, and then as many seconds as `patience` says of its commit time for a batch that
        is worth its statements, unless nothing more is on its way. `divided`: transactions that came together may be
        taken apart, where they weigh more.
        """
        with self._changed:
            while True:
                while not self._closed and not self._takeable():
                    if self._at_limit():
                        self._held = True
                        return AtLimit()
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
                # A limit may have come meanwhile.
                if self._takeable():
                    break
            if isinstance(first, Idle):
                self._items.popleft()
                return first
            if divided:
                self._divide(weight)
            pieces = self._pop(weight)
            self._changed.notify_all()
            return pieces

    def holds(self, least: int, largest: int) -> bool:
        """Whether at least so many bytes wait, and the first item is a piece of at most so many."""
        with self._changed:
            first = self._items[0] if self._items and self._takeable() else None
            return isinstance(first, Piece) and self._weight >= least and first.weight <= largest

    def hold(self, limit: int) -> None:
        """Keeps back transactions that commit at `limit` or later, an LSN; 0: all that have not been begun."""
        with self._changed:
            self._limit = limit
            self._held = False
            self._changed.notify_all()

    def let_go(self) -> bool:
        """Ends the holding; whether there was any."""
        with self._changed:
            held, self._limit = self._limit is not None, None
            self._changed.notify_all()
            return held

    def _takeable(self) -> bool:
        """Whether the first item may be taken."""
        if not self._items:
            return False
        if self._limit is None or self._open:
            return True
        return self._commits_at(self._items[0]) < self._limit

    def _at_limit(self) -> bool:
        """Whether everything below the limit was taken, and that was not reported yet."""
        if self._limit is None or self._held or self._open:
            return False
        return self._limit == 0 or bool(self._items)

    @staticmethod
    def _commits_at(item: Piece | Idle) -> int:
        if isinstance(item, Idle):
            return item.lsn
        return item.ends[0][1] if item.ends else item.final_lsn

    def _split(self, limit: int) -> None:
        """Divides the piece in which transactions of both sides of the limit are."""
        for at, item in enumerate(self._items):
            if isinstance(item, Piece) and item.final_lsn >= limit:
                if self._commits_at(item) < limit:
                    del self._items[at]
                    for part in reversed(singly(item)):
                        self._items.insert(at, part)
                    self._weight = sum(each.weight for each in self._items if isinstance(each, Piece))
                return

    def _divide(self, weight: int) -> None:
        """Takes the transactions of the first piece apart, where they weigh more than is wanted."""
        first = self._items[0]
        if isinstance(first, Piece) and first.weight > weight and len(first.ends) > 1:
            self._items.popleft()
            parts = singly(first)
            self._items.extendleft(reversed(parts))
            self._weight += sum(part.weight for part in parts) - first.weight

    def _worthwhile(self) -> bool:
        return self._weight >= self._wanted or self._complete or self._closed or self._limit is not None

    def _pop(self, weight: int) -> list[Piece]:
        pieces: list[Piece] = []
        taken = whole = 0
        limit = self._limit
        if limit is not None:
            self._split(limit)
        for item in self._items:
            if isinstance(item, Idle) or (pieces and taken + item.weight > weight):
                break
            if limit is not None and item.first and item.final_lsn >= limit:
                break
            pieces.append(item)
            taken += item.weight
            if item.last:
                whole = len(pieces)
                if item.alone:
                    break
        # Cut after the last complete transaction; a transaction that fills all of it goes on in parts.
        pieces = pieces[: whole or len(pieces)]
        for piece in pieces:
            self._items.popleft()
            self._weight -= piece.weight
        self._open = not pieces[-1].last
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
