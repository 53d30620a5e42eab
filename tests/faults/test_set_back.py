"""Servers that were set back to an earlier state of themselves, or promoted: what one end has and the other never had
is named, and what both have is no reason to stop."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from syncwizard.demo.servers import Cluster
from syncwizard.errors import ChangesMissing, SourceChanged
from syncwizard.postgres.destination.destination import Destination
from syncwizard.postgres.source.heartbeat import beat
from syncwizard.task.events import Noticed
from syncwizard.task.names import TableName
from tests.conftest import connected
from tests.conftest import running as server
from tests.faults.running import RunningTask, change, forgotten, running
from tests.support import setting_back
from tests.support.commands import syncwizard
from tests.support.pair import DatabasePair
from tests.support.rowpath import row_path
from tests.support.waiting import until

pytestmark = pytest.mark.slow

SOURCE = "the source was set back"
PROGRESS = "SELECT heartbeat FROM syncwizard.progress"


@pytest.fixture(scope="module")
def own_source(server_folder: Path) -> Iterator[Cluster]:
    """A source that nothing else uses."""
    yield from server(server_folder / "own16", 16)


@pytest.fixture(scope="module")
def own_destination(server_folder: Path) -> Iterator[Cluster]:
    """A destination that nothing else uses."""
    yield from server(server_folder / "own18", 18)


@pytest.fixture
def own(own_source: Cluster, destination_cluster: Cluster) -> Iterator[DatabasePair]:
    """Fresh databases, the source's on its own server."""
    yield from connected(own_source, destination_cluster)


@pytest.fixture
def own_target(source_cluster: Cluster, own_destination: Cluster) -> Iterator[DatabasePair]:
    """Fresh databases, the destination's on its own server."""
    yield from connected(source_cluster, own_destination)


def kept_and_left_behind(
    task: RunningTask, cluster: Cluster, keep: Callable[[Cluster], None] = setting_back.keep
) -> None:
    """The server's state is kept; what comes after is at both ends."""
    keep(cluster)
    task.pair.reconnect()
    for _ in range(3):
        change(task.pair)
    task.converged()


def refused(task: RunningTask, *words: str) -> None:
    """Resuming ends in a failure that says this, and that all has to be copied again."""
    answer = syncwizard("resume", task.name, "--until", "caught-up", expect=1).stderr
    assert all(each in answer for each in words), answer
    assert f"syncwizard resync {task.name} --all" in str(task.failure().remedy)


def copied_again(task: RunningTask, *options: str) -> None:
    """By the command that the failure names; from then on both ends are equal."""
    syncwizard("resync", task.name, *options, "--yes")
    change(task.pair)
    task.converged()
    task.release()


def number_at(pair: DatabasePair) -> int:
    """The heartbeat the destination knows."""
    row = pair.destination.execute(PROGRESS).fetchone()
    assert row is not None
    return int(row[0])


def test_a_source_set_back_under_a_running_task_is_not_followed(
    own: DatabasePair, tmp_path: Path, state_home: Path
) -> None:
    with running(own, tmp_path) as task:
        task.start()
        kept_and_left_behind(task, own.source_cluster)
        setting_back.set_back(own.source_cluster)
        own.reconnect()
        own.source.execute("INSERT INTO one VALUES (9000, 0, 'of another history')")
        failure = task.failure()
        assert SOURCE in failure.title
        assert own.destination.execute("SELECT FROM one WHERE id = 9000").fetchone() is None
        assert "--all" in syncwizard("resync", task.name, "--yes", expect=2).stderr
        copied_again(task, "--all")


def test_a_source_set_back_while_paused_is_known_by_position_by_heartbeat_and_in_the_stream(
    own: DatabasePair, tmp_path: Path, state_home: Path
) -> None:
    with running(own, tmp_path) as task:
        task.start()
        kept_and_left_behind(task, own.source_cluster)
        task.pause()
        row = own.source.execute("SELECT pg_current_wal_lsn()::text").fetchone()
        assert row is not None
        setting_back.set_back(own.source_cluster)
        own.reconnect()
        known = number_at(own)
        own.destination.execute("UPDATE syncwizard.progress SET heartbeat = NULL")
        refused(task, SOURCE, "it has written WAL up to")
        own.destination.execute("UPDATE syncwizard.progress SET heartbeat = %s", (known,))
        # Its WAL grows past what the destination knows.
        own.source.execute("INSERT INTO one SELECT i, 0, repeat('y', 3000) FROM generate_series(9000, 11000) i")
        assert own.source.execute("SELECT pg_current_wal_lsn() > %s::pg_lsn", row).fetchone() == (True,)
        refused(task, SOURCE, f"number {known} was applied")
        # And so do its heartbeats, each time someone waits for the task; an earlier version kept no last transaction.
        own.destination.execute("UPDATE syncwizard.progress SET last_commit_lsn = NULL")
        while beat_number(own, task.slot) < known + 5:
            beat(own.source, task.slot)
        refused(task, SOURCE, f"came after heartbeat {known}")
        copied_again(task, "--all")


def test_a_source_set_back_by_less_than_a_heartbeat_is_known_by_the_transaction_that_it_lost(
    own: DatabasePair, tmp_path: Path, state_home: Path
) -> None:
    """Its WAL has grown past what the destination knows, and its heartbeat is the one that was applied last."""
    with running(own, tmp_path) as task:
        task.start()
        kept_and_left_behind(task, own.source_cluster)
        task.pause()
        row = own.source.execute("SELECT pg_current_wal_lsn()::text").fetchone()
        setting_back.set_back(own.source_cluster)
        own.reconnect()
        own.source.execute("INSERT INTO one SELECT i, 0, repeat('y', 3000) FROM generate_series(9000, 11000) i")
        assert own.source.execute("SELECT pg_current_wal_lsn() > %s::pg_lsn", row).fetchone() == (True,)
        # What the destination would have of it, had no heartbeat come since.
        beat_of_the_past = own.source.execute(
            "SELECT beats, (date_part('epoch', beat_at) * 1000000)::bigint FROM dts_postgres_heartbeat"
            " WHERE slot_name = %s",
            (task.slot,),
        ).fetchone()
        assert beat_of_the_past is not None
        own.destination.execute("UPDATE syncwizard.progress SET heartbeat = %s, heartbeat_at = %s", beat_of_the_past)
        for _ in range(2):
            refused(task, SOURCE, "the destination has a transaction that was committed at")
        assert own.destination.execute("SELECT FROM one WHERE id >= 9000").fetchone() is None
        copied_again(task, "--all")


def test_a_source_set_back_to_before_a_later_snapshot_is_known_by_the_heartbeat_after_it(
    own: DatabasePair, tmp_path: Path
) -> None:
    """A table was copied again while changes stood still: it has rows that the source has lost with its later state."""
    path = row_path(own, tmp_path, "CREATE TABLE one (id int PRIMARY KEY)")
    own.source.execute("INSERT INTO one VALUES (1)")
    path.copy()
    with path.following():
        until(lambda: own.destination.execute(f"{PROGRESS} WHERE heartbeat > 0").fetchone(), 30, "a heartbeat")
    known = beat_number(own, path.task.spec.slot)
    setting_back.keep(own.source_cluster)
    own.reconnect()
    own.source.execute("INSERT INTO one VALUES (2)")
    assert path.task.spec.id is not None
    ends = Destination(own.destination, path.task.spec.id)
    ends.copies.restart([TableName("public", "one")], forget_pairs=False)
    path.copy()
    assert own.destination.execute("SELECT count(*) FROM one").fetchone() == (2,)
    progress = ends.ledger.read()
    assert progress is not None and [each.number for each in progress.awaited] == [known + 1]
    setting_back.set_back(own.source_cluster)
    own.reconnect()
    with pytest.raises(SourceChanged, match="set back") as behind, path.following():
        until(lambda: path.error, 30)
    assert f"number {known + 1} was written after tables were read" in behind.value.detail
    # Its WAL and its heartbeats grow past what the destination knows.
    for _ in range(3):
        beat(own.source, path.task.spec.slot)
    own.source.execute("INSERT INTO one VALUES (3)")
    with pytest.raises(ChangesMissing, match="set back") as beyond, path.following():
        until(lambda: path.error, 30)
    assert f"heartbeat {known + 1}, written after tables were read, has not come" in beyond.value.detail
    assert own.destination.execute("SELECT FROM one WHERE id = 3").fetchone() is None


def beat_number(pair: DatabasePair, slot: str) -> int:
    """The source's heartbeat."""
    row = pair.source.execute("SELECT beats FROM dts_postgres_heartbeat WHERE slot_name = %s", (slot,)).fetchone()
    assert row is not None
    return int(row[0])


def test_a_promoted_source_that_kept_the_slot_is_followed_for_good(
    own: DatabasePair, tmp_path: Path, state_home: Path
) -> None:
    with running(own, tmp_path) as task:
        task.start()
        for history in (True, False):
            task.pause()
            setting_back.promote(own.source_cluster)
            own.reconnect()
            if not history:
                # As a managed server may refuse to tell it.
                for file in (own.source_cluster.data / "pg_wal").glob("*.history"):
                    file.unlink()
            for _ in range(2):
                task.resume()
                change(own)
                task.converged()
                task.pause()
            assert task.state.failure is None
            task.resume()
        notices = [event for event in task.events if isinstance(event, Noticed) and "timeline" in event.message]
        assert [event.level for event in notices] == ["info", "warning"], notices
        until(lambda: own.destination.execute("SELECT timeline FROM syncwizard.progress").fetchone() == (3,), 10)
        task.release()


@pytest.mark.parametrize("mode", ["running", "paused", "standby"])
def test_a_destination_set_back_is_named_and_copied_again(
    own_target: DatabasePair, tmp_path: Path, state_home: Path, mode: str
) -> None:
    """As by the restore of a backup, or by its standby that takes its place without the last commits."""
    pair = own_target
    with running(pair, tmp_path) as task:
        task.start()
        standby = mode == "standby"
        kept_and_left_behind(task, pair.destination_cluster, setting_back.back_up if standby else setting_back.keep)
        forgotten(task)
        if mode == "paused":
            task.pause()
        (setting_back.take_over if standby else setting_back.set_back)(pair.destination_cluster)
        pair.reconnect()
        if mode == "paused":
            syncwizard("resume", task.name, "--until", "caught-up", expect=1)
        failure = task.failure()
        assert "or the destination was set back" in failure.title
        assert f"syncwizard resync {task.name}" in str(failure.remedy)
        copied_again(task)


def test_a_destination_set_back_into_the_copy_is_named(pair: DatabasePair, tmp_path: Path, state_home: Path) -> None:
    """The slot was not acknowledged meanwhile, so its position says nothing; the journal knows that all was copied."""
    with running(pair, tmp_path) as task:
        task.start()
        task.pause()
        pair.destination.execute("DELETE FROM syncwizard.chunks WHERE table_name = 'three'; TRUNCATE three")
        refused(task, "the destination was set back", "public.three")
        copied_again(task, "--all")
