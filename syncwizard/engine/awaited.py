"""Positions that clients wait for: figures wait for the next tick, unless one of these is acknowledged by them, or they
are the first that know what is acknowledged: before them no position can be asked for."""

import threading

from syncwizard.task.figures.sample import Sample
from syncwizard.task.lsn import parse_lsn


class Awaited:
    """The positions that were asked for and are not acknowledged yet; any thread may add and look.

    >>> awaited = Awaited()
    >>> [awaited.reached(Sample(acknowledged_lsn=lsn)) for lsn in (None, "0/1E", "0/1F")]
    [False, True, False]
    >>> awaited.add("0/20")
    >>> [awaited.reached(Sample(acknowledged_lsn=lsn)) for lsn in ("0/1F", "0/20", "0/21")]
    [False, True, False]
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._positions: set[int] = set()
        self._known = False

    def add(self, lsn: str) -> None:
        """A client waits for this one."""
        with self._lock:
            self._positions.add(parse_lsn(lsn))

    def reached(self, sample: Sample) -> bool:
        """Whether the sample says for the first time that one of the positions, or anything at all, is acknowledged."""
        if sample.acknowledged_lsn is None:
            return False
        if not self._known:
            self._known = True
            return True
        if not self._positions:
            return False
        acknowledged = parse_lsn(sample.acknowledged_lsn)
        with self._lock:
            left = {position for position in self._positions if position > acknowledged}
            found = len(left) < len(self._positions)
            self._positions = left
        return found
