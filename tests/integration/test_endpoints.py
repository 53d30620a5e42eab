"""The ways to name a server: a service of libpq, several hosts, the directory of a Unix socket; pg_dump included."""

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from syncwizard.demo import installations
from syncwizard.demo.servers import Cluster
from syncwizard.errors import EndpointError
from syncwizard.postgres.session.connection import connect, scalar
from syncwizard.task.specification import Endpoint
from tests.support.commands import report, syncwizard
from tests.support.comparison import assert_equal
from tests.support.definitions import definitions
from tests.support.pair import DatabasePair

TASK = """
version: 1
name: by-service
source: {source}
destination: {destination}
objects: [{{schema: public}}]
"""


def database_at(endpoint: Endpoint, *, replication: bool = False) -> str:
    with connect(endpoint, end="source", application_name="test", replication=replication) as session:
        return str(scalar(session, "SELECT pg_catalog.current_database()"))


@pytest.fixture
def services(pair: DatabasePair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The source as the services `kb`, and `server` without a database; a file that PGSERVICEFILE names."""
    where = f"host={pair.source_cluster.sockets}\nport={pair.source_cluster.port}\nuser=postgres\n"
    path = tmp_path / "services.conf"
    path.write_text(f"[server]\n{where}\n[kb]\n{where}dbname={pair.database}\n")
    monkeypatch.setenv("PGSERVICEFILE", str(path))
    return path


def test_a_refused_connection_has_its_cause_in_two_words() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        endpoint = Endpoint(host="127.0.0.1", port=taken.getsockname()[1], database="postgres", user="postgres")
        with pytest.raises(EndpointError) as caught:
            connect(endpoint, end="source", application_name="test")
    assert (caught.value.cause, caught.value.lost) == ("connection refused", True)


def test_a_service_gives_what_the_endpoint_leaves_out(pair: DatabasePair, services: Path) -> None:
    assert database_at(Endpoint(service="kb")) == pair.database
    assert database_at(Endpoint(service="kb"), replication=True) == pair.database
    assert database_at(Endpoint(service="server", database=pair.database)) == pair.database


def test_what_the_endpoint_says_comes_before_the_service(pair: DatabasePair, services: Path) -> None:
    assert database_at(Endpoint(service="kb", database="postgres")) == "postgres"
    with pytest.raises(EndpointError, match="cannot use the source"):
        database_at(Endpoint(service="kb", host="/nowhere"))


def test_a_service_that_nobody_defined_is_final_and_says_where_to_define_it(services: Path) -> None:
    with pytest.raises(EndpointError) as caught:
        database_at(Endpoint(service="kbb"))
    assert not caught.value.transient
    assert "pg_service.conf" in str(caught.value.remedy)
    assert caught.value.where == "source service kbb"


def test_pg_dump_uses_the_service(pair: DatabasePair, services: Path, tmp_path: Path) -> None:
    pair.source.execute("CREATE TABLE of_service (id int PRIMARY KEY)")
    assert "of_service" in str(definitions(Endpoint(service="kb"), ["public"], tmp_path))


@pytest.mark.slow
def test_a_task_runs_with_a_service_at_either_end(
    pair: DatabasePair, services: Path, state_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service's file is named relative to the client's folder, which is not the engine's."""
    pair.source.execute("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 100)")
    monkeypatch.setenv("PGSERVICEFILE", os.path.relpath(services))
    path = state_home / "task.yaml"
    destination = json.dumps({"service": "server", "host": str(pair.destination_cluster.sockets)})
    path.write_text(
        TASK.format(source="{service: kb}", destination=destination[:-1] + f', "database": {pair.database}}}')
    )
    syncwizard("start", path, "--until", "caught-up")
    try:
        assert report("status", "by-service")["source"] == "service kb"
        assert_equal(pair)
    finally:
        syncwizard("pause", "by-service", expect=None)
        syncwizard("release", "by-service", "--yes")


@pytest.fixture
def standby(pair: DatabasePair, server_folder: Path) -> Iterator[Cluster]:
    """A hot standby of the source."""
    primary = pair.source_cluster
    cluster = Cluster(server_folder / "standby", primary.version, durable=False)
    cluster.folder.mkdir()
    account = installations.server_account()
    subprocess.run(
        [
            primary.bin / "pg_basebackup",
            "-h",
            primary.sockets,
            "-U",
            "postgres",
            "-c",
            "fast",
            "-R",
            "-D",
            cluster.data,
        ],
        check=True,
        capture_output=True,
        env=installations.clean_environment(),
    )
    if account is not None:
        for path in (cluster.folder, cluster.data, *cluster.data.rglob("*")):
            os.chown(path, account.uid, account.gid)
    cluster.data.chmod(0o700)
    # Of its own now, not of the primary.
    cluster.configure()
    yield cluster.start()
    cluster.destroy()


def test_hosts_are_tried_in_turn_until_the_primary(pair: DatabasePair, standby: Cluster, tmp_path: Path) -> None:
    pair.source.execute("CREATE TABLE of_primary (id int PRIMARY KEY)")
    hosts = ["/nowhere", str(standby.sockets), str(pair.source_cluster.sockets)]
    endpoint = msgspec.structs.replace(pair.source_endpoint, host=hosts)
    with connect(endpoint, end="source", application_name="test") as session:
        assert session.info.host == str(pair.source_cluster.sockets)
    assert database_at(endpoint, replication=True) == pair.database
    assert "of_primary" in str(definitions(endpoint, ["public"], tmp_path))


def test_hosts_without_a_primary_may_have_one_later(standby: Cluster, pair: DatabasePair) -> None:
    endpoint = msgspec.structs.replace(pair.source_endpoint, host=["/nowhere", str(standby.sockets)])
    with pytest.raises(EndpointError) as caught:
        database_at(endpoint)
    assert caught.value.transient
    assert "hot standby" in caught.value.detail


def test_several_hosts_may_have_a_port_each(pair: DatabasePair) -> None:
    sockets = str(pair.source_cluster.sockets)
    endpoint = msgspec.structs.replace(
        pair.source_endpoint, host=[sockets, sockets], port=[1, pair.source_cluster.port]
    )
    assert database_at(endpoint) == pair.database
