"""Other filters and scripts for a task that was begun: `rules`, and a stored file that was changed by hand."""

import json
from pathlib import Path

import msgspec
import pytest

from syncwizard.client import tasks
from syncwizard.task.specification import Advanced, SchemaObjects, TableObject, TaskSpec
from tests.support.commands import syncwizard, write_task_file
from tests.support.pair import DatabasePair
from tests.support.waiting import until

pytestmark = pytest.mark.slow

NAME = "ruled"
ORDERS = """
CREATE TABLE orders (id int PRIMARY KEY, region text, phone text);
CREATE TABLE items (id int PRIMARY KEY, note text);
INSERT INTO orders SELECT i, 'eu', '18712341111' FROM generate_series(1, 5) i;
"""
MASK = 'e_set(`phone`, str_mask(`phone`, 3, 6, "*"))'


def ruled(pair: DatabasePair, *tables: TableObject, script: str | None = None) -> TaskSpec:
    objects = [SchemaObjects(schema="public", overrides=list(tables))]
    return pair.spec(objects, name=NAME, id=None, advanced=Advanced(etl=script))


def changes() -> list[str]:
    lines = syncwizard("events", NAME).stdout.splitlines()
    return [line for line in lines if "rows that are there stay as they are" in line]


def test_other_rules_hold_for_what_follows(pair: DatabasePair, tmp_path: Path, state_home: Path) -> None:
    pair.source.execute(ORDERS)
    path = write_task_file(ruled(pair, TableObject(table="orders", where="id > 0")), tmp_path)
    syncwizard("start", path, "--until", "caught-up")
    assert syncwizard("rules", NAME).stdout.splitlines() == [
        "public.orders: filter id > 0",
        "rows for which a script fails: stop",
    ]
    # A running task: it is paused, and goes on with them.
    items = TableObject(table="items", operations=["insert"])
    path = write_task_file(ruled(pair, TableObject(table="orders", etl=MASK), items), tmp_path)
    reported = syncwizard("rules", NAME, "--from", path, "--yes").stderr
    assert "filter of public.orders removed" in reported
    assert "they hold for what follows; rows that are there stay as they are" in reported
    pair.source.execute("INSERT INTO orders VALUES (6, 'us', '18712341112')")
    syncwizard("wait", NAME, "--until", "caught-up", "--timeout", "60")
    assert pair.destination.execute("SELECT phone FROM orders WHERE id IN (1, 6) ORDER BY id").fetchall() == [
        ("18712341111",),
        ("187****1112",),
    ]
    [line] = changes()
    assert "filter of public.orders removed, script of public.orders added, operations of public.items added" in line
    # The same again is no order.
    assert "has these rules already" in syncwizard("rules", NAME, "--from", path, "--yes").stderr
    # A filter over values that may not come with an update needs whole old rows: that has to be accepted.
    path = write_task_file(ruled(pair, TableObject(table="orders", where="region <> 'us'"), items), tmp_path)
    refused = syncwizard("rules", NAME, "--from", path, "--yes", expect=3).stderr
    assert "replica-identity: public.orders has rows that move in and out of the selection" in refused
    syncwizard("rules", NAME, "--from", path, "--ignore", "replica-identity", "--yes")
    identity = "SELECT relreplident::text FROM pg_class WHERE oid = 'orders'::regclass"
    until(lambda: pair.source.execute(identity).fetchone() == ("f",), 60, "whole old rows")
    pair.source.execute("UPDATE orders SET region = 'us' WHERE id = 2")
    syncwizard("wait", NAME, "--until", "caught-up", "--timeout", "60")
    assert pair.destination.execute("SELECT count(*) FROM orders WHERE id = 2").fetchone() == (0,)
    # While it is paused its file may be changed by hand.
    syncwizard("pause", NAME)
    task = tasks.find_task(NAME)
    tasks.store(msgspec.structs.replace(task.spec, advanced=Advanced(etl="e_drop(op_eq(`id`, 7))")))
    pair.source.execute("INSERT INTO orders VALUES (7, 'eu', '18712341113'), (8, 'eu', '18712341114')")
    syncwizard("resume", NAME, "--until", "caught-up")
    assert pair.destination.execute("SELECT id FROM orders WHERE id > 6").fetchall() == [(8,)]
    assert "script of all tables added" in changes()[-1]
    syncwizard("pause", NAME)
    syncwizard("resume", NAME, "--until", "caught-up")
    assert len(changes()) == 3
    syncwizard("pause", NAME)
    syncwizard("release", NAME, "--yes")
    assert pair.source.execute(identity).fetchone() == ("d",)


def test_rules_that_do_not_fit_are_no_order(pair: DatabasePair, tmp_path: Path, state_home: Path) -> None:
    pair.source.execute(ORDERS)
    path = write_task_file(ruled(pair), tmp_path)
    syncwizard("start", path, "--until", "caught-up")
    syncwizard("pause", NAME)
    stored = tasks.find_task(NAME).spec
    for tables, script, code, message in (
        ([TableObject(table="orders", where="regio = 'eu'")], None, 3, "column regio is not in public.orders"),
        ([TableObject(table="orders", name="bills")], None, 2, "other names at the destination"),
        ([TableObject(table="order", where="id = 1")], None, 3, "there is no table public.order; did you mean"),
        ([], "e_drop_columns(`id`)", 3, "id"),
    ):
        path = write_task_file(ruled(pair, *tables, script=script), tmp_path)
        done = syncwizard("rules", NAME, "--from", path, "--yes", expect=code)
        assert message in done.stderr
        assert tasks.find_task(NAME).spec == stored
    assert json.loads(syncwizard("rules", NAME, "--json").stdout)["rules"] == [{"kind": "errors", "text": "stop"}]
    assert changes() == []
