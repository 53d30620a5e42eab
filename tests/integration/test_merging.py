"""Several tables go to one, each row with its origin in the key (DESIGN rule 22)."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from syncwizard.errors import PrecheckNotPassed, SyncwizardError
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
def test_what_could_not_be_distinguished_is_refused(
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


# Told apart by their keys, which constraints keep disjoint ---------------------------------------------------------

TENANTS = """
    CREATE TABLE tenant_1 (tenant int CHECK (tenant = 1), id int, note text, PRIMARY KEY (tenant, id));
    CREATE TABLE tenant_2 (tenant int, id int, note text, PRIMARY KEY (tenant, id),
                           CONSTRAINT own CHECK (tenant IN (2, 3)));
    CREATE TABLE tenant_4 (tenant int, id int, note text, PRIMARY KEY (tenant, id)) PARTITION BY RANGE (tenant);
    CREATE TABLE tenant_4_a PARTITION OF tenant_4 FOR VALUES FROM (4) TO (10);
    CREATE TABLE tenant_4_b PARTITION OF tenant_4 FOR VALUES FROM (10) TO (20);
    INSERT INTO tenant_1 SELECT 1, i, 'one ' || i FROM generate_series(1, 200) i;
    INSERT INTO tenant_2 SELECT 2 + i % 2, i, 'two ' || i FROM generate_series(1, 100) i;
    INSERT INTO tenant_4 SELECT 4 + i % 16, i, 'four ' || i FROM generate_series(1, 50) i;
"""
ALL_TENANTS = "CREATE TABLE tenants (id int, remark text, owner int, PRIMARY KEY (owner, id))"
KEYS = {"tenant_1": "tenant = 1", "tenant_2": "tenant IN (2, 3)", "tenant_4": "tenant >= 4 AND tenant < 20"}


def of_tenants(**keys: str | None) -> dict[str, Any]:
    tables = [
        TableObject(table=name, name="tenants", columns={"note": "remark", "tenant": "owner"}, origin_keys=text)
        for name, text in keys.items()
    ]
    types = msgspec.convert({"types": ["full", "incremental"]}, Synchronization)
    return {"objects": [SchemaObjects(schema="public", tables=tables)], "synchronization": types}


def assert_tenants_merged(pair: DatabasePair, *extra: tuple[int, int, str]) -> None:
    union = " UNION ALL ".join(f"SELECT tenant, id, note FROM {name}" for name in KEYS)
    here = pair.source.execute(f"{union} ORDER BY 1, 2".encode()).fetchall()
    there = pair.destination.execute("SELECT owner, id, remark FROM tenants ORDER BY 1, 2").fetchall()
    assert there == sorted([*here, *extra])


def test_tables_whose_keys_constraints_keep_apart_are_merged(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute(TENANTS)
    pair.destination.execute(ALL_TENANTS)
    pair.destination.execute("INSERT INTO tenants VALUES (1, 'not ours', 99)")
    strange = (99, 1, "not ours")
    path = RowPath(pair, TaskRun(pair.spec(**of_tenants(**KEYS)), tmp_path))
    for stage in STAGES:
        stage.run(path.context())
    assert_tenants_merged(pair, strange)
    with path.following():
        pair.source.execute("UPDATE tenant_1 SET note = 'changed' WHERE id <= 3; DELETE FROM tenant_2 WHERE id = 1")
        pair.source.execute("UPDATE tenant_1 SET id = id + 1000 WHERE id <= 100")
        pair.source.execute("UPDATE tenant_2 SET tenant = 5 - tenant WHERE id > 90")
        pair.source.execute("UPDATE tenant_4 SET tenant = 12 WHERE tenant = 4 AND id > 20")
        pair.source.execute("INSERT INTO tenant_2 SELECT 3, i, 'more' FROM generate_series(1000, 1100) i")
        path.caught_up(120)
        assert_tenants_merged(pair, strange)
        pair.source.execute("TRUNCATE tenant_2; INSERT INTO tenant_2 VALUES (2, 7, 'after')")
        # All partitions of one of them.
        pair.source.execute("TRUNCATE tenant_4; INSERT INTO tenant_4 VALUES (5, 1, 'after'), (15, 1, 'after')")
        path.caught_up(120)
    assert_tenants_merged(pair, strange)
    pair.destination.execute("UPDATE tenants SET remark = 'wrong' WHERE owner IN (1, 2)")
    wish = ResyncWish(tables=[TableName("public", "tenant_1")])
    path.task.record(resync.describe(path.context(), wish))
    context = path.context()
    capture.run(context)
    full.run(context)
    wrong = "SELECT DISTINCT owner FROM tenants WHERE remark = 'wrong'"
    assert pair.destination.execute(wrong.encode()).fetchall() == [(2,)]
    assert pair.destination.execute("SELECT count(*) FROM tenants WHERE owner = 1").fetchone() == (200,)


def test_a_row_that_leaves_the_keys_of_its_table_stops_the_task(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute(TENANTS)
    pair.destination.execute(ALL_TENANTS)
    path = RowPath(pair, TaskRun(pair.spec(**of_tenants(**KEYS)), tmp_path))
    for stage in STAGES:
        stage.run(path.context())
    pair.source.execute("ALTER TABLE tenant_2 DROP CONSTRAINT own")
    with pytest.raises(SyncwizardError) as stopped, path.following():
        # It would take the place of a row of tenant_1.
        pair.source.execute("INSERT INTO tenant_2 VALUES (1, 5, 'a thief')")
        path.caught_up(120)
    assert "a row of public.tenant_2 does not meet its origin_keys, tenant IN (2, 3)" in str(stopped.value)
    stolen = "SELECT remark FROM tenants WHERE owner = 1 AND id = 5"
    assert pair.destination.execute(stolen.encode()).fetchone() == ("one 5",)


@pytest.mark.parametrize(
    ("before", "keys", "message"),
    [
        ("", KEYS | {"tenant_1": None}, "would all be public.tenants"),
        (
            "",
            KEYS | {"tenant_2": "tenant IN (1, 2, 3)"},
            "tenant = 1 and tenant IN (1, 2, 3) do not exclude each other",
        ),
        ("ALTER TABLE tenant_2 DROP CONSTRAINT own", KEYS, "nothing keeps rows out of public.tenant_2"),
        (
            "ALTER TABLE tenant_2 DROP CONSTRAINT own; INSERT INTO tenant_2 VALUES (1, 5, 'a thief');"
            " ALTER TABLE tenant_2 ADD CHECK (tenant IN (2, 3)) NOT VALID",
            KEYS,
            "nothing keeps rows out of public.tenant_2",
        ),
        ("CREATE TABLE tenant_4_c PARTITION OF tenant_4 DEFAULT", KEYS, "nothing keeps rows out of public.tenant_4"),
        ("", KEYS | {"tenant_1": "note = 'x'"}, "note is not in the key of public.tenant_1"),
        ("", KEYS | {"tenant_1": "tenant + 0 = 1"}, "more than comparisons of the key with constants"),
    ],
    ids=["without", "overlapping", "no constraint", "not valid", "default partition", "not in the key", "computed"],
)
def test_keys_that_may_meet_are_refused_with_the_reason(
    before: str, keys: dict[str, str | None], message: str, pair: DatabasePair, tmp_path: Path
) -> None:
    pair.source.execute(TENANTS + before)
    pair.destination.execute(ALL_TENANTS)
    run = TaskRun(pair.spec(**of_tenants(**keys)), tmp_path)
    with pytest.raises(PrecheckNotPassed):
        precheck.run(run.context())
    [found] = [
        event for event in run.events if isinstance(event, PrecheckItemFinished) and event.item == "object-names"
    ]
    assert message in found.message
