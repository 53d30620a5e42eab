"""Who waits for a position hears of it when it is acknowledged, not at the next tick of the engine's clock."""

from pathlib import Path

import pytest

from syncwizard.client import launch, tasks
from syncwizard.client.waiting import wait_for
from syncwizard.task.handover import Handover
from tests.support.commands import syncwizard, write_task_file
from tests.support.comparison import assert_equal
from tests.support.pair import DatabasePair

pytestmark = pytest.mark.slow


def test_a_wait_ends_without_a_tick(pair: DatabasePair, tmp_path: Path, state_home: Path) -> None:
    pair.source.execute("CREATE TABLE items (id int PRIMARY KEY); INSERT INTO items SELECT generate_series(1, 100)")
    spec = pair.spec(name="awaited")
    syncwizard("start", write_task_file(spec, tmp_path), "--until", "caught-up")
    syncwizard("pause", spec.name)
    task = tasks.find_task(spec.name)
    launch.start_engine(task.spec, Handover(), module="tests.support.rare_ticks")
    try:
        for first in (101, 201):
            pair.source.execute(f"INSERT INTO items SELECT generate_series({first}, {first + 99})".encode())
            wait_for(task, "caught-up", timeout=60)
            assert_equal(pair)
    finally:
        syncwizard("pause", spec.name, expect=None)
        syncwizard("release", spec.name, "--yes", expect=None)
