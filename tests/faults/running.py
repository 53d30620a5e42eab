"""A task over a small pair of databases, run by the commands a user has."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from syncwizard.client.tasks import StoredTask, find_task
from syncwizard.engine.journal import FILE_NAME, read_entries
from syncwizard.errors import SyncwizardError
from syncwizard.postgres.source.slot import slot_status
from syncwizard.task import file
from syncwizard.task.events import Event, Failure
from syncwizard.task.lsn import parse_lsn
from syncwizard.task.specification import Advanced, PrecheckSettings, Retry, TaskSpec
from syncwizard.task.state import TaskState
from tests.faults import processes
from tests.faults.harness import left_at_destination, left_at_source
from tests.support.commands import syncwizard, write_task_file
from tests.support.comparison import assert_equal
from tests.support.pair import DatabasePair, Session
from tests.support.waiting import until

TABLES = """
CREATE TABLE one (id int PRIMARY KEY, n int NOT NULL, body text);
CREATE TABLE two (id int PRIMARY KEY, one_id int NOT NULL REFERENCES one, label text UNIQUE);
CREATE TABLE three (note text);
ALTER TABLE one ALTER body SET STORAGE EXTERNAL;
CREATE INDEX one_n ON one (n);
INSERT INTO one SELECT i, 0, repeat('x', 3000) FROM generate_series(1, 300) i;
INSERT INTO two SELECT i, i, 'label ' || i FROM generate_series(1, 300) i;
INSERT INTO three SELECT 'note ' || i % 50 FROM generate_series(1, 200) i;
"""


def change(pair: DatabasePair) -> None:
    """Something of every kind in every table."""
    with pair.source.transaction():
        pair.source.execute("UPDATE one SET n = n + 1 WHERE id % 2 = 0")
        pair.source.execute("DELETE FROM two WHERE id IN (SELECT min(id) FROM two)")
        pair.source.execute("INSERT INTO one SELECT max(id) + 1, 0, 'new' FROM one")
        pair.source.execute("INSERT INTO two SELECT max(id), max(id), 'label ' || max(id) FROM one")
        pair.source.execute("DELETE FROM three WHERE ctid IN (SELECT min(ctid) FROM three)")


@contextmanager
def changing(pair: DatabasePair, *, until_gone: bool = False) -> Iterator[None]:
    """Changes at the source beside the block; `until_gone`: the source may go away before it ends."""
    ended = threading.Event()

    def run() -> None:
        while not ended.is_set():
            try:
                change(pair)
            except psycopg.Error:
                if until_gone:
                    return
                raise

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


class RunningTask:
    """One task; `other_minutes` of patience with trouble that is no lost connection."""

    def __init__(
        self, pair: DatabasePair, folder: Path, name: str = "faulty", *, other_minutes: int = 1, **fields: Any
    ) -> None:
        self.pair = pair
        self.name = name
        given: dict[str, Any] = {
            "id": None,
            "precheck": PrecheckSettings(ignore=["replica-identity"]),
            "advanced": Advanced(retry=Retry(connection_minutes=10, other_minutes=other_minutes)),
        }
        self.spec: TaskSpec = pair.spec(name=name, **{**given, **fields})
        self.file = write_task_file(self.spec, folder)

    @property
    def task(self) -> StoredTask:
        """The stored task."""
        return find_task(self.name)

    @property
    def slot(self) -> str:
        """The name of slot and publication."""
        return self.task.spec.slot

    @property
    def state(self) -> TaskState:
        """The state by the journal; an empty one before there is a journal."""
        try:
            return self.task.read_state()
        except SyncwizardError:
            return TaskState()

    @property
    def events(self) -> list[Event]:
        """The journal."""
        try:
            folder = self.task.folder
        except SyncwizardError:
            return []
        return [entry.event for entry in read_entries(folder / FILE_NAME)] if (folder / FILE_NAME).exists() else []

    @property
    def engine(self) -> int | None:
        """The engine's process."""
        task_id = file.load(self.file).id
        return processes.engine_of(task_id) if task_id is not None else None

    def start(self, *options: str) -> None:
        """`syncwizard start`, to the state of being caught up unless told otherwise."""
        syncwizard("start", self.file, *(options or ("--until", "caught-up")))

    def resume(self, *options: str) -> None:
        """`syncwizard resume`."""
        syncwizard("resume", self.name, *options)

    def follow(self) -> int:
        """Waits until changes are followed by the process that will go on to do so; which."""

        def followed() -> int | None:
            engine = self.engine
            children = processes.children_of(engine, "apply") if engine and "incremental" in self.state.stages else []
            return children[0] if len(children) == 1 and not self.idle() else None

        try:
            return until(followed, 60, f"{self.name} to follow changes")
        except AssertionError as error:
            error.add_note(f"engine {self.engine}, last events: {self.events[-4:]}")
            raise

    def pause(self) -> None:
        """`syncwizard pause`, and the source has noticed."""
        syncwizard("pause", self.name)
        until(self.idle, 20, "the walsender to end")

    def idle(self) -> bool:
        """Whether the slot is not being read."""
        status = slot_status(self.pair.source, self.slot)
        return status is None or status.active_pid is None

    def kill_engine(self) -> None:
        """kill -9 of the engine."""
        if pid := self.engine:
            processes.kill(pid)
            until(lambda: self.engine != pid, 10, "the lock of the killed engine to be free")

    def caught_up(self, seconds: int = 60) -> None:
        """Everything committed at the source is at the destination."""
        syncwizard("wait", self.name, "--until", "caught-up", "--timeout", str(seconds), timeout=seconds + 30)

    def converged(self, seconds: int = 60) -> None:
        """Caught up, and both ends are equal."""
        self.caught_up(seconds)
        assert_equal(self.pair)

    def failure(self, seconds: float = 90) -> Failure:
        """Waits until the task failed by itself; what it said."""

        def failed() -> Failure | None:
            state = self.state
            return state.failure if state.state == "failed" and self.engine is None else None

        return until(failed, seconds, f"{self.name} to fail")

    def retrying(self, words: str = "", seconds: float = 30) -> Failure:
        """Waits until the task tries again, because of something with these words; what it is."""

        def tried() -> Failure | None:
            state = self.state
            if state.state != "retrying" or state.retrying is None:
                return None
            failure = state.retrying.failure
            return failure if words in f"{failure.title} {failure.detail}" else None

        return until(tried, seconds, f"{self.name} to try again")

    def release(self) -> None:
        """`pause`, `release`, and nothing of ours is left."""
        syncwizard("pause", self.name, expect=None)
        syncwizard("release", self.name, "--yes")
        until(self.nothing_left, 10, "our sessions to end")

    def nothing_left(self) -> bool:
        """Whether neither end has anything of ours."""
        return not left_at_source(self.pair) and not left_at_destination(self.pair)


@contextmanager
def running(pair: DatabasePair, folder: Path, definitions: str = TABLES, **options: Any) -> Iterator[RunningTask]:
    """A task over the tables; whatever happened, no engine is left."""
    pair.source.execute(definitions.encode())
    task = RunningTask(pair, folder, **options)
    try:
        yield task
    finally:
        task.kill_engine()


def forgotten(task: RunningTask) -> None:
    """Waits until the source may forget everything committed so far."""
    row = task.pair.source.execute("SELECT pg_current_wal_lsn()::text").fetchone()
    assert row is not None

    until(lambda: confirmed_up_to(task.pair.source, task.slot, row[0]), 30, "the source to be free to forget")


def confirmed_up_to(source: Session, slot: str, lsn: str) -> bool:
    """Whether the source may forget what was committed before that position."""
    status = slot_status(source, slot)
    assert status is not None and status.confirmed_flush_lsn is not None
    return parse_lsn(status.confirmed_flush_lsn) >= parse_lsn(lsn)


def reached(task: RunningTask, happened: Callable[[Event], bool], after: int = 0) -> bool:
    """Whether such an event is in the journal after its first `after` ones."""
    return any(happened(event) for event in task.events[after:])


def waits(session: Session, *, part: str = "", event: str = "", query: str = "") -> bool:
    """Whether a session of ours of this part, with this in its statement, waits for a lock, another transaction or
    `event`."""
    return (
        session.execute(
            "SELECT FROM pg_stat_activity WHERE application_name LIKE %s AND datname = current_database()"
            " AND CASE %s WHEN '' THEN wait_event_type = 'Lock' ELSE wait_event = %s END AND query ILIKE %s",
            (f"syncwizard%{part}", event, event, f"%{query}%"),
        ).fetchone()
        is not None
    )
