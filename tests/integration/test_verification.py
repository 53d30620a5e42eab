"""`syncwizard verify`: both ends are compared at one commit under a workload; what was planted is found, and nothing
else."""

import json
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import msgspec
import pytest

from syncwizard.client.tasks import StoredTask, find_task
from syncwizard.client.waiting import wait_for_end
from syncwizard.task.scheduling import Scheduled
from syncwizard.task.specification import Advanced, PrecheckSettings, SchemaObjects, Synchronization, TableObject
from syncwizard.task.verification import TableVerification
from tests.support.commands import spawn, syncwizard, write_task_file
from tests.support.pair import DatabasePair
from tests.support.waiting import until

pytestmark = pytest.mark.slow

NAME = "verified"
TABLES = """
CREATE EXTENSION vector;
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TYPE place AS (x int, label text);
CREATE TABLE plain (id bigint PRIMARY KEY, n int NOT NULL, note text, price numeric, at timestamptz DEFAULT now());
CREATE TABLE floats (id int PRIMARY KEY, d float8, r float4, v vector(3), h halfvec(2));
CREATE TABLE kinds (id uuid PRIMARY KEY, j jsonb, b bytea, m mood, ms mood[], p place, ints int[], r int4range,
                    c char(5), t regclass, vs vector[]);
CREATE TABLE made (id int PRIMARY KEY, a int, twice int GENERATED ALWAYS AS (a * 2) STORED);
CREATE TABLE keyless (note text, n int);
CREATE TABLE tree (id int, at int, note text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE tree_1 PARTITION OF tree FOR VALUES FROM (0) TO (100);
CREATE TABLE tree_2 PARTITION OF tree FOR VALUES FROM (100) TO (200);
CREATE TABLE "Odd ""one.%s" ("K""ey" text, "a.b%%" text, PRIMARY KEY ("K""ey"));
CREATE TABLE void (id int PRIMARY KEY);
ALTER TABLE plain ADD CHECK (n >= 0);
CREATE INDEX plain_note ON plain (note);
CREATE VIEW notes AS SELECT note FROM plain;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER touched BEFORE UPDATE ON plain FOR EACH ROW EXECUTE FUNCTION touch();
INSERT INTO plain SELECT i, i % 7, 'note ' || i, i / 8.0 FROM generate_series(1, 5000) i;
INSERT INTO floats SELECT i, i / 3.0, i / 3.0, ARRAY[i, 1, 2]::vector, ARRAY[i, 1]::halfvec
  FROM generate_series(1, 300) i;
INSERT INTO floats VALUES (1001, 'NaN', '-0', '[0,0,0]', '[0,0]'), (1002, '-0', 'Infinity', NULL, NULL);
INSERT INTO kinds SELECT gen_random_uuid(), '{"a": [1, null]}', decode('00ff', 'hex'), 'ok', '{sad,ok}',
  ROW(i, NULL::text)::place, '{1,NULL}',
  '[1,5)', 'ab', 'plain', ARRAY['[1,2]'::vector] FROM generate_series(1, 50) i;
INSERT INTO kinds (id, p) VALUES (gen_random_uuid(), ROW(NULL::int, NULL::text)::place), (gen_random_uuid(), NULL);
INSERT INTO made (id, a) SELECT i, i FROM generate_series(1, 100) i;
INSERT INTO keyless SELECT 'n' || i % 10, i % 3 FROM generate_series(1, 300) i;
INSERT INTO tree SELECT i, i % 200, 't' || i FROM generate_series(1, 1000) i;
INSERT INTO "Odd ""one.%s" VALUES ('%s', 'x'), ('b', NULL), ('', '');
"""


class Workload:
    """Small transactions of every kind at the source, until it is ended."""

    def __init__(self, pair: DatabasePair) -> None:
        self._session = pair.source_cluster.connect(pair.database)
        self._ended = threading.Event()
        self.rounds = 0

    def run(self) -> None:
        """The body of its thread."""
        run = self._session.execute
        while not self._ended.is_set():
            self.rounds += 1
            at = 10_000 + self.rounds
            with self._session.transaction():
                run("INSERT INTO plain VALUES (%s, 1, 'new', 0.5)", (at,))
                run("UPDATE plain SET n = n + 1 WHERE id = %s", (1000 + self.rounds % 3000,))
                run("UPDATE tree SET at = (at + 100) %% 200 WHERE id = %s", (500 + self.rounds % 400,))
            run("DELETE FROM plain WHERE id = %s", (at - 20,))
            run("INSERT INTO keyless VALUES ('w', %s)", (self.rounds % 5,))
            run("UPDATE floats SET d = d + 1 WHERE id = %s", (100 + self.rounds % 100,))

    def end(self) -> None:
        """Ends it after the round at hand."""
        self._ended.set()


@contextmanager
def under_workload(pair: DatabasePair) -> Iterator[Workload]:
    workload = Workload(pair)
    thread = threading.Thread(target=workload.run)
    thread.start()
    try:
        yield workload
    finally:
        workload.end()
        thread.join()
        workload._session.close()


@pytest.fixture
def running(pair: DatabasePair, tmp_path: Path, state_home: Path) -> Iterator[DatabasePair]:
    pair.source.execute(TABLES)
    accepted = PrecheckSettings(ignore=["replica-identity", "local-values"])
    spec = pair.spec([SchemaObjects(schema="public")], name=NAME, id=None, precheck=accepted)
    try:
        syncwizard("start", write_task_file(spec, tmp_path), "--until", "caught-up")
        yield pair
    finally:
        syncwizard("pause", NAME, expect=None)


def verified(*options: str, expect: int) -> dict[str, Any]:
    """What `verify` found, by table."""
    done = syncwizard("verify", NAME, "--json", *options, expect=expect)
    tables: dict[str, Any] = json.loads(done.stdout)["verification"]["tables"]
    return tables


def test_under_a_workload_what_was_planted_is_found_and_nothing_else(running: DatabasePair) -> None:
    with under_workload(running) as workload:
        for _ in range(3):
            before = workload.rounds
            tables = verified(expect=0)
            assert {found["verdict"] for found in tables.values()} == {"equal"}
            assert workload.rounds > before
        assert tables["public.plain"]["source_rows"] >= 5000
        for statement in PLANTED:
            running.destination.execute(statement)
        tables = verified(expect=5)
        assert workload.rounds > before
    kinds = {
        name: (found["changed"], found["only_source"], found["only_destination"])
        for name, found in tables.items()
        if found["verdict"] == "different"
    }
    assert kinds == {
        "public.plain": (2, 1, 1),
        "public.floats": (3, 0, 0),
        "public.kinds": (2, 0, 0),
        "public.made": (1, 0, 0),
        "public.keyless": (0, 1, 1),
        "public.tree_1": (1, 0, 0),
        'public.Odd "one.%s': (1, 0, 0),
    }
    rows = {(tuple(row["key"]), row["kind"]) for row in tables["public.plain"]["rows"]}
    assert rows == {(("1",), "changed"), (("2",), "changed"), (("3",), "only-source"), (("-1",), "only-destination")}
    shown = syncwizard("repair", NAME, "--delete-extra", expect=5).stderr
    assert "nothing was written: add --yes to write 12 rows of 7 tables, and delete 2" in shown
    with under_workload(running):
        # Rows without a key are not repaired, and differ still.
        done = syncwizard("repair", NAME, "--delete-extra", "--yes", "--json", expect=5)
        left = json.loads(done.stdout)["verification"]["tables"]
        assert [name for name, found in left.items() if found["verdict"] == "different"] == ["public.keyless"]
        assert "cannot be repaired" in left["public.keyless"]["reason"]
        running.destination.execute("UPDATE keyless SET n = 1 WHERE n = 77")
        assert {found["verdict"] for found in verified(expect=0).values()} == {"equal"}


PLANTED = (
    "UPDATE plain SET note = '' WHERE id = 1",
    "UPDATE plain SET price = 0.250 WHERE id = 2",  # equal to 0.25 as a number, and another value
    "DELETE FROM plain WHERE id = 3",
    "INSERT INTO plain VALUES (-1, 0)",
    "UPDATE floats SET v = '[1,1,2.0000002]' WHERE id = 1",
    "UPDATE floats SET r = '0' WHERE id = 1001",
    "UPDATE floats SET d = '0' WHERE id = 1002",
    "UPDATE kinds SET p = NULL WHERE p IS NULL AND p IS DISTINCT FROM NULL",
    "UPDATE kinds SET ms = '{ok,sad}' WHERE id = (SELECT min(id::text)::uuid FROM kinds WHERE ms IS NOT NULL)",
    "ALTER TABLE made ALTER twice DROP EXPRESSION",
    "UPDATE made SET twice = 0 WHERE id = 5",
    "UPDATE keyless SET n = 77 WHERE ctid = (SELECT min(ctid) FROM keyless WHERE note = 'n1')",
    "UPDATE tree SET note = 'other' WHERE id = 1",
    """UPDATE "Odd ""one.%s" SET "a.b%%" = '' WHERE "K""ey" = 'b'""",
)


def test_a_verification_goes_on_after_its_engine_was_killed_and_gives_way_to_locks(running: DatabasePair) -> None:
    # At the destination: at the source the lock of a transaction that writes would keep the slot waiting.
    lock = running.destination_cluster.connect(running.destination_database)
    lock.autocommit = False
    lock.execute("LOCK TABLE made IN ACCESS EXCLUSIVE MODE")
    with under_workload(running):
        waiting = spawn("verify", NAME)
        task = find_task(NAME)
        until(lambda: len(_tables(task)) > 1, 60, "the tables that are not locked to be compared")
        holder = task.find_engine()
        assert holder is not None
        os.kill(holder.pid, signal.SIGKILL)
        wait_for_end(task)
        waiting.communicate(timeout=30)
        assert "public.made" not in _tables(task)
        done = set(_tables(task))
        syncwizard("resume", NAME)
        lock.rollback()
        until(lambda: _ended(task), 60, "the verification to end")
    tables = _tables(task)
    assert done < tables.keys()
    assert {found.verdict for found in tables.values()} == {"equal"}
    assert "public.made" in tables


def test_what_cannot_be_compared_is_never_called_equal(running: DatabasePair) -> None:
    # An order that ends before it begins.
    unknown = syncwizard("verify", NAME, "--table", "public.nothing", expect=8)
    assert "public.nothing is not among the task's tables at the source" in unknown.stdout
    running.destination.execute("ALTER TABLE made RENAME TO elsewhere")
    tables = verified(expect=8)
    assert tables["public.made"]["verdict"] == "unverified"
    assert "is not there" in tables["public.made"]["reason"]
    assert tables["public.plain"]["verdict"] == "equal"
    syncwizard("pause", NAME)
    refused = syncwizard("verify", NAME, expect=2).stderr
    assert "only while" in refused


def test_a_sample_a_direction_and_limits(running: DatabasePair, tmp_path: Path) -> None:
    running.source.execute("ANALYZE plain")
    running.destination.execute("UPDATE plain SET note = 'other'")
    # Keys by ranges, and where there are none by their hash: rows outside of the bounds are in the outer ranges.
    plain = verified("--table", "public.plain", "--sample", "20", expect=5)["public.plain"]
    assert (plain["sample"], plain["changed"]) == (20, plain["source_rows"])
    assert 800 < plain["source_rows"] < 1200
    running.destination.execute("UPDATE plain SET note = 'note ' || id")
    with under_workload(running):
        found = verified("--sample", "30", expect=0)
    assert {each["sample"] for each in found.values()} == {30}
    # The workload has added to them until then, and goes by the machine's speed.
    rows = running.source.execute("SELECT count(*) FROM keyless").fetchone()
    assert rows is not None
    assert 0 < found["public.keyless"]["source_rows"] < rows[0] / 2
    running.destination.execute("DELETE FROM plain WHERE id < 5")
    report = [tmp_path / "found.md", tmp_path / "found.json"]
    reports = [each for path in report for each in ("--report", str(path))]
    # One end is read for about half a second, however fast it is.
    limits = ("--rows-per-second", "9000", "--megabytes-per-second", "50")
    limited = verified("--table", "public.plain", *limits, *reports, expect=5)["public.plain"]
    assert (limited["only_source"], limited["source_rows"] - limited["destination_rows"]) == (4, 4)
    assert limited["source_rows"] / limited["seconds"] < 9000
    assert {row["key"][0] for row in limited["rows"]} == {"1", "2", "3", "4"}
    assert "| public.plain | different |" in report[0].read_text()
    assert json.loads(report[1].read_text())["verification"]["tables"]["public.plain"] == limited
    counts = ("--table", "public.plain", "--mode", "counts", "--rows-per-second", "100000")
    assert verified(*counts, expect=5)["public.plain"]["only_source"] == 4
    ignoring = verified("--table", "public.plain", "--ignore-missing", expect=0)["public.plain"]
    assert (ignoring["verdict"], ignoring["only_source"]) == ("equal", 4)
    running.source.execute("DELETE FROM plain WHERE id BETWEEN 10 AND 20")
    running.destination.execute("INSERT INTO plain (id, n) VALUES (-7, 0)")
    assert verified("--table", "public.plain", "--ignore-missing", expect=5)["public.plain"]["only_destination"] == 1


def test_the_stream_goes_on_while_the_slot_waits_for_a_transaction(running: DatabasePair) -> None:
    writer = running.source_cluster.connect(running.database)
    writer.autocommit = False
    writer.execute("INSERT INTO void VALUES (1)")
    waiting = spawn("verify", NAME, "--table", "public.void", "--json")

    def waits() -> bool:
        return bool(
            running.source.execute(
                "SELECT FROM pg_stat_activity WHERE wait_event = 'transactionid' AND application_name LIKE '% verify'"
            ).fetchall()
        )

    until(waits, 60, "the slot to wait for the transaction")
    for key in range(20_000, 20_003):
        running.source.execute("INSERT INTO plain (id, n) VALUES (%s, 0)", (key,))
        until(partial(_arrived, running, key), 30, "a row to arrive")
        assert waits()
    writer.commit()
    output, _ = waiting.communicate(timeout=60)
    found = json.loads(output)["verification"]["tables"]["public.void"]
    assert (found["verdict"], found["source_rows"], found["destination_rows"]) == ("equal", 1, 1)


def test_definitions_that_differ_are_found_and_no_others(running: DatabasePair) -> None:
    syncwizard("wait", NAME, "--until", "indexed")
    assert definitions(expect=0) == {}
    for statement in REDEFINED:
        running.destination.execute(statement)
    running.destination.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'plain_note'::regclass")
    found = definitions(expect=5)
    assert found.pop(("index", "plain_note of public.plain")) == ("as usual", "invalid")
    assert found == {
        ("column", "n of public.plain"): ("integer NOT NULL", "integer NOT NULL DEFAULT 3"),
        ("constraint", "plain_n_check of public.plain"): ("CHECK ((n >= 0))", None),
        ("trigger", "touched of public.plain"): ("as usual", "disabled"),
        ("view", "public.notes"): (" ".join(NOTES.split()), "SELECT 'other'::text AS note;"),
        ("function", "public.touch()"): ANY,
        ("type", "public.mood"): ("enum 'sad', 'ok'", "enum 'sad', 'ok', 'glad'"),
        ("index", "extra of public.made"): (None, "CREATE INDEX extra ON public.made USING btree (a)"),
        ("table", "public.void"): ("", None),
    }


NOTES = """ SELECT note
   FROM public.plain;"""
REDEFINED = (
    "ALTER TABLE plain ALTER n SET DEFAULT 3",
    "ALTER TABLE plain DROP CONSTRAINT plain_n_check",
    "ALTER TABLE plain DISABLE TRIGGER touched",
    "CREATE OR REPLACE VIEW notes AS SELECT 'other'::text AS note",
    "CREATE OR REPLACE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'",
    "ALTER TYPE mood ADD VALUE 'glad'",
    "CREATE INDEX extra ON made (a)",
    "DROP TABLE void",
)


def definitions(*, expect: int) -> dict[tuple[str, str], Any]:
    """What `verify --mode schema` found, by kind and name."""
    done = syncwizard("verify", NAME, "--mode", "schema", "--json", expect=expect)
    differences = json.loads(done.stdout)["verification"]["differences"]
    return {(each["kind"], each["name"]): (each["source"], each["destination"]) for each in differences}


def _arrived(pair: DatabasePair, key: int) -> bool:
    return bool(pair.destination.execute("SELECT FROM plain WHERE id = %s", (key,)).fetchall())


def _tables(task: StoredTask) -> Mapping[str, TableVerification]:
    found = task.read_state().verification
    return found.tables if found is not None else {}


def _ended(task: StoredTask) -> bool:
    found = task.read_state().verification
    return found is not None and found.ended_at is not None


MAPPED = """
CREATE TABLE orders (id int PRIMARY KEY, region text, price numeric(10, 2), phone text, secret text, tags int[]);
CREATE TABLE plain (id int PRIMARY KEY, n int);
ALTER TABLE orders REPLICA IDENTITY FULL;
INSERT INTO orders SELECT i, (ARRAY['us', 'eu', NULL])[i % 3 + 1], i / 4.0, '18712341' || i, 'x', ARRAY[i, NULL]
  FROM generate_series(1, 900) i;
INSERT INTO plain SELECT i, i FROM generate_series(1, 50) i;
"""


def test_what_a_filter_and_a_script_give_is_compared_under_the_names_of_the_destination(
    pair: DatabasePair, tmp_path: Path, state_home: Path
) -> None:
    pair.source.execute(MAPPED)
    orders = TableObject(
        table="orders",
        name="bills",
        columns={"region": "area"},
        where="region = 'us'",
        etl='script:e_set(`phone`, str_mask(`phone`, 3, 6, "*"))',
    )
    moved = TableObject(table="plain", name="moved", exclude_columns=["n"])
    accepted = PrecheckSettings(ignore=["replica-identity"])
    objects = [SchemaObjects(schema="public", overrides=[orders, moved])]
    spec = pair.spec(objects, name=NAME, id=None, precheck=accepted)
    try:
        syncwizard("start", write_task_file(spec, tmp_path), "--until", "caught-up")
        pair.source.execute("UPDATE orders SET region = 'us' WHERE id % 10 = 0")
        pair.source.execute("UPDATE orders SET region = 'eu' WHERE id % 7 = 0")
        tables = verified(expect=0)
        (kept,) = pair.source.execute("SELECT count(*) FROM orders WHERE region = 'us'").fetchone() or (0,)
        assert tables["public.orders"]["source_rows"] == kept < 900
        pair.destination.execute("UPDATE bills SET phone = '187****1' WHERE id = 10")
        pair.destination.execute("DELETE FROM bills WHERE id = 20")
        pair.destination.execute("INSERT INTO moved VALUES (-1)")
        tables = verified(expect=5)
        assert (tables["public.orders"]["changed"], tables["public.orders"]["only_source"]) == (1, 1)
        assert tables["public.plain"]["only_destination"] == 1
        done = syncwizard("repair", NAME, "--delete-extra", "--yes", "--json", expect=5)
        left = json.loads(done.stdout)["verification"]["tables"]
        assert left["public.plain"]["verdict"] == "equal"
        assert "cannot be repaired" in left["public.orders"]["reason"]
    finally:
        syncwizard("pause", NAME, expect=None)


def test_merged_tables_are_compared_each_with_its_own_rows(
    pair: DatabasePair, tmp_path: Path, state_home: Path
) -> None:
    for number in (1, 2):
        pair.source.execute(f"CREATE TABLE shard_{number} (id int PRIMARY KEY, note text)".encode())
        pair.source.execute(
            f"CREATE TABLE tenant_{number} (tenant int CHECK (tenant = {number}), id int, note text,"
            " PRIMARY KEY (tenant, id))".encode()
        )
        rows = f"generate_series(1, {number * 10}) i"
        pair.source.execute(f"INSERT INTO shard_{number} SELECT i, 'note ' || i FROM {rows}".encode())
        pair.source.execute(f"INSERT INTO tenant_{number} SELECT {number}, i, 'note ' || i FROM {rows}".encode())
    pair.destination.execute("CREATE TABLE shards (o text, id int, note text, PRIMARY KEY (o, id))")
    pair.destination.execute("CREATE TABLE tenants (owner int, id int, note text, PRIMARY KEY (owner, id))")
    shards = [TableObject(table=f"shard_{at}", name="shards", origin_column="o") for at in (1, 2)]
    tenants = [
        TableObject(table=f"tenant_{at}", name="tenants", columns={"tenant": "owner"}, origin_keys=f"tenant = {at}")
        for at in (1, 2)
    ]
    tenants[0] = msgspec.structs.replace(tenants[0], where="id <> 5", etl="e_set(`note`, str_upper(`note`))")
    objects = [SchemaObjects(schema="public", tables=[*shards, *tenants])]
    types = Synchronization(types=["full", "incremental"])
    advanced = Advanced(verification=Scheduled(mode="rows"))
    spec = pair.spec(objects, name=NAME, id=None, synchronization=types, advanced=advanced)
    try:
        syncwizard("start", write_task_file(spec, tmp_path), "--until", "caught-up")
        # Without an order, once everything is copied.
        task = find_task(NAME)
        until(lambda: _ended(task), 60, "the comparison that the task begins by itself")
        assert {name: each.destination_rows for name, each in _tables(task).items() if each.verdict == "equal"} == {
            "public.shard_1": 10,
            "public.shard_2": 20,
            "public.tenant_1": 9,
            "public.tenant_2": 20,
        }
        pair.destination.execute("UPDATE tenants SET note = 'x' WHERE owner = 2 AND id = 7")
        pair.destination.execute("DELETE FROM shards WHERE o LIKE '%shard_1' AND id = 7")
        found = verified(expect=5)
        assert [name for name, each in found.items() if each["verdict"] == "different"] == [
            "public.shard_1",
            "public.tenant_2",
        ]
    finally:
        syncwizard("pause", NAME, expect=None)


VECTORS = """
CREATE EXTENSION vector;
CREATE TABLE passages (id int PRIMARY KEY, "Odd v" vector(16), half halfvec(16));
SELECT setseed(0.5);
INSERT INTO passages
SELECT i, v, v::halfvec
  FROM (SELECT i, (SELECT array_agg(random() + 0 * i * j) FROM generate_series(1, 16) j)::vector AS v
                                FROM generate_series(1, 1500) i) r;
INSERT INTO passages VALUES (0, NULL, NULL);
CREATE INDEX near ON passages USING hnsw ("Odd v" vector_l2_ops);
CREATE INDEX cosine ON passages USING hnsw (half halfvec_cosine_ops) WHERE id < 1400;
"""
POOR = 'CREATE INDEX near ON passages USING hnsw ("Odd v" vector_l2_ops) WITH (m = 2, ef_construction = 4)'


def test_a_vector_index_that_finds_less_is_named_with_what_to_set(
    pair: DatabasePair, tmp_path: Path, state_home: Path
) -> None:
    pair.source.execute(VECTORS)
    spec = pair.spec([SchemaObjects(schema="public")], name=NAME, id=None)
    searched = ("--mode", "vectors", "--searches", "20", "--nearest", "5")
    try:
        syncwizard("start", write_task_file(spec, tmp_path), "--until", "caught-up")
        syncwizard("wait", NAME, "--until", "indexed")
        found = verified(*searched, "--ef-search", "200", expect=0)["public.passages"]
        assert {each["expression"]: each["same_neighbours"] for each in found["vectors"]} == {"half": 20, '"Odd v"': 20}
        assert all(each["source_recall"] > 0.9 for each in found["vectors"])
        (near,) = (each for each in found["vectors"] if each["expression"] == '"Odd v"')
        norms = near["destination_norms"]
        assert (norms["rows"], norms["nulls"], norms["least_dimensions"]) == (1501, 1, 16)
        for statement in ("DROP INDEX near, cosine", POOR, "UPDATE passages SET half = NULL WHERE id = 7"):
            pair.destination.execute(statement.encode())
        report = tmp_path / "found.md"
        shown = syncwizard("verify", NAME, *searched, "--ef-search", "40", "--report", str(report), expect=5).stdout
        assert "public.near finds less at the destination" in shown
        assert "CREATE INDEX cosine ON public.passages USING hnsw" in shown
        assert "1,501 rows, 2 NULL" in shown
        assert "At the destination, for public.cosine" in report.read_text()
        last = json.loads(syncwizard("verify", NAME, "--last", "--json", expect=5).stdout)
        vectors = last["verification"]["tables"]["public.passages"]["vectors"]
        near, cosine = sorted(vectors, key=lambda each: str(each["expression"]))
        assert near["destination_recall"] < near["source_recall"] - 0.02
        reset = 'ALTER INDEX "public"."near" RESET (m, ef_construction)'
        again = [reset, 'REINDEX INDEX CONCURRENTLY "public"."near"']
        assert near["statements"] in ([f"SET hnsw.ef_search = {near['needed']}"], again)
        assert (cosine["destination_index"], cosine["destination_recall"]) == (None, None)
    finally:
        syncwizard("pause", NAME, expect=None)
