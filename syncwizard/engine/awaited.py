"""Positions that clients wait for: figures wait for the next tick, unless one of these is acknowledged by them."""

import threading

from syncwizard.task.figures.sample import Sample
from syncwizard.task.lsn import parse_lsn


class Awaited:
    """The positions that were asked for and are not acknowledged yet; any thread may add and look.

    >>> awaited = Awaited()
    >>> awaited.add("0/20")
    >>> [awaited.reached(Sample(acknowledged_lsn=lsn)) for lsn in ("0/1F", "0/20", "0/21")]
    [False, True, False]
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._positions: set[int] = set()

    def add(self, lsn: str) -> None:
        """A client waits for this one."""
        with self._lock:
            self._positions.add(parse_lsn(lsn))

    def reached(self, sample: Sample) -> bool:
        """Whether the sample says that one of the positions is acknowledged, for the first time."""
        if not self._positions or sample.acknowledged_lsn is None:
            return False
        acknowledged = parse_lsn(sample.acknowledged_lsn)
        with self._lock:
            left = {position for position in self._positions if position > acknowledged}
            found = len(left) < len(self._positions)
            self._positions = left
        return found
