"""The watcher of one apply session: heartbeat, publication and lineage beside the stream, and what became of the
selection since the start."""

import time

from syncwizard.postgres.source.attached import Partition, brought_rows, new_partitions
from syncwizard.postgres.source.continuity import find_tables
from syncwizard.postgres.source.ddl import check_capture, passed_over
from syncwizard.postgres.source.lineage import Lineage, with_traits
from syncwizard.postgres.source.publication import uncaptured_tables
from syncwizard.postgres.source.receiver import Positions
from syncwizard.postgres.source.slot import current_lsn
from syncwizard.postgres.source.watcher import SourceWatcher
from syncwizard.stages.context import Channel, open_session
from syncwizard.stages.incremental.ends import Ends
from syncwizard.stages.incremental.figures import Reporter
from syncwizard.stages.incremental.frames import Assignment, Attached, Dropped, Recovered, Uncaptured
from syncwizard.stages.incremental.suspects import of_anew
from syncwizard.task.lsn import parse_lsn
from syncwizard.task.names import TableName

# Catalogues are looked through for tables that are not published, which costs tens of milliseconds for thousands.
SELECTION_SECONDS = 30.0


class RoutesChanged(Exception):
    """Tables were set aside: another apply session holds their changes back."""


class Watching:
    """Watches the source in a thread of its own, and reports what it finds to the engine."""

    def __init__(
        self, ends: Ends, assignment: Assignment, channel: Channel, positions: Positions, reporter: Reporter
    ) -> None:
        self._ends = ends
        self._assignment = assignment
        self._channel = channel
        self._reporter = reporter
        # Partitions that came after the start, by OID, and were reported.
        self._attached: set[int] = set()
        self._positions = positions
        # Tables that were made anew and dropped again, each with the position that has to be durable before.
        self._over: dict[TableName, int] = {}
        self._selection_at = 0.0
        self._locked = False
        self._watcher = SourceWatcher(
            ends.source,
            ends.progress,
            ends.members,
            positions,
            self._beaten,
            self._report_dropped,
            self._note_changed,
            self._look_for_anew,
        )

    @property
    def silent_seconds(self) -> float:
        """How long the source has not answered."""
        return self._watcher.silent_seconds

    def run(self) -> None:
        """The body of its thread, until stopped. Raises SourceChanged, TaskFailed, HandedOver, EndpointError."""
        self._watcher.run()

    def look(self) -> None:
        """Looks at the source now, in its thread."""
        self._watcher.look()

    def stop(self) -> None:
        """Ends `run` soon."""
        self._watcher.stop()

    def _beaten(self, watcher: SourceWatcher) -> None:
        now = time.monotonic()
        if now - self._selection_at > SELECTION_SECONDS:
            self._selection_at = now
            uncaptured = uncaptured_tables(watcher.connection, self._assignment.spec)
            self._channel.send(Uncaptured([table for table in uncaptured if table not in self._ends.aside]))
            self._look_for_attached(watcher)
            if self._ends.definitions and self._ends.by_triggers:
                check_capture(watcher.connection, self._ends.progress)
                self._reporter.passed_over(passed_over(watcher.connection))
        self._tell_locked(watcher.lock_holders)
        self._reporter.watched(watcher)

    def _tell_locked(self, holders: str | None) -> None:
        """Says once that the heartbeat cannot be written, and whose lock is in its way."""
        if holders is not None and not self._locked:
            reason = (
                "the heartbeat cannot be written, because its table is locked at the source: changes are applied all"
                " the same, their latency is not measured, and the source keeps WAL from the last one on"
            )
            reason += f" ({holders})" if holders else ""
            self._channel.send(Recovered(reason=reason, doubtful=True))
        self._locked = holders is not None

    def _report_dropped(self, tables: list[TableName]) -> None:
        # Of one that is followed the stream says what became of it, or another one has its name by now.
        followed = self._followed()
        advanced = self._assignment.spec.advanced
        if followed and advanced.ddl == "follow" and advanced.dropped_tables == "drop":
            followed |= {member.table for member in self._ends.members.all if member.oid is None}
        if others := [table for table in tables if table not in followed]:
            self._channel.send(Dropped(others))

    def _followed(self) -> set[TableName]:
        """Tables of which the stream says what became of them."""
        if not self._ends.by_triggers:
            return set()
        return {TableName(each.schema, each.name) for each in list(self._ends.definitions.values())}

    def _note_changed(self, found: Lineage) -> None:
        """What became of captured relations. Raises RoutesChanged where changes are not to be applied any more."""
        self._ends.report_changed(found)
        if found.noted:
            self._ends.note_members(found.noted)
        if self._ends.judge(found):
            raise RoutesChanged

    def _look_for_anew(self, gone: list[TableName]) -> None:
        """Sets tables aside that were dropped and that the source has again: their rows are in no stream. Those that it
        has no more after all are only dropped."""
        followed = self._followed()
        gone = [table for table in gone if table not in followed]
        there = set(find_tables(self._ends.source, gone))
        if anew := [table for table in gone if table in there and table not in self._ends.anew]:
            self._ends.set_aside([of_anew(table, self._assignment.spec.name) for table in anew])
        over = {table for table in gone if table in self._ends.anew and table not in there}
        self._over = {table: position for table, position in self._over.items() if table in over}
        if unknown := over - self._over.keys():
            # Their last changes lie before this position.
            self._over |= dict.fromkeys(unknown, parse_lsn(current_lsn(self._ends.source)))
        if past := [table for table, position in self._over.items() if self._positions.durable >= position]:
            self._ends.forget_anew(sorted(past))

    def _look_for_attached(self, watcher: SourceWatcher) -> None:
        """Reports partitions that came with rows, and watches those that came empty."""
        spec, members = self._assignment.spec, self._ends.members
        source = watcher.connection
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
            self._ends.note_members(empty)
        if filled := sorted(partition.table for partition, rows in brought.items() if rows):
            self._channel.send(Attached(filled))
