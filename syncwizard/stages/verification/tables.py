"""Compares one table at both ends under the snapshots of a moment."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import TypeVar

import msgspec

from syncwizard.errors import End, EndpointError, SyncwizardError, TaskFailed
from syncwizard.postgres import paced
from syncwizard.postgres.comparing import BUCKETS, Reading, Sums, read_count, read_rows, read_sums
from syncwizard.postgres.copying import are_current
from syncwizard.postgres.session.cancelling import cancel_until
from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.session.encoding import set_encoding, shared_encoding
from syncwizard.postgres.session.locking import keeps_waiting, limit_lock_waits
from syncwizard.postgres.session.trouble import translated
from syncwizard.postgres.snapshots import begin_snapshot
from syncwizard.rows.comparison import LISTED_ROWS, Differences, differences, unequal_buckets
from syncwizard.stages.context import Context
from syncwizard.stages.interruptible import interruptible
from syncwizard.stages.verification import vectors
from syncwizard.stages.verification.moment import Moment
from syncwizard.stages.verification.pace import OrderedPace
from syncwizard.stages.verification.units import Unit
from syncwizard.task.verification import TableVerification, VerificationOrder

# A session that waits for the lock of a table that is being read: the applier's TRUNCATE, or a user's ALTER TABLE.
WAITING_SECONDS = 1.0
LOCK_SECONDS = 2
# Rows of a table that are repaired at a time: as long as that takes the stream is held.
REPAIRED_ROWS = 2000
# Rows of a table that are kept in memory to find those that differ, where reading is held to a pace.
KEPT_ROWS = 200_000
LOCK_TIMED_OUT = "55P03"

T = TypeVar("T")


class GaveWay(Exception):
    """The table was not read to its end; why. It is compared again later."""


class Reader:
    """The sessions that read at both ends."""

    def __init__(self, context: Context, stack: ExitStack) -> None:
        """Opens them; they end with the stack."""
        self._context = context
        self.source = stack.enter_context(context.connect("source", "verify"))
        self.destination = stack.enter_context(context.connect("destination", "verify"))
        self._watch = {end: stack.enter_context(context.connect(end, "verify")) for end in ("source", "destination")}
        for session in (self.source, self.destination):
            # A table that is locked is compared later, and nothing queues behind a comparison that waits.
            limit_lock_waits(session, LOCK_SECONDS)
        set_encoding(shared_encoding(self.source, self.destination), self.source, self.destination)
        self._pool = stack.enter_context(ThreadPoolExecutor(1, "verify source"))

    def compare(self, moment: Moment, unit: Unit, order: VerificationOrder) -> TableVerification:
        """What both ends have of the table. Raises GaveWay, Cancelled, EndpointError, TaskFailed."""
        if order.mode == "vectors":
            return self._search(moment, unit, order)
        begun = time.monotonic()
        with self._reading(moment, unit):
            if order.mode == "counts":
                counts = self._both(unit, self._paced(order, read_count, paced.read_count))
                found = Differences(
                    only_source=max(0, counts[0] - counts[1]), only_destination=max(0, counts[1] - counts[0])
                )
            else:
                sums = self._both(unit, self._paced(order, read_sums, paced.read_sums))
                counts = (_count(sums[0]), _count(sums[1]))
                found = self._differences(unit, order, unequal_buckets(*sums), max(counts))
            self._check_current(unit)
        differing = found.changed
        differing += 0 if order.ignore_missing else found.only_source
        differing += 0 if order.ignore_extra else found.only_destination
        return TableVerification(
            table=unit.table,
            verdict="different" if differing or found.more else "equal",
            lsn=moment.lsn,
            source_rows=counts[0],
            destination_rows=counts[1],
            changed=found.changed,
            only_source=found.only_source,
            only_destination=found.only_destination,
            more=found.more,
            key_columns=unit.key_columns,
            rows=found.rows,
            sample=unit.sample,
            seconds=time.monotonic() - begun,
        )

    def _search(self, moment: Moment, unit: Unit, order: VerificationOrder) -> TableVerification:
        """Compares what searches by its vector indexes find."""
        begun = time.monotonic()
        if reason := vectors.why_not(unit):
            return unverified(unit, reason)
        with self._reading(moment, unit):
            with interruptible(self._context, self.source, "source", "drawing vectors to search for"):
                found = tuple(vectors.search(self.source, self._at_both, unit, order.vectors))
            self._check_current(unit)
        return TableVerification(
            table=unit.table,
            verdict="different" if any(each.differs for each in found) else "equal",
            lsn=moment.lsn,
            source_rows=max((each.source_norms.rows for each in found), default=0),
            destination_rows=max((each.destination_norms.rows for each in found), default=0),
            vectors=found,
            seconds=time.monotonic() - begun,
        )

    def _at_both(self, here: Callable[[Connection], T], there: Callable[[Connection], T]) -> tuple[T, T]:
        """Reads at both ends at the same time."""
        source = self._pool.submit(self._do, "source", self.source, here)
        destination = self._do("destination", self.destination, there)
        return source.result(), destination

    def _do(self, end: End, session: Connection, read: Callable[[Connection], T]) -> T:
        with interruptible(self._context, session, end, "searching vectors"):
            return read(session)

    def _differences(self, unit: Unit, order: VerificationOrder, buckets: list[int], rows: int) -> Differences:
        """Of some buckets; `rows` is how many the table has."""
        if not buckets:
            return Differences()
        listed = REPAIRED_ROWS if order.repair else LISTED_ROWS
        if order.limited:
            few = buckets[: max(1, BUCKETS * KEPT_ROWS // max(rows, 1))]
            here, there = self._both(
                unit, lambda session, readings: paced.read_rows(session, readings, few, self._pace(order))
            )
            found = differences(here, there, listed=listed)
            return msgspec.structs.replace(found, more=found.more or len(few) < len(buckets))
        with translated("source", f"reading the rows of {unit.table} that differ"):
            return differences(
                read_rows(self.source, unit.source, buckets),
                read_rows(self.destination, unit.destination, buckets),
                listed=listed,
            )

    def _pace(self, order: VerificationOrder) -> OrderedPace:
        return OrderedPace(order, self._context.cancellation)

    def _paced(
        self,
        order: VerificationOrder,
        read: Callable[[Connection, Sequence[Reading]], T],
        read_paced: Callable[[Connection, Sequence[Reading], OrderedPace], T],
    ) -> Callable[[Connection, Sequence[Reading]], T]:
        """How to read: at once, or at the order's pace at each end."""
        if not order.limited:
            return read
        return lambda session, readings: read_paced(session, readings, self._pace(order))

    def _both(self, unit: Unit, read: Callable[[Connection, Sequence[Reading]], T]) -> tuple[T, T]:
        """Reads at both ends at the same time."""
        source = self._pool.submit(self._read, "source", self.source, unit.source, read)
        destination = self._read("destination", self.destination, unit.destination, read)
        return source.result(), destination

    def _read(
        self,
        end: End,
        session: Connection,
        readings: Sequence[Reading],
        read: Callable[[Connection, Sequence[Reading]], T],
    ) -> T:
        with interruptible(self._context, session, end, "comparing rows"):
            return read(session, readings)

    @contextmanager
    def _reading(self, moment: Moment, unit: Unit) -> Iterator[None]:
        """A transaction at each end that sees the moment, and gives way to who waits for its locks."""
        done, waited = threading.Event(), threading.Event()
        watcher = threading.Thread(target=self._give_way, args=(done, waited), name="verify locks", daemon=True)
        try:
            with translated("source", "importing the snapshot"):
                begin_snapshot(self.source, moment.source)
            with translated("destination", "importing the snapshot"):
                begin_snapshot(self.destination, moment.destination)
            watcher.start()
            yield
        except SyncwizardError as error:
            if waited.is_set():
                raise GaveWay(f"another session waited for the lock of {unit.table}") from error
            if isinstance(error, EndpointError) and error.sqlstate == LOCK_TIMED_OUT:
                raise GaveWay(f"{unit.table} was locked by another session") from error
            raise
        finally:
            done.set()
            if watcher.is_alive():
                watcher.join()
            for session in (self.source, self.destination):
                if not session.broken:
                    session.rollback()

    def _give_way(self, done: threading.Event, waited: threading.Event) -> None:
        """Cancels what is read once another session has waited for it at two looks in a row."""
        sessions: dict[End, Connection] = {"source": self.source, "destination": self.destination}
        before: set[End] = set()
        while not done.wait(WAITING_SECONDS):
            try:
                now = {end for end, session in sessions.items() if self._keeps_waiting(end, session)}
            except SyncwizardError:
                # The reading session meets the same trouble.
                return
            if now & before:
                waited.set()
                for each in sessions.values():
                    cancel_until(done, each)
                return
            before = now

    def _keeps_waiting(self, end: End, session: Connection) -> bool:
        with translated(end, "looking for sessions that wait"):
            return keeps_waiting(self._watch[end], session.info.backend_pid)

    def _check_current(self, unit: Unit) -> None:
        """Raises GaveWay where a table was rewritten or emptied after the moment: an old snapshot reads it as empty."""
        ends: list[tuple[End, Connection, Sequence[Reading]]] = [
            ("source", self.source, unit.source),
            ("destination", self.destination, unit.destination),
        ]
        for end, session, readings in ends:
            with translated(end, "comparing rows"):
                for reading in readings:
                    if not are_current(session, [reading.oid]):
                        raise GaveWay(f"{reading.relation} was rewritten at the {end} meanwhile")


def _count(sums: Sums) -> int:
    return sum(count for count, _ in sums.values())


def unverified(unit: Unit, reason: str) -> TableVerification:
    """A table that could not be compared."""
    return TableVerification(table=unit.table, verdict="unverified", reason=reason)


def reason_of(error: TaskFailed) -> str:
    """Why a table could not be compared, in one line."""
    return f"{error.title}: {error.detail}" if error.detail else error.title
