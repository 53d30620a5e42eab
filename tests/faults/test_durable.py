"""What the source may forget is on the destination's disk, whatever its configuration says of that (rule 29)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from syncwizard.demo.servers import Cluster
from tests.conftest import connected
from tests.faults.running import change, forgotten, running
from tests.support.comparison import assert_equal
from tests.support.pair import DatabasePair, Session
from tests.support.reloading import reloaded
from tests.support.waiting import until

pytestmark = pytest.mark.slow


@pytest.fixture
def disk(source_cluster: Cluster, server_folder: Path) -> Iterator[DatabasePair]:
    """A destination of its own, whose commits reach the disk; its WAL writer flushes what no commit waits for so seldom
    that a crash finds some of it."""
    cluster = Cluster(server_folder / "disk18", 18, settings={"wal_writer_delay": "10s", "autovacuum": "off"})
    cluster.create().start()
    try:
        yield from connected(source_cluster, cluster)
    finally:
        cluster.destroy()


def flushes(session: Session) -> int:
    """How often sessions have flushed the WAL because a commit waited for it."""
    found = session.execute(
        "SELECT sum(fsyncs)::bigint FROM pg_stat_io WHERE object = 'wal' AND backend_type = 'client backend'"
    ).fetchone()
    assert found is not None
    return int(found[0])


def test_commits_are_flushed_after_a_reload_and_survive_a_crash(
    disk: DatabasePair, tmp_path: Path, state_home: Path
) -> None:
    with running(disk, tmp_path) as task:
        task.start()
        with reloaded(disk.destination_cluster, synchronous_commit="off"):
            change(disk)
            task.caught_up()
            # A session tells of its flushes when it is idle, each second at most.
            before = flushes(disk.destination)
            for _ in range(20):
                change(disk)
            task.caught_up()
            until(lambda: flushes(disk.destination) > before, 10, "a flush")
            change(disk)
            forgotten(task)
            disk.destination_cluster.stop("immediate")
            disk.destination_cluster.start()
            disk.reconnect()
            task.caught_up()
            assert task.state.failure is None
            assert_equal(disk)
        task.release()
