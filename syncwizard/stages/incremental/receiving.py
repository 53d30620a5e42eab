"""The stream of one apply session: walsender, decoder, routes, and the thread that fills the inbox."""

from collections.abc import Sequence

from syncwizard.postgres.catalog.selection import select_tables
from syncwizard.postgres.catalog.tables import read_tables, read_types
from syncwizard.postgres.destination.described import Descriptions
from syncwizard.postgres.destination.routes import RouteCompiler, Source, binary_stream
from syncwizard.postgres.dialect import features
from syncwizard.postgres.session.encoding import codec_of, recoded
from syncwizard.postgres.session.trouble import translated
from syncwizard.postgres.source.continuity import find_partition_root, shows_last_commit, wait_until_visible
from syncwizard.postgres.source.definitions import read_definition
from syncwizard.postgres.source.history import other_history, set_back
from syncwizard.postgres.source.listed import Listed, is_listed
from syncwizard.postgres.source.receiver import Positions, Receiver
from syncwizard.postgres.source.stream import ReplicationStream, start_stream
from syncwizard.postgres.source.text_stream import start_text_stream
from syncwizard.rows.heartbeat import Heartbeats
from syncwizard.rows.inbox import Inbox
from syncwizard.rows.pgoutput import Decoder
from syncwizard.rows.rejoining import Rejoining
from syncwizard.stages.context import Channel
from syncwizard.stages.incremental.ends import Ends
from syncwizard.stages.incremental.frames import Assignment, Recovered
from syncwizard.structure.definition import Definition
from syncwizard.structure.table import Table
from syncwizard.task.lsn import parse_lsn
from syncwizard.task.mapping import Mapping
from syncwizard.task.names import TableName

# A source transaction beyond this comes in pieces, so that its size does not matter.
PIECE_BYTES = 8 * 1024 * 1024


class Receiving:
    """Streams from where the destination is. `binary`: whether values may come in binary form."""

    def __init__(
        self,
        ends: Ends,
        assignment: Assignment,
        channel: Channel,
        positions: Positions,
        inbox: Inbox,
        *,
        binary: bool,
    ) -> None:
        """Starts the walsender. Raises EndpointError, TaskFailed, ChangesMissing."""
        self._ends = ends
        self._assignment = assignment
        self._channel = channel
        progress, holder, source = ends.progress, ends.holder, ends.source
        with translated("source", "reading the catalogue"):
            selected = select_tables(source, assignment.spec, sizes=False).tables
        compiler = self._read_routes(selected)
        self.redefining = ends.destination.redefining(
            assignment.spec,
            ends.definitions,
            Mapping.of(assignment.spec),
            compiler,
            self._look_again,
            ends.members,
            assignment.decided,
        )
        ends.choose_encoding()
        with translated("source", "reading what is captured"):
            listed = is_listed(source, progress.slot)
        binary = binary and features(source).binary_stream and binary_stream(selected) and not listed
        compiler.choose(binary=binary, codec=codec_of(holder))
        with translated("source", "starting the stream"):
            stream = self._start(positions.last_commit, listed=listed, binary=compiler.binary)
            # Nothing else can move it from here on; something may have since it was looked at.
            slot = ends.check_slot(progress)
        heartbeats = Heartbeats(
            progress.slot, progress.last_beat, lambda reason: other_history(progress, reason), progress.awaited
        )
        described = None
        if ends.definitions and not ends.by_triggers:
            described = Descriptions(ends.definitions, compiler, self._read_definition).described
        decoder = Decoder(
            compiler.compile, PIECE_BYTES, codec_of(holder), heartbeats, self.redefining.captured, described
        )
        rejoining = Rejoining(
            parse_lsn(progress.applied_lsn),
            progress.last_commit if shows_last_commit(slot, progress) else None,
            lambda reason: set_back(progress, reason),
        )
        self._receiver = Receiver(stream, decoder, inbox, positions, rejoining)

    def _start(self, lsn: int, *, listed: bool, binary: bool) -> ReplicationStream:
        ends, slot = self._ends, self._ends.progress.slot
        if not listed:
            return start_stream(ends.holder, slot, lsn, slot, binary=binary)
        captured = Listed(ends.source, slot, ends.members.all, lambda: ends.aside)
        return start_text_stream(ends.holder, slot, lsn, captured)

    def run(self) -> None:
        """The body of its thread: fills the inbox until stopped. Raises EndpointError, TaskFailed, TypesDiffer."""
        with translated("source", "receiving changes"):
            self._receiver.run()

    def stop(self) -> None:
        """Ends `run` soon."""
        self._receiver.stopped = True

    def _look_again(self, names: Sequence[TableName]) -> dict[TableName, Table]:
        """The source's tables as they are by now, without those that have other names. In the applier's thread."""
        schemas = sorted({name.schema for name in names})
        with translated("source", "reading the catalogue"):
            found = read_tables(self._ends.source, schemas, sizes=False, named=sorted({name.name for name in names}))
        return {table.name: table for table in found if table.name in names}

    def _read_definition(self, relation: int) -> Definition | None:
        """The definition that a table of the source has by now, by OID."""
        with translated("source", "reading a definition"):
            return read_definition(self._ends.source, relation)

    def _read_routes(self, selected: tuple[Table, ...]) -> RouteCompiler:
        mapping = Mapping.of(self._assignment.spec)
        schemas = {mapping.schema(entry.schema) for entry in self._assignment.spec.objects}
        schemas |= {mapping.table(table.name).schema for table in selected}
        session = self._ends.source
        # Sessions take a lock around each statement.
        source = Source(
            lambda transaction: wait_until_visible(session, transaction),
            lambda relation: find_partition_root(session, relation),
            lambda oids: read_types(session, oids),
        )
        return self._ends.destination.read_routes(
            schemas,
            selected,
            self._ends.members.all,
            mapping,
            source,
            self._report_left_out,
            recoded=recoded(session, self._ends.destination.connection),
            spec=self._assignment.spec,
            source_database=session.info.dbname,
        )

    def _report_left_out(self, table: TableName, why: str) -> None:
        self._channel.send(Recovered(reason=f"changes of {table}, which {why}, have no place at the destination"))
