"""The servers of a test run, started when first asked for and once; each test gets databases of its own."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from syncwizard.demo.installations import installed
from syncwizard.demo.servers import Cluster
from tests.support.environment import fresh_home, make_plain, temporary_folder
from tests.support.pair import DatabasePair, copy_name

# How long an example takes says something of the machine, and nothing of what is tested.
settings.register_profile("any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any-machine")


@pytest.fixture(scope="session")
def server_folder() -> Iterator[Path]:
    """A short path, for the sockets, that the servers' account can reach (pytest's own folders are closed)."""
    with temporary_folder() as folder:
        yield folder


def running(folder: Path, version: int) -> Iterator[Cluster]:
    cluster = Cluster(folder, version, durable=False)
    cluster.create().start()
    yield cluster
    cluster.destroy()


@pytest.fixture(scope="session")
def source_cluster(server_folder: Path) -> Iterator[Cluster]:
    """PostgreSQL 16 with pgvector."""
    yield from running(server_folder / "source", 16)


@pytest.fixture(scope="session")
def destination_cluster(server_folder: Path) -> Iterator[Cluster]:
    """PostgreSQL 18 with pgvector."""
    yield from running(server_folder / "destination", 18)


@pytest.fixture(scope="session")
def postgres15(server_folder: Path) -> Iterator[Cluster]:
    """PostgreSQL 15 where the machine has it; without pgvector."""
    if 15 not in installed():
        pytest.skip("PostgreSQL 15 is not installed")
    yield from running(server_folder / "postgres15", 15)


def connected(source: Cluster, destination: Cluster) -> Iterator[DatabasePair]:
    """Fresh databases, of one server where both are the same."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    other = copy_name(source, destination, name)
    source.create_database(name)
    destination.create_database(other)
    with dropped(DatabasePair(source, destination, name, source.connect(name), destination.connect(other))) as pair:
        yield pair


@contextmanager
def dropped(pair: DatabasePair) -> Iterator[DatabasePair]:
    """Drops the databases after the block, on servers that may have been stopped in it."""
    source, destination = pair.source_cluster, pair.destination_cluster
    try:
        yield pair
    finally:
        pair.close()
        source.start()
        destination.start()
        destination.drop_database(pair.destination_database)
        source.drop_database(pair.database)


@pytest.fixture
def pair(source_cluster: Cluster, destination_cluster: Cluster) -> Iterator[DatabasePair]:
    """Fresh databases at both ends, 16 to 18."""
    yield from connected(source_cluster, destination_cluster)


@pytest.fixture
def pair15(postgres15: Cluster, destination_cluster: Cluster) -> Iterator[DatabasePair]:
    """Fresh databases at both ends, 15 to 18; skips where the machine has no 15."""
    yield from connected(postgres15, destination_cluster)


@pytest.fixture
def twins15(postgres15: Cluster) -> Iterator[DatabasePair]:
    """Fresh databases of one server, 15 to 15, which has ICU, XML and the extensions of PostgreSQL itself."""
    yield from connected(postgres15, postgres15)


@pytest.fixture
def twins18(destination_cluster: Cluster) -> Iterator[DatabasePair]:
    """Fresh databases of one server, 18 to 18."""
    yield from connected(destination_cluster, destination_cluster)


@pytest.fixture
def state_home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Directories of a user who never ran syncwizard; returns the folder that holds them.

    The path is short: the engine's control socket lives below it.
    """
    with temporary_folder() as folder:
        for name, value in fresh_home(folder).items():
            monkeypatch.setenv(name, value)
        yield folder


@pytest.fixture(autouse=True, scope="session")
def plain_environment() -> None:
    """libpq's variables of the person who runs the tests do not reach them; pg_dump is that of the newest server."""
    make_plain()
