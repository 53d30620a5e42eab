"""Both ways to read the stream, by libpq and past it, under the same workload and kills: nothing is lost or doubled."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from syncwizard.demo.servers import Cluster
from syncwizard.postgres.session.connection import connect, is_plain
from tests.conftest import connected
from tests.faults import processes
from tests.support.comparison import assert_equal
from tests.support.pair import DatabasePair
from tests.support.rowpath import row_path
from tests.support.tls_front import SecureCluster, tls_front
from tests.support.waiting import until

pytestmark = pytest.mark.slow

Way = Literal["socket", "TLS"]

TABLES = """
CREATE TABLE small (id int PRIMARY KEY, n bigint NOT NULL);
CREATE TABLE large (id int PRIMARY KEY, body bytea NOT NULL);
CREATE TABLE log (n bigint);
"""
LARGE_BYTES = 9_000_000


@pytest.fixture(scope="module")
def secure(server_folder: Path) -> Iterator[SecureCluster]:
    folder = server_folder / "streams"
    folder.mkdir(mode=0o755)
    cluster = SecureCluster(folder / "server", 16, durable=False)
    with cluster.create().start(), tls_front(cluster, folder):
        yield cluster


@pytest.fixture(params=["socket", "TLS"])
def streamed(
    request: pytest.FixtureRequest, source_cluster: Cluster, destination_cluster: Cluster
) -> Iterator[tuple[DatabasePair, Way]]:
    """A pair whose source is reached one way or the other."""
    source = request.getfixturevalue("secure") if request.param == "TLS" else source_cluster
    for pair in connected(source, destination_cluster):
        yield pair, request.param


def write(pair: DatabasePair, round_: int) -> None:
    """Many small transactions, and a large row."""
    for number in range(40):
        pair.source.execute("INSERT INTO log VALUES (%s)", (number,))
        pair.source.execute("UPDATE small SET n = n + %s WHERE id %% 7 = %s", (round_ + 1, number % 7))
    first = 5000 * round_
    pair.source.execute("INSERT INTO small SELECT i, i FROM generate_series(%s::int, %s) i", (first, first + 4999))
    body = os.urandom(LARGE_BYTES)
    pair.source.execute("INSERT INTO large VALUES (%s, %b)", (round_, body))


def kill_apply_child() -> None:
    # One that was killed before may still be on its way back.
    [child] = until(lambda: processes.children_of(os.getpid(), "apply"), 30, "a child at work")
    processes.kill(child)


def test_nothing_is_lost_or_doubled_whoever_reads_the_stream(
    streamed: tuple[DatabasePair, Way], tmp_path: Path
) -> None:
    pair, way = streamed
    with connect(pair.source_endpoint, end="source", application_name="look", replication=True) as session:
        assert is_plain(session) is (way == "socket")
    path = row_path(pair, tmp_path, TABLES)
    write(pair, 0)
    path.copy()
    with path.following():
        path.caught_up()
        for round_ in range(1, 4):
            write(pair, round_)
            kill_apply_child()
            write(pair, -round_)
            until(lambda: processes.children_of(os.getpid(), "apply"), 30, "another child to take over")
        path.caught_up(60)
    contents = assert_equal(pair)
    assert contents["public.log"].rows == 7 * 40
    assert contents["public.large"].rows == 7
