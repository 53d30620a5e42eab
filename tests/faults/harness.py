"""One task under test: two databases, the workload, the reader, the commands of a user, and the checks at the end."""

import random
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypeVar

import msgspec
import psycopg

from syncwizard.client.tasks import StoredTask, find_task
from syncwizard.demo.servers import Cluster
from syncwizard.engine.journal import FILE_NAME, read_entries
from syncwizard.postgres.source.slot import current_lsn
from syncwizard.remedies import Remedy
from syncwizard.task import file
from syncwizard.task.events import Noticed, TaskFailedEvent
from syncwizard.task.lsn import format_lsn, parse_lsn
from syncwizard.task.specification import (
    Advanced,
    ConflictMode,
    PrecheckSettings,
    Retry,
    SchemaObjects,
    Synchronization,
    TableObject,
    TaskSpec,
)
from syncwizard.task.state import TaskState
from tests.faults import processes
from tests.faults.reader import Reader, Torn, check
from tests.faults.workload import Workload, load
from tests.support.commands import syncwizard, write_task_file
from tests.support.comparison import contents, difference
from tests.support.pair import DatabasePair
from tests.support.waiting import until

# Where a task is when a fault strikes. `before sync point`: all is copied, but not of one moment yet.
# `resync`: tables are copied again; the phase of the journal is then one of the others.
Phase = Literal["preparation", "full", "before sync point", "steady", "resync", "paused", "failed"]
# In which something must be done, if only a batch.
FINDING_SECONDS = 120.0
Found = TypeVar("Found")


class Scale(msgspec.Struct, frozen=True, kw_only=True):
    """How much there is to copy: rows of the narrow table, and of the one with 6 kB a row; and about how long that
    takes, so that faults strike while it lasts."""

    readings: int
    files: int
    full_seconds: float


SHORT = Scale(readings=200_000, files=3_000, full_seconds=0.3)
LONG = Scale(readings=400_000, files=40_000, full_seconds=1.2)


def phase_of(state: TaskState) -> Phase:
    """The phase by the journal."""
    if state.state == "failed":
        return "failed"
    if state.state == "paused":
        return "paused"
    if state.sync_point_passed:
        return "steady"
    if state.finished("full"):
        return "before sync point"
    # Until the first table is planned there is nothing to lose but the slot.
    return "full" if state.tables else "preparation"


class Findings(msgspec.Struct, kw_only=True):
    """What went wrong, if anything did: rows that differ, rules broken in a snapshot, tasks that failed by
    themselves, and what release left behind."""

    differences: list[str] = []
    torn: list[Torn] = []
    failures: list[str] = []
    left_over: list[str] = []
    looks: int = 0
    transactions: int = 0

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""
        return not (self.differences or self.torn or self.failures or self.left_over)

    def __str__(self) -> str:
        found = [*self.differences, *map(str, self.torn[:5]), *self.failures, *self.left_over]
        return "; ".join(found) or "no difference"


class Trial:
    """A task from its start to its release. The commands are those a user has."""

    def __init__(
        self,
        pair: DatabasePair,
        folder: Path,
        name: str,
        full_seconds: float,
        conflicts: ConflictMode = "report",
        seed: int = 0,
        advanced: Advanced | None = None,
        tables: Iterable[TableObject] = (),
    ) -> None:
        self.pair = pair
        # What a fault chooses by itself.
        self.choice = random.Random(seed)
        self.name = name
        self.full_seconds = full_seconds
        self.started = False
        # A table that is taken out of the publication is missing from transactions until the task has noticed it.
        self.losses = 0
        self.doubtful = False
        self.findings = Findings()
        spec = TaskSpec(
            name=name,
            source=pair.source_endpoint,
            destination=pair.destination_endpoint,
            objects=[SchemaObjects(schema="public", overrides=list(tables))],
            synchronization=Synchronization(conflicts=conflicts),
            # What does not pass in ten minutes would not pass at all.
            advanced=msgspec.structs.replace(
                advanced or Advanced(), retry=Retry(connection_minutes=10, other_minutes=1)
            ),
            precheck=PrecheckSettings(ignore=["replica-identity"]),
        )
        self.file = write_task_file(spec, folder)

    @property
    def task(self) -> StoredTask:
        """The stored task."""
        return find_task(self.name)

    @property
    def state(self) -> TaskState:
        """The state by the journal."""
        return self.task.read_state()

    @property
    def phase(self) -> Phase:
        """The phase by the journal."""
        return phase_of(self.state)

    @property
    def engine(self) -> int | None:
        """The engine's process; the file has the id of a task as soon as there can be one."""
        task_id = file.load(self.file).id
        return processes.engine_of(task_id) if task_id is not None else None

    def start(self) -> None:
        """`syncwizard start`."""
        syncwizard("start", self.file)
        self.started = True

    def resume(self) -> None:
        """`syncwizard resume`."""
        syncwizard("resume", self.name)

    def pause(self) -> None:
        """`syncwizard pause`."""
        syncwizard("pause", self.name)

    def resync(self) -> None:
        """`syncwizard resync` as the task says, once it has noticed that changes were lost: it stops, or sets tables
        aside and goes on."""

        def noticed() -> Remedy | None:
            state = self.state
            if state.aside:
                return state.aside[0].remedy
            return state.failure.remedy if self.engine is None and state.failure and state.state == "failed" else None

        remedy = until(noticed, FINDING_SECONDS, f"{self.name} to notice what was lost")
        if self.state.aside:
            self.pause()
        ways = [way for way in (remedy, remedy.otherwise) if way is not None and way.then == "resync"]
        assert ways, f"no resynchronization helps: {remedy}"
        syncwizard("resync", self.name, "--yes", *(["--all"] if ways[0].everything else []))

    def end_engine(self) -> None:
        """Whatever happened, no engine outlives its trial."""
        if pid := self.engine:
            processes.kill(pid)
            until(lambda: self.engine is None, 10, "the killed engine to be gone")

    def reach(self, *phases: Phase) -> Phase:
        """Waits until the task is in one of the phases; raises when it failed instead."""

        def reached() -> Phase | None:
            phase = self.phase
            if phase == "failed" and "failed" not in phases:
                raise AssertionError(f"{self.name} failed: {self.state.failure}")
            return phase if phase in phases else None

        return self.patiently(reached, f"{self.name} to be in {' or '.join(phases)}")

    def patiently(self, condition: Callable[[], Found | None], what: str) -> Found:
        """Waits for the condition for as long as the task gets on: a busy machine takes its time."""
        while True:
            before = self._done()

            def found_or_moved(before: object = before) -> tuple[Found | None] | None:
                found = condition()
                return (found,) if found or self._done() != before else None

            (found,) = until(found_or_moved, FINDING_SECONDS, f"{what}; done until then: {before}")
            if found:
                return found

    def _done(self) -> tuple[object, ...] | None:
        """What the destination has by now: position and chunks; None while it does not tell."""
        try:
            return self.pair.destination.execute(
                "SELECT applied_lsn::text, (SELECT count(*) FROM syncwizard.chunks c WHERE c.task_id = p.task_id)"
                " FROM syncwizard.progress p WHERE task_id = %s",
                (self.task.id,),
            ).fetchone()
        except psycopg.Error:
            return None

    def recover(self) -> None:
        """What a user does after a fault: looks, and resumes a task that has no engine. A task that failed by
        itself is a finding, resumed nevertheless."""
        if self.engine is None:
            state = self.state
            if state.state == "failed" and state.failure is not None:
                self.findings.failures.append(f"failed: {state.failure.title} ({state.failure.detail})")
            self.resume()

    def advance(self) -> None:
        """Waits until what is committed at the source now is durable at the destination, resuming where needed."""
        target = parse_lsn(current_lsn(self.pair.source))

        def advanced() -> bool:
            self.recover()
            row = self.pair.destination.execute(
                "SELECT applied_lsn::text FROM syncwizard.progress WHERE task_id = %s", (self.task.id,)
            ).fetchone()
            return row is not None and parse_lsn(row[0]) >= target

        self.patiently(advanced, f"{self.name} to apply what was committed before {format_lsn(target)}")

    def warnings(self) -> list[str]:
        """Remarks and failures of the journal, for the message of a failed test."""
        entries = read_entries(self.task.folder / FILE_NAME)
        return [str(entry.event) for entry in entries if isinstance(entry.event, Noticed | TaskFailedEvent)]

    # The end ----------------------------------------------------------------------------------------------------

    def compare(self) -> None:
        """Waits until the task has caught up with a source at rest, and compares all rows."""
        self.advance()
        syncwizard("wait", self.name, "--until", "caught-up", "--timeout", "120", timeout=150)
        source, destination = contents(self.pair.source), contents(self.pair.destination)
        for name in sorted(source.keys() | destination.keys()):
            if source.get(name) != destination.get(name):
                schema, table = name.split(".", 1)
                rows = difference(self.pair, schema, table) if name in source and name in destination else {}
                self.findings.differences.append(
                    f"{name}: {source.get(name)} at the source, {destination.get(name)} at the destination {rows}"
                )
        broken = check(self.pair.source)
        assert not broken, f"the workload itself broke a rule: {broken}"
        self.findings.torn += check(self.pair.destination)

    def release(self) -> None:
        """`pause` and `release`, and a look for what is left of us at either end."""
        self.pause()
        syncwizard("release", self.name, "--yes")
        self.findings.left_over += left_at_source(self.pair) + left_at_destination(self.pair)


def left_at_source(pair: DatabasePair) -> list[str]:
    """What is still there of ours at the source."""
    return [
        f"source: {what}"
        for (what,) in pair.source.execute(
            "SELECT 'slot ' || slot_name FROM pg_replication_slots WHERE database = current_database()"
            " UNION ALL SELECT 'publication ' || pubname FROM pg_publication"
            " UNION ALL SELECT 'relation ' || relname FROM pg_class WHERE relname LIKE 'dts\\_%'"
            " UNION ALL SELECT 'function ' || proname FROM pg_proc WHERE proname LIKE 'dts\\_%'"
            " UNION ALL SELECT 'trigger ' || tgname FROM pg_trigger WHERE NOT tgisinternal"
            " UNION ALL SELECT 'event trigger ' || evtname FROM pg_event_trigger"
            " UNION ALL SELECT 'replica identity of ' || relname FROM pg_class"
            " WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace AND relreplident <> 'd'"
            " UNION ALL SELECT 'session ' || application_name FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name LIKE 'syncwizard%'"
        )
    ]


def left_at_destination(pair: DatabasePair) -> list[str]:
    """What is still there of ours at the destination."""
    return [
        f"destination: {what}"
        for (what,) in pair.destination.execute(
            "SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname = 'syncwizard'"
            " UNION ALL SELECT 'relation ' || relname FROM pg_class WHERE relname LIKE 'dts\\_%'"
            " UNION ALL SELECT 'session ' || application_name FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name LIKE 'syncwizard%'"
        )
    ]


@contextmanager
def databases(source: Cluster, destination: Cluster, name: str, scale: Scale) -> Iterator[DatabasePair]:
    """A loaded source and an empty destination, dropped afterwards. The servers are started if a fault left them
    down."""
    source.create_database(name)
    destination.create_database(name)
    pair = DatabasePair(source, destination, name, source.connect(name), destination.connect(name))
    load(pair.source, readings=scale.readings, files=scale.files)
    try:
        yield pair
    finally:
        pair.close()
        source.start()
        destination.start()
        destination.drop_database(name)
        source.drop_database(name)


@contextmanager
def trial(pair: DatabasePair, folder: Path, name: str, scale: Scale, seed: int) -> Iterator[Trial]:
    """A started task under the workload, with the reader beside it. Where the block ends well, the workload is
    stopped, both ends are compared, the task is released, and what was found is in `findings`."""
    made = Trial(pair, folder, name, scale.full_seconds, seed=seed)

    def consistent() -> object:
        return made.losses if made.started and not made.doubtful and made.state.sync_point_passed else None

    try:
        with (
            Workload(pair.source_cluster, pair.database, seed) as workload,
            Reader(pair.destination_cluster, pair.database, consistent) as reader,
        ):
            made.start()
            yield made
            made.reach("steady")
            workload.stop()
            made.compare()
            reader.stop()
        findings = made.findings
        findings.torn += reader.torn
        findings.looks += reader.looks
        findings.transactions += workload.done.total()
        made.release()
    finally:
        made.end_engine()


def moment(seconds: float) -> None:
    """Lets a seeded moment pass within a phase, so that faults do not all strike where it begins."""
    time.sleep(seconds)
