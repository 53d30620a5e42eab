"""The demo's parts on real servers: loading, writing, comparing."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from syncwizard.demo.comparison import Session, compare, exact_neighbours, sample_vectors
from syncwizard.demo.knowledge_base import TABLES, build_indexes, load
from syncwizard.demo.servers import Cluster
from syncwizard.demo.workload import Workload
from tests.conftest import connected
from tests.support.comparison import contents
from tests.support.pair import DatabasePair
from tests.support.waiting import until

pytestmark = pytest.mark.slow

PASSAGES = 600


@pytest.fixture(scope="module")
def sample(source_cluster: Cluster, destination_cluster: Cluster) -> Iterator[DatabasePair]:
    """The same sample at both ends."""
    with contextmanager(connected)(source_cluster, destination_cluster) as pair:
        for session in (pair.source, pair.destination):
            load(session, PASSAGES)
            build_indexes(session)
        yield pair


@pytest.fixture
def loaded(sample: DatabasePair) -> Iterator[DatabasePair]:
    """The sample; what a test does with its session at the destination is undone after it."""
    with sample.destination.transaction(force_rollback=True):
        yield sample


def test_loading_is_the_same_everywhere(loaded: DatabasePair) -> None:
    found = compare(loaded.source, loaded.destination)
    assert found.equal
    assert [table.table for table in found.tables] == list(TABLES)
    assert next(table.source.rows for table in found.tables if table.table == "passages") == PASSAGES
    assert found.neighbours.vectors == 50
    assert found.neighbours.source_recall > 0.9 < found.neighbours.destination_recall


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE kb.documents SET path = path || 'x' WHERE id = 3",
        "UPDATE kb.passages SET updated_at = updated_at + interval '1 microsecond' WHERE id = 5",
        "DELETE FROM kb.tags WHERE passage_id = 7 AND tag = 'module'",
        "INSERT INTO kb.query_log SELECT * FROM kb.query_log LIMIT 1",
        "INSERT INTO kb.query_log SELECT * FROM kb.query_log UNION ALL SELECT * FROM kb.query_log",
    ],
)
def test_a_difference_in_any_table_is_found(loaded: DatabasePair, change: str) -> None:
    loaded.destination.execute(change)
    found = compare(loaded.source, loaded.destination)
    assert not found.equal
    assert sum(not table.equal for table in found.tables) == 1


def test_a_changed_vector_changes_the_neighbours(loaded: DatabasePair) -> None:
    vector = sample_vectors(loaded.source)[0]
    nearest = exact_neighbours(loaded.destination, vector)[0].id
    loaded.destination.execute(
        "UPDATE kb.passages SET embedding = embedding * array_fill(-1::real, ARRAY[384])::vector WHERE id = %s",
        (nearest,),
    )
    found = compare(loaded.source, loaded.destination)
    assert found.neighbours.equal < found.neighbours.vectors
    assert not found.equal


def uses_index(session: Session) -> bool:
    with session.transaction():
        session.execute("SET LOCAL enable_seqscan = off")
        plan = session.execute(
            "EXPLAIN SELECT id, embedding <=> (SELECT embedding FROM kb.passages LIMIT 1) AS distance"
            " FROM kb.passages ORDER BY distance LIMIT 10"
        ).fetchall()
    return any("passages_embedding" in line for (line,) in plan)


def test_recall_is_that_of_the_index(loaded: DatabasePair) -> None:
    assert uses_index(loaded.source)
    assert uses_index(loaded.destination)


def test_the_workload_writes_to_every_table_until_it_is_stopped(pair: DatabasePair) -> None:
    load(pair.source, PASSAGES)
    before = contents(pair.source)
    with Workload(pair.source_endpoint, rate=500) as workload:

        def all_changed() -> bool:
            now = contents(pair.source)
            left = pair.source.execute("SELECT count(*) FROM kb.passages WHERE id <= %s", (PASSAGES,)).fetchone()
            return left != (PASSAGES,) and all(now[f"kb.{table}"] != before[f"kb.{table}"] for table in TABLES)

        until(all_changed, 20, "every table to change, and a passage to go")
        done = workload.stop()
    assert not workload.running
    assert done.transactions > 0
    assert set(done.statements) == {"insert", "update", "delete"}
    after = contents(pair.source)
    assert contents(pair.source) == after


def test_the_workload_says_when_it_failed(pair: DatabasePair) -> None:
    with Workload(pair.source_endpoint) as workload:
        until(lambda: not workload.running, 20, "the workload to fail without its tables")
        with pytest.raises(RuntimeError, match="exit status 1"):
            workload.stop()


SERVING = """
import signal
from syncwizard.demo.workspace import workspace
with workspace(None) as place:
    print(place.folder, flush=True)
    signal.pause()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_nothing_is_left_of_a_demo_whose_terminal_is_closed(number: signal.Signals) -> None:
    demo = subprocess.Popen([sys.executable, "-c", SERVING], stdout=subprocess.PIPE, text=True)
    assert demo.stdout is not None
    folder = Path(demo.stdout.readline().strip())
    assert (folder / "source").is_dir()
    demo.send_signal(number)
    assert demo.wait(60) == -signal.SIGINT
    demo.stdout.close()
    assert not folder.exists()
