"""What people do to slot and publication at the source: what harms nothing passes, what may lose changes is told, and
what there is no room for is waited for."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from syncwizard.demo import installations
from syncwizard.demo.servers import Cluster
from syncwizard.postgres.source.slot import slot_status
from syncwizard.task.events import Noticed
from tests.conftest import connected
from tests.faults.conftest import Network, as_role, own_tables
from tests.faults.running import RunningTask, change, running, waits
from tests.support.commands import spawn, syncwizard
from tests.support.pair import DatabasePair
from tests.support.waiting import until

pytestmark = pytest.mark.slow


def remarks(task: RunningTask) -> str:
    return "\n".join(event.message for event in task.events if isinstance(event, Noticed))


# Owner -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def owner(pair: DatabasePair) -> Iterator[str]:
    """A role that may own publications of the database."""
    name = f"owner_{uuid4().hex[:8]}"
    pair.source.execute(f'CREATE ROLE {name}; GRANT CREATE ON DATABASE "{pair.database}" TO {name}'.encode())
    yield name
    pair.source.execute(f"REASSIGN OWNED BY {name} TO postgres; DROP OWNED BY {name}; DROP ROLE {name}".encode())


def test_another_owner_of_the_publication_loses_nothing_and_other_changes_of_it_are_still_found(
    pair: DatabasePair, tmp_path: Path, state_home: Path, owner: str
) -> None:
    with running(pair, tmp_path) as task:
        task.start()
        task.follow()
        pair.source.execute(f"ALTER PUBLICATION {task.slot} OWNER TO {owner}".encode())
        until(lambda: "belongs to another owner now" in remarks(task), 30, "the new owner to be noticed")
        change(pair)
        task.converged()
        task.pause()
        pair.source.execute(f"ALTER PUBLICATION {task.slot} OWNER TO postgres".encode())
        change(pair)
        task.resume()
        task.converged()
        # What was noted is what is compared: the same owner, other options for a while.
        pair.source.execute(f"ALTER PUBLICATION {task.slot} SET (publish = 'insert')".encode())
        pair.source.execute(
            f"ALTER PUBLICATION {task.slot} SET (publish = 'insert, update, delete, truncate')".encode()
        )
        failure = task.failure()
        assert "was altered" in failure.title
        syncwizard("resync", task.name, "--yes")
        change(pair)
        task.converged()
        task.release()


# Readers of the slot ---------------------------------------------------------------------------------------------


@contextmanager
def pg_recvlogical(pair: DatabasePair, slot: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Somebody who reads the slot to see what is in it, and confirms nothing."""
    cluster = pair.source_cluster
    program = subprocess.Popen(
        [
            cluster.bin / "pg_recvlogical",
            *("-h", str(cluster.sockets), "-p", str(cluster.port), "-U", "postgres", "-d", pair.database),
            *("-S", slot, "--start", "--no-loop", "-f", "-", "--status-interval=0", "--fsync-interval=0"),
            *("-o", "proto_version=1", "-o", f"publication_names={slot}"),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=installations.clean_environment(),
    )
    try:
        until(lambda: reader_of(pair, slot), 30, "pg_recvlogical to read")
        yield program
    finally:
        program.kill()
        program.wait()


def reader_of(pair: DatabasePair, slot: str) -> int | None:
    status = slot_status(pair.source, slot)
    return status.active_pid if status else None


def test_somebody_who_reads_the_slot_is_ended_and_named(pair: DatabasePair, tmp_path: Path, state_home: Path) -> None:
    with running(pair, tmp_path) as task:
        task.start()
        task.pause()
        change(pair)
        with pg_recvlogical(pair, task.slot) as stranger:
            pid = reader_of(pair, task.slot)
            task.resume()
            task.converged()
            assert stranger.wait(30) != 0
        assert f"process {pid} (pg_recvlogical) of postgres" in remarks(task)
        task.release()


def test_a_reader_of_the_slot_that_we_may_not_end_is_named_and_waited_for(
    pair: DatabasePair, tmp_path: Path, state_home: Path, role: str
) -> None:
    with running(pair, tmp_path, **as_role(pair, role)) as task:
        own_tables(pair, role)
        task.start()
        task.pause()
        change(pair)
        with pg_recvlogical(pair, task.slot):
            pid = reader_of(pair, task.slot)
            task.resume()
            failure = task.retrying()
            assert f"process {pid} (pg_recvlogical) of postgres" in failure.title
            assert f"SELECT pg_terminate_backend({pid})" in str(failure.remedy)
            pair.source.execute("SELECT pg_terminate_backend(%s)", (pid,))
            task.converged()
        task.release()


def test_a_slot_that_is_moved_at_the_last_moment_is_found_out(
    network: Network, tmp_path: Path, state_home: Path
) -> None:
    """Between the comparison and the beginning of the stream the slot is not in use."""
    pair = network.pair
    with running(pair, tmp_path, **network.ends) as task:
        task.start()
        task.pause()
        change(pair)
        trap = network.source.catch_request(b"START_REPLICATION", b" stream\0")
        task.resume()
        trap.wait("the stream to begin")
        pair.source.execute("SELECT pg_replication_slot_advance(%s, pg_current_wal_lsn())", (task.slot,))
        trap.let_go()
        failure = task.failure()
        assert "recreated or moved" in failure.title
        syncwizard("resync", task.name, "--yes")
        change(pair)
        task.converged()
        task.release()


# Room ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def narrow(server_folder: Path) -> Iterator[Cluster]:
    """A source with room for four slots and as many walsenders."""
    settings = {"max_replication_slots": "4", "max_wal_senders": "4"}
    cluster = Cluster(server_folder / "narrow", 16, durable=False, settings=settings)
    try:
        yield cluster.create().start()
    finally:
        cluster.destroy()


@pytest.fixture
def narrow_pair(narrow: Cluster, destination_cluster: Cluster) -> Iterator[DatabasePair]:
    yield from connected(narrow, destination_cluster)


@contextmanager
def taken_slots(pair: DatabasePair) -> Iterator[None]:
    """Somebody has all slots that are left."""
    names = [f"somebodys_{number}" for number in range(4)]
    made = []
    try:
        for name in names:
            try:
                pair.source.execute("SELECT pg_create_physical_replication_slot(%s)", (name,))
            except psycopg.errors.ConfigurationLimitExceeded:
                break
            made.append(name)
        yield
    finally:
        for name in made:
            pair.source.execute("SELECT pg_drop_replication_slot(%s)", (name,))


@contextmanager
def taken_senders(pair: DatabasePair) -> Iterator[None]:
    """Standbys, say, have all walsenders that are left."""
    with ExitStack() as stack:
        for _ in range(5):
            try:
                stack.enter_context(pair.source_cluster.connect(pair.database, replication="database"))
            except psycopg.OperationalError:
                break
        yield


Taken = Callable[[DatabasePair], Any]
WORDS: dict[Taken, str] = {
    taken_slots: "all replication slots are in use",
    taken_senders: "max_wal_senders",
}


@pytest.mark.parametrize("taken", WORDS)
def test_a_start_without_room_at_the_source_is_refused_and_later_waits(
    narrow_pair: DatabasePair, tmp_path: Path, state_home: Path, taken: Taken
) -> None:
    pair = narrow_pair
    with running(pair, tmp_path) as task:
        with taken(pair):
            refused = syncwizard("start", task.file, expect=3)
            assert "slots-and-senders" in refused.stderr + refused.stdout
        # Taken between precheck and capture: it is held where it makes the heartbeat's table.
        with pair.source_cluster.connect(pair.database) as holder:
            holder.execute("SELECT pg_advisory_lock(hashtext('syncwizard heartbeat'))")
            started = spawn("start", task.file)
            until(lambda: waits(pair.source, part="capture"), 60, "capture")
            with taken(pair):
                holder.execute("SELECT pg_advisory_unlock_all()")
                failure = task.retrying()
                assert WORDS[taken] in failure.detail
                assert failure.where.startswith("source")
        started.communicate(timeout=60)
        change(pair)
        task.converged()
        task.release()


@pytest.mark.parametrize("taken", [taken_senders])
def test_a_resume_without_room_at_the_source_waits(
    narrow_pair: DatabasePair, tmp_path: Path, state_home: Path, taken: Taken
) -> None:
    pair = narrow_pair
    with running(pair, tmp_path) as task:
        task.start()
        task.pause()
        with taken(pair):
            task.resume()
            failure = task.retrying()
            assert WORDS[taken] in failure.detail
        change(pair)
        task.converged()
        task.release()
