"""`syncwizard heal`: tables that lost changes are brought in step by the rows that differ, also through kills."""

import json
import random
import time
from pathlib import Path

import pytest

from syncwizard.task.events import TableRepaired
from tests.faults.running import TABLES, RunningTask, change, changing, running
from tests.support.commands import spawn, syncwizard
from tests.support.pair import DatabasePair
from tests.support.slots import drop_slots
from tests.support.waiting import until

pytestmark = pytest.mark.slow

MORE = """
CREATE TABLE tree (id int PRIMARY KEY, n int) PARTITION BY RANGE (id);
CREATE TABLE tree_1 PARTITION OF tree FOR VALUES FROM (0) TO (500);
CREATE TABLE tree_2 PARTITION OF tree FOR VALUES FROM (500) TO (100000);
INSERT INTO tree SELECT i, 0 FROM generate_series(1, 1000) i;
"""
MOVED = (
    "UPDATE two SET label = 'moved ' || id WHERE id = (SELECT max(id) FROM two)",
    "UPDATE two SET label = 'label ' || (SELECT max(id) FROM two) WHERE id = (SELECT min(id) FROM two)",
    "UPDATE tree SET id = id + 2000 WHERE id IN (SELECT min(id) FROM tree WHERE id < 500)",
)
ROUNDS = 3


def lose(task: RunningTask) -> None:
    """The slot is gone, and with it changes of every kind."""
    task.pause()
    drop_slots(task.pair.source, task.slot)
    change(task.pair)
    # Unique values that moved between rows, and rows that moved between partitions.
    for statement in MOVED:
        task.pair.source.execute(statement.encode())


def versions(pair: DatabasePair) -> dict[int, str]:
    """By key which transaction wrote a row at the destination."""
    return dict(pair.destination.execute("SELECT id, xmin::text FROM one").fetchall())


def repaired(task: RunningTask) -> list[TableRepaired]:
    """What was healed, by the journal."""
    return [event for event in task.events if isinstance(event, TableRepaired)]


def test_only_what_differs_is_written(pair: DatabasePair, tmp_path: Path, state_home: Path) -> None:
    with running(pair, tmp_path, TABLES + MORE) as task:
        task.start()
        before = versions(pair)
        lose(task)
        pair.destination.execute("INSERT INTO tree VALUES (99999, 1)")
        refused = syncwizard("heal", task.name, expect=2).stderr
        assert "healing is the cheaper way" in refused
        assert "the source wrote" in refused
        done = json.loads(syncwizard("heal", task.name, "--yes", "--json").stdout)
        assert done["healing"]["heals"] and done["healing"]["whole"]
        with changing(pair):
            task.follow()
        task.converged()
        after = versions(pair)
        assert {"one", "two", "tree_1", "tree_2"} == {each.table.name for each in repaired(task)}
        # Every second row was changed, others were not touched; the workload beside it changes the same.
        assert all(after[key] == before[key] for key in before if key % 2)
        task.release()


def test_kills_while_healing_lose_nothing(pair: DatabasePair, tmp_path: Path, state_home: Path) -> None:
    drawn = random.Random(11)
    with running(pair, tmp_path, TABLES + MORE) as task:
        task.start()
        for _ in range(ROUNDS):
            task.caught_up()
            lose(task)
            with changing(pair):
                healing = spawn("heal", task.name, "--yes")
                until(lambda: task.engine, 60, "the engine to heal")
                time.sleep(drawn.uniform(0.0, 1.5))
                task.kill_engine()
                healing.communicate(timeout=60)
                order = task.state.resync
                if order is None or not order.heals:
                    syncwizard("heal", task.name, "--yes")
                else:
                    task.resume()
                task.follow()
            task.converged()
