"""What an earlier version left behind is opened by this one, and goes on."""

import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from syncwizard.client import tasks
from syncwizard.client.waiting import wait_for_end
from syncwizard.engine import journal_layout
from syncwizard.engine.journal import FILE_NAME, read_state
from syncwizard.postgres.destination import layout
from syncwizard.postgres.destination.layout import check_layout
from tests.support import left_by_0_1
from tests.support.commands import report, syncwizard
from tests.support.comparison import assert_equal
from tests.support.left_by_0_1 import SLOT, TASK
from tests.support.pair import DatabasePair
from tests.support.slots import drop_slots

pytestmark = pytest.mark.slow


@pytest.fixture
def left(pair: DatabasePair, state_home: Path) -> Iterator[Path]:
    """The folder of the task of 0.1."""
    yield left_by_0_1.lay_out(pair)
    for task in tasks.list_tasks():
        holder = task.find_engine()
        if holder is not None:
            os.kill(holder.pid, signal.SIGKILL)
            wait_for_end(task)
    drop_slots(pair.source, SLOT)


def journal_version(folder: Path) -> int:
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def test_a_task_of_0_1_is_resumed_and_goes_on_where_it_was(pair: DatabasePair, left: Path) -> None:
    assert journal_version(left) == 1
    assert check_layout(pair.destination) == layout.FIRST
    # Looking changes nothing.
    assert report("status", "kb")["state"] == "paused"
    assert (journal_version(left), check_layout(pair.destination)) == (1, layout.FIRST)
    before = read_state(left / FILE_NAME)

    pair.source.execute("INSERT INTO notes SELECT n, 'since ' || n FROM generate_series(10, 30) n")
    pair.source.execute("UPDATE notes SET text = 'second' WHERE id = 2; DELETE FROM lines WHERE note = 3")
    syncwizard("resume", "kb")
    syncwizard("wait", "kb", "--until", "caught-up", "--timeout", "60")
    assert_equal(pair)
    assert pair.destination.execute("SELECT count(*) FROM notes WHERE text LIKE 'since %'").fetchone() == (21,)

    assert journal_version(left) == journal_layout.NEWEST
    assert check_layout(pair.destination) == layout.NEWEST
    after = read_state(left / FILE_NAME)
    assert (after.state, after.tables, after.slot) == ("synchronizing", before.tables, before.slot)

    syncwizard("pause", "kb")
    syncwizard("release", "kb", "--yes")
    assert pair.destination.execute("SELECT to_regnamespace('syncwizard')").fetchone() == (None,)


def test_a_newer_layout_at_the_destination_stops_the_task_with_the_reason(pair: DatabasePair, left: Path) -> None:
    newer = layout.NEWEST + 1
    pair.destination.execute(f"CREATE TABLE syncwizard.layout AS SELECT {newer} AS version")
    syncwizard("resume", "kb", expect=None)
    wait_for_end(tasks.find_task(str(TASK)))
    failure = report("status", "kb")["failure"]
    assert f"schema syncwizard has layout {newer}" in failure["title"]
    assert "use the newer version of syncwizard" in failure["remedy"]
    done = syncwizard("release", "kb", "--yes", expect=1)
    assert f"schema syncwizard has layout {newer}" in done.stderr
    assert pair.destination.execute("SELECT count(*) FROM syncwizard.progress").fetchone() == (1,)
