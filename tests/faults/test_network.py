"""Bad networks between the engine and either end: cut, stalled and lost connections pass by themselves. Those that are
silent for a minute are in test_minute.py."""

from pathlib import Path

import pytest

from tests.faults import processes
from tests.faults.conftest import Network
from tests.faults.running import change, running
from tests.support.commands import spawn
from tests.support.pair import DatabasePair
from tests.support.waiting import until

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("end", ["source", "destination"])
def test_connections_that_are_cut_or_stall(network: Network, tmp_path: Path, state_home: Path, end: str) -> None:
    pair = network.pair
    proxy = network.source if end == "source" else network.destination
    with running(pair, tmp_path, **network.ends) as task:
        task.start()
        for _ in range(5):
            change(pair)
            proxy.cut()
        task.converged()

        proxy.stall()
        change(pair)
        # Nothing arrives, and no error is raised: the age of the latency says so.
        status = "SELECT count(*) FROM one WHERE body = 'new'"
        before = pair.destination.execute(status).fetchone()
        change(pair)
        assert pair.destination.execute(status).fetchone() == before
        proxy.flow()
        task.converged()

        task.release()


def test_a_network_that_is_cut_again_and_again_during_the_copy(
    network: Network, tmp_path: Path, state_home: Path
) -> None:
    pair = network.pair
    with running(pair, tmp_path, **network.ends) as task:
        pair.source.execute("INSERT INTO one SELECT i, 0, repeat('y', 3000) FROM generate_series(1000, 30000) i")
        started = spawn("start", task.file)
        until(lambda: task.state.finished("schema"), 60, "the copy to begin")
        for proxy in (network.source, network.destination, network.source):
            proxy.cut()
            change(pair)
        started.communicate(timeout=60)
        task.converged(120)
        task.release()


def test_what_a_lost_child_left_open_at_the_destination_is_ended_by_its_successor(
    network: Network, tmp_path: Path, state_home: Path
) -> None:
    """The server hears nothing of the child's end: its session would keep the task's lock for as long as the network
    likes."""
    pair = network.pair
    with running(pair, tmp_path, **network.ends) as task:
        task.start()
        child = task.follow()
        network.destination.forget()
        processes.kill(child)
        change(pair)
        task.converged()
        network.destination.cut()
        task.release()


def test_what_a_lost_engine_left_open_at_the_destination_is_named_with_the_remedy(
    network: Network, tmp_path: Path, state_home: Path
) -> None:
    """It cannot be told from an engine that works somewhere else."""
    pair = network.pair
    with running(pair, tmp_path, **network.ends) as task:
        task.start()
        task.follow()
        network.destination.forget()
        task.kill_engine()
        change(pair)
        task.resume()
        failure = task.failure()
        assert "another engine writes for this task" in failure.title
        pid = lock_session(pair)
        assert f"process {pid} at the destination" in failure.detail
        end = f"SELECT pg_terminate_backend({pid})"
        assert end in str(failure.remedy)
        pair.destination.execute(end.encode())
        task.resume()
        task.converged()
        network.destination.cut()
        task.release()


def lock_session(pair: DatabasePair) -> int | None:
    """The process that holds the task's lock."""
    query = "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'syncwizard%% lock' AND datname = %s"
    row = pair.destination.execute(query, (pair.database,)).fetchone()
    return row[0] if row else None
