"""One apply session: an epoch at the destination; a stream, a guardian and their threads at the source."""

import threading
from collections.abc import Callable, Iterable, Sequence

import psycopg

from syncwizard.errors import End, EndpointError
from syncwizard.postgres.captured import Member, Progress
from syncwizard.postgres.catalog.selection import select_tables
from syncwizard.postgres.catalog.tables import read_types
from syncwizard.postgres.destination import progress as ledger
from syncwizard.postgres.destination.apply import Applier
from syncwizard.postgres.destination.batches import BatchWriter
from syncwizard.postgres.destination.chunks import read_pairs
from syncwizard.postgres.destination.routes import NoPlace, RouteCompiler, Source, binary_stream
from syncwizard.postgres.destination.serial import SerialApplier, fetch_row
from syncwizard.postgres.destination.session import follow_configuration, prepare_writing
from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.session.encoding import codec_of, set_encoding, shared_encoding
from syncwizard.postgres.session.trouble import as_ours, is_transient, translated
from syncwizard.postgres.source.attached import Partition, brought_rows, new_partitions
from syncwizard.postgres.source.continuity import (
    check_publication,
    check_server,
    check_slot,
    find_partition_root,
    wait_until_visible,
)
from syncwizard.postgres.source.heartbeat import read_clock
from syncwizard.postgres.source.history import History, other_history
from syncwizard.postgres.source.lineage import Lineage, check_lineage, with_traits
from syncwizard.postgres.source.members import Members
from syncwizard.postgres.source.receiver import LATE_SECONDS, Positions, Receiver
from syncwizard.postgres.source.slot import find_reader
from syncwizard.postgres.source.stream import start_stream
from syncwizard.postgres.source.watcher import Guardian
from syncwizard.remedies import to_do
from syncwizard.rows.changes import Route, Row
from syncwizard.rows.heartbeat import Heartbeats
from syncwizard.rows.inbox import Idle, Inbox
from syncwizard.rows.pgoutput import Decoder
from syncwizard.stages.context import Channel, open_session
from syncwizard.stages.incremental.batches import Batches
from syncwizard.stages.incremental.figures import Reporter, Totals
from syncwizard.stages.incremental.frames import (
    Assignment,
    Attached,
    Changed,
    Dropped,
    Intruded,
    Reached,
    Recovered,
    Stop,
    Stopped,
)
from syncwizard.structure.table import Table
from syncwizard.task.lsn import format_lsn, parse_lsn
from syncwizard.task.mapping import Mapping
from syncwizard.task.names import TableName

# A source transaction beyond this comes in pieces, so that its size does not matter.
PIECE_BYTES = 8 * 1024 * 1024
PATIENCE_SECONDS = 0.3
# A source that does not answer the guardian for so long is given up: a proxy may confirm what it never passes on, and
# then no timeout of TCP ends the connection.
SILENCE_SECONDS = 60.0


class Session:
    """Runs until told to stop, until `stop_at` is applied, or until something fails.

    `serial_until`: up to the transaction committed there changes are applied one by one. `binary`: whether values
    may come in binary form.
    """

    def __init__(
        self,
        assignment: Assignment,
        channel: Channel,
        stopping: threading.Event,
        totals: Totals,
        *,
        serial_until: int,
        binary: bool,
    ) -> None:
        self._assignment = assignment
        self._channel = channel
        self._stopping = stopping
        self._totals = totals
        self._serial_until = serial_until
        self._binary = binary
        self._encoding = "UTF8"
        self._inbox = Inbox()
        self._failure: Exception | None = None
        self._connections: list[Connection] = []
        self._threads: list[threading.Thread] = []
        self._receiver: Receiver | None = None
        self._guardian: Guardian | None = None
        self._batches: Batches | None = None
        # Partitions that came after the start, by OID, and were told of.
        self._attached: set[int] = set()
        # What the publication has to be like, and what it carries.
        self._known: tuple[Progress, Members] | None = None

    # Life ------------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Connects, compares (rule 5), streams, applies."""
        spec = self._assignment.spec
        assert spec.id is not None
        destination = self._open("destination", "apply")
        prepare_writing(destination)
        follow_configuration(destination)
        progress = ledger.take_epoch(destination, spec.id)
        holder = self._open("source", "stream", replication=True)
        source = self._open("source", "guardian")
        members = Members(ledger.read_members(destination, spec.id))
        progress = self._check(holder, source, destination, progress, members)
        self._known = progress, members
        positions = Positions(progress.position)
        reporter = Reporter(self._channel, spec, self._totals, positions, self._look_for_attached)
        with translated("source", "reading its clock"):
            positions.set_clock(lambda: read_clock(source))
        self._stream(holder, source, destination, progress, positions)
        self._guardian = Guardian(
            source, progress, members, positions, reporter.watched, self._tell_dropped, self._note_changed
        )
        self._start(self._guardian.run)
        applier = Applier(destination, spec.id, progress.epoch, progress.applied_lsn)
        serial = SerialApplier(applier, destination, parse_lsn(self._assignment.sync_point), self._fetch)
        writer = BatchWriter(applier, serial, self._serial_until, reporter.applied, reporter.careful)

        def acknowledge(lsn: int) -> None:
            # Rule 4: an idle position is durable here before it is sent to the source.
            if lsn > positions.durable:
                ledger.acknowledge(destination, self._assignment.task_id, progress.epoch, format_lsn(lsn))
                positions.durable = lsn

        self._apply(writer, positions, reporter, acknowledge)

    def listen(self) -> None:
        """Takes frames of the engine: Stop is the only one."""
        while not self._stopping.is_set() and not self._inbox.closed:
            if isinstance(self._channel.receive(1.0), Stop):
                self._stopping.set()
            self._give_up_silence()
        if self._stopping.is_set():
            self._inbox.close()

    def _give_up_silence(self) -> None:
        if self._guardian is not None and self._guardian.silent_seconds > SILENCE_SECONDS:
            self._failure = self._failure or EndpointError(
                f"the source has not answered for {SILENCE_SECONDS:.0f} s", end="source", transient=True
            )
            self._inbox.close()

    def close(self) -> None:
        """Ends the threads and every connection."""
        self._inbox.close()
        if self._receiver is not None:
            self._receiver.stopped = True
        if self._guardian is not None:
            self._guardian.stop()
        if self._batches is not None:
            self._batches.close()
        for thread in self._threads:
            thread.join(timeout=5)
        for connection in self._connections:
            connection.close()

    def _apply(
        self, writer: BatchWriter, positions: Positions, reporter: Reporter, acknowledge: Callable[[int], None]
    ) -> None:
        """Applies what comes, until the inbox is closed or the position to stop at is durable."""
        stop_at = parse_lsn(self._assignment.stop_at) if self._assignment.stop_at else None

        def patience(commit_time: float) -> float:
            # Not at all while in step, some of the delay when behind: large batches are what makes up for a delay,
            # and somebody who is seconds late does not mind a fraction more.
            late = positions.late_seconds(commit_time)
            return min(late / 8, PATIENCE_SECONDS) if late > LATE_SECONDS else 0.0

        self._batches = batches = Batches(self._inbox, patience)
        while (item := batches.next(reporter.due_seconds, one_by_one=writer.one_by_one)) is not None:
            if isinstance(item, Idle):
                acknowledge(item.lsn)
            elif item.pieces:
                batches.prepare(item, one_by_one=writer.one_by_one)
                writer.write(item)
            else:
                reporter.report()
            if stop_at is not None and positions.durable >= stop_at and not writer.in_transaction:
                reporter.report()
                self._channel.send(Reached(format_lsn(positions.durable)))
                return
        self._raise_failure()
        reporter.report()
        self._channel.send(Stopped())

    def _raise_failure(self) -> None:
        if isinstance(self._failure, psycopg.Error):
            if not is_transient(self._failure):
                self._look_again()
            raise as_ours(self._failure, "source", "receiving changes") from self._failure
        if isinstance(self._failure, NoPlace):
            # What was added, or has another name, may have more to it than a column without a place.
            self._look_again()
        if self._failure is not None:
            raise self._failure
        if not self._stopping.is_set():
            raise EndpointError("the stream ended", end="source", transient=True)

    def _look_again(self) -> None:
        """Rule 5 once more: a walsender may meet the gap that somebody left before the guardian does."""
        assert self._known is not None
        source = self._open("source", "guardian")
        with translated("source", "comparing slot and publication"):
            progress, members = self._known
            check_publication(source, progress, members.all)
            check_lineage(source, progress, members.all)

    # Parts -----------------------------------------------------------------------------------------------------

    def _stream(
        self,
        holder: Connection,
        source: Connection,
        destination: Connection,
        progress: Progress,
        positions: Positions,
    ) -> None:
        """Starts streaming from where the destination is."""
        with translated("source", "reading the catalogue"):
            selected = select_tables(source, self._assignment.spec, sizes=False).tables
        compiler = self._compiler(destination, source, selected)
        compiler.binary = self._binary and binary_stream(selected)
        # After the catalogues, which are read as UTF-8 whatever the rows are.
        self._encoding = shared_encoding(holder, destination)
        set_encoding(self._encoding, holder, destination)
        with translated("source", "starting the stream"):
            stream = start_stream(holder, progress.slot, positions.durable, progress.slot, binary=compiler.binary)
            # Nobody else can move it from here on; somebody may have since it was looked at.
            check_slot(source, progress)
        heartbeats = Heartbeats(progress.slot, progress.last_beat, lambda reason: other_history(progress, reason))
        decoder = Decoder(compiler.compile, PIECE_BYTES, codec_of(holder), heartbeats)
        self._receiver = Receiver(stream, decoder, self._inbox, positions)
        self._start(self._receiver.run)

    def _compiler(self, destination: Connection, source: Connection, selected: Sequence[Table]) -> RouteCompiler:
        mapping = Mapping.of(self._assignment.spec)
        schemas = {mapping.schema(entry.schema) for entry in self._assignment.spec.objects}
        schemas |= {mapping.table(table.name).schema for table in selected}

        def left_out(table: TableName, why: str) -> None:
            reason = f"changes of {table}, which {why}, have no place at the destination"
            self._channel.send(Recovered(reason=reason))

        assert self._known is not None
        compiler = RouteCompiler(
            destination,
            schemas,
            selected,
            read_pairs(destination, self._assignment.task_id),
            # psycopg connections take a lock around each statement.
            Source(
                lambda transaction: wait_until_visible(source, transaction),
                lambda relation: find_partition_root(source, relation),
                lambda oids: read_types(source, oids),
            ),
            left_out,
            mapping,
            self._known[1].all,
        )
        compiler.read()
        return compiler

    def _open(self, end: End, part: str, *, replication: bool = False) -> Connection:
        connection = open_session(self._assignment.spec, self._assignment.secrets, end, part, replication=replication)
        self._connections.append(connection)
        return connection

    def _tell_dropped(self, tables: list[TableName]) -> None:
        self._channel.send(Dropped(tables))

    def _note_changed(self, found: Lineage) -> None:
        """In the guardian's thread: tells what became of captured relations."""
        assert self._known is not None
        if found.detached or found.doubts:
            self._channel.send(Changed(found.detached, found.doubts))
        if found.noted:
            self._keep(found.noted)

    def _keep(self, members: Iterable[Member]) -> None:
        """Notes at the destination what relations are like; not in the applier's session, which may be in the middle
        of a transaction."""
        assert self._known is not None
        spec = self._assignment.spec
        with open_session(spec, self._assignment.secrets, "destination", "members") as destination:
            ledger.note_members(destination, self._assignment.task_id, members, self._known[0].epoch)

    def _look_for_attached(self) -> None:
        """In the guardian's thread: tells of partitions that came with rows, and watches those that came empty."""
        assert self._guardian is not None and self._known is not None
        spec = self._assignment.spec
        members = self._known[1]
        source = self._guardian.connection
        new = new_partitions(source, spec.slot, self._attached | {member.relation for member in members.all})
        if not new:
            return
        # Before they are looked at: what happens to them meanwhile must differ from this.
        traits = {member.relation: member for member in with_traits(source, map(Partition.member, new))}
        with open_session(spec, self._assignment.secrets, "source", "partitions") as session:
            brought = {partition: brought_rows(session, partition) for partition in new}
        self._attached |= {partition.relation for partition, rows in brought.items() if rows}
        if empty := [traits[partition.relation] for partition, rows in brought.items() if rows is False]:
            members.note(empty)
            self._keep(empty)
        if told := sorted(partition.table for partition, rows in brought.items() if rows):
            self._channel.send(Attached(told))

    def _check(
        self,
        holder: Connection,
        source: Connection,
        destination: Connection,
        progress: Progress,
        members: Members,
    ) -> Progress:
        """Rule 5; the progress with what is to be compared from here on."""
        with translated("source", "comparing slot and publication"):
            history = check_server(holder, progress)
            found = check_publication(source, progress, members.all)
            changed = members.look(source, progress)
            active = check_slot(source, progress)
            if active is not None:
                self._end_reader(source, active)
        if changed.noted:
            ledger.note_members(destination, self._assignment.task_id, changed.noted)
        if changed.detached or changed.doubts:
            self._channel.send(Changed(changed.detached, changed.doubts))
        if history.timeline != progress.timeline:
            self._note_timeline(history, progress.timeline)
            # Whatever is applied from here on may be of the new timeline.
            progress = ledger.note_timeline(destination, self._assignment.task_id, progress, history.timeline)
        if found.handed_over is None:
            return progress
        self._channel.send(Recovered(reason=f"publication {progress.slot} belongs to another owner now"))
        return ledger.note_owner(destination, self._assignment.task_id, progress, *found.handed_over)

    def _note_timeline(self, history: History, before: int) -> None:
        compared = f"compared by positions and heartbeat alone ({history.unread})" if history.unread else ""
        reason = f"the source went on from timeline {before} to {history.timeline}"
        self._channel.send(
            Recovered(reason=f"{reason}: {compared or 'nothing is missing'}", doubtful=bool(history.unread))
        )

    def _end_reader(self, source: Connection, pid: int) -> None:
        """Ends who reads the slot: a walsender left by a killed predecessor, which epochs have shut out already, or
        somebody else, whose every confirmation loses changes for this task. Raises EndpointError where we may not."""
        reader = find_reader(source, pid)
        if reader is None:
            return
        try:
            source.execute("SELECT pg_catalog.pg_terminate_backend(%s, 5000)", (pid,))
        except psycopg.errors.InsufficientPrivilege as error:
            raise EndpointError(
                f"somebody else reads slot {self._assignment.spec.slot}: {reader}",
                end="source",
                transient=True,
                detail=" ".join(str(error).split()),
                remedy=to_do(
                    "end it at the source, because what it confirms is lost",
                    statements=[f"SELECT pg_terminate_backend({pid})"],
                ),
                sqlstate="55006",
            ) from error
        if not reader.application.startswith(f"syncwizard {self._assignment.spec.short_id} "):
            self._channel.send(Intruded(str(reader)))

    def _start(self, body: Callable[[], None]) -> None:
        def guarded() -> None:
            try:
                body()
            except Exception as error:  # noqa: BLE001 - the last resort of this thread: the applier raises it
                self._failure = self._failure or error
            finally:
                self._inbox.close()

        thread = threading.Thread(target=guarded, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _fetch(self, route: Route, row: Row) -> Row | None:
        connection = self._open("source", "lookup")
        with connection, translated("source", "looking up a row"):
            set_encoding(self._encoding, connection)
            return fetch_row(connection, route, row)
