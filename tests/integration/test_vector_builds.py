"""Indexes of pgvector are built with workers, but for those of HNSW where its version must not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from syncwizard.stages import precheck
from tests.support.inprocess import TaskRun
from tests.support.pair import DatabasePair
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
CREATE TABLE noted.builds (statement text, workers text);
CREATE FUNCTION noted.note() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO noted.builds VALUES (current_query(), current_setting('max_parallel_maintenance_workers'));
END $$;
CREATE EVENT TRIGGER noted ON ddl_command_start WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION noted.note();
CREATE EXTENSION vector;
"""


@pytest.fixture
def vectors(pair: DatabasePair) -> Iterator[DatabasePair]:
    """A table with vectors; the destination notes with how many workers its indexes are built."""
    pair.source.execute(VECTORS)
    pair.destination.execute(NOTED)
    yield pair
    pair.destination.execute("DROP EVENT TRIGGER noted")


def workers(pair: DatabasePair, index: str) -> int:
    row = pair.destination.execute(
        "SELECT workers FROM noted.builds WHERE statement LIKE 'CREATE INDEX CONCURRENTLY ' || %s || ' %%'", (index,)
    ).fetchone()
    assert row is not None
    return int(row[0])


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
    assert (workers(vectors, "by_hnsw") > 0) == safe
    assert workers(vectors, "by_ivfflat") > 0
