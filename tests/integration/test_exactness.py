"""DESIGN §4, rule by rule: each test arranges what the rule is about, on real servers."""

import os
import signal
import threading
import uuid
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from psycopg import sql

from syncwizard.errors import ChangeFailed, ChangesMissing, EndpointError, Fenced, SourceChanged
from syncwizard.postgres.destination.apply import Applier
from syncwizard.postgres.destination.progress import Ledger
from syncwizard.postgres.session.connection import connect
from syncwizard.postgres.source.slot import create_slot, slot_status
from syncwizard.rows.changes import Commit
from syncwizard.stages.capture import stage as capture
from syncwizard.stages.context import Child
from syncwizard.stages.full import planning
from syncwizard.stages.full import stage as full
from syncwizard.stages.full.child import CopyChunk
from syncwizard.stages.incremental import catch_up
from syncwizard.task.events import Event, Noticed, TableCopied, TablePlanned, TableRestarted
from syncwizard.task.lsn import parse_lsn
from syncwizard.task.refused import RowRefused
from tests.support.comparison import assert_equal
from tests.support.inprocess import Killed
from tests.support.pair import DatabasePair
from tests.support.rowpath import RowPath, row_path
from tests.support.slots import drop_slots
from tests.support.waiting import until

pytestmark = pytest.mark.slow

ITEMS = """
CREATE TABLE items (id int PRIMARY KEY, label text UNIQUE, body text);
ALTER TABLE items ALTER body SET STORAGE EXTERNAL;
"""
FILL = "INSERT INTO items SELECT i, 'label ' || i, repeat('x', 5000) FROM generate_series(1, {rows}) i"


def filled(pair: DatabasePair, folder: Path, rows: int = 100) -> RowPath:
    path = row_path(pair, folder, ITEMS)
    pair.source.execute(FILL.format(rows=rows))
    return path


def notices(path: RowPath) -> str:
    return "\n".join(event.message for event in path.task.events if isinstance(event, Noticed))


# Rule 3 --------------------------------------------------------------------------------------------------------


def test_an_apply_session_of_an_older_epoch_cannot_commit(pair: DatabasePair, tmp_path: Path) -> None:
    path = filled(pair, tmp_path)
    path.copy()
    task_id = path.task.spec.id
    assert task_id is not None
    older = Ledger(pair.destination, task_id).take_epoch()
    Ledger(pair.destination, task_id).take_epoch()
    with closing(pair.destination_cluster.connect(pair.database)) as session:
        applier = Applier(session, task_id, older.epoch, older.applied_lsn)
        applier.begin()
        with pytest.raises(Fenced):
            applier.commit("FF/0", Commit(0xFE << 32, 0))
    progress = Ledger(pair.destination, task_id).read()
    assert progress is not None
    assert progress.applied_lsn == older.applied_lsn


def test_an_applied_position_is_compared_before_it_is_moved(pair: DatabasePair, tmp_path: Path) -> None:
    path = filled(pair, tmp_path)
    path.copy()
    task_id = path.task.spec.id
    assert task_id is not None
    mine = Ledger(pair.destination, task_id).take_epoch()
    with closing(pair.destination_cluster.connect(pair.database)) as session:
        applier = Applier(session, task_id, mine.epoch, "0/1")
        applier.begin()
        with pytest.raises(Fenced):
            applier.commit("FF/0", Commit(0xFE << 32, 0))


# Rule 4 --------------------------------------------------------------------------------------------------------


def test_an_idle_source_is_acknowledged_by_heartbeats(pair: DatabasePair, tmp_path: Path) -> None:
    path = filled(pair, tmp_path)
    path.copy()
    with path.following():
        path.caught_up()
        # WAL that belongs to no published table.
        pair.source.execute("CREATE TABLE noise AS SELECT i FROM generate_series(1, 10000) i")
        target = parse_lsn(str(pair.source.execute("SELECT pg_current_wal_lsn()").fetchone()[0]))  # type: ignore[index]

        def acknowledged() -> bool:
            status = slot_status(pair.source, path.task.spec.slot)
            return status is not None and parse_lsn(status.confirmed_flush_lsn or "0/0") >= target

        until(acknowledged, 20, "the slot to move on")


def test_nothing_is_acknowledged_that_the_destination_does_not_hold(pair: DatabasePair, tmp_path: Path) -> None:
    path = filled(pair, tmp_path)
    path.copy()
    with path.following():
        path.caught_up()
        with pair.destination_cluster.connect(pair.database, autocommit=False) as blocker:
            blocker.execute("LOCK TABLE items IN ACCESS EXCLUSIVE MODE")
            pair.source.execute("UPDATE items SET label = 'blocked' WHERE id = 1")
            before = parse_lsn(str(pair.source.execute("SELECT pg_current_wal_lsn()").fetchone()[0]))  # type: ignore[index]
            # Heartbeats go on arriving meanwhile; two more must not move the slot past the blocked change.
            beats = "SELECT beats FROM dts_postgres_heartbeat"
            start = pair.source.execute(beats).fetchone()[0]  # type: ignore[index]
            until(lambda: pair.source.execute(beats).fetchone()[0] >= start + 3)  # type: ignore[index]
            status = slot_status(pair.source, path.task.spec.slot)
            assert status is not None
            assert parse_lsn(status.confirmed_flush_lsn or "0/0") < before
            blocker.rollback()
        path.caught_up()
    assert_equal(pair)


# Rule 5 --------------------------------------------------------------------------------------------------------


def stopped_after_copy(pair: DatabasePair, folder: Path) -> RowPath:
    """A task that caught up and was paused, with changes waiting in its slot."""
    path = filled(pair, folder)
    path.copy()
    with path.following():
        path.caught_up()
    until(lambda: idle_slot(path), 20, "the walsender to end")
    pair.source.execute("UPDATE items SET label = 'waiting' WHERE id = 1")
    return path


def idle_slot(path: RowPath) -> bool:
    status = slot_status(path.pair.source, path.task.spec.slot)
    return status is not None and status.active_pid is None


def follow_fails(path: RowPath, message: str) -> SourceChanged:
    with pytest.raises(SourceChanged, match=message) as caught, path.following():
        until(lambda: path.error is not None, 20, "the task to notice")
    assert caught.value.remedy
    return caught.value


def test_a_recreated_slot_stops_the_task(pair: DatabasePair, tmp_path: Path) -> None:
    path = stopped_after_copy(pair, tmp_path)
    slot = path.task.spec.slot
    drop_slots(pair.source, slot)
    pair.source.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", (slot,))
    follow_fails(path, "recreated or moved")


def test_a_slot_moved_forward_by_another_session_stops_the_task(pair: DatabasePair, tmp_path: Path) -> None:
    path = stopped_after_copy(pair, tmp_path)
    pair.source.execute("SELECT pg_replication_slot_advance(%s, pg_current_wal_lsn())", (path.task.spec.slot,))
    follow_fails(path, "recreated or moved")


def test_a_dropped_slot_stops_the_task(pair: DatabasePair, tmp_path: Path) -> None:
    path = stopped_after_copy(pair, tmp_path)
    drop_slots(path.pair.source, path.task.spec.slot)
    follow_fails(path, "is gone")


def test_another_server_behind_the_address_stops_the_task(pair: DatabasePair, tmp_path: Path) -> None:
    path = stopped_after_copy(pair, tmp_path)
    pair.destination.execute("UPDATE syncwizard.progress SET system_identifier = '1'")
    follow_fails(path, "another database server")


def test_a_publication_recreated_while_stopped_is_noticed(pair: DatabasePair, tmp_path: Path) -> None:
    path = stopped_after_copy(pair, tmp_path)
    recreate_publication(pair, path.task.spec.slot)
    follow_fails(path, "dropped and recreated")


def test_a_publication_recreated_while_streaming_is_noticed_before_acknowledging(
    pair: DatabasePair, tmp_path: Path
) -> None:
    path = stopped_after_copy(pair, tmp_path)
    slot = path.task.spec.slot
    with pytest.raises(SourceChanged, match="publication"), path.following():
        path.caught_up()
        with pair.source.transaction():
            pair.source.execute(sql.SQL("DROP PUBLICATION {}").format(sql.Identifier(slot)))
        lost = parse_lsn(str(pair.source.execute("SELECT pg_current_wal_lsn()").fetchone()[0]))  # type: ignore[index]
        pair.source.execute("INSERT INTO items VALUES (5000, 'lost for the stream', NULL)")
        create = "CREATE PUBLICATION {} FOR TABLE items, dts_postgres_heartbeat"
        pair.source.execute(sql.SQL(create).format(sql.Identifier(slot)))
        until(lambda: path.error is not None, 20, "the task to notice")
    status = slot_status(pair.source, slot)
    assert status is not None
    assert parse_lsn(status.confirmed_flush_lsn or "0/0") <= lost


def test_a_stream_that_meets_the_gap_of_a_dropped_publication_says_so(pair: DatabasePair, tmp_path: Path) -> None:
    """The walsender fails at the first change after DROP PUBLICATION, in words that name no way on."""
    path = stopped_after_copy(pair, tmp_path)
    slot = path.task.spec.slot
    pair.source.execute("SET synchronous_commit = on")
    with pytest.raises(ChangesMissing, match="is gone") as raised, path.following():
        path.caught_up()
        # Just after the watcher has looked, so that the walsender comes first.
        before = heartbeat(pair)
        until(lambda: heartbeat(pair) != before, 20, "a heartbeat")
        pair.source.execute(sql.SQL("DROP PUBLICATION {}").format(sql.Identifier(slot)))
        pair.source.execute("INSERT INTO items VALUES (5000, 'lost for the stream', NULL)")
        until(lambda: path.error is not None, 20, "the stream to end")
    assert "syncwizard resync" in str(raised.value.remedy)


def heartbeat(pair: DatabasePair) -> object:
    return pair.source.execute("SELECT xmin::text FROM dts_postgres_heartbeat").fetchone()


def test_a_table_taken_out_of_the_publication_is_noticed(pair: DatabasePair, tmp_path: Path) -> None:
    path = stopped_after_copy(pair, tmp_path)
    name = sql.Identifier(path.task.spec.slot)
    pair.source.execute(sql.SQL("ALTER PUBLICATION {} DROP TABLE items").format(name))
    pair.source.execute(sql.SQL("ALTER PUBLICATION {} ADD TABLE items").format(name))
    follow_fails(path, "lost public.items")


def recreate_publication(pair: DatabasePair, name: str) -> None:
    pair.source.execute(sql.SQL("DROP PUBLICATION {}").format(sql.Identifier(name)))
    create = "CREATE PUBLICATION {} FOR TABLE items, dts_postgres_heartbeat"
    pair.source.execute(sql.SQL(create).format(sql.Identifier(name)))


# Rule 7 --------------------------------------------------------------------------------------------------------


def test_a_transaction_larger_than_a_batch_is_seen_whole_or_not_at_all(pair: DatabasePair, tmp_path: Path) -> None:
    path = filled(pair, tmp_path)
    path.copy()
    rows = 150_000
    seen: set[int] = set()
    done = threading.Event()

    def read() -> None:
        with pair.destination_cluster.connect(pair.database) as reader:
            while not done.is_set():
                row = reader.execute("SELECT count(*) FROM items WHERE id > 1000").fetchone()
                assert row is not None
                seen.add(row[0])

    with path.following():
        path.caught_up()
        reader = threading.Thread(target=read)
        reader.start()
        pair.source.execute(
            "INSERT INTO items SELECT i, 'row ' || i, 'short' FROM generate_series(1001, %s) i", (1000 + rows,)
        )
        path.caught_up(120)
        done.set()
        reader.join()
    assert seen <= {0, rows}
    assert_equal(pair)


# Rule 9 --------------------------------------------------------------------------------------------------------


def test_a_row_missing_before_the_sync_point_is_read_from_the_source(pair: DatabasePair, tmp_path: Path) -> None:
    path = filled(pair, tmp_path)
    path.copy()
    pair.source.execute("UPDATE items SET label = 'other ' || id WHERE id IN (1, 2, 3)")
    pair.source.execute("DELETE FROM items WHERE id = 3")
    # As if the copy had seen the table a moment later than it did.
    pair.destination.execute("DELETE FROM items WHERE id IN (1, 2, 3)")
    move_sync_point(path)
    with path.following():
        path.caught_up()
    assert_equal(pair)


def move_sync_point(path: RowPath) -> None:
    """Makes everything committed so far lie before the sync point."""
    from syncwizard.task.events import SyncPointSet

    lsn = path.pair.source.execute("SELECT pg_current_wal_insert_lsn()::text").fetchone()
    assert lsn is not None
    path.task.record(SyncPointSet(lsn=lsn[0]))


def test_a_row_missing_after_the_sync_point_fails_the_task_with_its_key(pair: DatabasePair, tmp_path: Path) -> None:
    path = stopped_after_copy(pair, tmp_path)
    pair.destination.execute("DELETE FROM items WHERE id = 7")
    with pytest.raises(ChangeFailed, match=r"update on public\.items with id = 7,"), path.following():
        pair.source.execute("UPDATE items SET label = 'seven' WHERE id = 7")
        until(lambda: path.error is not None, 20, "the change to fail")


# Rule 10 -------------------------------------------------------------------------------------------------------

TWO_TABLES = ITEMS + "CREATE TABLE other (id int PRIMARY KEY, n int);"


def test_a_finished_table_keeps_its_pair_and_an_unfinished_one_gets_a_new_one(
    pair: DatabasePair, tmp_path: Path
) -> None:
    path = row_path(pair, tmp_path, TWO_TABLES)
    pair.source.execute(FILL.format(rows=2000))
    pair.source.execute("INSERT INTO other SELECT i, 0 FROM generate_series(1, 10) i")
    first: list[Event] = []

    def dies(event: Event) -> bool:
        first.extend([event] if isinstance(event, TableCopied) else [])
        return bool(first)

    path.task.stop_after = dies
    with pytest.raises(Killed):
        path.copy()
    path.pool.kill_all()
    path.task.live_on()
    pair.source.execute("UPDATE other SET n = n + 1")
    pair.source.execute("UPDATE items SET label = label || ' changed' WHERE id % 2 = 0")
    full.run(path.context())
    planned = [event for event in path.task.events if isinstance(event, TablePlanned)]
    assert len(planned) in (2, 3)
    with path.following():
        pair.source.execute("UPDATE other SET n = n + 1")
        path.caught_up()
    assert_equal(pair)


# Rule 11 -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "disturbance",
    [
        "VACUUM FULL items",
        "TRUNCATE items",
        "ALTER TABLE items ALTER id TYPE bigint",
        "CLUSTER items USING items_pkey",
    ],
)
def test_a_table_rewritten_during_the_copy_is_copied_again(
    pair: DatabasePair, tmp_path: Path, disturbance: str
) -> None:
    path = filled(pair, tmp_path, rows=500)
    context = path.context()
    capture.run(context)
    pair.source.execute(disturbance)
    if "TYPE" in disturbance:
        pair.destination.execute(disturbance)
    pair.source.execute("INSERT INTO items VALUES (10000, 'after', 'the rewrite')")
    full.run(context)
    assert [event.table.name for event in path.task.events if isinstance(event, TableRestarted)] == ["items"]
    with path.following():
        path.caught_up()
    assert_equal(pair)


# Rule 12 -------------------------------------------------------------------------------------------------------


def test_a_swap_of_unique_values_is_applied_change_by_change(pair: DatabasePair, tmp_path: Path) -> None:
    path = filled(pair, tmp_path)
    path.copy()
    with path.following():
        path.caught_up()
        with pair.source.transaction():
            pair.source.execute("UPDATE items SET label = 'free' WHERE id = 1")
            pair.source.execute("UPDATE items SET label = 'label 1' WHERE id = 2")
            pair.source.execute("UPDATE items SET label = 'label 2' WHERE id = 1")
        path.caught_up()
    assert_equal(pair)
    assert "change by change" in notices(path)


def test_a_change_that_the_destination_refuses_stops_everything_after_it(pair: DatabasePair, tmp_path: Path) -> None:
    path = filled(pair, tmp_path)
    pair.destination.execute("ALTER TABLE items ADD CHECK (label <> 'refused')")
    path.copy()
    with pytest.raises(ChangeFailed, match="items_label_check") as caught, path.following():
        pair.source.execute("UPDATE items SET label = 'before' WHERE id = 1")
        pair.source.execute("UPDATE items SET label = 'refused' WHERE id = 2")
        pair.source.execute("UPDATE items SET label = 'after' WHERE id = 3")
        until(lambda: path.error is not None, 20, "the change to fail")
    assert caught.value.sqlstate == "23514"
    assert isinstance(caught.value, RowRefused) and caught.value.change is not None
    assert (caught.value.change.new["id"], caught.value.change.new["label"]) == ("2", "refused")
    labels = pair.destination.execute("SELECT label FROM items WHERE id IN (1, 2, 3) ORDER BY id").fetchall()
    assert labels == [("before",), ("label 2",), ("label 3",)]
    # Mended at the destination, the same change goes through: nothing was skipped.
    pair.destination.execute("ALTER TABLE items DROP CONSTRAINT items_label_check")
    path.error = None
    with path.following():
        path.caught_up()
    assert_equal(pair)


def test_a_row_only_the_destination_has_is_overwritten_by_an_insert(pair: DatabasePair, tmp_path: Path) -> None:
    path = filled(pair, tmp_path)
    path.copy()
    with path.following():
        path.caught_up()
        pair.destination.execute("INSERT INTO items SELECT i, 'mine ' || i, '' FROM generate_series(1000, 1200) i")
        pair.source.execute("INSERT INTO items SELECT i, 'theirs ' || i, '' FROM generate_series(1000, 1200) i")
        path.caught_up()
    assert_equal(pair)


# Children ------------------------------------------------------------------------------------------------------


def test_a_snapshot_that_is_gone_is_trouble_that_passes(pair: DatabasePair, tmp_path: Path) -> None:
    path = filled(pair, tmp_path)
    context = path.context()
    capture.run(context)
    assert context.pair is not None
    context.pair.holder.close()
    spawn, held = context.spawn, context.held

    def without_snapshot(kind: str, assignment: msgspec.Struct) -> Child:
        """Once the copy is planned, and its pair was found alive."""
        assert held.pair is not None
        held.pair.holder.close()
        return spawn(kind, assignment)

    with pytest.raises(EndpointError) as caught:
        full.run(msgspec.structs.replace(context, spawn=without_snapshot))
    assert caught.value.transient
    assert held.pair is None
    # Tried again, the table is copied under a new pair.
    full.run(path.context())
    catch_up.run(path.context())
    assert_equal(pair)


def test_a_second_engine_is_kept_out_by_the_destination(pair: DatabasePair, tmp_path: Path) -> None:
    path = filled(pair, tmp_path)
    context = path.context()
    capture.run(context)
    key = int.from_bytes(path.task.spec.id.bytes[:8], "big", signed=True)  # type: ignore[union-attr]
    with pair.destination_cluster.connect(pair.database) as other:
        other.execute("SELECT pg_advisory_lock(%s)", (key,))
        with pytest.raises(Fenced):
            full.run(context)


def test_a_temporary_slot_of_the_copy_does_not_outlive_it(pair: DatabasePair, tmp_path: Path) -> None:
    path = filled(pair, tmp_path)
    context = path.context()
    capture.run(context)
    pair.source.execute("VACUUM FULL items")
    full.run(context)
    query = "SELECT slot_name FROM pg_replication_slots WHERE database = current_database()"
    # The server drops it when it notices that the session is closed.
    until(lambda: pair.source.execute(query).fetchall() == [(path.task.spec.slot,)], 10, "only the task's slot")


def test_a_slot_gives_its_snapshot_and_position(pair: DatabasePair) -> None:
    name = f"dts_sync_{uuid.uuid4().hex[:12]}"
    endpoint = pair.source_endpoint
    with connect(endpoint, end="source", application_name="test", replication=True) as holder:
        slot = create_slot(holder, name, temporary=True)
        with pair.source.transaction():
            pair.source.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            pair.source.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(sql.Literal(slot.snapshot)))
    assert parse_lsn(slot.lsn) > 0


# Rule 14 -------------------------------------------------------------------------------------------------------


def test_a_type_changed_at_both_ends_while_paused_is_not_misread(pair: DatabasePair, tmp_path: Path) -> None:
    definitions = "CREATE TABLE moments (id int PRIMARY KEY, at timestamp, n int)"
    path = row_path(pair, tmp_path, definitions)
    path.copy()
    with path.following():
        path.caught_up()
    # Eight bytes each: a timestamp read as timestamptz would be taken without an error.
    alter = "ALTER TABLE moments ALTER at TYPE timestamptz USING at AT TIME ZONE 'UTC', ALTER n TYPE bigint"
    pair.source.execute("SET TimeZone = 'Asia/Tokyo'")
    pair.source.execute("INSERT INTO moments VALUES (1, '2026-01-01 12:00', 1)")
    pair.source.execute(alter)
    pair.destination.execute(alter)
    pair.source.execute("INSERT INTO moments SELECT i, '2026-01-01 12:00', i FROM generate_series(2, 200) i")
    with path.following():
        path.caught_up()
    assert_equal(pair)
    assert "values come as text" in notices(path)


def test_a_worker_killed_in_the_middle_costs_its_chunk_alone(
    pair: DatabasePair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "CHUNK_BYTES", 256 * 1024)
    path = row_path(pair, tmp_path, ITEMS)
    pair.source.execute("INSERT INTO items SELECT i, 'label ' || i, repeat('x', 500) FROM generate_series(1, 30000) i")
    killed: list[int] = []
    spawn = path.pool.spawn

    class Fragile:
        """A copy process that is killed when it is given its third chunk."""

        def __init__(self, child: Child) -> None:
            self._child = child
            self._chunks = 0

        def __getattr__(self, name: str) -> object:
            return getattr(self._child, name)

        def send(self, frame: msgspec.Struct) -> None:
            self._child.send(frame)
            self._chunks += isinstance(frame, CopyChunk)
            if self._chunks == 3 and len(killed) < 2:
                killed.append(self._child.pid)
                os.kill(self._child.pid, signal.SIGKILL)

    context = msgspec.structs.replace(path.context(), spawn=lambda kind, assignment: Fragile(spawn(kind, assignment)))
    path.copy(context)
    planned = [event for event in path.task.events if isinstance(event, TablePlanned)]
    assert planned[0].chunks > 20
    assert len(killed) == 2
    assert notices(path).count("died; its chunk") == 2
    copied = [event for event in path.task.events if isinstance(event, TableCopied)]
    assert [event.rows for event in copied] == [30000]
    with path.following():
        path.caught_up()
    assert_equal(pair)
