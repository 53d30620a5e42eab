"""Kills while both ends are held at one commit, compared, and repaired: no row is lost, and the end is the source's."""

import json
import random
import time
from pathlib import Path

import psycopg
import pytest

from tests.faults import processes
from tests.faults.running import RunningTask, changing, running
from tests.support.commands import spawn, syncwizard
from tests.support.pair import DatabasePair
from tests.support.waiting import until

pytestmark = pytest.mark.slow

DAMAGE = (
    "UPDATE one SET n = -1 WHERE id % 3 = 0",
    "DELETE FROM two WHERE id % 5 = 0",
    "INSERT INTO one SELECT i, 7, 'extra' FROM generate_series(900000, 900050) i ON CONFLICT DO NOTHING",
)
ROUNDS = 4


def damage(pair: DatabasePair, statement: str) -> None:
    """Writes at the destination beside the applier, whose rows are locked in another order."""
    while True:
        try:
            pair.destination.execute(statement.encode())
        except psycopg.errors.DeadlockDetected:
            continue
        return


def at_rest(task: RunningTask) -> bool:
    """Whether no comparison is at work."""
    verification = task.state.verification
    return verification is None or verification.ended_at is not None


def test_kills_during_a_repair_lose_nothing(pair: DatabasePair, tmp_path: Path, state_home: Path) -> None:
    drawn = random.Random(7)
    with running(pair, tmp_path) as task:
        task.start()
        with changing(pair):
            for attempt in range(ROUNDS):
                child = task.follow()
                for statement in DAMAGE:
                    damage(pair, statement)
                repairing = spawn("repair", task.name, "--delete-extra", "--yes", "--json")
                time.sleep(drawn.uniform(0.5, 4.0))
                if attempt % 2:
                    task.kill_engine()
                else:
                    processes.kill(child)
                repairing.communicate(timeout=120)
                if attempt % 2:
                    task.resume()
                # The engine continues a repair by itself, also one whose command has gone.
                until(lambda: at_rest(task), 120, "the repair to end")
        done = syncwizard("repair", task.name, "--delete-extra", "--yes", "--json")
        found = json.loads(done.stdout)["verification"]["tables"]
        assert {each["verdict"] for each in found.values()} == {"equal"}
        task.converged()
