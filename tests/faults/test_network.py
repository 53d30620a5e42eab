"""Bad networks between the engine and either end: cut, stalled and half-open connections pass by themselves."""

from pathlib import Path

import pytest

from tests.faults.conftest import Network
from tests.faults.running import change, running
from tests.support.commands import spawn
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
        # Nothing arrives, and nobody is told: the age of the latency says so.
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


def test_a_source_behind_a_network_that_swallows_everything_is_given_up_and_found_again(
    network: Network, tmp_path: Path, state_home: Path
) -> None:
    pair = network.pair
    with running(pair, tmp_path, source=network.endpoint("source"), destination=pair.destination_endpoint) as task:
        task.start()
        task.converged()
        assert network.source.connections
        network.source.forget()
        change(pair)
        task.converged(240)
        # What the proxy forgot would stay at the source for as long as the proxy lives.
        network.source.cut()
        task.converged()
        task.release()
