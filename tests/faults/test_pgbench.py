"""A complete switchover there and back under pgbench: no transaction that it counts is missing, or there twice."""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from syncwizard.client.tasks import list_tasks
from syncwizard.demo import installations
from syncwizard.demo.servers import Cluster
from syncwizard.task.specification import PrecheckSettings
from tests.faults.running import running
from tests.support.commands import syncwizard
from tests.support.pair import DatabasePair
from tests.support.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.marathon, pytest.mark.timeout(1800)]

CLIENTS = 4
ACCEPTED = PrecheckSettings(ignore=["replica-identity", "local-values"])
PROCESSED = re.compile(r"number of transactions actually processed: (\d+)")


def pgbench(cluster: Cluster, database: str, *options: str) -> list[str]:
    return [str(cluster.bin / "pgbench"), "-h", str(cluster.sockets), "-U", "postgres", *options, database]


@contextmanager
def load(cluster: Cluster, database: str, counted: list[int]) -> Iterator[None]:
    """pgbench until its sessions are refused, or ten minutes are over; how many transactions it saw committed."""
    command = pgbench(cluster, database, "-n", "-c", str(CLIENTS), "-T", "600")
    run = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=installations.clean_environment()
    )
    try:
        yield
        output, _ = run.communicate(timeout=120)
        found = PROCESSED.search(output)
        assert found is not None, output
        counted.append(int(found[1]))
    finally:
        run.kill()


def history(cluster: Cluster, database: str) -> int:
    """How many transactions the database has, whose sums agree with each other."""
    with cluster.connect(database) as session:
        row = session.execute(
            "SELECT (SELECT count(*) FROM pgbench_history), (SELECT coalesce(sum(delta), 0) FROM pgbench_history),"
            " (SELECT sum(abalance) FROM pgbench_accounts), (SELECT sum(tbalance) FROM pgbench_tellers),"
            " (SELECT sum(bbalance) FROM pgbench_branches)"
        ).fetchone()
    assert row is not None
    assert len(set(row[1:])) == 1, row
    return int(row[0])


def switch(name: str) -> dict[str, Any]:
    done = syncwizard("switchover", name, "--yes", "--verify", "counts", "--ignore", "latency", "--json", timeout=300)
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["state"] == "switched"
    return found


def grows(cluster: Cluster, database: str) -> None:
    """Waits until pgbench is at work there."""
    before = history(cluster, database)
    until(lambda: history(cluster, database) > before + 200, 60, "transactions of pgbench")


def test_there_and_back_under_pgbench(pair: DatabasePair, tmp_path: Path, state_home: Path) -> None:
    here, there, database = pair.source_cluster, pair.destination_cluster, pair.database
    made = pgbench(here, database, "-i", "-I", "dtgp", "-s", "2", "-q")
    subprocess.run(made, check=True, capture_output=True, env=installations.clean_environment())
    counted: list[int] = []
    with running(pair, tmp_path, "SELECT 1", precheck=ACCEPTED) as task:
        task.start()
        syncwizard("wait", task.name, "--until", "indexed")
        # Applications cannot write there before the switch.
        with there.connect() as session:
            session.execute(f"ALTER DATABASE {database} SET default_transaction_read_only = on".encode())
        with load(here, database, counted):
            grows(here, database)
            first = switch(task.name)["switchover"]["seconds"]
        assert 0 <= history(there, database) - sum(counted) <= CLIENTS
        with load(there, database, counted):
            grows(there, database)
            syncwizard("wait", f"{task.name}-reverse", "--until", "caught-up")
            second = switch(f"{task.name}-reverse")["switchover"]["seconds"]
        with load(here, database, counted):
            grows(here, database)
            with here.connect() as session:
                session.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pgbench'"
                )
        time_without = f"writes stopped for {first:.1f} s and {second:.1f} s"
        found = history(here, database)
        assert 0 <= found - sum(counted) <= 3 * CLIENTS, (found, counted)
        print(f"{sum(counted):,} transactions of pgbench, {found:,} found, {time_without}")
        syncwizard("wait", task.name, "--until", "caught-up")
        assert history(there, database) == found
        for label in [each.label for each in list_tasks()]:
            syncwizard("release", label, "--yes", expect=None)
    pair.reconnect()
