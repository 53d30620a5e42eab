"""Bad networks between the engine and either end: cut, stalled and half-open connections pass by themselves."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from syncwizard.demo.servers import Cluster
from syncwizard.errors import End
from syncwizard.task.specification import Endpoint
from tests.conftest import connected
from tests.faults.running import change, running
from tests.support.commands import spawn
from tests.support.network import ADDRESS, listening
from tests.support.pair import DatabasePair
from tests.support.proxy import Proxy
from tests.support.waiting import until

pytestmark = pytest.mark.slow
TRUST = "host all all 127.0.0.1/32 trust\nhost replication all 127.0.0.1/32 trust\n"


class Network(NamedTuple):
    """Two databases and the proxies before them."""

    pair: DatabasePair
    source: Proxy
    destination: Proxy

    def endpoint(self, end: End) -> Endpoint:
        """An end as the engine sees it: through its proxy."""
        proxy = self.source if end == "source" else self.destination
        direct = self.pair.source_endpoint if end == "source" else self.pair.destination_endpoint
        return msgspec.structs.replace(direct, host=ADDRESS, port=proxy.port)


@pytest.fixture(scope="module")
def servers(server_folder: Path) -> Iterator[tuple[Cluster, Cluster]]:
    with (
        listening(server_folder / "net16", 16, TRUST) as source,
        listening(server_folder / "net18", 18, TRUST) as destination,
    ):
        yield source, destination


@pytest.fixture
def network(servers: tuple[Cluster, Cluster]) -> Iterator[Network]:
    source, destination = servers
    with (
        contextmanager(connected)(source, destination) as pair,
        Proxy(source.port) as before_source,
        Proxy(destination.port) as before_destination,
    ):
        yield Network(pair, before_source, before_destination)


@pytest.mark.parametrize("end", ["source", "destination"])
def test_connections_that_are_cut_or_stall(network: Network, tmp_path: Path, state_home: Path, end: str) -> None:
    pair = network.pair
    proxy = network.source if end == "source" else network.destination
    with running(
        pair, tmp_path, source=network.endpoint("source"), destination=network.endpoint("destination")
    ) as task:
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
    with running(
        pair, tmp_path, source=network.endpoint("source"), destination=network.endpoint("destination")
    ) as task:
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
