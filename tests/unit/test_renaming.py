"""Many tables renamed at once: what each would be called, and which names would meet."""

import pytest

from syncwizard.task.drafting.catalogue import Catalogue, CatalogueObject
from syncwizard.task.drafting.choice import ObjectChoice
from syncwizard.task.drafting.renaming import (
    Case,
    Change,
    Prefix,
    Regex,
    Renamed,
    Replace,
    Suffix,
    arrivals,
    change_problem,
    preview,
    with_name,
)
from syncwizard.task.mapping import Mapping
from syncwizard.task.names import ObjectName, TableName
from syncwizard.task.objects import RenameRule, SchemaObjects, TableObject

A, B, C = (TableName("s", name) for name in ("tmp_a", "tmp_b", "a"))
CATALOGUE = Catalogue(
    schemas=("s",),
    objects=(
        *(CatalogueObject("table", "s", name) for name in ("tmp_a", "tmp_b", "a")),
        CatalogueObject("view", "s", "b"),
    ),
)
CHOICE = ObjectChoice(catalogue=CATALOGUE).with_schema("s", True)
STRIP = Regex(pattern="^tmp_(.+)$", name=r"\1")


def renamed(choice: ObjectChoice, changes: list[Renamed]) -> ObjectChoice:
    return choice.with_tables(
        (each.table.schema, with_name(choice.table(each.table.schema, each.table.name), each.after)) for each in changes
    )


def names_of(choice: ObjectChoice) -> dict[ObjectName, str]:
    return arrivals(choice, Mapping())


def test_a_preview_has_every_resulting_name_and_what_it_meets() -> None:
    found = preview([A, B, C], STRIP, names_of(CHOICE))
    assert [(each.after, each.meets) for each in found] == [("a", ("table s.a",)), ("b", ("view s.b",))]
    assert found[0].problem == "table s.a has this name"


def test_names_that_change_make_room_for_each_other() -> None:
    swapped = preview([A, C], Regex(pattern="(tmp_)?a", name="x"), names_of(CHOICE))
    assert [each.meets for each in swapped] == [("table s.a",), ("table s.tmp_a",)]
    moved = preview([A, B, C], Prefix(text="tmp_"), names_of(CHOICE))
    assert [(each.after, each.problem) for each in moved] == [("tmp_tmp_a", ""), ("tmp_tmp_b", ""), ("tmp_a", "")]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (Regex(pattern="(", name="x"), "no regular expression"),
        (Regex(pattern="x", name=r"\1"), "does not fit the pattern"),
        (Suffix(text=""), "the text is empty"),
        (Replace(old="", new="x"), "the text to replace is empty"),
        (Case(to="lower"), ""),
    ],
)
def test_a_change_that_makes_no_sense_is_named_while_it_is_typed(change: Change, problem: str) -> None:
    assert problem in change_problem(change)
    assert bool(change_problem(change)) == bool(problem)


def test_names_that_are_too_long_or_empty_are_problems() -> None:
    [long] = preview([C], Suffix(text="x" * 63))
    [none] = preview([C], Replace(old="a", new=""))
    assert "64 bytes" in long.problem
    assert none.problem == "the name is empty"


def test_what_was_renamed_before_is_renamed_from_there_and_back() -> None:
    objects = [SchemaObjects(schema="s", overrides=[TableObject(table="a", name="b2", columns={"x": "y"})])]
    choice = ObjectChoice.from_objects(CATALOGUE, objects)
    [one] = preview([C], Suffix(text="_eu"), before={C: "b2"})
    assert (one.before, one.after) == ("b2", "b2_eu")
    changed = renamed(choice, [one]).to_objects()[0].overrides
    assert changed == [TableObject(table="a", name="b2_eu", columns={"x": "y"})]
    back = renamed(choice, [Renamed(table=C, before="b2", after="a")]).to_objects()[0].overrides
    assert back == [TableObject(table="a", columns={"x": "y"})]


def test_thousands_of_tables_are_renamed_at_once() -> None:
    tables = tuple(CatalogueObject("table", "s", f"t{number}") for number in range(5000))
    choice = ObjectChoice(catalogue=Catalogue(schemas=("s",), objects=tables)).with_schema("s", True)
    changes = preview([TableName("s", each.name) for each in tables], Prefix(text="x_"), names_of(choice))
    assert not any(each.problem for each in changes)
    overrides = renamed(choice, changes).to_objects()[0].overrides
    assert [each.name for each in overrides] == [f"x_{each.name}" for each in tables]


def test_keys_of_a_schema_are_changed_by_themselves() -> None:
    rule = RenameRule(pattern="a", name="b")
    choice = CHOICE.with_name("s", "d").with_rules("s", [rule]).with_operations("s", ["insert"])
    assert choice.to_objects() == [SchemaObjects(schema="s", name="d", rename=[rule], operations=["insert"])]
    assert choice.with_name("s", "s").with_rules("s", []).with_operations("s", None).to_objects() == CHOICE.to_objects()
