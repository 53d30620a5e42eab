"""How fast a verification may read at each end."""

import time

from syncwizard.stages.context import Cancellation
from syncwizard.task.limiting import MEGABYTE
from syncwizard.task.verification import VerificationOrder
from syncwizard.throttling import QUANTUM_SECONDS, paid_at

# Rows that come at once: what is asked for in one round trip, and is in memory.
MOST_ROWS = 10_000


class OrderedPace:
    """The limits of an order at one end; a `postgres.paced.Pace`. Raises Cancelled while it waits."""

    def __init__(self, order: VerificationOrder, cancellation: Cancellation) -> None:
        self._rows = float(order.rows_per_second)
        self._bytes = float(order.megabytes_per_second * MEGABYTE)
        self._cancellation = cancellation
        self._rows_paid = self._bytes_paid = 0.0

    def quantum(self, row_bytes: float) -> int:
        """As many rows as are due within a tenth of a second, one at least.

        >>> order = VerificationOrder(id=__import__("uuid").UUID(int=0), rows_per_second=500, megabytes_per_second=1)
        >>> pace = OrderedPace(order, Cancellation())
        >>> pace.quantum(100.0), pace.quantum(10_000.0), pace.quantum(1e9)
        (50, 10, 1)
        """
        by_rows = self._rows * QUANTUM_SECONDS if self._rows else MOST_ROWS
        by_bytes = self._bytes * QUANTUM_SECONDS / row_bytes if self._bytes and row_bytes else MOST_ROWS
        return max(1, min(MOST_ROWS, int(by_rows), int(by_bytes)))

    def pay(self, rows: int, row_bytes: float) -> None:
        """Waits until so many rows are paid for."""
        now = time.monotonic()
        self._rows_paid = paid_at(self._rows_paid, self._rows, rows, now)
        self._bytes_paid = paid_at(self._bytes_paid, self._bytes, rows * row_bytes, now)
        if (seconds := max(self._rows_paid, self._bytes_paid) - now) > 0:
            self._cancellation.wait(seconds)
