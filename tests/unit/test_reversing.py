"""The task of the other direction: what can be inverted, and the reasons against it."""

from typing import Any

import pytest

from syncwizard.task.mapping import Mapping
from syncwizard.task.monitoring import Metrics
from syncwizard.task.names import TableName
from syncwizard.task.reversing import reasons_against, reverse_name, reversed_spec
from syncwizard.task.specification import (
    Advanced,
    Endpoint,
    RenameRule,
    SchemaObjects,
    Synchronization,
    TableObject,
    TaskSpec,
)

SOURCE, DESTINATION = Endpoint(database="a", user="x"), Endpoint(database="b", user="y")
TABLES = [TableName("s", "orders"), TableName("s", "tmp_new")]


def spec_of(*objects: SchemaObjects, **fields: Any) -> TaskSpec:
    return TaskSpec(name="kb", source=SOURCE, destination=DESTINATION, objects=list(objects), **fields)


def test_a_task_that_keeps_all_names_has_the_same_objects() -> None:
    entry = SchemaObjects(schema="s", exclude=["scratch"])
    spec = spec_of(entry, advanced=Advanced(metrics=Metrics(listen="127.0.0.1:9187"), ddl="follow"))
    back = reversed_spec(spec, TABLES)
    assert (back.objects, back.source, back.destination) == ([entry], spec.destination, spec.source)
    assert back.synchronization == Synchronization(types=["incremental"])
    assert back.id is not None and back.name == "kb-reverse"
    # They belong to the task that is left.
    assert back.advanced == Advanced()


def test_names_of_rules_and_entries_are_inverted_table_by_table() -> None:
    entry = SchemaObjects(
        schema="s",
        name="d",
        overrides=[TableObject(table="orders", name="bills", columns={"note": "remark"})],
        rename=[RenameRule(pattern="^tmp_(.+)$", name=r"stage_\1")],
    )
    spec = spec_of(entry)
    there, back = Mapping.of(spec), Mapping.of(reversed_spec(spec, TABLES))
    for table in TABLES:
        assert back.table(there.table(table)) == table
    assert back.column(TableName("d", "bills"), "remark") == "note"
    again = reversed_spec(reversed_spec(spec, TABLES), [there.table(table) for table in TABLES])
    assert again.name == "kb" and [Mapping.of(again).table(table) for table in TABLES] == [
        there.table(table) for table in TABLES
    ]


@pytest.mark.parametrize(
    ("entry", "fields", "reason"),
    [
        (SchemaObjects(schema="s", overrides=[TableObject(table="orders", where="id > 1")]), {}, "has a filter"),
        (SchemaObjects(schema="s", overrides=[TableObject(table="orders", etl="script:…")]), {}, "has a script"),
        (SchemaObjects(schema="s", overrides=[TableObject(table="orders", exclude_columns=["x"])]), {}, "leaves out"),
        (SchemaObjects(schema="s", overrides=[TableObject(table="orders", origin_column="o")]), {}, "is merged"),
        (SchemaObjects(schema="s", operations=["insert"]), {}, "not all operations of schema s"),
        (SchemaObjects(schema="s"), {"advanced": Advanced(etl="script:…")}, "a script changes every row"),
        (SchemaObjects(schema="s"), {"synchronization": Synchronization(capitalization="lower")}, "capitalization"),
    ],
)
def test_what_cannot_be_inverted_is_a_reason_against_it(
    entry: SchemaObjects, fields: dict[str, Any], reason: str
) -> None:
    spec = spec_of(entry, **fields)
    assert [each for each in reasons_against(spec) if reason in each]
    with pytest.raises(ValueError, match=reason):
        reversed_spec(spec, TABLES)


def test_several_schemas_that_go_into_one_cannot_be_told_apart() -> None:
    spec = spec_of(SchemaObjects(schema="s", name="d"), SchemaObjects(schema="t", name="d"))
    with pytest.raises(ValueError, match="several schemas go into d: s, t"):
        reversed_spec(spec, [TableName("s", "a"), TableName("t", "b")])


def test_a_long_name_makes_room_for_its_suffix() -> None:
    assert len(reverse_name("k" * 63)) == 63
