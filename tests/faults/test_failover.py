"""A source of 18 fails over to a standby that keeps a copy of the slot: the task goes on there, and nothing is lost."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest

from syncwizard.demo.servers import Cluster
from tests.faults.running import RunningTask, change, changing, running
from tests.support.commands import syncwizard
from tests.support.comparison import assert_equal
from tests.support.pair import DatabasePair, Session
from tests.support.standby import back_up
from tests.support.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.marathon]

STANDBY = "standby_one"


@pytest.fixture
def servers(server_folder: Path) -> Iterator[tuple[Cluster, Cluster]]:
    """A primary and a standby that synchronizes slots."""
    primary = Cluster(server_folder / "failing", 18, durable=False)
    second = Cluster(server_folder / "following", 18, durable=False)
    try:
        primary.create()
        primary.configure(hot_standby_feedback="on")
        primary.start()
        with primary.connect() as session:
            session.execute("SELECT pg_create_physical_replication_slot(%s)", (STANDBY,))
        back_up(primary, second, "-S", STANDBY, "-d", "dbname=postgres")
        second.configure(sync_replication_slots="on", hot_standby_feedback="on")
        yield primary, second.start()
    finally:
        second.destroy()
        primary.destroy()


def promote(primary: Cluster, second: Cluster, pair: DatabasePair) -> Session:
    """The primary crashes, and the standby takes its place; a session with it."""
    primary.stop("immediate")
    with second.connect() as session:
        session.execute("SELECT pg_promote()")
    pair.source_cluster, pair.source = second, second.connect(pair.database)
    return pair.source


def synchronized(second: Cluster, slot: str) -> bool:
    """Whether the standby has a copy of the slot that survives a promotion."""
    with second.connect() as session:
        found = session.execute(
            "SELECT FROM pg_replication_slots WHERE slot_name = %s AND synced AND NOT temporary"
            " AND invalidation_reason IS NULL",
            (slot,),
        )
        return found.fetchone() is not None


@pytest.mark.parametrize("waits", [True, False], ids=["synchronized_standby_slots", "without"])
def test_a_promotion_under_load(
    waits: bool, servers: tuple[Cluster, Cluster], destination_cluster: Cluster, tmp_path: Path, state_home: Path
) -> None:
    primary, second = servers
    name = f"failing_{uuid4().hex[:8]}"
    primary.create_database(name)
    destination_cluster.create_database(name)
    if waits:
        with primary.connect() as session:
            session.execute(f"ALTER SYSTEM SET synchronized_standby_slots = '{STANDBY}'".encode())
            session.execute("SELECT pg_reload_conf()")
    pair = DatabasePair(primary, destination_cluster, name, primary.connect(name), destination_cluster.connect(name))
    hosts, ports = [str(each.sockets) for each in servers], [each.port for each in servers]
    source = msgspec.structs.replace(pair.source_endpoint, host=hosts, port=ports)
    with running(pair, tmp_path, source=source) as task:
        task.start()
        until(lambda: synchronized(second, task.slot), 60, "the standby to have a copy of the slot")
        with changing(pair, until_gone=True):
            task.follow()
            for _ in range(20):
                task.caught_up()
            promote(primary, second, pair)
        if waits:
            # Nothing that the destination has is unknown to the standby.
            task.follow()
        else:
            until(lambda: task.state.state in ("synchronizing", "failed") and ended_or_followed(task), 120, "an end")
            if task.state.state == "failed":
                failure = task.failure()
                assert failure.changes_missing, failure
                syncwizard("heal", task.name, "--yes")
        for _ in range(5):
            change(pair)
        task.converged()
        assert_equal(pair)
        row = pair.source.execute(
            "SELECT failover FROM pg_replication_slots WHERE slot_name = %s", (task.slot,)
        ).fetchone()
        assert row == (True,)
        task.release()
    pair.close()


def ended_or_followed(task: RunningTask) -> bool:
    """Whether the task has decided what to do about the other primary."""
    return task.engine is None or not task.idle()
