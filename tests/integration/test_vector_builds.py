"""Indexes of pgvector are built with workers, but for those of HNSW where its version must not."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from syncwizard.stages import precheck
from syncwizard.stages.capture import stage as capture
from syncwizard.stages.definitions import indexes, keys, schema
from syncwizard.stages.full import stage as full
from tests.support.inprocess import TaskRun
from tests.support.pair import DatabasePair
from tests.support.rowpath import RowPath
from tests.support.stages import everything

VECTORS = """
CREATE EXTENSION vector;
CREATE TABLE notes (id int PRIMARY KEY, v vector(3));
INSERT INTO notes SELECT n, ARRAY[n, n % 7, n % 3]::vector FROM generate_series(1, 50) AS n;
CREATE INDEX by_hnsw ON notes USING hnsw (v vector_l2_ops);
CREATE INDEX by_ivfflat ON notes USING ivfflat (v vector_l2_ops) WITH (lists = 2);
"""
# What a session has set when it begins to build an index.
NOTED = """
CREATE SCHEMA noted;
CREATE TABLE noted.builds (statement text, workers int, memory bigint, smallest_scan bigint);
CREATE FUNCTION noted.note() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO noted.builds SELECT current_query(), current_setting('max_parallel_maintenance_workers')::int,
        pg_size_bytes(current_setting('maintenance_work_mem')),
        pg_size_bytes(current_setting('min_parallel_table_scan_size'));
END $$;
CREATE EVENT TRIGGER noted ON ddl_command_start WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION noted.note();
CREATE EXTENSION vector;
"""
ANALYZED = """
SELECT reltuples::int, EXISTS (SELECT FROM pg_statistic WHERE starelid = pg_class.oid)
  FROM pg_class WHERE oid = 'notes'::regclass
"""
# Of `maintenance_work_mem` since PostgreSQL 18.
SMALLEST_BYTES = 64 * 1024


@pytest.fixture
def vectors(pair: DatabasePair) -> Iterator[DatabasePair]:
    """A table with vectors; the destination notes with how many workers its indexes are built."""
    pair.source.execute(VECTORS)
    pair.destination.execute(NOTED)
    yield pair
    pair.destination.execute("DROP EVENT TRIGGER noted")


class Build(NamedTuple):
    """What a session had when it built an index: workers, bytes of memory, and the bytes from which on a table is read
    by several of them."""

    workers: int
    memory: int
    smallest_scan: int


def built(pair: DatabasePair, index: str) -> Build:
    """How the index was built."""
    row = pair.destination.execute(
        "SELECT workers, memory, smallest_scan FROM noted.builds"
        " WHERE statement LIKE 'CREATE INDEX CONCURRENTLY ' || %s || ' %%'",
        (index,),
    ).fetchone()
    assert row is not None
    return Build(*row)


@pytest.mark.parametrize(("version", "safe"), [("0.8.1", False), ("0.8.2", True)])
def test_hnsw_is_built_by_one_process_where_pgvector_has_the_fault(
    vectors: DatabasePair, tmp_path: Path, version: str, safe: bool
) -> None:
    vectors.destination.execute("UPDATE pg_extension SET extversion = %s WHERE extname = 'vector'", (version,))
    run = TaskRun(vectors.spec(), tmp_path)
    precheck.run(run.context())
    (item,) = [item for item in run.state.precheck if item.item == "vector-builds"]
    assert (item.verdict == "passed", item.blocks) == (safe, False)
    assert safe or ("1 HNSW index " in item.message and "CVE-2026-3172" in item.message)
    everything(run)
    assert (built(vectors, "by_hnsw").workers > 0) == safe
    assert built(vectors, "by_ivfflat").workers > 0


def test_a_build_has_the_workers_and_the_memory_that_were_chosen_for_it(vectors: DatabasePair, tmp_path: Path) -> None:
    """With a server that was tuned to have none of its own, but memory for all."""
    destination = vectors.destination
    vectors.source.execute("INSERT INTO notes SELECT n, ARRAY[n, 1, 2]::vector FROM generate_series(51, 3000) AS n")
    vectors.source.execute("CREATE INDEX plain ON notes (v) WHERE v IS NOT NULL")
    for setting in ("maintenance_work_mem = '64kB'", "max_parallel_maintenance_workers = 0"):
        destination.execute(f"ALTER DATABASE {vectors.destination_database} SET {setting}".encode())
    context = RowPath(vectors, TaskRun(vectors.spec(), tmp_path)).context()
    with closing(context.held):
        for stage in (capture, schema, full, keys, indexes):
            stage.run(context)
    for index in ("by_hnsw", "by_ivfflat"):
        build = built(vectors, index)
        # Vectors live in TOAST: the table itself is small.
        assert build.workers == 2 and build.memory > SMALLEST_BYTES and build.smallest_scan == 0, index
    build = built(vectors, "plain")
    assert build.workers == 0 and build.memory > SMALLEST_BYTES and build.smallest_scan > 0
    (last_analyzed,) = destination.execute(ANALYZED).fetchall()
    assert last_analyzed == (3000, True)
