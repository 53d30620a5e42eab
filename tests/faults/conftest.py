"""Two servers that listen on the network, with a proxy before each, for everything that happens on the way."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import msgspec
import pytest

from syncwizard.demo.servers import Cluster
from syncwizard.errors import End
from syncwizard.task.specification import Endpoint
from tests.conftest import connected
from tests.support.network import ADDRESS, listening
from tests.support.pair import DatabasePair
from tests.support.proxy import Proxy

TRUST = "host all all 127.0.0.1/32 trust\nhost replication all 127.0.0.1/32 trust\n"


class Network(NamedTuple):
    """Two databases and the proxies before them."""

    pair: DatabasePair
    source: Proxy
    destination: Proxy

    def proxy(self, end: End) -> Proxy:
        """The proxy before an end."""
        return self.source if end == "source" else self.destination

    def endpoint(self, end: End) -> Endpoint:
        """An end as the engine sees it: through its proxy."""
        direct = self.pair.source_endpoint if end == "source" else self.pair.destination_endpoint
        return msgspec.structs.replace(direct, host=ADDRESS, port=self.proxy(end).port)

    @property
    def ends(self) -> dict[str, Any]:
        """Both ends as the engine sees them, for a task's specification."""
        return {"source": self.endpoint("source"), "destination": self.endpoint("destination")}


@pytest.fixture(scope="session")
def network_servers(server_folder: Path) -> Iterator[tuple[Cluster, Cluster]]:
    """PostgreSQL 16 and 18 at 127.0.0.1."""
    # For a dozen tasks at once.
    room = {"max_connections": "200", "max_wal_senders": "50", "max_replication_slots": "50"}
    with (
        listening(server_folder / "net16", 16, TRUST, **room) as source,
        listening(server_folder / "net18", 18, TRUST, **room) as destination,
    ):
        yield source, destination


@contextmanager
def networked(servers: tuple[Cluster, Cluster]) -> Iterator[Network]:
    """Fresh databases behind fresh proxies."""
    source, destination = servers
    with (
        contextmanager(connected)(source, destination) as pair,
        Proxy(source.port) as before_source,
        Proxy(destination.port) as before_destination,
    ):
        yield Network(pair, before_source, before_destination)


@pytest.fixture
def network(network_servers: tuple[Cluster, Cluster]) -> Iterator[Network]:
    """Fresh databases behind fresh proxies, 16 to 18."""
    with networked(network_servers) as made:
        yield made


@pytest.fixture
def role(pair: DatabasePair) -> Iterator[str]:
    """An account with all that a task needs, and no superuser."""
    name = f"sync_{uuid4().hex[:8]}"
    database = f'"{pair.database}"'
    for end in (pair.source, pair.destination):
        end.execute(f"CREATE ROLE {name} LOGIN REPLICATION; ALTER DATABASE {database} OWNER TO {name}".encode())
        end.execute(f"GRANT ALL ON SCHEMA public TO {name}".encode())
    pair.destination.execute(f"GRANT SET ON PARAMETER session_replication_role TO {name}".encode())
    yield name
    for end, cluster in ((pair.source, pair.source_cluster), (pair.destination, pair.destination_cluster)):
        end.execute(f"ALTER DATABASE {database} OWNER TO postgres; DROP OWNED BY {name} CASCADE".encode())
        with cluster.connect() as session:
            session.execute(f"DROP OWNED BY {name}; DROP ROLE {name}".encode())


def as_role(pair: DatabasePair, role: str) -> dict[str, Any]:
    """Both ends with that account, for a task's specification."""
    return {
        "source": msgspec.structs.replace(pair.source_endpoint, user=role),
        "destination": msgspec.structs.replace(pair.destination_endpoint, user=role),
    }


def own_tables(pair: DatabasePair, role: str) -> None:
    """Makes it the owner of the source's tables, as far as a publication needs."""
    for table in ("one", "two", "three"):
        pair.source.execute(f"ALTER TABLE {table} OWNER TO {role}".encode())
