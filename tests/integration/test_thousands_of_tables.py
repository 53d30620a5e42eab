"""Thousands of tables and partitions, from the start to changes that are followed: to the end, in memory that depends
on their number alone."""

import re
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from syncwizard.demo.servers import Cluster
from tests.faults import processes
from tests.faults.running import RunningTask, running
from tests.support.commands import syncwizard
from tests.support.comparison import assert_equal
from tests.support.pair import DatabasePair

pytestmark = [pytest.mark.marathon, pytest.mark.timeout(14400)]

MIB = 1024 * 1024
# Of all processes of the engine together: what they are without a table, and what each adds while definitions are made.
BASE_BYTES, TABLE_BYTES = 64 * MIB, 40 * 1024
SAMPLE_SECONDS = 1.0

# Commits between: the locks of thousands of new tables do not fit into the server's table. The time of a partition
# grows with the number of its siblings.
FILL = """
CREATE PROCEDURE fill(tables int, trees int, partitions int) LANGUAGE plpgsql AS $$
BEGIN
    FOR n IN 1..tables LOOP
        EXECUTE format('CREATE TABLE table_%s (id int PRIMARY KEY, x text)', n);
        EXECUTE format('INSERT INTO table_%s VALUES (1, ''a''), (2, ''b'')', n);
        IF n % 500 = 0 THEN COMMIT; END IF;
    END LOOP;
    CREATE TABLE parts (id int, k int, x text, PRIMARY KEY (id, k)) PARTITION BY RANGE (k);
    FOR n IN 0..trees - 1 LOOP
        EXECUTE format('CREATE TABLE parts_%s PARTITION OF parts FOR VALUES FROM (%s) TO (%s) PARTITION BY RANGE (k)',
                       n, n * partitions, (n + 1) * partitions);
        FOR m IN n * partitions..(n + 1) * partitions - 1 LOOP
            EXECUTE format('CREATE TABLE part_%s PARTITION OF parts_%s FOR VALUES FROM (%s) TO (%s)', m, n, m, m + 1);
            EXECUTE format('INSERT INTO part_%s VALUES (1, %s, ''a'')', m, m);
            IF m % 100 = 0 THEN COMMIT; END IF;
        END LOOP;
        COMMIT;
    END LOOP;
END $$
"""
CHANGE = """
DO $$ BEGIN
    FOR n IN 1..{} LOOP
        EXECUTE format('UPDATE table_%s SET x = x || ''.'' WHERE id = 1', n * 10);
        EXECUTE format('DELETE FROM part_%s WHERE id = 1', n * 5 - 1);
        EXECUTE format('INSERT INTO parts VALUES (2, %s, ''b'')
                        ON CONFLICT (id, k) DO UPDATE SET x = parts.x || ''.''', n);
    END LOOP;
END $$
"""


@pytest.fixture
def roomy(server_folder: Path) -> Iterator[DatabasePair]:
    """Servers with room for the locks of a dump of all tables."""
    settings = {"max_locks_per_transaction": "1000"}
    with ExitStack() as stack:
        source, destination = (
            Cluster(server_folder / f"many_{version}", version, durable=False, settings=settings)
            for version in (16, 18)
        )
        for cluster in (source, destination):
            stack.callback(cluster.destroy)
            cluster.create().start()
        for cluster in (source, destination):
            cluster.create_database("many")
        pair = DatabasePair(source, destination, "many", source.connect("many"), destination.connect("many"))
        yield pair
        pair.close()


def memory_bytes(task: RunningTask) -> int:
    """Memory of the engine and its children: PSS, which counts once what they share."""
    engine = task.engine
    found = 0
    for pid in [engine, *processes.children_of(engine)] if engine else []:
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        if match := re.search(r"^Pss:\s+(\d+) kB", rollup, re.MULTILINE):
            found += int(match[1]) * 1024
    return found


@contextmanager
def sampled(task: RunningTask) -> Iterator[list[int]]:
    """The memory every second while the block runs."""
    samples: list[int] = []
    ended = threading.Event()

    def body() -> None:
        while not ended.wait(SAMPLE_SECONDS):
            samples.append(memory_bytes(task))

    thread = threading.Thread(target=body)
    thread.start()
    try:
        yield samples
    finally:
        ended.set()
        thread.join()


@pytest.mark.parametrize(
    ("tables", "trees", "partitions"),
    [
        pytest.param(2_000, 4, 250, id="2,000 tables and 1,000 partitions"),
        pytest.param(20_000, 20, 500, id="20,000 tables and 10,000 partitions"),
    ],
)
def test_thousands_of_tables_and_partitions_come_over_and_are_followed(
    roomy: DatabasePair, tmp_path: Path, state_home: Path, tables: int, trees: int, partitions: int
) -> None:
    change = CHANGE.format(tables // 10)
    roomy.source.execute(FILL)
    roomy.source.execute("CALL fill(%s, %s, %s)", (tables, trees, partitions))
    roomy.source.execute("DROP PROCEDURE fill")
    with running(roomy, tmp_path, "", name="many") as task:
        with sampled(task) as samples:
            syncwizard("start", task.file, "--until", "caught-up", timeout=3600)
            syncwizard("wait", task.name, "--until", "indexed", "--timeout", "3600", timeout=3700)
        print(f"peak {max(samples) // MIB} MiB, {len(samples)} s")
        assert 0 < max(samples) < BASE_BYTES + TABLE_BYTES * (tables + trees * partitions)
        assert len(assert_equal(roomy)) == tables + 1
        roomy.source.execute(change.encode())
        task.caught_up(600)
        before = memory_bytes(task)
        for _ in range(5):
            roomy.source.execute(change.encode())
            task.caught_up(600)
        after = memory_bytes(task)
        print(f"following {before // MIB} MiB, then {after // MIB} MiB")
        assert after < before * 1.1
        assert_equal(roomy)
        task.pause()
        task.resume("--until", "caught-up")
        task.release()
