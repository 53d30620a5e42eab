"""`check FILE --connect`: what a task file says of objects, names, columns and filters, held to both ends."""

import json
from pathlib import Path

import pytest

from syncwizard.task.objects import RenameRule
from syncwizard.task.specification import PrecheckSettings, SchemaObjects, TableObject
from tests.support.commands import syncwizard, write_task_file
from tests.support.pair import DatabasePair

pytestmark = pytest.mark.slow

ORDERS = """
CREATE TABLE orders (id int PRIMARY KEY, region text NOT NULL, price numeric NOT NULL, card text);
CREATE TABLE tmp_a (id int PRIMARY KEY);
CREATE TABLE tmp_b (id int PRIMARY KEY);
INSERT INTO orders SELECT i, (ARRAY['eu', 'us'])[i % 2 + 1], i FROM generate_series(1, 1000) i;
ANALYZE orders;
"""


@pytest.fixture
def shop(pair: DatabasePair, state_home: Path) -> DatabasePair:
    pair.source.execute(ORDERS)
    return pair


def written(pair: DatabasePair, folder: Path, **entry: object) -> Path:
    objects = [SchemaObjects(schema="public", **entry)]  # type: ignore[arg-type]
    accepted = PrecheckSettings(ignore=["replica-identity"])
    return write_task_file(pair.spec(objects, name="shop", id=None, precheck=accepted), folder)


def orders(**fields: object) -> TableObject:
    return TableObject(table="orders", **fields)  # type: ignore[arg-type]


def test_it_says_how_many_rows_each_filter_keeps(shop: DatabasePair, tmp_path: Path) -> None:
    path = written(shop, tmp_path, overrides=[orders(name="bills", where="region = 'eu'", exclude_columns=["region"])])
    shown = syncwizard("check", path, "--connect").stdout
    assert "public.orders: region = 'eu' keeps about 500 of about 1,000 rows, by the plan" in shown
    assert "decided by region, which does not travel itself" in shown
    assert "valid, and both ends fit, task `shop`" in shown
    found = json.loads(syncwizard("check", path, "--connect", "--count", "--json").stdout)
    [kept] = found["filters"]
    assert (found["fits"], kept["kept"], kept["total"], kept["where"]) == (True, 500, 1000, "region = 'eu'")
    assert {"row-rules", "object-names", "table-shapes"} <= {item["item"] for item in found["items"]}
    assert not shop.destination.execute("SELECT FROM pg_class WHERE relname = 'bills'").fetchall()


@pytest.mark.parametrize(
    ("entry", "item", "message"),
    [
        ({"overrides": [orders(where="regio = 'eu'")]}, "row-rules", "column regio is not in public.orders"),
        ({"overrides": [orders(where="price > now()::text::int")]}, "row-rules", "now() gives another value"),
        ({"overrides": [orders(columns={"regio": "area"})]}, "object-names", "public.orders has no column regio"),
        (
            {"overrides": [orders(columns={"region": "price"})]},
            "object-names",
            "2 columns of public.orders would be price",
        ),
        ({"overrides": [orders(exclude_columns=["id"])]}, "object-names", "id of public.orders cannot be left out"),
        ({"overrides": [orders(etl="e_drop_columns(`id`)")]}, "row-rules", "id"),
        (
            {"rename": [RenameRule(pattern="tmp_.", name="stage")]},
            "object-names",
            "table public.tmp_a and table public.tmp_b would all be public.stage",
        ),
        (
            {"rename": [RenameRule(pattern="(.*)", name="x" * 60 + r"_\1")]},
            "object-names",
            "PostgreSQL takes 63 of a name",
        ),
        ({"overrides": [orders(name="tmp_a")]}, "object-names", "would all be public.tmp_a"),
        ({"tables": [TableObject(table="order")]}, "selected-objects", "there is no table public.order"),
        (
            {"overrides": [TableObject(table="order", where="id = 1")]},
            "object-names",
            "there is no table public.order; did you mean `orders`?",
        ),
    ],
    ids=[
        "filter on no column",
        "filter of the moment",
        "no such column",
        "column renamed to another",
        "key left out",
        "script without the key",
        "rule that merges",
        "too long by rule",
        "another table's name",
        "no such table",
        "no such table in a whole schema",
    ],
)
def test_what_does_not_fit_is_found_by_it_and_by_the_precheck(
    entry: dict[str, object], item: str, message: str, shop: DatabasePair, tmp_path: Path
) -> None:
    path = written(shop, tmp_path, **entry)
    for command in (("check", path, "--connect"), ("precheck", path)):
        done = syncwizard(*command, "--json", expect=3)
        failed = {each["item"]: each for each in json.loads(done.stdout)["items"] if each["verdict"] == "failed"}
        assert item in failed, done.stdout
        assert message in " ".join([failed[item]["message"], *failed[item]["objects"]])
        assert item in done.stderr


def test_trouble_before_there_is_a_task_is_not_to_be_resumed(shop: DatabasePair, tmp_path: Path) -> None:
    path = written(shop, tmp_path, overrides=[orders(where="1000 / (id - 1) > 0")])
    refused = syncwizard("check", path, "--try", "public.orders", expect=1).stderr
    assert "division by zero" in refused
    assert "resume" not in refused
