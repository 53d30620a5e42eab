"""The child of the incremental stages: stream in, batches out, until told to stop or a position is reached."""

import sys
import threading
import time
from collections import Counter
from collections.abc import Callable

import msgspec
import psycopg

from syncwizard.errors import End, EndpointError, SyncwizardError
from syncwizard.postgres.connection import Connection, as_ours
from syncwizard.postgres.destination import progress as ledger
from syncwizard.postgres.destination.apply import Applier
from syncwizard.postgres.destination.batches import BatchFailed, BatchWriter
from syncwizard.postgres.destination.chunks import read_pairs
from syncwizard.postgres.destination.routes import RouteCompiler, TypesDiffer, binary_stream
from syncwizard.postgres.destination.serial import SerialApplier, fetch_row
from syncwizard.postgres.destination.session import hold_task, prepare_writing
from syncwizard.postgres.selection import select_tables
from syncwizard.postgres.source.continuity import (
    check_publication,
    check_server,
    check_slot,
    find_partition_root,
    name_types,
)
from syncwizard.postgres.source.guardian import Guardian
from syncwizard.postgres.source.publication import uncaptured_tables
from syncwizard.postgres.source.receiver import LATE_SECONDS, Idle, Inbox, Positions, Receiver
from syncwizard.postgres.source.stream import ReplicationStream
from syncwizard.rows.changes import KIND_NAMES, Piece, Route, Row, Truncation
from syncwizard.rows.pgoutput import Decoder
from syncwizard.stages.context import Channel, Secrets, open_session
from syncwizard.task.events import Sample, TableName
from syncwizard.task.lsn import format_lsn, parse_lsn
from syncwizard.task.specification import TaskSpec

# A batch is what arrived while the one before was applied, up to this much.
BATCH_BYTES = 16 * 1024 * 1024
PIECE_BYTES = 8 * 1024 * 1024
SAMPLE_SECONDS = 0.1
# An application may swap unique values all day long.
CAREFUL_SECONDS = 60.0
SWITCH_SECONDS = 0.001
# Catalogues are looked through for tables that nobody publishes, which costs tens of milliseconds for thousands.
SELECTION_SECONDS = 30.0
PATIENCE_SECONDS = 0.3


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """`stop_at`: end after this position is applied (an LSN), None: go on until told to stop.

    `sync_point`: the newest pair; rows missing before it are looked up at the source (rule 9).
    """

    spec: TaskSpec
    secrets: Secrets
    sync_point: str
    stop_at: str | None = None


class Stop(msgspec.Struct, frozen=True, tag=True):
    """Ends the child after the batch at hand."""


class Figures(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Now and then, and after the last batch before it gets quiet; counters are totals of this child."""

    sample: Sample


class Reached(msgspec.Struct, frozen=True, tag=True):
    """`stop_at` is applied."""

    applied_lsn: str


class Stopped(msgspec.Struct, frozen=True, tag=True):
    """The child ends because it was told to."""


class Recovered(msgspec.Struct, frozen=True, tag=True):
    """The child goes on in a more careful way; which, and why."""

    reason: str


class Uncaptured(msgspec.Struct, frozen=True, tag=True):
    """Tables that belong to the task's selection and are not published: created or attached after the start."""

    tables: list[str]


ToChild = Stop
FromChild = Figures | Reached | Stopped | Recovered | Uncaptured


def run(assignment: Assignment, channel: Channel) -> None:
    """Applies until stopped. Raises EndpointError, SourceChanged, ChangeFailed, Fenced or TaskFailed."""
    # The applier waits for the destination several times a batch and should get the interpreter back soon from the
    # decoding thread; the default is 5 ms, which is as long as a small batch takes.
    sys.setswitchinterval(SWITCH_SECONDS)
    # The task is held by a session of its own: between two apply sessions, too, no other engine may slip in.
    lock = open_session(assignment.spec, assignment.secrets, "destination", "lock")
    try:
        assert assignment.spec.id is not None
        hold_task(lock, assignment.spec.id)
        _run_sessions(assignment, channel)
    except psycopg.Error as error:
        raise as_ours(error, "destination", "applying changes") from error
    finally:
        lock.close()


def _run_sessions(assignment: Assignment, channel: Channel) -> None:
    """One apply session after the other, the next one more careful than the one before."""
    stopping = threading.Event()
    totals = Totals()
    serial_until = 0
    binary = True
    while True:
        session = Session(assignment, channel, stopping, totals, serial_until, binary)
        threading.Thread(target=session.listen, name="listener", daemon=True).start()
        try:
            session.run()
            return
        except BatchFailed as failed:
            # Rule 12: the transaction comes again from the source and is applied change by change.
            serial_until = failed.final_lsn
            channel.send(Recovered(reason=f"a batch is applied change by change: {failed}"))
        except TypesDiffer as differ:
            binary = False
            channel.send(Recovered(reason=f"values come as text: {differ}"))
        finally:
            session.close()


class Totals:
    """Counters of this child's life, across its sessions."""

    def __init__(self) -> None:
        self.transactions = 0
        self.changes: dict[str, Counter[str]] = {}
        self.careful_at = -CAREFUL_SECONDS

    def count(self, pieces: list[Piece]) -> None:
        """Adds a committed batch."""
        # Heartbeats, and transactions whose rows the copy has already, are no transactions of the user's.
        self.transactions += sum(1 for piece in pieces if piece.last and (piece.changes or not piece.first))
        counted = Counter(
            change[:2] for piece in pieces for change in piece.changes if not isinstance(change, Truncation)
        )
        for (kind, route), number in counted.items():
            self._of(route)[KIND_NAMES[kind]] += number
        for piece in pieces:
            for change in piece.changes:
                if isinstance(change, Truncation):
                    for route in change.routes:
                        self._of(route)["truncate"] += 1

    def _of(self, route: Route) -> Counter[str]:
        return self.changes.setdefault(str(route.source), Counter())

    def as_dict(self) -> dict[str, dict[str, int]]:
        """For a sample."""
        return {table: dict(kinds) for table, kinds in self.changes.items()}


class Session:
    """One apply session: an epoch at the destination, a stream and a guardian at the source."""

    def __init__(
        self,
        assignment: Assignment,
        channel: Channel,
        stopping: threading.Event,
        totals: Totals,
        serial_until: int,
        binary: bool,
    ) -> None:
        self._assignment = assignment
        self._channel = channel
        self._stopping = stopping
        self._totals = totals
        self._serial_until = serial_until
        self._binary = binary
        self._inbox = Inbox()
        self._failure: SyncwizardError | psycopg.Error | TypesDiffer | None = None
        self._connections: list[Connection] = []
        self._threads: list[threading.Thread] = []
        self._receiver: Receiver | None = None
        self._guardian: Guardian | None = None
        self._sampled_at = 0.0
        self._selection_at = 0.0
        self._latency: tuple[float, float] | None = None
        self._beat_at: float | None = None

    # Life ------------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Connects, compares (rule 5), streams, applies."""
        spec = self._assignment.spec
        assert spec.id is not None
        destination = self._open("destination", "apply")
        prepare_writing(destination)
        progress = ledger.take_epoch(destination, spec.id)
        holder = self._open("source", "stream", replication=True)
        source = self._open("source", "guardian")
        self._check(holder, source, progress)
        position = max(parse_lsn(progress.applied_lsn), parse_lsn(progress.acknowledged_lsn))
        self._positions = Positions(position)
        self._selected = select_tables(source, spec, sizes=False).tables
        compiler = self._compiler(destination, source)
        stream = ReplicationStream(holder)
        compiler.binary = self._binary and binary_stream(self._selected)
        stream.start(progress.slot, position, progress.slot, binary=compiler.binary)
        decoder = Decoder(compiler.compile, PIECE_BYTES)
        self._receiver = Receiver(stream, decoder, self._inbox, self._positions)
        self._guardian = Guardian(source, progress, self._positions, self._watched)
        self._start(self._receiver.run)
        self._start(self._guardian.run)
        self._epoch = progress.epoch
        applier = Applier(destination, spec.id, progress.epoch, progress.applied_lsn)
        serial = SerialApplier(applier, destination, parse_lsn(self._assignment.sync_point), self._fetch)
        self._writer = BatchWriter(applier, serial, self._serial_until, self._committed, self._careful)
        self._apply_all(destination)

    def listen(self) -> None:
        """Takes frames of the engine: Stop is the only one."""
        while not self._stopping.is_set() and not self._inbox.closed:
            if isinstance(self._channel.receive(1.0), Stop):
                self._stopping.set()
        if self._stopping.is_set():
            self._inbox.close()

    def close(self) -> None:
        """Ends the threads and every connection."""
        self._inbox.close()
        if self._receiver is not None:
            self._receiver.stopped = True
        if self._guardian is not None:
            self._guardian.stop()
        for thread in self._threads:
            thread.join(timeout=5)
        for connection in self._connections:
            connection.close()

    def _open(self, end: End, part: str, *, replication: bool = False) -> Connection:
        connection = open_session(self._assignment.spec, self._assignment.secrets, end, part, replication=replication)
        self._connections.append(connection)
        return connection

    def _check(self, holder: Connection, source: Connection, progress: ledger.Progress) -> None:
        """Rule 5. A walsender left by a killed predecessor is ended: epochs have shut it out already."""
        try:
            check_server(holder, progress)
            check_publication(source, progress)
            active = check_slot(source, progress)
            if active is not None:
                source.execute("SELECT pg_catalog.pg_terminate_backend(%s, 5000)", (active,))
        except psycopg.Error as error:
            raise as_ours(error, "source", "comparing slot and publication") from error

    def _compiler(self, destination: Connection, source: Connection) -> RouteCompiler:
        spec = self._assignment.spec
        assert spec.id is not None
        schemas = {entry.schema for entry in spec.objects} | {table.name.schema for table in self._selected}

        def find_root(name: TableName) -> TableName:
            # Called in the receiver's thread; psycopg connections take a lock around each statement.
            return TableName(*find_partition_root(source, name.schema, name.name))

        compiler = RouteCompiler(
            destination,
            schemas,
            read_pairs(destination, spec.id),
            find_root,
            lambda oids: name_types(source, oids),
        )
        compiler.read()
        return compiler

    def _start(self, body: Callable[[], None]) -> None:
        def guarded() -> None:
            try:
                body()
            except (SyncwizardError, psycopg.Error, TypesDiffer) as error:
                self._failure = self._failure or error
            finally:
                self._inbox.close()

        thread = threading.Thread(target=guarded, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _fetch(self, route: Route, row: Row) -> Row | None:
        connection = self._open("source", "lookup")
        try:
            return fetch_row(connection, route, row)
        finally:
            connection.close()

    # Batches ---------------------------------------------------------------------------------------------------

    def _apply_all(self, destination: Connection) -> None:
        stop_at = parse_lsn(self._assignment.stop_at) if self._assignment.stop_at else None
        while True:
            item = self._inbox.take(1 if self._writer.one_by_one else BATCH_BYTES, self._patience)
            if item is None:
                break
            if isinstance(item, Idle):
                self._acknowledge(destination, item.lsn)
            else:
                self._writer.write(item)
            if stop_at is not None and self._positions.durable >= stop_at and not self._writer.in_transaction:
                self._figures(force=True)
                self._channel.send(Reached(format_lsn(self._positions.durable)))
                return
        self._finish()

    def _patience(self, commit_time: float) -> float:
        """How long to wait for a larger batch: not at all while in step, some of the delay when behind.

        Large batches are what makes up for a delay (a folded row costs a fifth of a single one), and somebody who is
        seconds late does not mind a fraction more.
        """
        late = self._positions.late_seconds(commit_time)
        return min(late / 8, PATIENCE_SECONDS) if late > LATE_SECONDS else 0.0

    def _finish(self) -> None:
        if isinstance(self._failure, psycopg.Error):
            raise as_ours(self._failure, "source", "receiving changes") from self._failure
        if self._failure is not None:
            raise self._failure
        if not self._stopping.is_set():
            raise EndpointError("the stream ended", end="source", transient=True)
        self._figures(force=True)
        self._channel.send(Stopped())

    def _acknowledge(self, destination: Connection, lsn: int) -> None:
        """Rule 4: an idle position is durable here before it is sent to the source."""
        spec = self._assignment.spec
        assert spec.id is not None
        if lsn > self._positions.durable:
            ledger.acknowledge(destination, spec.id, self._epoch, format_lsn(lsn))
            self._positions.durable = lsn

    def _committed(self, pieces: list[Piece]) -> None:
        """Pieces were applied; the destination has made durable what ends with the last one."""
        last = pieces[-1]
        self._totals.count(pieces)
        for piece in pieces:
            if piece.heartbeat:
                self._beat_at = piece.commit_time
        if not last.last:
            return
        self._positions.durable = last.end_lsn
        if self._beat_at is not None:
            self._latency = (self._positions.late_seconds(self._beat_at), time.time())
            self._beat_at = None
        self._figures()

    def _careful(self, reason: str) -> None:
        """A batch is applied again in smaller parts: told at once, and then not more often than anybody reads."""
        now = time.monotonic()
        if now - self._totals.careful_at > CAREFUL_SECONDS:
            self._totals.careful_at = now
            self._channel.send(Recovered(reason=f"a batch is applied change by change: {reason}"))

    def _watched(self) -> None:
        """Called by the guardian each second: what is known even while the destination keeps the applier waiting."""
        assert self._guardian is not None
        now = time.monotonic()
        if now - self._selection_at > SELECTION_SECONDS:
            self._selection_at = now
            missing = uncaptured_tables(self._guardian.connection, self._assignment.spec)
            self._channel.send(Uncaptured([str(name) for name in missing]))
        self._channel.send(
            Figures(
                sample=Sample(
                    received_lsn=format_lsn(self._positions.received),
                    acknowledged_lsn=format_lsn(self._positions.acknowledged),
                    source_lsn=self._guardian.source_lsn,
                    slot_retained_bytes=self._guardian.retained_bytes,
                )
            )
        )

    def _figures(self, *, force: bool = False) -> None:
        now = time.monotonic()
        if not force and now - self._sampled_at < SAMPLE_SECONDS:
            return
        self._sampled_at = now
        guardian = self._guardian
        assert guardian is not None
        self._channel.send(
            Figures(
                sample=Sample(
                    latency_seconds=self._latency[0] if self._latency else None,
                    latency_at=self._latency[1] if self._latency else None,
                    received_lsn=format_lsn(self._positions.received),
                    applied_lsn=format_lsn(self._positions.durable),
                    acknowledged_lsn=format_lsn(self._positions.acknowledged),
                    source_lsn=guardian.source_lsn or None,
                    slot_retained_bytes=guardian.retained_bytes,
                    transactions=self._totals.transactions,
                    changes=self._totals.as_dict(),
                )
            )
        )
