"""Why a task is late: each cause is arranged at real servers, and named with what to do."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from syncwizard.client import bottleneck
from syncwizard.task import waits
from syncwizard.task.limiting import CopyLimits, Throttle
from syncwizard.task.specification import Advanced
from tests.faults.running import RunningTask, running
from tests.support.commands import report, syncwizard
from tests.support.pair import DatabasePair, Session
from tests.support.waiting import until

pytestmark = pytest.mark.slow

TABLES = """
CREATE TABLE one (id int PRIMARY KEY, n int, body text);
ALTER TABLE one ALTER body SET STORAGE EXTERNAL;
INSERT INTO one SELECT i, 0, 'x' FROM generate_series(1, 100) i;
"""
SLOW = """
CREATE FUNCTION slow(n int) RETURNS int LANGUAGE plpgsql IMMUTABLE
AS 'BEGIN PERFORM pg_sleep(0.5); RETURN n; END'
"""
SLEEPS = """
CREATE FUNCTION sleeps() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.2); RETURN new; END';
CREATE TRIGGER sleeps BEFORE UPDATE ON one FOR EACH ROW EXECUTE FUNCTION sleeps();
ALTER TABLE one ENABLE ALWAYS TRIGGER sleeps;
"""


@pytest.fixture
def task(pair: DatabasePair, tmp_path: Path, state_home: Path) -> Iterator[RunningTask]:
    with running(pair, tmp_path, TABLES) as found:
        found.start()
        yield found


def cause(task: RunningTask, name: str) -> dict[str, Any]:
    """Waits until the bottleneck has this name."""

    def named() -> dict[str, Any] | None:
        found: dict[str, Any] = report("explain", task.name)["cause"]
        return found if found["name"] == name else None

    return until(named, 90, f"the cause {name}")


def test_each_cause_is_named_with_what_to_do(task: RunningTask, pair: DatabasePair) -> None:
    assert "it is not late: the latency is" in cause(task, "none")["sentence"]
    shown = syncwizard("explain", task.name).stdout
    assert "acknowledged" in shown and "destination" in shown and "WalSender" in shown

    # A lock at the destination.
    blocker = pair.destination.info.backend_pid
    with pair.destination.transaction():
        pair.destination.execute("LOCK TABLE one IN ACCESS EXCLUSIVE MODE")
        pair.source.execute("UPDATE one SET n = n + 1")
        blocked = cause(task, "blocked")
        assert "at the destination waits for a lock that is held by" in blocked["sentence"]
        assert f"process {blocker} of " in blocked["sentence"] and "LOCK TABLE one" in blocked["sentence"]
        assert f"SELECT pg_terminate_backend({blocker})" in blocked["advice"]
    task.converged()

    # Limits.
    syncwizard("throttle", task.name, "--rows", "10")
    pair.source.execute("UPDATE one SET n = n + 1")
    pair.source.execute("UPDATE one SET n = n + 1")
    assert "it is held to limits: changes 10 rows/s" in cause(task, "throttle")["sentence"]
    syncwizard("throttle", task.name, "--off")
    task.converged()

    # An index that is built at the destination, with the applier behind it.
    pair.destination.execute(SLOW)
    with statement(pair, "CREATE INDEX ON one (slow(n))"):
        until(lambda: builds(pair.destination), 30, "the index to be built")
        pair.source.execute("UPDATE one SET n = n + 1")
        building = cause(task, "index build")
        assert "CREATE INDEX ON one" in building["sentence"] and "ends by itself" in building["advice"]
    task.converged()

    # A slow destination: what fires there whatever the session's role is, and sleeps.
    pair.destination.execute(SLEEPS)
    pair.source.execute("UPDATE one SET body = repeat('y', 30000)")
    slow = cause(task, "destination")
    assert "applies changes more slowly than they come" in slow["sentence"] and "Timeout:PgSleep" in slow["sentence"]
    pair.destination.execute("DROP TRIGGER sleeps ON one; DROP FUNCTION sleeps CASCADE; DROP FUNCTION slow CASCADE")
    task.converged()

    # The transaction that the slot keeps WAL for.
    with pytest.MonkeyPatch.context() as patch, pair.source.transaction():
        patch.setattr(waits, "LONG_SECONDS", 0.0)
        pair.source.execute("CREATE TABLE held (n int)")

        def held() -> bool:
            found = bottleneck.explain(task.task).cause
            return found.name == "old transaction" and f"process {pair.source.info.backend_pid} of" in found.sentence

        until(held, 60, "the open transaction to be named")

    # The slot, with the session that reads it.
    until(lambda: "syncwizard" in report("explain", task.name)["slot"]["measured"]["life"]["reader"], 30, "its reader")
    shown = syncwizard("explain", task.name).stdout
    assert f"slot {task.slot}" in shown and "read by" in shown and "none (max_slot_wal_keep_size)" in shown

    # No engine.
    task.pause()
    assert "the task is paused" in syncwizard("explain", task.name, expect=2).stderr


def test_who_waits_for_the_copy_is_named(pair: DatabasePair, tmp_path: Path, state_home: Path) -> None:
    limits = Throttle(full=CopyLimits(rows_per_second=1000))
    rows = TABLES + "INSERT INTO one SELECT i, 0, repeat('x', 1000) FROM generate_series(101, 30000) i;"
    with running(pair, tmp_path, rows, advanced=Advanced(throttle=limits)) as task:
        syncwizard("start", task.file)
        until(lambda: copies(pair.source), 60, "the copy to be at work")
        with statement(pair, "ALTER TABLE one ADD COLUMN late int", at_source=True):

            def named() -> list[dict[str, Any]]:
                found: list[dict[str, Any]] = report("explain", task.name)["held_up"]
                return found

            [held_up] = until(named, 30, "the statement that waits")
            assert (held_up["end"], held_up["query"]) == ("source", "ALTER TABLE one ADD COLUMN late int")
            shown = syncwizard("explain", task.name).stdout
            assert "holds up" in shown and "ALTER TABLE one ADD COLUMN late int" in shown


@contextmanager
def statement(pair: DatabasePair, text: str, *, at_source: bool = False) -> Iterator[None]:
    """Runs the statement in a session of its own beside the block, and cancels it at the end."""
    cluster, database = pair.destination_cluster, pair.destination_database
    if at_source:
        cluster, database = pair.source_cluster, pair.database
    with cluster.connect(database) as session:

        def run() -> None:
            with pytest.raises(psycopg.errors.QueryCanceled):
                session.execute(text.encode())

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            session.cancel_safe()
            thread.join()


def builds(session: Session) -> bool:
    """Whether an index is being built."""
    return bool(session.execute("SELECT FROM pg_stat_progress_create_index").rowcount)


def copies(session: Session) -> bool:
    """Whether rows are being copied out."""
    return bool(session.execute("SELECT FROM pg_stat_progress_copy WHERE command = 'COPY TO'").rowcount)
