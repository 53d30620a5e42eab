"""Definitions that change while a task begins, between two of its stages (rules 11, 23)."""

from pathlib import Path
from typing import Any

import pytest

from syncwizard.stages.capture import schema
from syncwizard.stages.capture import stage as capture
from syncwizard.stages.definitions import constraints, indexes, keys
from syncwizard.stages.full import stage as full
from syncwizard.task.events import DefinitionMissing
from syncwizard.task.specification import Advanced, SchemaObjects
from tests.support.comparison import assert_equal
from tests.support.copying import copy_again
from tests.support.followed import assert_same_definitions, definitions
from tests.support.inprocess import TaskRun
from tests.support.pair import DatabasePair
from tests.support.rowpath import RowPath

pytestmark = pytest.mark.slow

FOLLOWING: dict[str, Any] = {
    "advanced": Advanced(ddl="follow", dropped_tables="drop"),
    "objects": [SchemaObjects(schema="public")],
}
MADE = """CREATE TABLE t (id int PRIMARY KEY, v text, w int NOT NULL, u int UNIQUE); CREATE INDEX t_v ON t (v);
CREATE INDEX t_lower ON t (lower(v)); CREATE TABLE gone (id int PRIMARY KEY, w int NOT NULL);
CREATE TABLE tree (id int PRIMARY KEY, v text) PARTITION BY RANGE (id);
CREATE TABLE tree_1 PARTITION OF tree FOR VALUES FROM (0) TO (10);
CREATE TABLE tree_2 PARTITION OF tree FOR VALUES FROM (10) TO (20);
CREATE TABLE tree_3 PARTITION OF tree FOR VALUES FROM (20) TO (30); CREATE TABLE tree_4 (LIKE tree INCLUDING ALL);
INSERT INTO t VALUES (1, 'a', 1, 1); INSERT INTO gone VALUES (1, 1); INSERT INTO tree VALUES (1, 'a'), (11, 'b')"""


def test_what_changes_before_it_is_copied_or_made_arrives(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute(MADE)
    path = RowPath(pair, TaskRun(pair.spec(**FOLLOWING), tmp_path))
    context = path.context()
    capture.run(context)
    schema.run(context)
    pair.source.execute(
        "DROP INDEX t_v; ALTER INDEX t_lower RENAME TO t_other; ALTER TABLE t DROP CONSTRAINT t_u_key;"
        " INSERT INTO t VALUES (2, 'b', 2, 1); ALTER TABLE gone DROP COLUMN w"
    )
    # Rows of before, which no change brings.
    pair.source.execute("ALTER TABLE tree DETACH PARTITION tree_2")
    pair.source.execute("DROP TABLE tree_3")
    pair.source.execute("ALTER TABLE tree ATTACH PARTITION tree_4 FOR VALUES FROM (40) TO (50)")
    pair.source.execute("INSERT INTO tree VALUES (41, 'c'); INSERT INTO tree_2 VALUES (90, 'd')")
    full.run(context)
    keys.run(context)
    context.held.close()
    with path.following():
        path.caught_up(120)
    constraints.run(path.context())
    indexes.run(path.context())
    copy_again(path, {"gone": "column w was dropped", "tree_2": "detached from its tree"})
    with path.following():
        path.caught_up(120)
    assert_equal(pair)
    assert_same_definitions(pair)
    for each in ("t", "tree_2", "gone"):
        assert {part.name for part in definitions(pair.destination)[each].indexes} <= {"t_other"}
    assert not [event for event in path.task.events if isinstance(event, DefinitionMissing)]


def test_capture_begins_anew_where_definitions_are_read_later(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute(
        "CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY) PARTITION BY LIST (id)"
    )
    path = RowPath(pair, TaskRun(pair.spec(**FOLLOWING), tmp_path))
    context = path.context()
    capture.run(context)
    # As after a kill.
    context.held.close()
    pair.source.execute(
        "CREATE TABLE v (id int PRIMARY KEY); ALTER TABLE v ADD n int DEFAULT 3; INSERT INTO v VALUES (7)"
    )
    pair.source.execute("CREATE TABLE part (id int PRIMARY KEY); INSERT INTO part VALUES (1); DELETE FROM part")
    pair.source.execute("ALTER TABLE u ATTACH PARTITION part FOR VALUES IN (2)")
    schema.run(context)
    full.run(context)
    keys.run(context)
    context.held.close()
    with path.following():
        pair.source.execute("INSERT INTO u VALUES (2); ALTER TABLE v ADD m int; INSERT INTO v VALUES (8, 4, 5)")
        path.caught_up(120)
    assert_equal(pair)
    assert_same_definitions(pair)
    assert path.context().state().aside == ()
