"""Why a task is late: each cause is arranged at real servers, and named with what to do."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.running import RunningTask, running
from tests.support.commands import report, syncwizard
from tests.support.pair import DatabasePair
from tests.support.waiting import until

pytestmark = pytest.mark.slow

TABLES = "CREATE TABLE one (id int PRIMARY KEY, n int); INSERT INTO one SELECT i, 0 FROM generate_series(1, 100) i"


@pytest.fixture
def task(pair: DatabasePair, tmp_path: Path, state_home: Path) -> Iterator[RunningTask]:
    with running(pair, tmp_path, TABLES) as found:
        found.start()
        yield found


def cause(task: RunningTask, name: str) -> dict[str, Any]:
    """Waits until the bottleneck has this name."""

    def named() -> dict[str, Any] | None:
        found: dict[str, Any] = report("explain", task.name)["cause"]
        return found if found["name"] == name else None

    return until(named, 90, f"the cause {name}")


def test_each_cause_is_named_with_what_to_do(task: RunningTask, pair: DatabasePair) -> None:
    assert "it is not late: the latency is" in cause(task, "none")["sentence"]
    shown = syncwizard("explain", task.name).stdout
    assert "acknowledged" in shown and "destination" in shown and "WalSender" in shown

    # A lock at the destination.
    blocker = pair.destination.info.backend_pid
    with pair.destination.transaction():
        pair.destination.execute("LOCK TABLE one IN ACCESS EXCLUSIVE MODE")
        pair.source.execute("UPDATE one SET n = n + 1")
        blocked = cause(task, "blocked")
        assert "at the destination waits for a lock that is held by" in blocked["sentence"]
        assert f"process {blocker} of " in blocked["sentence"] and "LOCK TABLE one" in blocked["sentence"]
        assert f"SELECT pg_terminate_backend({blocker})" in blocked["advice"]
    task.converged()

    # Limits.
    syncwizard("throttle", task.name, "--rows", "10")
    pair.source.execute("UPDATE one SET n = n + 1")
    pair.source.execute("UPDATE one SET n = n + 1")
    assert "it is held to limits: changes 10 rows/s" in cause(task, "throttle")["sentence"]
    syncwizard("throttle", task.name, "--off")
    task.converged()

    # No engine.
    task.pause()
    assert "the task is paused" in syncwizard("explain", task.name, expect=2).stderr
