"""Token buckets that all workers of a task share: memory in a file of the task's folder, which its engine sets.

A worker takes rows, then waits until they are paid for: what one takes, all pay for. Where nothing is limited that
costs one look into memory.
"""

import fcntl
import mmap
import os
import time
from collections.abc import Callable
from pathlib import Path
from struct import Struct
from typing import Literal, Self

from syncwizard.task.limiting import InForce

FILE_NAME = "throttle"

Work = Literal["full", "incremental"]
_PLACES: dict[Work, int] = {"full": 8, "incremental": 40}
# Rows and bytes a second (0: no limit), and when all that was taken is paid for, by CLOCK_MONOTONIC: one clock for all
# processes of a machine.
_BUCKETS = Struct("<4d")
_GENERATION = Struct("<Q")
# Queries a second of the copy, and when all that were begun are paid for.
_QUERIES = Struct("<2d")
_QUERIES_PLACE = 8 + 2 * _BUCKETS.size
_SIZE = _QUERIES_PLACE + _QUERIES.size
# What was not taken may be caught up with for so long: a worker that was not scheduled is no slower for it.
BURST_SECONDS = 0.25
# A wait looks at the limits again: they may have been lifted.
LOOK_SECONDS = 0.1
# What is taken at once: small enough for an even pace.
QUANTUM_SECONDS = 0.1
# Before the size of a row is known.
FIRST_BYTES = 4096


class Buckets:
    """The shared memory of one task; each process opens it for itself. One thread at a time."""

    def __init__(self, folder: Path) -> None:
        """Opens the file, or makes it. Raises OSError."""
        self._descriptor = os.open(folder / FILE_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if os.fstat(self._descriptor).st_size < _SIZE:
            os.ftruncate(self._descriptor, _SIZE)
        self._memory = mmap.mmap(self._descriptor, _SIZE)

    def close(self) -> None:
        """Leaves the file as it is."""
        self._memory.close()
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        return self

    def __exit__(self, *error: object) -> None:
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def set(self, limits: InForce) -> None:
        """The limits from now on; what was taken before is paid for."""
        with self:
            _BUCKETS.pack_into(self._memory, _PLACES["full"], limits.full_rows, limits.full_bytes, 0.0, 0.0)
            _BUCKETS.pack_into(
                self._memory, _PLACES["incremental"], limits.incremental_rows, limits.incremental_bytes, 0.0, 0.0
            )
            _QUERIES.pack_into(self._memory, _QUERIES_PLACE, limits.full_queries, 0.0)
            _GENERATION.pack_into(self._memory, 0, self.generation + 1)

    @property
    def generation(self) -> int:
        """Changes with the limits."""
        number: int = _GENERATION.unpack_from(self._memory, 0)[0]
        return number

    def rates(self, work: Work) -> tuple[float, float]:
        """Rows and bytes a second; 0: no limit."""
        rows, size, _, _ = _BUCKETS.unpack_from(self._memory, _PLACES[work])
        return rows, size

    def take(self, work: Work, rows: int, size: int, now: float) -> float:
        """Takes what was done, and tells when it is paid for (`time.monotonic`)."""
        with self:
            row_rate, byte_rate, rows_paid, bytes_paid = _BUCKETS.unpack_from(self._memory, _PLACES[work])
            rows_paid = paid_at(rows_paid, row_rate, rows, now)
            bytes_paid = paid_at(bytes_paid, byte_rate, size, now)
            _BUCKETS.pack_into(self._memory, _PLACES[work], row_rate, byte_rate, rows_paid, bytes_paid)
        return max(rows_paid if row_rate else 0.0, bytes_paid if byte_rate else 0.0)

    @property
    def query_rate(self) -> float:
        """Queries a second of the copy; 0: no limit."""
        rate: float = _QUERIES.unpack_from(self._memory, _QUERIES_PLACE)[0]
        return rate

    def take_query(self, now: float) -> float:
        """Takes a query that is about to begin, and tells when it may."""
        with self:
            rate, paid = _QUERIES.unpack_from(self._memory, _QUERIES_PLACE)
            begins: float = max(paid, now)
            _QUERIES.pack_into(self._memory, _QUERIES_PLACE, rate, paid_at(begins, rate, 1, now))
        return begins


def paid_at(paid: float, rate: float, amount: float, now: float) -> float:
    """When all is paid for, if so much is taken now at a rate a second.

    >>> paid_at(0.0, 100.0, 50, 10.0), paid_at(12.0, 100.0, 50, 10.0), paid_at(12.0, 0.0, 50, 10.0)
    (10.25, 12.5, 12.0)
    """
    return max(paid, now - BURST_SECONDS) + amount / rate if rate else paid


class Pace:
    """Keeps one worker to the limits of its work."""

    def __init__(self, buckets: Buckets, work: Work, ended: Callable[[], bool] = lambda: False) -> None:
        """`ended`: whether the work is over, so that no wait goes on."""
        self._buckets = buckets
        self._work: Work = work
        self._ended = ended
        self._row_bytes = 0.0
        self._rows = self._bytes = 0

    @property
    def limited(self) -> bool:
        """Whether there is a limit at present."""
        return any(self._buckets.rates(self._work))

    def begin(self) -> None:
        """The totals that `step` is given begin anew."""
        self._rows = self._bytes = 0

    def step(self, rows: int, size: int, most: int) -> int:
        """Pays for what the totals have grown by; how much to take at once, `most` without a limit."""
        more_rows, more = rows - self._rows, size - self._bytes
        self._rows, self._bytes = rows, size
        if not self.limited:
            return most
        if rows:
            self._row_bytes = size / rows
        self.done(more_rows, more)
        return self.quantum_bytes(most)

    def done(self, rows: int, size: int, weight: int = 0) -> None:
        """Takes what was done, and waits until it is paid for or the limits change. `weight`: what it amounts to where
        `quantum_bytes` is about something else than `size`."""
        if not self.limited or not (rows or size):
            return
        if rows and weight:
            self._row_bytes = weight / rows
        generation = self._buckets.generation
        self._wait(self._buckets.take(self._work, rows, size, time.monotonic()), generation)

    def query(self) -> None:
        """Waits until another query may begin at the source."""
        if self._buckets.query_rate:
            generation = self._buckets.generation
            self._wait(self._buckets.take_query(time.monotonic()), generation)

    def _wait(self, until: float, generation: int) -> None:
        while (wait := until - time.monotonic()) > 0 and generation == self._buckets.generation and not self._ended():
            time.sleep(min(wait, LOOK_SECONDS))

    def quantum_bytes(self, most: int) -> int:
        """How much to take at once for an even pace: `most` without a limit, one byte at least."""
        rows, size = self._buckets.rates(self._work)
        if not rows and not size:
            return most
        by_rows = max(rows * QUANTUM_SECONDS, 1.0) * self._row_bytes if self._row_bytes else FIRST_BYTES
        limits = [by_rows] if rows else []
        limits += [size * QUANTUM_SECONDS] if size else []
        return max(1, min(most, int(min(limits))))


def pace_of(folder: str, work: Work, ended: Callable[[], bool] = lambda: False) -> Pace | None:
    """The pace of a worker, by the limits in the task's folder; None without a folder."""
    return Pace(Buckets(Path(folder)), work, ended) if folder else None
