"""Small tables are copied by the dozen in one transaction, and what stands in the way of one is no harm to others."""

import os
import signal
from pathlib import Path

import msgspec
import psycopg
import pytest

from syncwizard.stages.capture import stage as capture
from syncwizard.stages.context import Child
from syncwizard.stages.full import stage as full
from syncwizard.stages.full.child import CopyChunk, CopyTables
from syncwizard.task.events import Event, Noticed, TableCopied, TablePlanned, TableRestarted
from tests.support.comparison import assert_equal, content
from tests.support.inprocess import Killed
from tests.support.pair import DatabasePair
from tests.support.rowpath import RowPath, row_path

pytestmark = pytest.mark.slow

TABLES = 48
NAMES = [f"t{number}" for number in range(TABLES)]
DEFINITIONS = "".join(f"CREATE TABLE {name} (id int PRIMARY KEY, n int, body text);" for name in NAMES)
FILL = "".join(
    f"INSERT INTO {name} SELECT i, i - 5, repeat('x', i) FROM generate_series(1, {10 + number}) i;"
    for number, name in enumerate(NAMES)
)


class Watched:
    """A copy process whose frames are kept; it is killed right after it was given the `killed_at`th of them."""

    def __init__(self, child: Child, frames: list[msgspec.Struct], killed_at: int = 0) -> None:
        self._child = child
        self._frames = frames
        self._killed_at = killed_at

    def __getattr__(self, name: str) -> object:
        return getattr(self._child, name)

    def send(self, frame: msgspec.Struct) -> None:
        self._child.send(frame)
        self._frames.append(frame)
        if len(self._frames) == self._killed_at:
            os.kill(self._child.pid, signal.SIGKILL)


def filled(pair: DatabasePair, folder: Path) -> RowPath:
    path = row_path(pair, folder, DEFINITIONS)
    pair.source.execute(FILL.encode())
    return path


def together(frames: list[msgspec.Struct]) -> list[str]:
    """The tables that were given to workers with others."""
    return [each.source.name for frame in frames if isinstance(frame, CopyTables) for each in frame.ranges]


def copied(path: RowPath) -> dict[str, int]:
    """The tables that the journal calls copied, with their rows; each once."""
    events = [event for event in path.task.events if isinstance(event, TableCopied)]
    found = {event.table.name: event.rows for event in events}
    assert len(found) == len(events)
    return found


EXPECTED = {name: 10 + number for number, name in enumerate(NAMES)}


@pytest.mark.parametrize("killed_at", [0, 1, 3])
def test_small_tables_share_transactions_also_when_a_worker_dies(
    pair: DatabasePair, tmp_path: Path, killed_at: int
) -> None:
    path = filled(pair, tmp_path)
    frames: list[msgspec.Struct] = []
    spawn = path.pool.spawn
    context = msgspec.structs.replace(
        path.context(), spawn=lambda kind, assignment: Watched(spawn(kind, assignment), frames, killed_at)
    )
    path.copy(context)
    assert len(set(together(frames))) > TABLES // 2
    assert copied(path) == EXPECTED
    # What died with a worker is copied table by table.
    alone = {frame.range.source.name for frame in frames if isinstance(frame, CopyChunk)}
    assert bool(alone.intersection(together(frames))) == bool(killed_at)
    with path.following():
        path.caught_up()
    assert_equal(pair)


def test_tables_that_are_locked_rewritten_or_refused_cost_the_others_nothing(
    pair: DatabasePair, tmp_path: Path
) -> None:
    path = filled(pair, tmp_path)
    pair.destination.execute("ALTER TABLE t0 ADD CHECK (n > 0)")
    context = path.context()
    capture.run(context)
    pair.source.execute("TRUNCATE t20; INSERT INTO t20 VALUES (1, 1, 'after')")
    frames: list[msgspec.Struct] = []
    spawn, record = context.spawn, context.record
    with psycopg.connect(pair.source_address) as holder:

        def lock(*events: Event) -> None:
            record(*events)
            if any(isinstance(event, TablePlanned) for event in events):
                holder.execute("LOCK TABLE t30 IN ACCESS EXCLUSIVE MODE")
            if len(copied(path)) >= TABLES - 3:
                holder.rollback()

        full.run(
            msgspec.structs.replace(
                context, record=lock, spawn=lambda kind, assignment: Watched(spawn(kind, assignment), frames)
            )
        )
    assert {"t0", "t20", "t30"} <= set(together(frames))
    assert [event.table.name for event in path.task.events if isinstance(event, TableRestarted)] == ["t20"]
    assert [event.table.name for event in path.task.state.aside] == ["t0"]
    assert copied(path).keys() == {name for name in NAMES if name != "t0"}
    assert not [event for event in path.task.events if isinstance(event, Noticed) and "died" in event.message]
    with path.following():
        path.caught_up()
    for name in copied(path):
        assert content(pair.destination, "public", name) == content(pair.source, "public", name)


@pytest.mark.parametrize("before", [True, False])
def test_an_engine_that_is_killed_around_the_journal_says_later_what_is_copied(
    pair: DatabasePair, tmp_path: Path, *, before: bool
) -> None:
    path = filled(pair, tmp_path)

    def dies(event: Event) -> bool:
        return isinstance(event, TableCopied)

    if before:
        path.task.stop_before = dies
    else:
        path.task.stop_after = dies
    with pytest.raises(Killed):
        path.copy()
    path.pool.kill_all()
    path.task.live_on()
    pair.source.execute("UPDATE t40 SET n = n + 1; DELETE FROM t41")
    full.run(path.context())
    known = path.task.state.tables
    assert {name.removeprefix("public."): known[name].copied for name in known} == dict.fromkeys(NAMES, True)
    with path.following():
        path.caught_up()
    assert_equal(pair)
