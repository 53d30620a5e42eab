"""Rows arrive under the names that a task gives tables and columns, in the copy and in the stream, and without the
columns that are left out (DESIGN rule 19)."""

import re
import uuid
from pathlib import Path
from typing import Any

import msgspec
import pytest

from syncwizard import manual
from syncwizard.client import tasks
from syncwizard.paths import TASK_FILE
from syncwizard.stages import precheck
from syncwizard.stages.capture import stage as capture
from syncwizard.stages.definitions import constraints, indexes, keys, schema
from syncwizard.stages.full import stage as full
from syncwizard.task import file
from syncwizard.task.specification import SchemaObjects, Synchronization, TableObject
from tests.support.commands import syncwizard, write_task_file
from tests.support.inprocess import TaskRun
from tests.support.pair import DatabasePair, Session
from tests.support.rowpath import RowPath

pytestmark = pytest.mark.slow

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
STAGES = (precheck, capture, schema, full, keys, constraints)

TABLES = """
    CREATE TABLE orders (
        id bigserial PRIMARY KEY, note text, secret text, price numeric(10, 2), body text,
        twice numeric GENERATED ALWAYS AS (price * 2) STORED,
        of_secret text GENERATED ALWAYS AS (upper(secret)) STORED,
        CONSTRAINT short CHECK (length(secret) < 20), CONSTRAINT positive CHECK (price >= 0)
    );
    CREATE INDEX by_note ON orders (note);
    CREATE INDEX by_secret ON orders (secret);
    CREATE INDEX by_of_secret ON orders (lower(of_secret));
    CREATE VIEW notes AS SELECT id, note FROM orders;
    CREATE VIEW secrets AS SELECT id, secret FROM orders;
    CREATE VIEW more_secrets AS SELECT * FROM secrets;
    CREATE TABLE items (orders bigint REFERENCES orders, at int, what text, PRIMARY KEY (orders, at));
    CREATE TABLE log (at timestamptz, what text, secret text);
    ALTER TABLE log REPLICA IDENTITY FULL;
    CREATE TABLE parts (id int, at date, note text, secret text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
    CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
    CREATE TABLE parts_2 (secret text, at date NOT NULL, id int NOT NULL, note text);
    ALTER TABLE parts ATTACH PARTITION parts_2 FOR VALUES FROM ('2021-01-01') TO ('2022-01-01');
    INSERT INTO orders (note, secret, price, body)
        SELECT 'note ' || i, 's' || i, i, repeat(md5(i::text), 200) FROM generate_series(1, 300) i;
    INSERT INTO items SELECT i, n, 'item' FROM generate_series(1, 300) i, generate_series(1, 2) n;
    INSERT INTO log SELECT '2024-01-01', 'event ' || i % 7, 's' || i FROM generate_series(1, 50) i;
    INSERT INTO parts SELECT i, date '2020-01-01' + i, 'p' || i, 's' || i FROM generate_series(1, 600) i;
"""
MAPPED = SchemaObjects(
    schema="public",
    name="EU",
    overrides=[
        TableObject(
            table="orders",
            name="Bestellungen",
            columns={"id": "nr", "note": "Notiz", "body": "text"},
            exclude_columns=["secret"],
        ),
        TableObject(table="items", columns={"orders": "nr"}),
        TableObject(table="log", name="protocol", columns={"at": "when", "what": "at"}, exclude_columns=["secret"]),
        TableObject(table="parts", name="Teile", columns={"note": "Notiz"}, exclude_columns=["secret"]),
    ],
)
PAIRS = {
    "SELECT id, note, price, body FROM orders": 'SELECT nr, "Notiz", price, text FROM "EU"."Bestellungen"',
    "SELECT sum(twice) FROM orders": 'SELECT sum(twice) FROM "EU"."Bestellungen"',
    "SELECT * FROM items": 'SELECT nr, at, what FROM "EU".items',
    "SELECT at, what FROM log": 'SELECT "when", at FROM "EU".protocol',
    "SELECT id, at, note FROM parts": 'SELECT id, at, "Notiz" FROM "EU"."Teile"',
    "SELECT * FROM notes": 'SELECT * FROM "EU".notes',
}
CHANGES = """
    UPDATE orders SET note = 'changed', secret = 'new' WHERE id <= 60;
    UPDATE orders SET price = 7 WHERE id BETWEEN 100 AND 101;
    UPDATE orders SET secret = 'only this' WHERE id = 200;
    DELETE FROM items WHERE orders IN (299, 300);
    UPDATE orders SET id = 5000, body = body WHERE id = 300;
    UPDATE orders SET id = 5001, secret = repeat('z', 10) WHERE id = 299;
    INSERT INTO orders (note, secret, price) SELECT 'later', repeat('s', 10), 1 FROM generate_series(1, 80);
    INSERT INTO orders (id, note) VALUES (9000, NULL);
    DELETE FROM items WHERE orders < 20;
    DELETE FROM orders WHERE id BETWEEN 1 AND 3;
    UPDATE log SET what = 'event 0' WHERE secret IN ('s1', 's2');
    DELETE FROM log WHERE secret = 's7';
    INSERT INTO log VALUES ('2025-01-01', 'late', 's');
    UPDATE parts SET note = 'moved', at = at + 365 WHERE id < 100;
    DELETE FROM parts WHERE id = 101;
"""


def assert_same_rows(pair: DatabasePair) -> None:
    for here, there in PAIRS.items():
        assert rows(pair.source, here) == rows(pair.destination, there)


def rows(session: Session, query: str) -> list[tuple[Any, ...]]:
    return sorted(session.execute(query.encode()).fetchall(), key=str)


def test_renamed_tables_and_columns_are_copied_and_followed(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute(TABLES)
    # Of the old names others are there, and are not touched.
    pair.destination.execute("CREATE TABLE orders (x int PRIMARY KEY); INSERT INTO orders VALUES (1)")
    path = RowPath(pair, TaskRun(pair.spec([MAPPED]), tmp_path))
    context = path.context()
    for stage in STAGES:
        stage.run(context)
    assert_same_rows(pair)
    with path.following():
        pair.source.execute(CHANGES)
        path.caught_up()
        assert_same_rows(pair)
        indexes.run(path.context())
        pair.source.execute("TRUNCATE log; INSERT INTO log VALUES ('2026-01-01', 'after', 's')")
        path.caught_up()
    assert_same_rows(pair)
    assert pair.destination.execute("SELECT * FROM public.orders").fetchall() == [(1,)]
    left_out = {(each.kind, each.name) for each in path.task.state.missing_definitions}
    assert left_out == {
        ("check constraint", "short on public.orders"),
        ("index", "by_secret on public.orders"),
        ("index", "by_of_secret on public.orders"),
        ("view", "public.secrets"),
        ("view", "public.more_secrets"),
    }
    [(last,)] = pair.destination.execute('SELECT last_value FROM "EU"."Bestellungen_id_seq"').fetchall()
    assert last == 300


def test_tables_that_are_there_may_have_their_columns_in_another_order_and_more_of_them(
    pair: DatabasePair, tmp_path: Path
) -> None:
    pair.source.execute(TABLES)
    pair.destination.execute(
        'CREATE SCHEMA "EU"; SET search_path = "EU";'
        'CREATE TABLE "Bestellungen" (own text DEFAULT \'ours\', text text, price numeric(10, 2), "Notiz" text,'
        " nr bigint PRIMARY KEY, twice numeric GENERATED ALWAYS AS (price * 2) STORED);"
        "CREATE TABLE items (what text, at int, nr bigint, PRIMARY KEY (nr, at));"
        'CREATE TABLE protocol (own int, at text, "when" timestamptz);'
        'CREATE TABLE "Teile" ("Notiz" text, at date, id int, PRIMARY KEY (id, at));'
        'CREATE VIEW notes AS SELECT nr AS id, "Notiz" AS note FROM "Bestellungen"'
    )
    synchronization = msgspec.convert({"types": ["full", "incremental"]}, Synchronization)
    path = RowPath(pair, TaskRun(pair.spec([MAPPED], synchronization=synchronization), tmp_path))
    context = path.context()
    for stage in STAGES:
        stage.run(context)
    assert_same_rows(pair)
    pair.destination.execute('UPDATE "EU"."Bestellungen" SET own = \'theirs\' WHERE nr IN (50, 298)')
    with path.following():
        pair.source.execute(CHANGES)
        path.caught_up()
    assert_same_rows(pair)
    kept = pair.destination.execute(
        'SELECT nr, own FROM "EU"."Bestellungen" WHERE own <> \'ours\' ORDER BY 1'
    ).fetchall()
    assert kept == [(50, "theirs"), (298, "theirs")]


@pytest.mark.parametrize("page", ["manual", "README"])
def test_the_example_that_is_shown_does_what_the_page_says(page: str, pair: DatabasePair, tmp_path: Path) -> None:
    text = README if page == "README" else manual.read("task-file")
    example = next(block for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) if "name: shop-to-eu" in block)
    pair.source.execute(
        "CREATE SCHEMA shop; CREATE TABLE shop.orders (id int PRIMARY KEY, note text, card text, region text);"
        "ALTER TABLE shop.orders REPLICA IDENTITY FULL; CREATE TABLE shop.tmp_import (id int PRIMARY KEY);"
        "INSERT INTO shop.orders VALUES (1, 'one', '471101', 'eu'), (3, 'three', '471103', 'us');"
        "INSERT INTO shop.tmp_import VALUES (1)"
    )
    spec = file.parse(example, tmp_path / "kb.yaml")
    ends = {"source": pair.source_endpoint, "destination": pair.destination_endpoint}
    path = RowPath(pair, TaskRun(msgspec.structs.replace(spec, id=uuid.uuid4(), **ends), tmp_path))
    context = path.context()
    for stage in STAGES:
        stage.run(context)
    with path.following():
        pair.source.execute(
            "INSERT INTO shop.orders VALUES (2, 'two', '471202', 'eu'); UPDATE shop.tmp_import SET id = 2"
        )
        pair.source.execute("UPDATE shop.orders SET region = 'eu' WHERE id = 3")
        path.caught_up()
    expected = {
        "README": [(1, "one", "****01"), (2, "two", "****02"), (3, "three", "****03")],
        # The card is left out, and nothing is filtered.
        "manual": [(1, "one", "eu"), (2, "two", "eu"), (3, "three", "eu")],
    }
    rows = pair.destination.execute("SELECT * FROM shop_eu.purchases ORDER BY id").fetchall()
    assert rows == expected[page]
    assert pair.destination.execute("SELECT remark FROM shop_eu.purchases WHERE id = 2").fetchall() == [("two",)]
    assert pair.destination.execute("SELECT id FROM shop_eu.stage_import").fetchall() == [(2,)]
    assert pair.destination.execute("SELECT to_regclass('shop_eu.purchases_pkey') IS NOT NULL").fetchone() == (True,)


def test_names_cannot_be_changed_once_rows_have_arrived(pair: DatabasePair, state_home: Path) -> None:
    pair.source.execute("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)")
    entry = SchemaObjects(schema="public", overrides=[TableObject(table="t", name="u")])
    path = write_task_file(pair.spec([entry], name="named", id=None), state_home)
    syncwizard("start", path, "--until", "caught-up")
    syncwizard("pause", "named")
    stored = tasks.find_task("named").folder / TASK_FILE
    begun = stored.read_text(encoding="utf-8")
    stored.write_text(begun.replace("name: u", "name: v"), encoding="utf-8")
    pair.source.execute("INSERT INTO t VALUES (2)")
    for command in (("resume", "named"), ("resync", "named", "--all", "--yes")):
        refused = syncwizard(*command, expect=2).stderr
        assert "the names at the destination are others than at the start of the task" in refused
        assert "new: object public t public v; gone: object public t public u" in refused
    stored.write_text(begun, encoding="utf-8")
    syncwizard("resume", "named", "--until", "caught-up")
    assert pair.destination.execute("SELECT id FROM u ORDER BY id").fetchall() == [(1,), (2,)]
    syncwizard("release", "named", "--yes")
