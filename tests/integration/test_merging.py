"""Several tables go to one, each row with its origin in the key (DESIGN rule 22)."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from syncwizard.errors import PrecheckNotPassed
from syncwizard.stages import precheck
from syncwizard.stages.capture import stage as capture
from syncwizard.stages.commands import resync
from syncwizard.stages.definitions import constraints, keys, schema
from syncwizard.stages.full import stage as full
from syncwizard.task.events import PrecheckItemFinished
from syncwizard.task.names import TableName
from syncwizard.task.resync import ResyncWish
from syncwizard.task.specification import SchemaObjects, Synchronization, TableObject
from tests.support.inprocess import TaskRun
from tests.support.pair import DatabasePair
from tests.support.rowpath import RowPath

pytestmark = pytest.mark.slow

STAGES = (precheck, capture, schema, full, keys, constraints)
SHARDS = """
    CREATE TABLE shard_1 (id int PRIMARY KEY, note text, body text);
    CREATE TABLE shard_2 (LIKE shard_1 INCLUDING ALL);
    CREATE TABLE shard_3 (body text, id int PRIMARY KEY, note text);
    INSERT INTO shard_1 SELECT i, 'one ' || i, repeat('x', 3000) FROM generate_series(1, 200) i;
    INSERT INTO shard_2 SELECT i, 'two ' || i, NULL FROM generate_series(1, 100) i;
    INSERT INTO shard_3 SELECT 'b', i, 'three ' || i FROM generate_series(1, 50) i;
"""
ALL = (
    'CREATE TABLE "all" (source_table text NOT NULL, id int NOT NULL, remark text, body text,'
    " PRIMARY KEY (source_table, id))"
)


def shard(number: int) -> TableObject:
    return TableObject(table=f"shard_{number}", name="all", columns={"note": "remark"}, origin_column="source_table")


def spec_fields(*numbers: int, types: list[str] | None = None) -> dict[str, Any]:
    return {
        "objects": [SchemaObjects(schema="public", tables=[shard(number) for number in numbers])],
        "synchronization": msgspec.convert({"types": types or ["full", "incremental"]}, Synchronization),
    }


def assert_merged(pair: DatabasePair, *numbers: int) -> None:
    for number in numbers:
        here = pair.source.execute(f"SELECT id, note, body FROM shard_{number} ORDER BY id".encode()).fetchall()
        there = pair.destination.execute(
            'SELECT id, remark, body FROM "all" WHERE source_table = %s ORDER BY id',
            (f"{pair.database}.public.shard_{number}",),
        ).fetchall()
        assert here == there, number


def test_tables_are_merged_and_each_change_finds_its_own_rows(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute(SHARDS)
    pair.destination.execute(ALL)
    pair.destination.execute("INSERT INTO \"all\" VALUES ('elsewhere', 1, 'not ours', NULL)")
    path = RowPath(pair, TaskRun(pair.spec(**spec_fields(1, 2)), tmp_path))
    context = path.context()
    for stage in STAGES:
        stage.run(context)
    assert_merged(pair, 1, 2)
    # A second task brings a third table, while the first goes on.
    folder = tmp_path / "other"
    folder.mkdir()
    other = RowPath(pair, TaskRun(pair.spec(name="other", **spec_fields(3)), folder))
    context = other.context()
    for stage in STAGES:
        stage.run(context)
    with path.following():
        pair.source.execute("UPDATE shard_1 SET note = 'changed' WHERE id <= 3; DELETE FROM shard_2 WHERE id = 1")
        pair.source.execute("UPDATE shard_1 SET id = id + 1000 WHERE id <= 100")
        pair.source.execute("INSERT INTO shard_2 SELECT i, 'more', 'b' FROM generate_series(1000, 1100) i")
        pair.source.execute("UPDATE shard_1 SET id = 5000 WHERE id = 150; DELETE FROM shard_1 WHERE id > 190")
        path.caught_up(120)
        assert_merged(pair, 1, 2, 3)
        pair.source.execute("TRUNCATE shard_2; INSERT INTO shard_2 VALUES (7, 'after', NULL)")
        path.caught_up(120)
    assert_merged(pair, 1, 2, 3)
    assert pair.destination.execute("SELECT count(*) FROM \"all\" WHERE source_table = 'elsewhere'").fetchone() == (1,)


def test_a_table_that_is_copied_again_leaves_the_rows_of_others(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute(SHARDS)
    pair.destination.execute(ALL)
    path = RowPath(pair, TaskRun(pair.spec(**spec_fields(1, 2)), tmp_path))
    for stage in STAGES:
        stage.run(path.context())
    pair.destination.execute("UPDATE \"all\" SET remark = 'wrong'")
    wish = ResyncWish(tables=[TableName("public", "shard_1")])
    path.task.record(resync.describe(path.context(), wish))
    context = path.context()
    capture.run(context)
    full.run(context)
    assert_merged(pair, 1)
    assert pair.destination.execute("SELECT count(*) FROM \"all\" WHERE remark = 'wrong'").fetchone() == (100,)


@pytest.mark.parametrize(
    ("definition", "tables", "message"),
    [
        (None, [shard(1)], "which does not exist"),
        (ALL, [shard(1), msgspec.structs.replace(shard(2), origin_column=None)], "give each another name"),
        (ALL.replace("PRIMARY KEY (source_table, id)", "PRIMARY KEY (id)"), [shard(1), shard(2)], "could have one key"),
        (ALL.replace("source_table text", "source_table int"), [shard(1)], "no column source_table of type text"),
    ],
    ids=["missing", "two origins", "key without origin", "origin of another type"],
)
def test_what_could_not_be_told_apart_is_refused(
    definition: str | None, tables: list[TableObject], message: str, pair: DatabasePair, tmp_path: Path
) -> None:
    pair.source.execute(SHARDS)
    if definition is not None:
        pair.destination.execute(definition.encode())
    fields = spec_fields() | {"objects": [SchemaObjects(schema="public", tables=tables)]}
    run = TaskRun(pair.spec(**fields), tmp_path)
    with pytest.raises(PrecheckNotPassed):
        precheck.run(run.context())
    [found] = [
        event for event in run.events if isinstance(event, PrecheckItemFinished) and event.item == "object-names"
    ]
    assert message in found.message
