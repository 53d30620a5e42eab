"""Vector indexes under a backlog: dropped and built again as the task asks for, whatever dies meanwhile."""

from pathlib import Path
from typing import Any

import pytest

from syncwizard.task.events import DefinitionMissing, Event, Noticed
from syncwizard.task.limiting import Limits, Throttle
from syncwizard.task.specification import Advanced, VectorIndexes
from tests.faults.running import RunningTask, reached, running
from tests.support.commands import syncwizard
from tests.support.pair import DatabasePair
from tests.support.waiting import until

pytestmark = pytest.mark.slow

MADE = """
CREATE EXTENSION IF NOT EXISTS vector;
CREATE TABLE docs (id int PRIMARY KEY, n int NOT NULL, embedding vector(32), body text);
CREATE INDEX docs_n ON docs (n);
CREATE INDEX docs_embedding ON docs USING hnsw (embedding vector_l2_ops) WITH (m = 4, ef_construction = 16);
CREATE TABLE other (id int PRIMARY KEY);
INSERT INTO docs SELECT i, 0, array_fill(i, ARRAY[32])::vector, repeat('x', 300) FROM generate_series(1, 1500) i
"""
CHANGES = 6000
A_TRANSACTION = 100


def with_policy(policy: VectorIndexes) -> dict[str, Any]:
    """So slow that the backlog lasts for some looks at it."""
    throttle = Throttle(incremental=Limits(rows_per_second=700))
    return {"advanced": Advanced(vector_indexes=policy, throttle=throttle)}


def make_backlog(pair: DatabasePair) -> None:
    for start in range(0, CHANGES, A_TRANSACTION):
        first = start % 1500
        pair.source.execute(
            "UPDATE docs SET n = n + 1, embedding = array_fill(id + n, ARRAY[32])::vector, body = body"
            " WHERE id BETWEEN %s AND %s",
            (first + 1, first + A_TRANSACTION),
        )


def index_is_valid(pair: DatabasePair) -> bool:
    row = pair.destination.execute(
        "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('public.docs_embedding')"
    ).fetchone()
    return row == (True,)


def postponed(event: Event) -> bool:
    return isinstance(event, DefinitionMissing) and event.postponed and "docs_embedding" in event.name


def advised(event: Event) -> bool:
    return isinstance(event, Noticed) and "built more quickly" in event.message


def has_its_index_again(task: RunningTask) -> bool:
    return not task.state.missing_definitions and index_is_valid(task.pair)


def test_indexes_are_dropped_and_built_again_over_a_kill(pair: DatabasePair, tmp_path: Path, state_home: Path) -> None:
    with running(pair, tmp_path, MADE, **with_policy("rebuild")) as task:
        task.start("--until", "caught-up")
        until(lambda: task.state.finished("indexes"), 60, "the indexes")
        task.pause()
        make_backlog(pair)
        task.resume()
        until(lambda: reached(task, postponed), 60, "the index to be dropped")
        task.kill_engine()
        [missing] = task.state.missing_definitions
        assert missing.postponed and "builds it again" in missing.reason
        task.resume()
        until(lambda: has_its_index_again(task), 120, "the index")
        task.converged(90)
        # Copied again, it is filled without the index, too.
        before = len(task.events)
        syncwizard("resync", task.name, "--table", "public.docs", "--yes")
        until(lambda: reached(task, postponed, before), 60, "the index to be dropped")
        until(lambda: has_its_index_again(task), 120, "the index")
        task.converged(90)
        task.release()


def test_the_task_asks_and_an_order_is_carried_out(pair: DatabasePair, tmp_path: Path, state_home: Path) -> None:
    with running(pair, tmp_path, MADE, **with_policy("ask")) as task:
        task.start("--until", "caught-up")
        until(lambda: task.state.finished("indexes"), 60, "the indexes")
        refused = syncwizard("definitions", task.name, "--rebuild", "public.other", expect=2)
        assert "public.other has no vector index" in refused.stderr and "name one of public.docs" in refused.stderr
        task.pause()
        make_backlog(pair)
        task.resume()
        until(lambda: reached(task, advised), 60, "the advice")
        assert index_is_valid(pair) and not reached(task, postponed)
        [advice] = [event for event in task.events if advised(event)]
        assert isinstance(advice, Noticed)
        assert f"syncwizard definitions {task.name} --rebuild public.docs" in str(advice.remedy)
        syncwizard("definitions", task.name, "--rebuild", "public.docs")
        until(lambda: reached(task, postponed), 60, "the index to be dropped")
        until(lambda: has_its_index_again(task), 120, "the index")
        task.converged(90)
        task.release()
