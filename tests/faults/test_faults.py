"""The short form of the harness: each kind of fault strikes a task under load, and nothing is lost, doubled or torn."""

import os
import random
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from syncwizard.client.tasks import find_task
from syncwizard.demo.servers import Cluster
from syncwizard.engine.journal import FILE_NAME, read_entries
from syncwizard.paths import TASK_FILE
from syncwizard.task.reducer import replay
from syncwizard.task.state import TaskState
from tests.faults import faults, losses, processes, stopped
from tests.faults.faults import Fault, strike, strike_resync
from tests.faults.harness import SHORT, Phase, Trial, databases, trial
from tests.faults.reloads import RELOADED
from tests.support.commands import syncwizard
from tests.support.environment import fresh_home
from tests.support.waiting import until

pytestmark = pytest.mark.slow

SCENARIOS: dict[str, list[tuple[Fault, Phase]]] = {
    "kills of the engine": [
        (faults.KILL_ENGINE, "full"),
        (faults.KILL_ENGINE, "before sync point"),
        (faults.KILL_ENGINE, "steady"),
        (faults.KILL_ENGINE, "steady"),
    ],
    "kills of children": [
        (faults.KILL_COPY, "full"),
        (faults.KILL_FORK_SERVER, "full"),
        (faults.KILL_APPLY, "before sync point"),
        (faults.KILL_APPLY, "steady"),
        (faults.KILL_APPLY, "steady"),
    ],
    "restarts of the source": [
        (faults.SOURCE_IMMEDIATE, "full"),
        (faults.SOURCE_FAST, "before sync point"),
        (faults.SOURCE_IMMEDIATE, "steady"),
        (faults.SOURCE_FAST, "steady"),
    ],
    "restarts of the destination": [
        (faults.DESTINATION_IMMEDIATE, "full"),
        (faults.DESTINATION_FAST, "before sync point"),
        (faults.DESTINATION_IMMEDIATE, "steady"),
        (faults.DESTINATION_FAST, "steady"),
    ],
    "crashes of the servers": [
        (faults.DESTINATION_CRASH, "full"),
        (faults.SOURCE_CRASH, "full"),
        (faults.DESTINATION_CRASH, "before sync point"),
        (faults.SOURCE_CRASH, "steady"),
        (faults.DESTINATION_CRASH, "steady"),
    ],
    "terminated sessions": [
        (faults.TERMINATE, "full"),
        (faults.TERMINATE, "steady"),
    ],
    "stopped processes": [
        (stopped.STOP_ALL, "full"),
        (stopped.STOP_DESTINATION, "full"),
        (stopped.STOP_CHILDREN, "before sync point"),
        (stopped.STOP_SOURCE, "steady"),
        (stopped.STOP_ENGINE, "steady"),
    ],
    "reloaded settings": [
        (RELOADED["destination: short times"], "full"),
        (RELOADED["destination: commits not flushed"], "before sync point"),
        (RELOADED["source: short times"], "steady"),
        (RELOADED["destination: serializable"], "steady"),
        (RELOADED["destination: commits not flushed"], "steady"),
    ],
    "exchanged names": [
        (faults.EXCHANGED_NAMES, "full"),
        (faults.EXCHANGED_NAMES, "steady"),
    ],
}


def assert_clean(made: Trial, warnings: list[str]) -> None:
    findings = made.findings
    assert findings.clean, f"{findings}; {warnings}"
    assert findings.transactions > 0


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_nothing_is_lost_doubled_or_torn_by(
    scenario: str, source_cluster: Cluster, destination_cluster: Cluster, server_folder: Path, state_home: Path
) -> None:
    choice = random.Random(scenario)
    name = scenario.replace(" ", "-")
    with databases(source_cluster, destination_cluster, name, SHORT) as pair:
        with trial(pair, server_folder, name, SHORT, choice.randrange(1000)) as made:
            blows = [strike(made, fault, phase, choice) for fault, phase in SCENARIOS[scenario]]
        print(*blows, sep="\n")
        # A copy may be over before its moment comes, once.
        assert {fault.name for fault, _ in SCENARIOS[scenario]} == {blow.fault for blow in blows if blow.hit}
        assert_clean(made, made.warnings())


LOST_AND_KILLED = [
    (losses.LOST_PARTITION, faults.KILL_APPLY),
    (losses.LOST_VALUES, faults.KILL_ENGINE),
    (losses.LOST_TABLES, faults.KILL_ENGINE),
    (losses.LOST_NAMES, faults.KILL_APPLY),
    (losses.LOST_SLOT, faults.KILL_ENGINE),
    (losses.LOST_PUBLICATION, faults.KILL_COPY),
]


def test_nothing_is_lost_doubled_or_torn_by_kills_in_the_midst_of_a_resync(
    source_cluster: Cluster, destination_cluster: Cluster, server_folder: Path, state_home: Path
) -> None:
    choice = random.Random(5)
    with databases(source_cluster, destination_cluster, "resync", SHORT) as pair:
        with trial(pair, server_folder, "resync", SHORT, choice.randrange(1000)) as made:
            blows = [strike_resync(made, loss, kill, choice) for loss, kill in LOST_AND_KILLED]
        print(*blows, sep="\n")
        # A copy may be over before its moment comes.
        assert len([blow for blow in blows if blow.hit]) >= 2
        assert_clean(made, made.warnings())


def test_a_second_engine_is_refused(
    source_cluster: Cluster, destination_cluster: Cluster, server_folder: Path, state_home: Path
) -> None:
    """The second one first on this machine, then elsewhere with a copy of the task's state."""
    with databases(source_cluster, destination_cluster, "second_engine", SHORT) as pair:
        with trial(pair, server_folder, "second-engine", SHORT, 1) as made:
            made.reach("steady")
            engine = made.engine
            assert "running" in syncwizard("start", made.file, expect=2).stderr
            assert "running" in syncwizard("resume", made.name, expect=2).stderr
            with pytest.MonkeyPatch.context() as elsewhere:
                move_elsewhere(made, state_home, elsewhere)
                assert made.engine is None, "the lock of the other home holds here"
                try:
                    made.resume()
                    state = until(lambda: failed(made.state), 60, "the second engine to be kept out")
                finally:
                    made.end_engine()
                assert state.failure is not None and "another engine" in state.failure.title
            assert made.engine == engine
            made.advance()
        assert_clean(made, made.warnings())


def test_an_engine_that_wakes_up_after_it_was_replaced_writes_nothing(
    source_cluster: Cluster,
    destination_cluster: Cluster,
    server_folder: Path,
    state_home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with databases(source_cluster, destination_cluster, "frozen_engine", SHORT) as pair:
        with trial(pair, server_folder, "frozen-engine", SHORT, 2) as made:
            made.reach("steady")
            frozen = made.engine
            assert frozen is not None
            group = [frozen, *until(lambda: processes.children_of(frozen, "apply"), 30, "an apply process")]
            try:
                signal_all(group, signal.SIGSTOP)
                journal = made.task.folder / FILE_NAME
                # What a server does by itself, sooner or later, with the sessions of a machine that is out of reach.
                assert faults.end_sessions(made.pair)
                move_elsewhere(made, state_home, monkeypatch)
                made.resume()
                made.advance()
                # The engine last: awake, it ends its children.
                signal_all(group[::-1], signal.SIGCONT)
                state = until(lambda: failed(replay(read_entries(journal))), 60, "the woken engine to be kept out")
                assert state.failure is not None and "another engine" in state.failure.title
                made.advance()
            finally:
                for pid in group:
                    processes.kill(pid)
        assert_clean(made, made.warnings())


def failed(state: TaskState) -> TaskState | None:
    return state if state.state == "failed" else None


def signal_all(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        os.kill(pid, number)


def move_elsewhere(made: Trial, home: Path, environment: pytest.MonkeyPatch) -> None:
    """From here on commands run as on another machine that was given a copy of the task's state."""
    folder = made.task.folder
    other = home / "elsewhere"
    other.mkdir()
    for name, value in fresh_home(other).items():
        environment.setenv(name, value)
    task_id = folder.name
    copied = other / "state" / "syncwizard" / "tasks" / task_id
    copied.mkdir(mode=0o700, parents=True)
    (copied / TASK_FILE).write_bytes((folder / TASK_FILE).read_bytes())
    with closing(sqlite3.connect(folder / FILE_NAME)) as journal, closing(sqlite3.connect(copied / FILE_NAME)) as copy:
        journal.backup(copy)
    assert find_task(made.name).folder == copied
