"""The sessions of one apply session at both ends, and the comparison before it streams (rule 5)."""

import time
from collections.abc import Iterable, Sequence

from syncwizard.errors import ChangesMissing, End
from syncwizard.postgres.captured import DDL_TABLE, Member, Progress
from syncwizard.postgres.destination.destination import Destination
from syncwizard.postgres.destination.serial import fetch_row
from syncwizard.postgres.session.answering import shut
from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.session.encoding import set_encoding, shared_encoding
from syncwizard.postgres.session.trouble import translated
from syncwizard.postgres.source.continuity import check_publication, check_server, check_slot
from syncwizard.postgres.source.ddl import forget_old_commands, renew_ddl_capture, stop_joining
from syncwizard.postgres.source.history import History
from syncwizard.postgres.source.lineage import Doubt, FollowedTables, Lineage, compare_lineage
from syncwizard.postgres.source.members import Members
from syncwizard.postgres.source.slot import SlotStatus, end_reader, measure_slot
from syncwizard.rows.changes import Route, Row
from syncwizard.stages.context import Channel, open_session
from syncwizard.stages.incremental.frames import Assignment, Changed, Dropped, Figures, Intruded, Recovered, SetAside
from syncwizard.stages.incremental.recapturing import recapture
from syncwizard.stages.incremental.suspects import altered_at_both, names_of, of_differing, of_renamed
from syncwizard.structure.definition import Definition
from syncwizard.task.events import TableSetAside
from syncwizard.task.figures.retention import sample_of
from syncwizard.task.mapping import Mapping
from syncwizard.task.names import TableName


class Opened:
    """The sessions that were opened for an apply session, and end with it."""

    def __init__(self, assignment: Assignment) -> None:
        self._assignment = assignment
        self._connections: list[tuple[End, Connection]] = []

    def open(self, end: End, part: str, *, replication: bool = False) -> Connection:
        """One more."""
        connection = open_session(self._assignment.spec, self._assignment.secrets, end, part, replication=replication)
        self._connections.append((end, connection))
        return connection

    def close(self) -> None:
        """Ends them all."""
        for _, connection in self._connections:
            connection.close()

    def shut(self, end: End) -> None:
        """Ends those at one end from another thread: what waits there gets the error of a lost connection."""
        for of, connection in list(self._connections):
            if of == end and not connection.closed:
                shut(connection)


class Ends:
    """Both ends once they are open, of a new epoch, and compared.

    - `destination`: in the applier's thread alone
    - `holder`: the walsender session; `source`: the one beside it, which threads share
    - `progress`, `members`: what the publication has to be like, and what it carries
    - `aside`: tables whose changes are not applied; `anew`: those of them that were dropped and made anew
    - `definitions`: the followed tables by OID, as the destination has them; `by_triggers`: event triggers capture what
      happens to them, else the stream's descriptions show some of it
    """

    def __init__(self, assignment: Assignment, channel: Channel, opened: Opened) -> None:
        """Raises what the comparison raises: EndpointError, SourceChanged, ChangesMissing, Fenced."""
        self._assignment = assignment
        self._channel = channel
        self._opened = opened
        self._encoding = "UTF8"
        self.destination = Destination(opened.open("destination", "apply"), assignment.task_id)
        self.destination.prepare_writing()
        self.destination.follow_configuration()
        progress = self.destination.ledger.take_epoch()
        self.holder = opened.open("source", "stream", replication=True)
        self.source = opened.open("source", "watcher")
        aside = self.destination.aside.read()
        self.aside = {name for event in aside for name in event.names}
        self.anew = {event.table for event in aside if event.anew}
        self.definitions = self._read_definitions({event.table for event in aside if event.redefined})
        captured = self.destination.ledger.read_members()
        self.by_triggers = any((member.table.schema, member.table.name) == DDL_TABLE for member in captured)
        followed = FollowedTables(tables=self.definitions.keys(), captured=self.by_triggers)
        self.members = Members(captured, self.aside, followed)
        self.progress = self._compare(progress)

    def _read_definitions(self, redefined: set[TableName]) -> dict[int, Definition]:
        """Of the tables that are followed; one that was set aside is not, and misses commands from then on, but for
        those that were set aside by a command."""
        if self._assignment.spec.advanced.ddl == "off":
            return {}
        followed = self.destination.followed
        found = followed.read()
        lost = self.aside - redefined
        aside = [each.relation for each in found.values() if TableName(each.schema, each.name) in lost]
        followed.forget(aside)
        return {relation: definition for relation, definition in found.items() if relation not in aside}

    def _compare(self, progress: Progress) -> Progress:
        """Rule 5; the progress with what is to be compared from here on."""
        with translated("source", "comparing slot and publication"):
            history = check_server(self.holder, progress)
            if self._assignment.spec.advanced.ddl == "off":
                stop_joining(self.source, progress.slot)
            if self.definitions and self.by_triggers:
                self._recapture(progress)
                renew_ddl_capture(self.source)
                forget_old_commands(self.source)
            found = check_publication(self.source, progress, self.members.all)
            changed = self.members.look(self.source)
            active = self.check_slot(progress).active_pid
            if active is not None:
                self._end_reader(active)
        # The routes are made after this.
        self._judge(self.source, self.destination, changed, progress.epoch)
        ledger = self.destination.ledger
        if changed.noted:
            ledger.note_members(changed.noted)
        self.report_changed(changed)
        if history.timeline != progress.timeline:
            self._report_timeline(history, progress.timeline)
            # Whatever is applied from here on may be of the new timeline.
            progress = ledger.note_timeline(progress, history.timeline)
        if found.handed_over is None:
            return progress
        self._channel.send(Recovered(reason=f"publication {progress.slot} belongs to another owner now"))
        return ledger.note_owner(progress, *found.handed_over)

    def _recapture(self, progress: Progress) -> None:
        """Makes the capture of definitions work again where it does not, before anything is compared."""
        found = recapture(
            self.source, self.destination, self._assignment.spec, progress, self.definitions, self.members
        )
        if found is None:
            return
        self.destination.followed.forget(found.lost)
        for relation in found.lost:
            self.definitions.pop(relation, None)
        self._channel.send(Recovered(reason=found.message, doubtful=bool(found.aside)))
        self._note_aside(self.destination, found.aside, progress.epoch)

    def report_changed(self, found: Lineage) -> None:
        """Says which partitions left their trees, but for those whose definition is followed: the stream tells of
        them; and what is in doubt."""
        followed = {TableName(each.schema, each.name) for each in list(self.definitions.values())}
        detached = tuple(each for each in found.detached if each.root not in followed)
        if detached or found.doubts:
            self._channel.send(Changed(detached, found.doubts))

    def check_slot(self, progress: Progress) -> SlotStatus:
        """Compares the slot. What it holds, or that it is gone, is reported with the
        failure."""
        try:
            return check_slot(self.source, progress)
        except ChangesMissing:
            self._channel.send(Figures(sample=sample_of(measure_slot(self.source, progress.slot), time.time())))
            raise

    def _report_timeline(self, history: History, before: int) -> None:
        compared = f"compared by positions and heartbeat alone ({history.unread})" if history.unread else ""
        reason = f"the source went on from timeline {before} to {history.timeline}"
        self._channel.send(
            Recovered(reason=f"{reason}: {compared or 'nothing is missing'}", doubtful=bool(history.unread))
        )

    def _end_reader(self, pid: int) -> None:
        """Ends what reads the slot: a walsender left by a killed predecessor, which epochs have shut out already, or
        another program, whose every confirmation loses changes for this task."""
        reader = end_reader(self.source, self._assignment.spec.slot, pid)
        if reader is not None and not reader.application.startswith(f"syncwizard {self._assignment.spec.short_id} "):
            self._channel.send(Intruded(str(reader)))

    def compare_again(self) -> bool:
        """Rule 5 once more, over a new session: a walsender may meet a gap before the watcher does. Whether tables were
        set aside."""
        source = self._opened.open("source", "watcher")
        with translated("source", "comparing slot and publication"):
            check_publication(source, self.progress, self.members.all)
            found = compare_lineage(source, self.members.followed, self.members.redefined)
        return self.judge(found, source)

    def choose_encoding(self) -> None:
        """Sets the encoding that rows travel in; catalogues are read as UTF-8 before."""
        self._encoding = shared_encoding(self.holder, self.destination.connection)
        set_encoding(self._encoding, self.holder, self.destination.connection)

    def note_members(self, members: Iterable[Member]) -> None:
        """Notes at the destination what relations are like; not in the applier's session, which may be in the middle
        of a transaction."""
        spec = self._assignment.spec
        with open_session(spec, self._assignment.secrets, "destination", "members") as session:
            destination = Destination(session, self._assignment.task_id)
            destination.ledger.note_members(members, self.progress.epoch)

    def set_aside(self, found: Sequence[TableSetAside]) -> None:
        """Lets the changes of tables be held back by the next apply session; not in the applier's session, either."""
        spec = self._assignment.spec
        with open_session(spec, self._assignment.secrets, "destination", "aside") as session:
            self._note_aside(Destination(session, self._assignment.task_id), found, self.progress.epoch)

    def forget_anew(self, tables: Sequence[TableName]) -> None:
        """Of tables that were made anew and dropped again. Not in the applier's session, either."""
        spec = self._assignment.spec
        # Before the destination forgets: what is not reported by then is found by the next run.
        self._channel.send(Dropped(list(tables), again=True))
        with open_session(spec, self._assignment.secrets, "destination", "aside") as session:
            Destination(session, self._assignment.task_id).aside.forget(tables, self.progress.epoch)
        self.anew.difference_update(tables)

    def judge(self, found: Lineage, source: Connection | None = None) -> bool:
        """Sets tables aside that have other names, whose rows the stream does not bring in step, or that were rewritten
        to another type at the source alone; whether there were any. What was altered at both ends is reported. Not in
        the applier's session, either."""
        if not (found.lost or found.altered or found.renamed):
            return False
        spec = self._assignment.spec
        with open_session(spec, self._assignment.secrets, "destination", "aside") as session:
            destination = Destination(session, self._assignment.task_id)
            return self._judge(source or self.source, destination, found, self.progress.epoch)

    def _judge(self, source: Connection, destination: Destination, found: Lineage, epoch: int) -> bool:
        if not (found.lost or found.altered or found.renamed):
            return False
        spec = self._assignment.spec
        with translated("destination", "comparing types"):
            both = altered_at_both(source, destination, found.altered, Mapping.of(spec))
        alone = {each.member.relation for each in found.altered if each not in both}
        with translated("source", "comparing types"):
            altered = [each for each in found.altered if each.member.relation in alone]
            renamed = of_renamed(source, found.renamed, self.members.all, spec.name)
            differing = of_differing(source, found.lost, altered, self.members.all, spec.name)
        # One that is both is first of all another one.
        events = [*(each for each in differing if not each.names & names_of(renamed)), *renamed]
        self._note_aside(destination, events, epoch)
        known = [each for each in found.altered if each.member.table not in self.aside]
        if known:
            members = list({each.member.relation: each.member for each in known}.values())
            self.members.note(members)
            destination.ledger.note_members(members, epoch)
            doubts = [Doubt(table=each.table, message=f"{each.table}: {each.message}") for each in known]
            self._channel.send(Changed((), tuple(doubts)))
        return bool(events)

    def _note_aside(self, destination: Destination, found: Sequence[TableSetAside], epoch: int) -> None:
        if not found:
            return
        with translated("destination", "setting tables aside"):
            destination.aside.note(found, epoch)
        self.hold_back(found)

    def hold_back(self, found: Sequence[TableSetAside]) -> None:
        """Takes in that the destination has these tables as set aside."""
        names = {name for event in found for name in event.names}
        self.aside |= names
        self.anew |= {event.table for event in found if event.anew}
        self.members.set_aside(names)
        self._channel.send(SetAside(list(found)))

    def fetch(self, route: Route, row: Row) -> Row | None:
        """Reads a row at the source by its key, over a session of its own; None when it is gone there too."""
        connection = self._opened.open("source", "lookup")
        with connection, translated("source", "looking up a row"):
            set_encoding(self._encoding, connection)
            return fetch_row(connection, route, row)
