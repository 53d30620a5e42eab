"""Takes batches from the inbox and folds them: the next large one while the one before is applied."""

import threading
from collections.abc import Callable

from syncwizard.rows.batches import Batch, folded
from syncwizard.rows.inbox import AtLimit, Idle, Inbox
from syncwizard.throttling import Pace

# A batch is what arrived while the one before was applied, up to this much.
BATCH_BYTES = 24 * 1024 * 1024
# With less than this waiting (some 2,000 narrow changes) a batch is applied within milliseconds, and another thread
# would only add to its latency.
AHEAD_BYTES = 1024 * 1024

Item = Batch | Idle | AtLimit | None


class Batches:
    """What the applier does next. `patience`: how long to wait for a larger batch, by the first commit's time; `pace`:
    what the applier is held to, by smaller batches.

    The destination works while its answer is awaited, and folding needs the interpreter: together a drain of 120,000
    TPC-B transactions takes a third less time than in turn.
    """

    def __init__(self, inbox: Inbox, patience: Callable[[float], float], pace: Pace | None = None) -> None:
        self._inbox = inbox
        self._patience = patience
        self._pace = pace
        self._ahead: _Ahead | None = None

    def next(self, seconds_to_first: float | None, *, one_by_one: bool) -> Item:
        """The next batch, one without pieces when nothing came in so many seconds; an Idle; AtLimit; None at the end.

        `one_by_one`: as little as can be committed by itself, and not folded. Raises what folding raises.
        """
        if self._ahead is not None:
            ahead, self._ahead = self._ahead, None
            return ahead.result()
        return self._take(seconds_to_first, one_by_one=one_by_one)

    def prepare(self, current: Batch, *, one_by_one: bool) -> None:
        """Begins with the batch after the current one, if it is worth it. Rows that fill a batch alone come singly: no
        more than one of them should be in the hands of the applier.
        """
        largest = max(piece.weight for piece in current.pieces)
        if not one_by_one and largest <= BATCH_BYTES and self._inbox.holds(AHEAD_BYTES, BATCH_BYTES):
            self._ahead = _Ahead(lambda: self._take(None, one_by_one=False))
            self._ahead.start()

    def close(self) -> None:
        """Waits for what was begun; the inbox is closed already."""
        if self._ahead is not None:
            self._ahead.join()

    def _take(self, seconds_to_first: float | None, *, one_by_one: bool) -> Item:
        most = BATCH_BYTES if self._pace is None else self._pace.quantum_bytes(BATCH_BYTES)
        taken = self._inbox.take(
            1 if one_by_one else most, self._patience, seconds_to_first, divided=most < BATCH_BYTES
        )
        if taken is None or isinstance(taken, Idle | AtLimit):
            return taken
        return Batch(pieces=taken, steps=[] if one_by_one else folded(taken))


class _Ahead(threading.Thread):
    """Takes one item."""

    def __init__(self, take: Callable[[], Item]) -> None:
        super().__init__(name="ahead", daemon=True)
        self._take = take
        self._item: Item = None
        self._error: Exception | None = None

    def run(self) -> None:
        try:
            self._item = self._take()
        except Exception as error:  # noqa: BLE001 - the last resort of this thread: the applier raises it
            self._error = error

    def result(self) -> Item:
        """What was taken, once it is there. Raises what taking raised."""
        self.join()
        if self._error is not None:
            raise self._error
        return self._item
