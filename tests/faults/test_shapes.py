"""Tasks beside and behind each other, and transactions of every size: all converge, within the memory of the design."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from syncwizard.demo.servers import Cluster
from syncwizard.postgres.catalog.waits import read_oldest
from syncwizard.task.specification import SchemaObjects
from tests.conftest import connected
from tests.faults import processes
from tests.faults.running import TABLES, RunningTask, change, running
from tests.support.commands import syncwizard
from tests.support.comparison import content
from tests.support.pair import DatabasePair, Session

pytestmark = pytest.mark.slow
MEGABYTE = 1024 * 1024


def in_schema(schema: str) -> str:
    """The tables in a schema of their own."""
    return f"CREATE SCHEMA {schema}; SET search_path = {schema}; {TABLES}; RESET search_path"


def change_in(session: Session, schema: str) -> None:
    with session.transaction():
        session.execute(f"UPDATE {schema}.one SET n = n + 1 WHERE id % 2 = 0".encode())
        session.execute(f"DELETE FROM {schema}.two WHERE id IN (SELECT min(id) FROM {schema}.two)".encode())
        session.execute(f"INSERT INTO {schema}.one SELECT max(id) + 1, 0, 'new' FROM {schema}.one".encode())
        session.execute(f"INSERT INTO {schema}.three SELECT 'new'".encode())


def same(one: Session, other: Session, schema: str) -> bool:
    return all(content(one, schema, table) == content(other, schema, table) for table in ("one", "two", "three"))


def test_all_topologies_at_once(
    source_cluster: Cluster, destination_cluster: Cluster, tmp_path: Path, state_home: Path
) -> None:
    """A to B and from there to C; A to D, too; E into D beside it. Releasing A to D leaves the others whole."""
    with ExitStack() as stack:
        # Databases: `left` on 16 and 18 are A and B, `right` are E and D; C is a third one on 18.
        left = stack.enter_context(contextmanager(connected)(source_cluster, destination_cluster))
        right = stack.enter_context(contextmanager(connected)(source_cluster, destination_cluster))
        third = f"{left.database}_third"
        destination_cluster.create_database(third)
        stack.callback(destination_cluster.drop_database, third)
        c = stack.enter_context(destination_cluster.connect(third))
        left.source.execute(in_schema("a").encode())
        right.source.execute(in_schema("e").encode())
        a, b, e, d = left.source, left.destination, right.source, right.destination

        def task(name: str, pair: DatabasePair, schema: str, **fields: Any) -> RunningTask:
            made = RunningTask(pair, tmp_path, name, objects=[SchemaObjects(schema=schema)], **fields)
            stack.callback(made.kill_engine)
            return made

        a_to_b = task("a-to-b", left, "a")
        a_to_d = task("a-to-d", left, "a", destination=right.destination_endpoint)
        e_to_d = task("e-to-d", right, "e")
        onward = msgspec.structs.replace(left.destination_endpoint, database=third)
        b_to_c = task("b-to-c", left, "a", source=left.destination_endpoint, destination=onward)
        for each in (a_to_b, a_to_d, e_to_d, b_to_c):
            each.start()
        for _ in range(3):
            change_in(a, "a")
            change_in(e, "e")
        for each in (a_to_b, a_to_d, e_to_d, b_to_c):
            each.caught_up()
        assert [same(a, b, "a"), same(a, c, "a"), same(a, d, "a"), same(e, d, "e")] == [True] * 4

        a_to_d.pause()
        syncwizard("release", "a-to-d", "--yes")
        change_in(a, "a")
        change_in(e, "e")
        for each in (a_to_b, e_to_d, b_to_c):
            each.caught_up()
        assert [same(a, b, "a"), same(a, c, "a"), same(e, d, "e")] == [True] * 3
        # `three` has no key and keeps what the task that stays needs.
        assert a.execute("SELECT relreplident FROM pg_class WHERE oid = 'a.three'::regclass").fetchone() == ("f",)
        for each in (b_to_c, a_to_b, e_to_d):
            syncwizard("pause", each.name)
            syncwizard("release", each.name, "--yes")
        for session in (a, b, e):
            left_over = "SELECT slot_name FROM pg_replication_slots WHERE database = current_database()"
            assert session.execute(left_over).fetchall() == []
        assert d.execute("SELECT FROM pg_namespace WHERE nspname = 'syncwizard'").fetchall() == []


def test_ten_thousand_savepoints_and_a_transaction_left_open(
    pair: DatabasePair, tmp_path: Path, state_home: Path
) -> None:
    with running(pair, tmp_path) as task:
        with pair.source_cluster.connect(pair.database, autocommit=False) as forgotten:
            task.start()
            forgotten.execute("INSERT INTO three VALUES ('long open')")
            with pair.source.transaction(), pair.source.pipeline():
                for number in range(10_000):
                    pair.source.execute(f"SAVEPOINT s{number}".encode())
                    pair.source.execute(f"INSERT INTO one VALUES ({number + 100000}, 0, NULL)".encode())
                    if number % 3 == 0:
                        pair.source.execute(f"ROLLBACK TO s{number}".encode())
            change(pair)
            task.caught_up()
            # What the open transaction holds back is the restart position of the slot, not what is acknowledged.
            count = "SELECT count(*) FROM one WHERE id >= 100000 AND body IS NULL"
            assert pair.destination.execute(count).fetchone() == (6666,)
            forgotten.execute("DELETE FROM one WHERE id BETWEEN 100000 AND 101000")
            forgotten.commit()
        task.converged()
        task.release()


def test_prepared_transactions_arrive_when_they_are_committed(
    server_folder: Path, destination_cluster: Cluster, tmp_path: Path, state_home: Path
) -> None:
    cluster = Cluster(server_folder / "prepared", 16, durable=False, settings={"max_prepared_transactions": "5"})
    try:
        cluster.create().start()
        with contextmanager(connected)(cluster, destination_cluster) as pair, running(pair, tmp_path) as task:
            task.start()
            for name in ("kept", "dropped"):
                pair.source.execute("BEGIN")
                pair.source.execute("UPDATE one SET n = 1000 WHERE id = %s", (1 if name == "kept" else 2,))
                pair.source.execute(f"PREPARE TRANSACTION '{name}'".encode())
            pair.source.execute("INSERT INTO three VALUES ('x')")
            task.caught_up()
            oldest = read_oldest(pair.source)
            assert oldest is not None and (oldest.pid, oldest.query) == (0, "kept")
            task.kill_engine()
            cluster.restart("immediate")
            pair.reconnect()
            pair.source.execute("COMMIT PREPARED 'kept'")
            pair.source.execute("ROLLBACK PREPARED 'dropped'")
            task.resume()
            task.converged()
            assert pair.destination.execute("SELECT n FROM one WHERE id IN (1, 2) ORDER BY id").fetchall() == [
                (1000,),
                (0,),
            ]
            task.release()
    finally:
        cluster.destroy()


# Of the processes that an engine has.
KINDS = ("apply", "copy", "forkserver")


class Memory:
    """The most that an engine and its children took together, as proportional set size, looked at all the time."""

    def __init__(self, task: RunningTask) -> None:
        self._task = task
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.most_bytes = 0

    def _watch(self) -> None:
        engine = self._task.engine
        while not self._stop.wait(0.1):
            if engine is not None:
                pids = [engine, *(pid for kind in KINDS for pid in processes.children_of(engine, kind))]
                self.most_bytes = max(self.most_bytes, sum(map(proportional_bytes, pids)))

    def __enter__(self) -> "Memory":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()


def proportional_bytes(pid: int) -> int:
    """Private memory and the process's share of what it shares; 0 for one that has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


@contextmanager
def measured(task: RunningTask, limit_bytes: float) -> Iterator[None]:
    with Memory(task) as memory:
        yield
    assert 0 < memory.most_bytes <= limit_bytes, f"{memory.most_bytes / MEGABYTE:,.0f} MiB"


def test_a_transaction_of_two_million_rows_within_the_memory_of_the_design(
    pair: DatabasePair, tmp_path: Path, state_home: Path
) -> None:
    with running(pair, tmp_path, "CREATE TABLE many (id int PRIMARY KEY, n int)") as task:
        task.start()
        with measured(task, 300 * MEGABYTE):
            pair.source.execute("INSERT INTO many SELECT i, i FROM generate_series(1, 2000000) i")
            task.converged(240)
        task.release()


def test_rows_of_300_megabytes(pair: DatabasePair, tmp_path: Path, state_home: Path) -> None:
    size = 300 * MEGABYTE
    tables = (
        "CREATE TABLE huge (id int PRIMARY KEY, note text, body bytea);"
        "ALTER TABLE huge ALTER body SET STORAGE EXTERNAL;"
        f"INSERT INTO huge VALUES (1, 'copied', convert_to(repeat('x', {size}), 'UTF8'))"
    )
    with running(pair, tmp_path, tables) as task:
        task.start()
        with measured(task, 300 * MEGABYTE + 3.5 * size):
            pair.source.execute("INSERT INTO huge SELECT 2, 'streamed', body FROM huge WHERE id = 1")
            pair.source.execute("UPDATE huge SET note = 'changed'")
            pair.source.execute("UPDATE huge SET id = id + 10")
            task.caught_up(240)
        hashes = "SELECT id, note, length(body), md5(body) FROM huge ORDER BY id"
        assert pair.destination.execute(hashes).fetchall() == pair.source.execute(hashes).fetchall()
        task.release()
