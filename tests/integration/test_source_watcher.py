"""What watches the source beside the stream: it stops at a server whose WAL ends before what was applied of it, and no
lock holds it up."""

import threading
import uuid
from pathlib import Path

import pytest

from syncwizard.errors import SourceChanged
from syncwizard.postgres.captured import Progress
from syncwizard.postgres.session.connection import connect
from syncwizard.postgres.source.members import Members
from syncwizard.postgres.source.receiver import Positions
from syncwizard.postgres.source.slot import current_lsn, drop_slot, measure_slot, slot_status
from syncwizard.postgres.source.watcher import SourceWatcher
from syncwizard.task.events import Noticed
from syncwizard.task.lsn import parse_lsn
from tests.support.comparison import assert_equal
from tests.support.pair import DatabasePair
from tests.support.rowpath import RowPath, row_path
from tests.support.waiting import until


def test_a_source_that_ends_before_what_was_applied_is_stopped_at(pair: DatabasePair) -> None:
    beats = threading.Event()
    with connect(pair.source_endpoint, end="source", application_name="test") as session:
        ahead = parse_lsn(current_lsn(session)) + (1 << 30)
        progress = Progress(
            slot="dts_sync_" + uuid.uuid4().hex[:12],
            system_identifier="1",
            timeline=1,
            source_database=pair.database,
            applied_lsn="0/1",
            acknowledged_lsn="0/1",
            epoch=1,
            publication_oid=1,
            publication_xmin=1,
            publication_owner=1,
            task_name="test",
        )
        watcher = SourceWatcher(
            session,
            progress,
            Members([]),
            Positions(ahead),
            lambda _: beats.set(),
            on_dropped=lambda _: None,
            on_changed=lambda _: None,
            on_gone=lambda _: None,
        )
        with pytest.raises(SourceChanged, match="the source was set back") as caught:
            watcher.run()
    assert not beats.is_set()
    assert "syncwizard resync test --all" in str(caught.value.remedy)


TABLES = "CREATE TABLE one (id int PRIMARY KEY, n int); CREATE TABLE two (id int PRIMARY KEY, n int)"


@pytest.mark.slow
def test_a_lock_on_the_heartbeat_holds_up_neither_changes_nor_acknowledgements(
    pair: DatabasePair, tmp_path: Path
) -> None:
    path = row_path(pair, tmp_path, TABLES)
    path.copy()
    with path.following():
        until(lambda: path.task.state.sync_point_passed, 30, "the sync point")
        (before,) = beaten(pair)
        # By the child that goes on from there.
        until(lambda: beaten(pair) > (before + 1,), 30, "another heartbeat")
        with pair.source_cluster.connect(pair.database, autocommit=False) as blocker:
            blocker.execute("LOCK TABLE public.dts_postgres_heartbeat IN ACCESS EXCLUSIVE MODE")
            until(lambda: locked(path), 20, "the lock to be told")
            # The first change of a table asks the source for its types.
            for table in ("one", "two"):
                for number in range(3):
                    pair.source.execute(f"INSERT INTO {table} VALUES ({number}, 0)")
                    until(lambda: equal(pair, table), 20, "a change to arrive")  # noqa: B023
            position = parse_lsn(current_lsn(pair.source))
            pair.source.execute("UPDATE one SET n = 1")
            until(lambda: confirmed(path) >= position, 30, "an acknowledgement")
            blocker.rollback()
        path.caught_up()
    assert_equal(pair)
    assert len(locked(path)) == 1
    assert "process" in locked(path)[0]


def beaten(pair: DatabasePair) -> tuple[int]:
    row = pair.source.execute("SELECT beats FROM public.dts_postgres_heartbeat").fetchone()
    assert row is not None
    return row


def equal(pair: DatabasePair, table: str) -> bool:
    count = f"SELECT count(*) FROM {table}".encode()
    return pair.source.execute(count).fetchone() == pair.destination.execute(count).fetchone()


def locked(path: RowPath) -> list[str]:
    return [event.message for event in path.task.events if isinstance(event, Noticed) and "locked" in event.message]


def confirmed(path: RowPath) -> int:
    status = slot_status(path.pair.source, path.task.spec.slot)
    assert status is not None
    return parse_lsn(status.confirmed_flush_lsn or "0/0")


def test_what_ends_an_idle_slot_is_measured(pair: DatabasePair) -> None:
    name = f"idle_{uuid.uuid4().hex[:8]}"
    session = pair.destination
    session.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput', failover => true)", (name,))
    session.execute("ALTER SYSTEM SET idle_replication_slot_timeout = '2h'")
    session.execute("SELECT pg_reload_conf()")
    try:
        until(lambda: measure_slot(session, name).life.idle_timeout_seconds == 7200, 30, "the setting to be in force")
        life = measure_slot(session, name).life
    finally:
        session.execute("ALTER SYSTEM RESET idle_replication_slot_timeout")
        session.execute("SELECT pg_reload_conf()")
        drop_slot(session, name)
    assert (life.failover, life.synced, life.conflicting, life.invalidation) == (True, False, False, "")
    assert life.idle_seconds is not None and life.left_seconds == 7200 - life.idle_seconds > 6000
    # An older server says nothing of it.
    pair.source.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", (name,))
    try:
        life = measure_slot(pair.source, name).life
    finally:
        drop_slot(pair.source, name)
    assert (life.failover, life.idle_seconds, life.left_seconds) == (None, None, None)
