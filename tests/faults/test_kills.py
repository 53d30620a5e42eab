"""kill -9 of the engine at each moment of a task's life, and of its children: it ends as if nothing had happened."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from syncwizard.errors import End
from syncwizard.task.events import Event, Noticed, StageFinished
from tests.faults import processes
from tests.faults.conftest import Network
from tests.faults.running import RunningTask, change, reached, running, waits
from tests.support.commands import spawn, syncwizard
from tests.support.pair import DatabasePair, Session
from tests.support.proxy import COMMITTED, Trap
from tests.support.waiting import until

pytestmark = pytest.mark.slow


def done(stage: str) -> Callable[[Event], bool]:
    return lambda event: isinstance(event, StageFinished) and event.stage == stage


class Moment(NamedTuple):
    """What an engine's session at one end says or hears at that moment: it is killed while that is on its way, done at
    the server and not known here, or asked for and never heard of there."""

    end: End
    part: bytes
    mark: bytes
    heard: bool = True
    nth: int = 1

    def trap(self, network: Network) -> Trap:
        """Catches it."""
        proxy, of = network.proxy(self.end), self.part + b"\0"
        if self.heard:
            return proxy.catch_answer(self.mark, of, nth=self.nth)
        return proxy.catch_request(self.mark, of, nth=self.nth)


def finished(command: bytes) -> bytes:
    """How a server says that a command is done."""
    return b"C" + (len(command) + 5).to_bytes(4, "big") + command + b"\0"


# In the order in which a task comes to them.
MOMENTS: dict[str, Moment] = {
    "checking": Moment("source", b" precheck", b"dts_postgres_heartbeat", heard=False),
    "heartbeat": Moment("source", b" capture", COMMITTED),
    "replica identity": Moment("source", b" capture", finished(b"ALTER TABLE")),
    "publication": Moment("source", b" capture", finished(b"CREATE PUBLICATION")),
    "before the slot": Moment("source", b" snapshot", b"CREATE_REPLICATION_SLOT", heard=False),
    "after the slot": Moment("source", b" snapshot", b"consistent_point"),
    "progress": Moment("destination", b" capture", COMMITTED, nth=2),
    "dump": Moment("source", b"pg_dump", b"pg_catalog.pg_class", heard=False),
    "definitions": Moment("destination", b" schema", COMMITTED),
    "tables emptied": Moment("destination", b" planner", COMMITTED),
    "copy": Moment("destination", b" copy", COMMITTED),
    "keys": Moment("destination", b" keys", COMMITTED),
    "stream": Moment("source", b" stream", b"START_REPLICATION", heard=False),
    "catching up": Moment("destination", b" apply", COMMITTED),
    "constraints": Moment("destination", b" constraints", COMMITTED),
    "index": Moment("destination", b" indexes", finished(b"CREATE INDEX")),
    "following": Moment("destination", b" apply", COMMITTED),
}


def test_a_task_whose_engine_is_killed_at_every_moment_of_its_life_arrives(
    network: Network, tmp_path: Path, state_home: Path
) -> None:
    pair = network.pair
    with running(pair, tmp_path, **network.ends) as task:
        for name, moment in MOMENTS.items():
            trap = moment.trap(network)
            child = spawn("resume", task.name) if task.events else spawn("start", task.file)
            trap.wait(name)
            assert task.engine is not None
            task.kill_engine()
            trap.cut()
            child.communicate(timeout=60)
            change(pair)
        task.resume()
        task.converged()
        task.release()


def test_a_slot_whose_creation_was_never_heard_of_is_made_anew(
    network: Network, tmp_path: Path, state_home: Path
) -> None:
    with running(network.pair, tmp_path, **network.ends) as task:
        trap = MOMENTS["after the slot"].trap(network)
        started = spawn("start", task.file)
        trap.wait("the slot")
        slots = "SELECT slot_name FROM pg_replication_slots WHERE database = current_database()"
        assert network.pair.source.execute(slots).fetchall() == [(task.slot,)]
        change(network.pair)
        trap.cut()
        started.communicate(timeout=60)
        change(network.pair)
        task.converged()
        assert network.pair.source.execute(slots).fetchall() == [(task.slot,)]
        task.release()


@pytest.mark.parametrize("times", [1, 5])
def test_a_pg_dump_that_is_killed_is_run_again_and_reported_when_that_does_not_help(
    network: Network, tmp_path: Path, state_home: Path, times: int
) -> None:
    with running(network.pair, tmp_path, **network.ends) as task:
        trap = MOMENTS["dump"].trap(network)
        spawn("start", task.file).communicate(timeout=60)
        for _ in range(times):
            trap.wait("pg_dump")
            caught, trap = trap, MOMENTS["dump"].trap(network)
            processes.kill(dump_of(task))
            caught.cut()
        trap.let_go()
        if times > 1:
            failure = task.failure()
            assert "pg_dump was killed 5 times" in failure.title and "out of memory?" in str(failure.remedy)
            task.resume()
        change(network.pair)
        task.converged()
        assert reported(task, "was ended by SIGKILL; it is run again")
        task.release()


def dump_of(task: RunningTask) -> int:
    """The engine's pg_dump."""
    engine = task.engine
    assert engine is not None
    (found,) = [pid for pid in processes.children_of(engine) if Path(f"/proc/{pid}/exe").readlink().name == "pg_dump"]
    return found


def reported(task: RunningTask, words: str) -> bool:
    """Whether a remark in the journal has these words."""
    return reached(task, lambda event: isinstance(event, Noticed) and words in event.message)


@contextmanager
def held(session: Session, statement: str) -> Iterator[None]:
    """What a forgotten transaction keeps waiting."""
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
                until(lambda: reported(task, f"being built by process {pid} "), 60, "the builder to be found")
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
            syncwizard("release", task.name, "--yes")
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
            releasing = spawn("release", task.name, "--yes")
            until(lambda: waits(pair.source, query="heartbeat"), 30, "the release to wait")
            # The command, and the process that does its work.
            for pid in (releasing.pid, *processes.children_of(releasing.pid)):
                processes.kill(pid)
            releasing.communicate(timeout=60)
        syncwizard("release", task.name, "--yes")
        until(task.nothing_left, 20, "everything of ours to be gone")


@pytest.mark.parametrize("kind", ["copy", "apply"])
def test_children_that_die_again_and_again_are_reported(
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
            assert "resume" in str(failure.remedy)
            task.resume()
        change(pair)
        task.converged()
        task.release()
