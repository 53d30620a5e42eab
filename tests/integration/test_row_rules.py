"""What the precheck says of filters and scripts, which replica identities are set for them, and `check --try`."""

from pathlib import Path

import pytest

from syncwizard.errors import TaskFailed, UsageError
from syncwizard.stages.capture import stage as capture
from syncwizard.stages.commands import trial
from syncwizard.stages.precheck import row_rules, selection
from syncwizard.stages.precheck.checkup import Checkup
from syncwizard.stages.precheck.registry import Finding, Item
from syncwizard.task.specification import Advanced, SchemaObjects, Synchronization, TableObject
from syncwizard.task.trial import describe_trial
from tests.support.inprocess import TaskRun
from tests.support.pair import DatabasePair

TABLES = """
CREATE EXTENSION IF NOT EXISTS vector;
CREATE TYPE state AS ENUM ('new', 'paid');
CREATE TABLE orders (id int PRIMARY KEY, region text, price numeric, at timestamptz, day date, state state,
                     embedding vector(3), note text NOT NULL DEFAULT '');
INSERT INTO orders SELECT i, (ARRAY['us', 'eu'])[i % 2 + 1], i, '2026-01-01', '2026-01-01', 'new', '[1,2,3]'
  FROM generate_series(1, 1000) i;
CREATE TABLE short (id int PRIMARY KEY, tenant int, amount int);
CREATE TABLE keyless (id int, word text);
CREATE TABLE parts (id int, region text, PRIMARY KEY (id)) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (100);
CREATE FUNCTION own(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1';
ANALYZE;
"""


def ruled(pair: DatabasePair, folder: Path, *tables: TableObject, script: str | None = None) -> TaskRun:
    objects = [SchemaObjects(schema="public", overrides=list(tables))]
    return TaskRun(pair.spec(objects, advanced=Advanced(etl=script)), folder)


def found(run: TaskRun, item: Item = row_rules.row_rules) -> Finding:
    with Checkup(run.context()) as checkup:
        return item.check(checkup)


@pytest.fixture
def shop(pair: DatabasePair) -> DatabasePair:
    pair.source.execute(TABLES)
    pair.destination.execute("CREATE EXTENSION IF NOT EXISTS vector")
    return pair


def test_a_filter_is_planned_and_says_how_many_rows_it_keeps(shop: DatabasePair, tmp_path: Path) -> None:
    finding = found(ruled(shop, tmp_path, TableObject(table="orders", where="region = 'us' AND state = 'new'")))
    assert finding.verdict == "passed"
    assert finding.message == "public.orders: keeps about 500 of about 1,000 rows"


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("at > now()", "now() gives another value at every evaluation"),
        ("at > 'today'", "are other times at every evaluation"),
        ("day = at", "depends on the moment or the session"),
        ("date_trunc('day', at) = '2026-01-01'", "depends on the moment or the session"),
        ("at::date = '2026-01-01'", "depends on the moment or the session"),
        ("own(id) = 1", "function own(integer) does not exist"),
        ("public.own(id) = 1", "public.own is neither of pg_catalog nor of an extension"),
        ("id = (SELECT 1)", "a sub-query sees other rows"),
        ("prise > 5", "did you mean `price`?"),
        ("region > 5", "operator does not exist"),
        ("id", "must be type boolean"),
    ],
)
def test_a_filter_that_does_not_decide_by_the_row_alone_is_refused(
    shop: DatabasePair, tmp_path: Path, where: str, words: str
) -> None:
    finding = found(ruled(shop, tmp_path, TableObject(table="orders", where=where)))
    assert finding.verdict == "failed"
    assert words in finding.message
    assert "public.orders (objects[0]." in finding.objects[0]


@pytest.mark.parametrize(
    "where",
    [
        "date_trunc('month', day::timestamp) = '2026-01-01'",
        "embedding <-> '[1,2,3]' < 1 AND vector_dims(embedding) = 3",
        "lower(region) LIKE 'u%' OR region IS NULL",
        "state IN ('new'::public.state, 'paid')",
        "at BETWEEN '2026-01-01' AND '2026-02-01'",
        "orders.id % 2 = 0;",
    ],
)
def test_a_filter_of_immutable_parts_is_accepted(shop: DatabasePair, tmp_path: Path, where: str) -> None:
    finding = found(ruled(shop, tmp_path, TableObject(table="orders", where=where)))
    assert finding.verdict == "passed", finding.message


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("e_set(`prise`, `prize`)", "column prize is not in public.orders"),
        ("e_drop_columns(`note`)", "column note is left out or renamed by the script, and NOT NULL"),
        ("e_set(`price`, op_div_true(1, 0))", "division by zero"),
    ],
)
def test_a_script_that_cannot_be_used_is_refused(shop: DatabasePair, tmp_path: Path, script: str, words: str) -> None:
    finding = found(ruled(shop, tmp_path, TableObject(table="orders", etl=script)))
    assert finding.verdict == "failed"
    assert words in finding.message


def test_a_value_that_the_column_cannot_take_is_refused(shop: DatabasePair, tmp_path: Path) -> None:
    shop.destination.execute("CREATE TABLE short (id int PRIMARY KEY, tenant int, amount int)")
    finding = found(ruled(shop, tmp_path, TableObject(table="short", etl='e_set(`amount`, "much")')))
    assert "column amount of public.short is integer and cannot take text" in finding.message
    finding = found(ruled(shop, tmp_path, TableObject(table="short", etl="e_set(`more`, 1)")))
    assert "column more is not in public.short at the destination" in finding.message


def test_values_of_the_moment_need_a_key(shop: DatabasePair, tmp_path: Path) -> None:
    run = ruled(shop, tmp_path, script="e_set(`seen`, dt_now())")
    assert found(run, row_rules.script_values).verdict == "failed"
    assert "public.keyless" in found(run, row_rules.script_values).message


def test_whole_old_rows_are_asked_for_where_rows_move(shop: DatabasePair, tmp_path: Path) -> None:
    shop.source.execute("DROP TABLE keyless")
    run = ruled(
        shop,
        tmp_path,
        TableObject(table="orders", where="region = 'us'"),
        TableObject(table="short", where="tenant = 7"),
        TableObject(table="parts", where="id > 5"),
    )
    finding = found(run, selection.replica_identity)
    assert finding.acceptance
    assert "public.orders has rows that move in and out of the selection" in finding.message
    assert "short" not in finding.message and "parts" not in finding.message
    assert finding.remedy.statements == ('ALTER TABLE "public"."orders" REPLICA IDENTITY FULL',)
    capture.run(run.context())
    identities = shop.source.execute(
        "SELECT relname FROM pg_class WHERE relreplident = 'f' AND relkind = 'r' AND relname !~ '^dts' ORDER BY 1"
    ).fetchall()
    assert identities == [("orders",)]


@pytest.mark.parametrize(
    ("script", "full"),
    [
        ('e_set(`region`, str_mask(`region`, 0, 0, "*"))', False),
        ("e_set(`note`, str_concat(`note`, `region`))", True),
        ('e_if(op_gt(`price`, 5), e_set(`tier`, "gold"))', False),
        ("e_drop(op_gt(`price`, 5))", True),
    ],
)
def test_a_mask_needs_no_whole_old_rows(shop: DatabasePair, tmp_path: Path, script: str, full: bool) -> None:
    shop.source.execute("DROP TABLE keyless")
    finding = found(ruled(shop, tmp_path, TableObject(table="orders", etl=script)), selection.replica_identity)
    assert finding.acceptance is full


def test_ten_rows_are_shown_before_and_after(shop: DatabasePair, tmp_path: Path) -> None:
    table = TableObject(
        table="orders",
        where="region = 'us'",
        etl="e_compose(e_set(`region`, str_upper(`region`)), e_drop(op_gt(`price`, 990)), "
        "e_set(`price`, op_div_true(1, op_sub(`price`, 4))))",
    )
    tried = trial.run(ruled(shop, tmp_path, table).context(), "orders", count=True)
    assert len(tried.rows) == 10
    assert (tried.kept, tried.total) == (495, 1000)
    lines = list(describe_trial(tried))
    assert lines[0].startswith("row 1: id = 2, region = us, price = 2, ")
    assert lines[1] == "    becomes region = US, price = -0.50000000000000000000"
    assert "    fails: division by zero" in lines
    assert "    is left out" in lines
    assert lines[-1] == "495 of 1,000 rows travel"
    shop.source.execute("ANALYZE orders")
    estimated = trial.run(
        ruled(shop, tmp_path, TableObject(table="orders", where="region = 'us'")).context(), "orders", count=False
    )
    assert list(describe_trial(estimated))[-1] == f"about {estimated.expected:,} rows travel, by the plan"
    assert 400 < (estimated.expected or 0) < 600
    with pytest.raises(UsageError, match="travel as they are"):
        trial.run(ruled(shop, tmp_path, table).context(), "public.short", count=False)
    with pytest.raises(UsageError, match="no table ordes"):
        trial.run(ruled(shop, tmp_path, table).context(), "ordes", count=False)


@pytest.mark.parametrize(
    ("where", "reason"),
    [
        ("day = at", "the filter depends on the moment or the session"),
        ("region > 5", "the source says: operator does not exist"),
        ("vector_dims(embedding) = 3", "the destination says: type .* does not exist"),
    ],
)
def test_a_trial_asks_both_ends(shop: DatabasePair, tmp_path: Path, where: str, reason: str) -> None:
    shop.destination.execute("DROP EXTENSION vector")
    objects = [SchemaObjects(schema="public", overrides=[TableObject(table="orders", where=where)])]
    run = TaskRun(shop.spec(objects, synchronization=Synchronization(types=["full", "incremental"])), tmp_path)
    with pytest.raises(TaskFailed, match=reason):
        trial.run(run.context(), "orders", count=False)


@pytest.mark.parametrize("name", [None, "EU"])
def test_types_that_the_definitions_will_bring_stand_in_no_rules_way(
    name: str | None, pair: DatabasePair, tmp_path: Path
) -> None:
    """Their schema is not at the destination yet, and may have another name there."""
    pair.source.execute("CREATE SCHEMA sales; CREATE TYPE sales.\"State\" AS ENUM ('new', 'paid')")
    pair.source.execute('CREATE TABLE sales.orders (id int PRIMARY KEY, state sales."State", states sales."State"[])')
    table = TableObject(table="orders", where="state = 'new'::sales.\"State\" AND id > 5")
    objects = [SchemaObjects(schema="sales", name=name, overrides=[table])]
    run = TaskRun(pair.spec(objects), tmp_path)
    assert found(run).verdict == "passed"
    pair.destination.execute(f'CREATE SCHEMA "{name or "sales"}"'.encode())
    assert found(run).verdict == "passed"
    pair.destination.execute(f"CREATE TYPE \"{name or 'sales'}\".\"State\" AS ENUM ('new', 'paid')".encode())
    assert found(run).verdict == "passed"
