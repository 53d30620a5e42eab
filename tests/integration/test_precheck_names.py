"""What is wrong with the names that a task gives is found before the start, and what follows from them is named."""

from pathlib import Path
from typing import Any

import msgspec

from syncwizard.errors import PrecheckNotPassed
from syncwizard.stages import precheck
from syncwizard.task.events import PrecheckItemFinished
from syncwizard.task.objects import SchemaObjects
from syncwizard.task.specification import Synchronization
from tests.support.inprocess import TaskRun
from tests.support.pair import DatabasePair

TABLES = """
    CREATE TABLE orders (id int PRIMARY KEY, note text, price int, secret text, UNIQUE (note));
    CREATE INDEX by_secret ON orders (secret);
    CREATE VIEW secrets AS SELECT secret FROM orders;
    CREATE TABLE items (id int PRIMARY KEY, what text);
    CREATE TABLE parent (id int PRIMARY KEY, note text);
    CREATE TABLE child (more int, PRIMARY KEY (id)) INHERITS (parent);
    CREATE TABLE parts (id int, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
    CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
    CREATE TABLE loose (id int, at date) PARTITION BY RANGE (at);
    CREATE FUNCTION total() RETURNS bigint LANGUAGE sql AS 'SELECT sum(price) FROM public.orders';
    CREATE FUNCTION other() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM public.items';
"""


def findings(pair: DatabasePair, folder: Path, entry: dict[str, Any], **fields: Any) -> dict[str, PrecheckItemFinished]:
    """The items of the precheck of whole schema `public` with these keys."""
    objects = [msgspec.convert({"schema": "public", **entry}, SchemaObjects)]
    run = TaskRun(pair.spec(objects, **fields), folder)
    try:
        precheck.run(run.context())
    except PrecheckNotPassed:
        pass
    return {event.item: event for event in run.events if isinstance(event, PrecheckItemFinished)}


def override(table: str, **keys: Any) -> dict[str, Any]:
    return {"table": table, **keys}


WRONG = [
    ([override("order", name="x")], "there is no table public.order; did you mean `orders`?"),
    ([override("orders", name="items")], "table public.items and table public.orders would all be public.items"),
    ([override("orders", name="secrets")], "table public.orders and view public.secrets would all be public.secrets"),
    ([override("orders", columns={"notes": "x"})], "public.orders has no column notes; did you mean `note`?"),
    ([override("orders", columns={"note": "price"})], "2 columns of public.orders would be price"),
    ([override("orders", exclude_columns=["id"])], "id of public.orders cannot be left out"),
    ([override("parent", columns={"note": "x"})], "public.child inherits from public.parent, and their columns note"),
    ([override("parts_1", columns={"id": "x"})], "the columns of public.parts_1 are those of public.parts"),
]


def test_what_is_wrong_with_names_is_found_before_the_start(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute(TABLES)
    for overrides, message in WRONG:
        found = findings(pair, tmp_path, {"overrides": overrides})["object-names"]
        assert found.verdict == "failed"
        assert message in found.message
        assert "(objects[0].overrides[0])" in found.message
    found = findings(pair, tmp_path, {"rename": [{"pattern": "(orders|items)", "name": "all"}]})["object-names"]
    assert "would all be public.all" in found.message
    found = findings(pair, tmp_path, {"rename": [{"pattern": "(ite)ms", "name": "x" * 60 + r"\1\1"}]})["object-names"]
    assert "the name has 66 bytes" in found.message
    synchronization = Synchronization(capitalization="lower")
    pair.source.execute('CREATE TABLE "Items" (id int PRIMARY KEY)')
    found = findings(pair, tmp_path, {}, synchronization=synchronization)["object-names"]
    assert "would all be public.items" in found.message


def test_what_follows_from_names_is_reported_before_the_start(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute(TABLES)
    pair.destination.execute("CREATE TABLE other (x int); CREATE INDEX by_secret ON other (x)")
    pair.destination.execute("CREATE TABLE orders (id int CONSTRAINT orders_note_key PRIMARY KEY)")
    found = findings(pair, tmp_path, {})
    assert "give the task's tables other names" in str(found["same-named-tables"].remedy)
    assert found["object-names"].verdict == found["names-in-code"].verdict == "passed"
    found = findings(pair, tmp_path, {"overrides": [override("orders", name="orders_eu")]})
    assert "by the names of indexes to come: public.by_secret" in found["object-names"].message
    edited = override("orders", name="orders_eu", exclude_columns=["secret"])
    pair.destination.execute("DROP TABLE other")
    found = findings(pair, tmp_path, {"overrides": [edited]})
    assert found["object-names"].verdict == found["same-named-tables"].verdict == "passed"
    assert found["left-out-columns"].verdict == "warning"
    objects = "; ".join(found["left-out-columns"].objects)
    assert "index public.by_secret" in objects
    assert "view public.secrets" in objects
    assert found["names-in-code"].objects == ["function public.total(): orders"]


def test_a_partition_key_cannot_be_left_out(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute(TABLES)
    found = findings(pair, tmp_path, {"overrides": [override("loose", exclude_columns=["at"])]})
    assert "public.loose.at cannot be left out: partitions are chosen by it" in found["left-out-columns"].message


CONSTRAINED = """
    CREATE TABLE customers (id int, tenant int, mail text UNIQUE, PRIMARY KEY (tenant, id));
    CREATE TABLE bills (id int PRIMARY KEY, tenant int, customer int, mail text REFERENCES customers (mail),
                        FOREIGN KEY (tenant, customer) REFERENCES customers (tenant, id));
    CREATE TABLE lines (bill int REFERENCES bills, line int, PRIMARY KEY (bill, line));
"""


def test_constraints_that_rows_may_not_meet_are_named_before_the_start(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute(CONSTRAINED)

    def named(*overrides: dict[str, Any]) -> str:
        found = findings(pair, tmp_path, {"overrides": list(overrides)})["row-constraints"]
        assert found.verdict == ("warning" if found.message else "passed")
        return "; ".join([found.message, *found.objects])

    filtered = override("customers", where="tenant = 7")
    both = (
        "foreign key bills_{} of public.bills to public.customers: the filter (tenant = 7) of public.customers leaves"
    )
    assert both.format("tenant_customer_fkey") in named(filtered)
    # The same condition at both sides, over columns of the key; the other key does not have it.
    alike = named(filtered, override("bills", where="tenant = 7"))
    assert both.format("tenant_customer_fkey") not in alike
    assert both.format("mail_fkey") in alike
    assert "lines_bill_fkey of public.lines to public.bills: the filter (tenant = 7) of public.bills" in alike
    assert "insert of public.bills is not applied" in named(override("bills", operations=["update", "delete"]))
    assert "may still be referred to" in named(override("lines", operations=["insert", "update"]))
    masked = named(override("customers", columns={"mail": "address"}, etl="e_set(`mail`, md5(`mail`))"))
    assert "the script of public.customers computes mail" in masked
    assert "unique index customers_mail_key of public.customers: the script computes mail" in masked
    assert named(override("lines", where="line > 1")) == ""


def test_indexes_in_which_rows_of_merged_tables_meet_have_to_be_accepted(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute("CREATE TABLE a (id int PRIMARY KEY, mail text); CREATE TABLE b (LIKE a INCLUDING ALL)")
    pair.destination.execute(
        "CREATE TABLE everyone (origin text, id int, mail text, PRIMARY KEY (origin, id), UNIQUE (origin, mail),"
        " CONSTRAINT apart EXCLUDE (mail WITH =))"
    )
    overrides = [override(name, name="everyone", origin_column="origin") for name in ("a", "b")]
    synchronization = Synchronization(conflicts="ignore")
    found = findings(pair, tmp_path, {"overrides": overrides}, synchronization=synchronization)["row-constraints"]
    assert found.verdict == "warning" and found.blocks
    assert "apart of public.everyone, which does not contain origin" in found.message
    assert "mail_key" not in found.message
