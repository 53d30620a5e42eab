"""What a changed definition sets aside is copied again without an order, whatever dies meanwhile."""

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from syncwizard.engine.copy_keeper import CopyKeeper
from syncwizard.task.copying_again import MOST_COPIES
from syncwizard.task.events import (
    Event,
    ResyncRequested,
    StageFinished,
    StageStarted,
    TableCopied,
    TableSetAside,
    TableToCopy,
)
from syncwizard.task.names import TableName
from syncwizard.task.specification import Advanced, Retry
from tests.faults import processes
from tests.faults.running import RunningTask, reached, running
from tests.faults.running import change as change_others
from tests.support.followed import assert_same_definitions
from tests.support.pair import DatabasePair
from tests.support.rowpath import RowPath, row_path
from tests.support.waiting import until

pytestmark = pytest.mark.slow

FOLLOWING: dict[str, Any] = {
    "advanced": Advanced(ddl="follow", retry=Retry(connection_minutes=10, other_minutes=1)),
}
MADE = """
CREATE EXTENSION IF NOT EXISTS vector;
CREATE TABLE one (id int PRIMARY KEY, n int NOT NULL, body text);
CREATE TABLE two (id int PRIMARY KEY, one_id int NOT NULL REFERENCES one, label text UNIQUE);
CREATE TABLE three (note text);
CREATE TABLE passages (id int PRIMARY KEY, embedding vector(3), n int);
CREATE INDEX passages_embedding ON passages USING hnsw (embedding vector_l2_ops) WITH (m = 8);
INSERT INTO one SELECT i, 0, repeat('x', 3000) FROM generate_series(1, 300) i;
INSERT INTO two SELECT i, i, 'label ' || i FROM generate_series(1, 300) i;
INSERT INTO three SELECT 'note ' || i % 50 FROM generate_series(1, 200) i;
INSERT INTO passages SELECT i, ARRAY[i, 2, 3]::vector, i FROM generate_series(1, 500) i
"""
# Each with rows of its table around it, in one transaction.
CHANGES = (
    "DROP INDEX passages_embedding; ALTER TABLE passages ALTER embedding TYPE vector(4) USING"
    " (embedding::real[] || 1::real)::vector(4); CREATE INDEX passages_embedding ON passages USING hnsw"
    " (embedding vector_cosine_ops)",
    "ALTER TABLE passages ADD COLUMN at double precision NOT NULL DEFAULT random()",
    "ALTER TABLE passages ALTER n TYPE text USING 'n' || n, ADD COLUMN number serial",
)


def aside(event: Event) -> bool:
    return isinstance(event, TableSetAside)


def ordered(event: Event) -> bool:
    return isinstance(event, ResyncRequested) and event.automatic


def copying(event: Event) -> bool:
    return isinstance(event, StageStarted) and event.stage == "full"


MOMENTS: tuple[Callable[[Event], bool], ...] = (aside, ordered, copying)


def change(task: RunningTask, statements: str, number: int) -> None:
    with task.pair.source_cluster.connect(task.pair.database) as session, session.transaction():
        session.execute("UPDATE passages SET id = id + 10000 WHERE id = %s", (number,))
        session.execute(statements.encode())
        session.execute("DELETE FROM passages WHERE id = %s", (100 + number,))


def in_step_again(task: RunningTask, after: int) -> bool:
    """Whether it was copied, and nothing is set aside, after so many events."""
    copied = reached(task, lambda event: isinstance(event, TableCopied) and event.table.name == "passages", after)
    return copied and task.state.aside == () and task.state.state == "synchronizing"


def test_what_a_definition_sets_aside_is_copied_again_over_kills(
    pair: DatabasePair, tmp_path: Path, state_home: Path
) -> None:
    with running(pair, tmp_path, MADE, **FOLLOWING) as task:
        task.start("--until", "caught-up")
        until(lambda: task.state.finished("indexes"), 60, "the indexes")
        for number, (statements, come) in enumerate(zip(CHANGES, MOMENTS, strict=True), 1):
            before = len(task.events)
            change_others(pair)
            change(task, statements, number)
            until(lambda come=come, before=before: reached(task, come, before), 90, come.__name__)  # type: ignore[misc]
            change_others(pair)
            task.kill_engine()
            change_others(pair)
            task.resume()
            until(lambda before=before: in_step_again(task, before), 120, "the copy")  # type: ignore[misc]
        task.converged(90)
        assert_same_definitions(pair)
        # The applier alone: the destination has recorded it, the journal perhaps not.
        before = len(task.events)
        change(task, "ALTER TABLE passages ADD COLUMN salt uuid DEFAULT gen_random_uuid()", 9)
        processes.kill(task.follow())
        until(lambda: in_step_again(task, before), 120, "the copy")
        task.converged(90)
        assert_same_definitions(pair)
        assert sum(map(ordered, task.events)) >= len(CHANGES) + 1
        task.release()


def waiting_for_a_copy(path: RowPath, table: str) -> None:
    """A task whose definitions are done, with one table set aside by a change of its definition."""
    for stage in ("precheck", "constraints", "indexes"):
        path.task.record(StageFinished(stage=stage))
    path.task.record(StageStarted(stage="incremental"))
    path.task.record(TableSetAside(table=TableName("public", table), reason="rewritten", redefined=True))


@pytest.fixture
def keeper_of() -> Callable[[RowPath], tuple[CopyKeeper, list[ResyncRequested]]]:
    def made(path: RowPath) -> tuple[CopyKeeper, list[ResyncRequested]]:
        orders: list[ResyncRequested] = []
        return CopyKeeper(path.context(), orders.append), orders

    return made


def test_a_table_is_copied_again_a_few_times_and_then_left_with_its_reason(
    pair: DatabasePair, tmp_path: Path, keeper_of: Callable[[RowPath], tuple[CopyKeeper, list[ResyncRequested]]]
) -> None:
    path = row_path(pair, tmp_path, "CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY)")
    path.copy()
    waiting_for_a_copy(path, "t")
    keeper, orders = keeper_of(path)

    def looked() -> bool:
        keeper.look(busy=False)
        return bool(orders)

    # What was refused is left to a person.
    refused = TableSetAside(table=TableName("public", "u"), reason="duplicates", detail="of its key", sqlstate="23505")
    path.task.record(refused)

    keeper.look(busy=True)
    until(looked, 30, "an order")
    assert orders[0].automatic and [each.table.name for each in orders[0].tables] == ["t"]
    for _ in range(MOST_COPIES):
        again = ResyncRequested(
            id=uuid.uuid4(),
            tables=[TableToCopy(table=TableName("public", "t"), rows=1, bytes=1)],
            whole=False,
            automatic=True,
        )
        path.task.record(again)
    waiting_for_a_copy(path, "t")
    # One in the way of which something is does not keep others from being copied.
    path.task.record(TableSetAside(table=TableName("public", "gone"), reason="rewritten", redefined=True))
    path.task.record(TableSetAside(table=TableName("public", "u"), reason="rewritten", redefined=True))
    orders.clear()
    until(looked, 30, "an order for the third")
    assert [each.table.name for each in orders[0].tables] == ["u"]
    left = {event.table.name: event.by_hand for event in path.context().state().aside}
    assert "5 times" in left["t"] and "not among the task's tables" in left["gone"] and not left["u"]
