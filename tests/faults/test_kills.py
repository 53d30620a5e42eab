"""kill -9 of the engine in each stage of one task's life: it ends as if nothing had happened."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from syncwizard.task.events import (
    Event,
    Noticed,
    PublicationCreated,
    SlotCreated,
    StageFinished,
    StageStarted,
    TableCopied,
    TablePlanned,
)
from tests.faults import processes
from tests.faults.running import RunningTask, change, reached, running, waits
from tests.support.commands import spawn, syncwizard
from tests.support.pair import DatabasePair, Session
from tests.support.waiting import until

pytestmark = pytest.mark.slow


def begun(stage: str) -> Callable[[Event], bool]:
    return lambda event: isinstance(event, StageStarted) and event.stage == stage


def done(stage: str) -> Callable[[Event], bool]:
    return lambda event: isinstance(event, StageFinished) and event.stage == stage


def first(kind: type[Event]) -> Callable[[Event], bool]:
    return lambda event: isinstance(event, kind)


# Moments in the order in which a task comes to them.
MOMENTS: list[tuple[str, Callable[[Event], bool]]] = [
    ("checking", begun("precheck")),
    ("capture begins", begun("capture")),
    ("before the slot", first(PublicationCreated)),
    ("after the slot", first(SlotCreated)),
    ("definitions", begun("schema")),
    ("copy planned", first(TablePlanned)),
    ("a table is in", first(TableCopied)),
    ("copy done", done("full")),
    ("keys", begun("keys")),
    ("catching up", begun("catch-up")),
    ("constraints", begun("constraints")),
    ("indexes", begun("indexes")),
    ("following", begun("incremental")),
]


def test_a_task_whose_engine_is_killed_in_every_stage_arrives(
    pair: DatabasePair, tmp_path: Path, state_home: Path
) -> None:
    with running(pair, tmp_path) as task:
        killed = []
        for name, happened in MOMENTS:
            child = spawn("resume", task.name) if task.events else spawn("start", task.file)
            until(partial(working_past, task, happened), 60, name)
            task.kill_engine()
            child.communicate(timeout=60)
            killed.append((name, task.state.state))
            change(pair)
        task.resume()
        task.converged()
        task.release()
        assert len(killed) == len(MOMENTS)


def working_past(task: RunningTask, happened: Callable[[Event], bool]) -> bool:
    """Whether an engine is at work and what is waited for has happened, in its time or before."""
    return task.engine is not None and reached(task, happened)


def told(task: RunningTask, words: str) -> bool:
    """Whether a remark in the journal has these words."""
    return reached(task, lambda event: isinstance(event, Noticed) and words in event.message)


@contextmanager
def held(session: Session, statement: str) -> Iterator[None]:
    """What a transaction that somebody forgot keeps waiting."""
    with session.transaction(force_rollback=True):
        session.execute(statement.encode())
        yield


def test_killed_while_the_slot_waits_for_a_transaction(pair: DatabasePair, tmp_path: Path, state_home: Path) -> None:
    with running(pair, tmp_path) as task:
        with pair.source_cluster.connect(pair.database, autocommit=False) as forgotten:
            forgotten.execute("INSERT INTO one VALUES (9000, 0, 'not committed yet')")
            started = spawn("start", task.file)
            waiting = "SELECT 1 FROM pg_stat_activity WHERE backend_type = 'walsender' AND wait_event_type = 'Lock'"
            until(lambda: pair.source.execute(waiting).fetchone(), 30, "the slot to wait")
            task.kill_engine()
            started.communicate(timeout=60)
            forgotten.commit()
        task.resume()
        change(pair)
        task.converged()
        task.release()


def test_killed_in_the_middle_of_definitions(pair: DatabasePair, tmp_path: Path, state_home: Path) -> None:
    with running(pair, tmp_path) as task:
        with pair.destination_cluster.connect(pair.database, autocommit=False) as forgotten:
            forgotten.execute("CREATE TABLE two (id int)")
            started = spawn("start", task.file)
            until(lambda: waits(pair.destination, query="CREATE TABLE"), 30, "the definitions to wait")
            task.kill_engine()
            started.communicate(timeout=60)
            forgotten.rollback()
        task.resume()
        change(pair)
        task.converged()
        task.release()


SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT FROM pg_class"
BUILDER = "SELECT pid, index_relid FROM pg_stat_progress_create_index WHERE datname = current_database()"
INDEX = "SELECT indexrelid, indisvalid FROM pg_index WHERE indexrelid = to_regclass('public.one_n')"


@pytest.mark.parametrize("builder", ["goes on", "ends, too"])
def test_killed_while_an_index_is_built(pair: DatabasePair, tmp_path: Path, state_home: Path, builder: str) -> None:
    """The build waits for an old snapshot, and goes on without us, or leaves an invalid index behind."""
    with running(pair, tmp_path) as task:
        with held(pair.destination_cluster.connect(pair.database), SNAPSHOT):
            started = spawn("start", task.file)
            until(lambda: waits(pair.destination, query="CONCURRENTLY"), 60, "the build to wait")
            pid, index = pair.destination.execute(BUILDER).fetchone() or (0, 0)
            task.kill_engine()
            started.communicate(timeout=60)
            if builder == "ends, too":
                pair.destination.execute("SELECT pg_terminate_backend(%s, 10000)", (pid,))
                assert pair.destination.execute(INDEX).fetchone() == (index, False)
            change(pair)
            task.resume()
            if builder == "goes on":
                until(lambda: told(task, f"being built by process {pid} "), 60, "the builder to be found")
                # Changes are applied meanwhile.
                task.converged()
        until(lambda: reached(task, done("indexes")), 60, "the index")
        task.converged()
        found, valid = pair.destination.execute(INDEX).fetchone() or (0, False)
        assert valid and (found == index) == (builder == "goes on")
        task.release()


def test_an_index_that_was_being_built_is_not_left_behind_by_a_release(
    pair: DatabasePair, tmp_path: Path, state_home: Path
) -> None:
    with running(pair, tmp_path) as task:
        with held(pair.destination_cluster.connect(pair.database), SNAPSHOT):
            started = spawn("start", task.file)
            until(lambda: waits(pair.destination, query="CONCURRENTLY"), 60, "the build to wait")
            task.kill_engine()
            started.communicate(timeout=60)
            # The build goes on, and what is left when it is ended is of no use to anybody.
            syncwizard("release", task.name)
        assert pair.destination.execute(INDEX).fetchone() is None
        until(task.nothing_left, 10, "our sessions to end")


def test_killed_while_pausing(pair: DatabasePair, tmp_path: Path, state_home: Path) -> None:
    with running(pair, tmp_path) as task:
        task.start()
        with held(pair.destination_cluster.connect(pair.database), "LOCK TABLE one IN ACCESS EXCLUSIVE MODE"):
            change(pair)
            until(lambda: waits(pair.destination, query="one"), 30, "the batch to wait")
            pausing = spawn("pause", task.name)
            engine = task.engine
            assert engine is not None
            # The engine has heard of it and waits for its child, which cannot stop.
            assert processes.children_of(engine, "apply")
            task.kill_engine()
            pausing.communicate(timeout=60)
        task.resume()
        change(pair)
        task.converged()
        task.release()


def test_killed_while_releasing(pair: DatabasePair, tmp_path: Path, state_home: Path) -> None:
    with running(pair, tmp_path) as task:
        task.start()
        task.pause()
        with held(pair.source_cluster.connect(pair.database), "SELECT FROM dts_postgres_heartbeat FOR UPDATE"):
            releasing = spawn("release", task.name)
            until(lambda: waits(pair.source, query="heartbeat"), 30, "the release to wait")
            # The command, and the process that does its work.
            for pid in (releasing.pid, *processes.children_of(releasing.pid)):
                processes.kill(pid)
            releasing.communicate(timeout=60)
        syncwizard("release", task.name)
        until(task.nothing_left, 20, "everything of ours to be gone")


@pytest.mark.parametrize("kind", ["copy", "apply"])
def test_children_that_die_again_and_again_are_told(
    pair: DatabasePair, tmp_path: Path, state_home: Path, kind: str
) -> None:
    """Somebody's script, or the system when memory runs out."""
    with running(pair, tmp_path) as task:
        if kind == "apply":
            task.start()
        else:
            spawn("start", task.file).communicate(timeout=60)

        def died() -> bool:
            engine = task.engine
            for child in processes.children_of(engine, kind) if engine else []:
                processes.kill(child)
            return task.state.state == "failed" or (kind == "copy" and task.state.finished("full"))

        until(died, 90, "the task to give up")
        if task.state.state == "failed":
            failure = task.failure()
            assert "died" in failure.title
            assert "resume" in failure.remedy
            task.resume()
        change(pair)
        task.converged()
        task.release()
