"""What people do to a task: rights taken away, locks held, rows changed at the destination, names dropped. Each passes,
or stops the task with words that name the cause and the way on, which then works."""

import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest

from syncwizard.demo import installations
from syncwizard.demo.servers import Cluster
from syncwizard.stages.precheck.servers import judge_primary
from syncwizard.task.events import Noticed
from tests.faults.conftest import as_role, own_tables
from tests.faults.running import change, running
from tests.support.commands import spawn, syncwizard
from tests.support.comparison import assert_equal
from tests.support.pair import DatabasePair
from tests.support.standby import back_up
from tests.support.waiting import until

pytestmark = pytest.mark.slow


# Rights ----------------------------------------------------------------------------------------------------------


RIGHTS: dict[str, tuple[str, str, str, str]] = {
    "replication": ("source", "ALTER ROLE {} NOREPLICATION", "ALTER ROLE {} REPLICATION", "permission denied"),
    "login at the source": ("source", "ALTER ROLE {} NOLOGIN", "ALTER ROLE {} LOGIN", "not permitted to log in"),
    "login at the destination": ("destination", "ALTER ROLE {} NOLOGIN", "ALTER ROLE {} LOGIN", "not permitted"),
    "insert": (
        "destination",
        "REVOKE INSERT, UPDATE ON one FROM {}",
        "GRANT INSERT, UPDATE ON one TO {}",
        "permission denied for table one",
    ),
    "progress": (
        "destination",
        "REVOKE ALL ON syncwizard.progress FROM {}",
        "GRANT ALL ON syncwizard.progress TO {}",
        "permission denied for table progress",
    ),
}


def test_a_right_taken_away_is_named_and_given_back_all_goes_on(
    pair: DatabasePair, tmp_path: Path, state_home: Path, role: str
) -> None:
    """One after the other, of one task."""
    with running(pair, tmp_path, **as_role(pair, role)) as task:
        own_tables(pair, role)
        task.start()
        for right, (end, revoke, grant, words) in RIGHTS.items():
            session = pair.source if end == "source" else pair.destination
            session.execute(revoke.format(role).encode())
            for each in (pair.source, pair.destination):
                each.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", (role,))
            change(pair)
            tried = right in ("insert", "progress")
            # The lost sessions are trouble of their own, before.
            failure = task.retrying(words) if tried else task.failure()
            assert words in f"{failure.title} {failure.detail}", right
            assert end in failure.where, right
            assert failure.remedy, right
            session.execute(grant.format(role).encode())
            if not tried:
                task.resume()
            task.converged()
        task.release()


# Settings, locks, rows -------------------------------------------------------------------------------------------


def test_timeouts_of_the_role_are_not_ours(pair: DatabasePair, tmp_path: Path, state_home: Path) -> None:
    settings = (
        "statement_timeout",
        "lock_timeout",
        "idle_in_transaction_session_timeout",
        "idle_session_timeout",
    )
    for session in (pair.source, pair.destination):
        for name in settings:
            session.execute(f"ALTER DATABASE \"{pair.database}\" SET {name} = '200ms'".encode())
    with running(pair, tmp_path) as task:
        task.start()
        with pair.destination_cluster.connect(
            pair.database, autocommit=False, options="-c idle_in_transaction_session_timeout=0 -c statement_timeout=0"
        ) as blocker:
            blocker.execute("LOCK TABLE one IN ACCESS EXCLUSIVE MODE")
            change(pair)
            blocker.execute("SELECT pg_sleep(1)")
            blocker.rollback()
        task.converged()
        assert task.state.state == "synchronizing"
        task.release()


def test_a_users_lock_is_waited_for_and_a_pause_does_not_wait(
    pair: DatabasePair, tmp_path: Path, state_home: Path
) -> None:
    with running(pair, tmp_path) as task:
        task.start()
        # A concurrent build waits for the user's transaction while it waits for the build: a deadlock of the two.
        until(lambda: task.state.finished("indexes"), 30, "the indexes to be built")
        with pair.destination_cluster.connect(pair.database, autocommit=False) as user:
            user.execute("LOCK TABLE one IN ACCESS EXCLUSIVE MODE")
            change(pair)
            task.pause()
            user.rollback()
        task.resume()
        task.converged()
        task.release()


def test_a_deadlock_with_a_user_is_tried_again(pair: DatabasePair, tmp_path: Path, state_home: Path) -> None:
    """Whichever of the two the server ends: what we wanted to write is written."""
    with running(pair, tmp_path) as task:
        task.start()
        with pair.destination_cluster.connect(pair.database, autocommit=False) as user:
            # Our batch takes `one` before `two`; the user the other way round, and looks later than we do.
            user.execute("SET deadlock_timeout = '60s'; UPDATE two SET label = label WHERE id = 299")
            with pair.source.transaction():
                pair.source.execute("UPDATE one SET n = 77 WHERE id = 299")
                pair.source.execute("UPDATE two SET label = 'deadlock' WHERE id = 299")
            waiting = (
                "SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'syncwizard%' AND wait_event_type = 'Lock'"
            )
            until(lambda: pair.destination.execute(waiting).fetchone(), 30, "us to wait for the user")
            other = threading.Thread(target=lambda: user.execute("UPDATE one SET n = n WHERE id = 299"))
            other.start()
            other.join(60)
            user.rollback()
        task.converged()
        assert task.state.state == "synchronizing"
        task.release()


def test_a_users_row_in_the_way_is_named_and_once_it_is_gone_all_goes_on(
    pair: DatabasePair, tmp_path: Path, state_home: Path
) -> None:
    with running(pair, tmp_path) as task:
        task.start()
        pair.destination.execute("INSERT INTO two VALUES (-1, 1, 'label 5000')")
        pair.source.execute("INSERT INTO two VALUES (5000, 1, 'label 5000')")
        failure = task.retrying()
        assert "insert on public.two with id = 5000" in failure.title
        assert "two_label_key" in failure.detail
        pair.destination.execute("DELETE FROM two WHERE id = -1")
        # Nothing else has to be done.
        task.converged()
        task.release()


# It waits for the end of a patience of a minute, which the pipeline's unit tests have without the minute.
@pytest.mark.marathon
def test_a_row_that_only_the_destination_refuses_stops_the_task_until_it_is_accepted(
    pair: DatabasePair, tmp_path: Path, state_home: Path
) -> None:
    with running(pair, tmp_path) as task:
        task.start()
        pair.destination.execute("ALTER TABLE one ADD CONSTRAINT only_here CHECK (n < 1000)")
        pair.source.execute("UPDATE one SET n = 5000 WHERE id = 17")
        change(pair)
        failure = task.failure(120)
        assert "update on public.one with id = 17" in failure.title
        assert "only_here" in failure.detail
        assert "resume" in str(failure.remedy)
        pair.destination.execute("ALTER TABLE one DROP CONSTRAINT only_here")
        task.resume()
        task.converged()
        task.release()


def test_a_row_missing_at_the_destination_is_named_and_put_back_all_goes_on(
    pair: DatabasePair, tmp_path: Path, state_home: Path
) -> None:
    with running(pair, tmp_path) as task:
        task.start()
        # No foreign key minds.
        pair.destination.execute("SET session_replication_role = replica; DELETE FROM one WHERE id = 17")
        # Its body is out of line and not sent: the row cannot be made again from the change.
        pair.source.execute("UPDATE one SET n = 5 WHERE id = 17")
        failure = task.retrying()
        assert "update on public.one with id = 17" in failure.title
        pair.destination.execute("INSERT INTO one VALUES (17, 0, repeat('x', 3000))")
        task.converged()
        task.release()


def test_a_column_dropped_at_the_destination_is_named(pair: DatabasePair, tmp_path: Path, state_home: Path) -> None:
    with running(pair, tmp_path) as task:
        task.start()
        pair.destination.execute("ALTER TABLE two DROP label")
        change(pair)
        failure = task.retrying("label")
        assert "label" in f"{failure.title} {failure.detail}"
        assert failure.remedy
        pair.destination.execute("ALTER TABLE two ADD label text UNIQUE")
        pair.destination.execute("UPDATE two SET label = 'label ' || id")
        task.converged()
        task.release()


def test_a_heartbeat_table_that_was_dropped_is_reported_with_the_remedy(
    pair: DatabasePair, tmp_path: Path, state_home: Path
) -> None:
    with running(pair, tmp_path) as task:
        task.start()
        pair.source.execute("DROP TABLE dts_postgres_heartbeat")
        failure = task.failure()
        assert "heartbeat" in failure.title
        assert f"syncwizard resync {task.name}" in str(failure.remedy)
        change(pair)
        syncwizard("resync", task.name, "--yes")
        change(pair)
        task.converged(120)
        task.release()


def test_a_destination_out_of_disk_is_waited_for(pair: DatabasePair, tmp_path: Path, state_home: Path) -> None:
    with small_disk(pair) as fill, running(pair, tmp_path) as task:
        task.start()
        pair.destination.execute("ALTER TABLE one SET TABLESPACE small; ALTER INDEX one_pkey SET TABLESPACE small")
        fill(True)
        pair.source.execute("INSERT INTO one SELECT i, 0, repeat('z', 3000) FROM generate_series(5000, 7000) i")
        failure = task.retrying(seconds=60)
        assert "No space left on device" in f"{failure.title} {failure.detail}"
        fill(False)
        task.converged(90)
        pair.destination.execute(
            "ALTER TABLE one SET TABLESPACE pg_default; ALTER INDEX one_pkey SET TABLESPACE pg_default"
        )
        task.release()


@contextmanager
def small_disk(pair: DatabasePair) -> Iterator[Callable[[bool], None]]:
    """A tablespace `small` on a disk of 32 MB; the function fills and empties what is left of it."""
    account = installations.server_account()
    if os.geteuid() != 0 or account is None:
        pytest.skip("only root can mount a disk")
    folder = pair.destination_cluster.folder / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", folder], check=False).returncode == 0
    if not mounted:
        folder.rmdir()
        pytest.skip("this machine lets no account mount a disk")
    space = folder / "space"
    space.mkdir()
    os.chown(space, account.uid, account.gid)
    ballast = folder / "ballast"

    def fill(full: bool) -> None:
        if not full:
            ballast.unlink()
            return
        with ballast.open("wb", buffering=0) as file:
            for size in (1 << 20, 1 << 12):
                try:
                    while file.write(bytes(size)) == size:
                        pass
                except OSError:
                    continue

    pair.destination.execute(f"CREATE TABLESPACE small LOCATION '{space}'".encode())
    try:
        yield fill
    finally:
        pair.destination.execute("DROP TABLE IF EXISTS one CASCADE")
        pair.destination.execute("DROP TABLESPACE IF EXISTS small")
        subprocess.run(["umount", "-l", folder], check=True)
        folder.rmdir()


# Other servers behind the address --------------------------------------------------------------------------------


@pytest.fixture
def standby(server_folder: Path) -> Iterator[tuple[Cluster, Cluster]]:
    """A primary of its own with a hot standby, each to be destroyed by its test."""
    primary = Cluster(server_folder / "primary16", 16, durable=False)
    second = Cluster(server_folder / "standby16", 16, durable=False)
    try:
        primary.create().start()
        back_up(primary, second)
        second.configure()
        yield primary, second.start()
    finally:
        second.destroy()
        primary.destroy()


def test_a_promoted_standby_that_lost_the_tail_is_reported_and_resynchronized(
    standby: tuple[Cluster, Cluster], destination_cluster: Cluster, tmp_path: Path, state_home: Path
) -> None:
    """The destination holds what the new primary never had; the slot stayed behind, too."""
    primary, second = standby
    name = f"promoted_{uuid4().hex[:8]}"
    primary.create_database(name)
    destination_cluster.create_database(name)
    address = tmp_path / "address"
    address.symlink_to(primary.sockets)
    pair = DatabasePair(primary, destination_cluster, name, primary.connect(name), destination_cluster.connect(name))
    source = msgspec.structs.replace(pair.source_endpoint, host=str(address))
    with running(pair, tmp_path, source=source) as task:
        task.start()
        caught_up = pair.source.execute("SELECT pg_current_wal_lsn()").fetchone()
        until(lambda: replayed(second, caught_up), 30, "the standby to have everything so far")
        with second.connect() as session:
            session.execute("ALTER SYSTEM SET primary_conninfo = ''")
            session.execute("SELECT pg_reload_conf()")
            until(
                lambda: not session.execute("SELECT 1 FROM pg_stat_wal_receiver").fetchone(), 30, "the receiver's end"
            )
        change(pair)
        task.converged()
        pair.source.close()
        primary.stop("immediate")
        with second.connect() as session:
            assert judge_primary(session, "source").verdict == "failed"
            session.execute("SELECT pg_promote()")
            assert judge_primary(session, "source").verdict == "passed"
        pair.source_cluster, pair.source = second, second.connect(name)
        address.unlink()
        address.symlink_to(second.sockets)
        failure = task.failure(120)
        assert "ahead of the promoted source" in failure.title or "is gone" in failure.title
        assert f"syncwizard resync {task.name}" in str(failure.remedy)
        syncwizard("resync", task.name, "--yes")
        change(pair)
        task.converged()
        assert_equal(pair)
        task.release()
        [former] = [each for each in task.events if isinstance(each, Noticed) and "was its primary" in each.message]
        assert former.remedy.statements == (f"SELECT pg_drop_replication_slot('{task.slot}')",)
    pair.close()
    destination_cluster.drop_database(name)


def replayed(standby: Cluster, position: object) -> bool:
    assert isinstance(position, tuple)
    with standby.connect() as session:
        row = session.execute("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", position).fetchone()
    return row is not None and bool(row[0])


def test_another_server_behind_the_address_is_never_read(pair: DatabasePair, tmp_path: Path, state_home: Path) -> None:
    address = tmp_path / "address"
    address.symlink_to(pair.source_cluster.sockets)
    source = msgspec.structs.replace(pair.source_endpoint, host=str(address))
    with running(pair, tmp_path, source=source) as task:
        task.start()
        task.pause()
        change(pair)
        address.unlink()
        address.symlink_to(pair.destination_cluster.sockets)
        refused = syncwizard("resume", task.name, "--until", "caught-up", expect=1)
        assert "another database server" in refused.stderr
        task.failure()
        address.unlink()
        address.symlink_to(pair.source_cluster.sockets)
        task.resume()
        task.converged()
        task.release()


def test_another_server_is_not_read_either_when_a_copy_goes_on(
    pair: DatabasePair, tmp_path: Path, state_home: Path
) -> None:
    address = tmp_path / "address"
    address.symlink_to(pair.source_cluster.sockets)
    source = msgspec.structs.replace(pair.source_endpoint, host=str(address))
    with running(pair, tmp_path, source=source) as task:
        pair.source.execute("INSERT INTO one SELECT i, 0, repeat('y', 3000) FROM generate_series(1000, 60000) i")
        starting = spawn("start", task.file)
        until(lambda: task.state.finished("schema"), 60, "the copy to begin")
        task.kill_engine()
        starting.communicate(timeout=60)
        assert not task.state.finished("full")
        address.unlink()
        address.symlink_to(pair.destination_cluster.sockets)
        refused = syncwizard("resume", task.name, "--until", "caught-up", expect=1)
        assert "another database server" in refused.stderr
        address.unlink()
        address.symlink_to(pair.source_cluster.sockets)
        task.resume()
        task.converged()
        task.release()
