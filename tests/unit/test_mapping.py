"""A mapping that gives everything another name goes through the pure rooms. No server."""

from pathlib import Path

import msgspec
import pytest

from syncwizard.postgres.copying import ChunkRange, copy_in_statement, copy_out_statement
from syncwizard.structure.needs import Needs
from syncwizard.structure.parse import parse_dump
from syncwizard.structure.plan import make_plan
from syncwizard.structure.renames import renamed
from syncwizard.structure.table import Column, Index, Table, ValueType, apply_key
from syncwizard.structure.wanted import Wishes
from syncwizard.task.mapping import Mapping
from syncwizard.task.names import FunctionName, ObjectName, TableName
from syncwizard.task.objects import RenameRule, SchemaObjects
from syncwizard.task.specification import Endpoint, TaskSpec
from tests.support.inprocess import TaskRun

ORDERS, ITEMS = TableName("sales", "orders"), TableName("sales", "items")
MAPPING = Mapping(
    schemas={"sales": "eu"},
    objects={("sales", "orders"): ("eu", "orders_eu"), ("sales", "orders_pkey"): ("eu", "orders_eu_pkey")},
    columns={ORDERS: {"id": "number", "note": "remark"}},
)
INTEGER = ValueType("integer", "")


def column(name: str, number: int) -> Column:
    return Column(
        name=name,
        number=number,
        type=INTEGER,
        declared_type="integer",
        not_null=True,
        identity="",
        generated="",
        binary=True,
        textual=False,
        local="",
    )


def table(name: TableName, columns: tuple[str, ...], key: tuple[str, ...]) -> Table:
    index = Index(
        name=f"{name.name}_pkey",
        oid=7,
        columns=key,
        primary=True,
        immediate=True,
        complete=True,
        valid=True,
        replica_identity=False,
        collations=("",) * len(key),
        temporal=False,
    )
    return Table(
        oid=1,
        name=name,
        kind="r",
        is_partition=False,
        root=name,
        persistence="p",
        replica_identity="d",
        owned=True,
        estimated_rows=0,
        heap_bytes=0,
        bytes=0,
        columns=tuple(column(each, at) for at, each in enumerate(columns, 1)),
        unique_indexes=(index,),
    )


def test_a_renamed_table_finds_its_key_at_the_destination() -> None:
    source = table(ORDERS, ("id", "note", "price"), ("id",))
    target = table(TableName("eu", "orders_eu"), ("number", "remark", "price"), ("number",))
    expected = renamed(source, MAPPING)
    assert (expected.name, expected.root) == (target.name, target.root)
    assert expected.columns == target.columns
    found = apply_key(expected, target, expected.identity_columns() or ())
    assert found is not None
    assert found.columns == ("number",)
    # The same tables as they are would not meet.
    assert apply_key(source, target, source.identity_columns() or ()) is None


def test_a_table_that_keeps_its_name_stays_the_same_object() -> None:
    source = table(ITEMS, ("id",), ("id",))
    assert renamed(source, Mapping()) is source
    assert renamed(source, MAPPING).name == TableName("eu", "items")


def test_stages_look_for_the_destinations_names() -> None:
    dump = """
    CREATE TABLE sales.orders (id integer NOT NULL);
    CREATE TABLE sales.items (id integer NOT NULL, orders integer);
    ALTER TABLE ONLY sales.orders ADD CONSTRAINT orders_pkey PRIMARY KEY (id);
    CREATE INDEX items_i ON sales.items USING btree (orders);
    ALTER TABLE ONLY sales.items ADD CONSTRAINT items_fk FOREIGN KEY (orders) REFERENCES sales.orders(id);
    """
    plan = make_plan(parse_dump(dump), Wishes(needs=Needs(tables=frozenset({ORDERS, ITEMS})), mapping=MAPPING))
    by_kind = {statement.kind: statement for statement in plan.statements}
    assert by_kind["table"].table in (TableName("eu", "orders_eu"), TableName("eu", "items"))
    assert by_kind["primary key"].table == TableName("eu", "orders_eu")
    assert by_kind["index"].index == ObjectName("eu", "items_i")
    assert by_kind["foreign key"].table == TableName("eu", "items")
    assert by_kind["foreign key"].references == TableName("eu", "orders_eu")


def test_what_the_destination_has_is_known_by_its_own_names() -> None:
    needs = Needs(
        tables=frozenset({ORDERS, ITEMS}),
        types=frozenset({ObjectName("sales", "colour")}),
        functions=frozenset({FunctionName("sales", "f", ())}),
    )
    dump = """
    CREATE TYPE sales.colour AS ENUM ('red');
    CREATE FUNCTION sales.f() RETURNS integer LANGUAGE sql AS 'SELECT 1';
    CREATE TABLE sales.orders (id integer NOT NULL);
    CREATE TABLE sales.items (id integer NOT NULL);
    """
    wishes = Wishes(
        needs=needs,
        mapping=MAPPING,
        existing={TableName("eu", "orders_eu")},
        present={ObjectName("eu", "colour"), FunctionName("eu", "f", ())},
    )
    kinds = [statement.kind for statement in make_plan(parse_dump(dump), wishes).statements]
    assert kinds.count("table") == 1
    assert "type" not in kinds
    assert "function" not in kinds


def test_each_side_of_a_copy_is_written_in_its_own_names() -> None:
    chunk = ChunkRange(
        source=ORDERS,
        target=MAPPING.table(ORDERS),
        oid=1,
        columns=("id", "note"),
        target_columns=tuple(MAPPING.column_names(ORDERS, ("id", "note"))),
        binary=True,
        first_page=0,
        end_page=None,
    )
    assert copy_out_statement(chunk).as_string() == 'COPY "sales"."orders" ("id", "note") TO STDOUT (FORMAT binary)'
    assert copy_in_statement(chunk).as_string() == (
        'COPY "eu"."orders_eu" ("number", "remark") FROM STDIN (FORMAT binary)'
    )


@pytest.mark.parametrize(
    "change",
    [
        {"schemas": {"sales": "us"}},
        {"objects": {("sales", "orders"): ("eu", "orders_us")}},
        {"columns": {ORDERS: {"id": "number"}}},
        {"left_out": {ORDERS: frozenset({"other"})}},
        {"origins": {ORDERS: "origin"}},
        {"rules": {"sales": (RenameRule(pattern="a", name="b"), RenameRule(pattern=".*", name="c"))}},
        {"rules": {"sales": (RenameRule(pattern=".*", name="c"), RenameRule(pattern="a", name="b"))}},
        {"capitalization": "lower"},
    ],
    ids=str,
)
def test_its_facts_tell_it_from_every_other(change: dict[str, object]) -> None:
    rules = {"sales": (RenameRule(pattern="a", name="b"),)}
    mapping = msgspec.structs.replace(MAPPING, rules=rules)
    assert msgspec.structs.replace(mapping, **change).facts != mapping.facts
    assert msgspec.structs.replace(mapping, schemas={**mapping.schemas, "x": "x"}).facts == mapping.facts


def test_a_context_makes_the_mapping_of_its_task_once(tmp_path: Path) -> None:
    """Stages ask it for each of thousands of tables."""
    end = Endpoint(database="d")
    spec = TaskSpec(name="t", source=end, destination=end, objects=[SchemaObjects(schema="a", name="b")])
    context = TaskRun(spec, tmp_path).context()
    assert context.mapping is context.mapping
    copied = msgspec.structs.replace(context, spec=msgspec.structs.replace(spec, objects=[SchemaObjects(schema="a")]))
    assert (context.mapping.schema("a"), copied.mapping.schema("a")) == ("b", "a")
