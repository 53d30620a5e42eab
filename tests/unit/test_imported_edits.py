"""Edits taken from a task file: what each object of a choice gets, and what is left as it is, with the reason."""

import pytest

from syncwizard.rows.imported_edits import Imported, Part, imported
from syncwizard.task.drafting.choice import ObjectChoice
from syncwizard.task.objects import RenameRule, SchemaObjects, TableObject
from syncwizard.task.specification import Advanced, Endpoint, TaskSpec
from tests.tui.catalogues import KNOWLEDGE_BASE, large

CHOICE = ObjectChoice.from_objects(KNOWLEDGE_BASE, [SchemaObjects(schema="kb"), SchemaObjects(schema="sales")])


def taken(*objects: SchemaObjects, part: Part = "everything", choice: ObjectChoice = CHOICE, etl: str = "") -> Imported:
    advanced = Advanced(etl=etl or None, etl_errors="dead-letter")
    spec = TaskSpec(name="other", source=Endpoint(), destination=Endpoint(), objects=list(objects), advanced=advanced)
    return imported(spec, choice, part, "shop")


def of_kb(**fields: object) -> SchemaObjects:
    return SchemaObjects(schema="kb", overrides=[TableObject(table="documents", **fields)])  # type: ignore[arg-type]


def words(found: Imported) -> dict[str, str]:
    return {str(each): each.skipped or each.after for each in found.taken}


def test_what_a_file_says_of_chosen_objects_is_taken_and_the_rest_stays() -> None:
    before = CHOICE.with_table("kb", TableObject(table="passages", where="id > 5"))
    found = taken(
        SchemaObjects(
            schema="kb",
            name="kb_eu",
            operations=["insert"],
            rename=[RenameRule(pattern="query_(.+)", name=r"q_\1")],
            overrides=[TableObject(table="documents", name="papers", exclude_columns=["note"], where="price > 0")],
        ),
        choice=before,
        etl='e_set(`note`, "x")',
    )
    assert words(found) == {
        "all tables": "a script; rows for which one fails: dead-letter",
        "schema kb": "→ kb_eu, 1 rules for names, insert",
        "kb.documents": "→ kb_eu.papers, 1 left out, filter",
    }
    assert found.choice.table("kb", "passages").where == "id > 5"
    assert (found.script, found.errors) == ('e_set(`note`, "x")', "dead-letter")


@pytest.mark.parametrize(("part", "name", "where"), [("rules", None, "price > 0"), ("names", "papers", None)])
def test_a_part_of_a_file_leaves_the_other_alone(part: Part, name: str | None, where: str | None) -> None:
    found = taken(of_kb(name="papers", where="price > 0"), part=part)
    own = found.choice.table("kb", "documents")
    assert (own.name, own.where) == (name, where)


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (of_kb(columns={"titel": "t"}), "has no column titel"),
        (of_kb(exclude_columns=["id"]), "id stays: rows are found by it: it is part of the key"),
        (of_kb(columns={"title": "note"}), "2 columns go to note"),
        (of_kb(where="prise > 0"), "column prise is not in kb.documents: did you mean `price`?"),
        (of_kb(etl="e_sett(`note`, 1)"), "there is no step e_sett: did you mean `e_set`?"),
        (of_kb(name="recent"), "view kb.recent has the name recent"),
        (of_kb(name="x" * 64), "PostgreSQL"),
        (SchemaObjects(schema="kb", overrides=[TableObject(table="gone", name="x")]), "is not at the source"),
        (SchemaObjects(schema="archive", overrides=[TableObject(table="old", name="x")]), "is not at the source"),
        (SchemaObjects(schema="kb", name="pg_catalog"), "pg_catalog is a schema of the server itself"),
        (SchemaObjects(schema="kb", rename=[RenameRule(pattern="d.+|p.+", name="one")]), "would have one name"),
    ],
)
def test_what_cannot_be_is_named_and_changes_nothing(entry: SchemaObjects, reason: str) -> None:
    found = taken(entry)
    assert [reason in each.skipped for each in found.taken] == [True], words(found)
    assert found.changes == 0
    assert found.choice.to_objects() == CHOICE.to_objects()


def test_an_unticked_table_is_not_ticked_by_a_file() -> None:
    choice = ObjectChoice.from_objects(
        KNOWLEDGE_BASE, [SchemaObjects(schema="kb", tables=[TableObject(table="passages")])]
    )
    found = taken(of_kb(name="papers"), choice=choice)
    assert words(found) == {"kb.documents": "is not selected"}


def test_two_tables_with_one_name_stay_unless_they_are_merged() -> None:
    pair = [TableObject(table="documents", name="all"), TableObject(table="passages", name="all")]
    found = taken(SchemaObjects(schema="kb", overrides=pair))
    assert all("has the name all" in each.skipped for each in found.taken) and len(found.taken) == 2
    merged = [TableObject(table=own.table, name="all", origin_column="origin") for own in pair]
    assert taken(SchemaObjects(schema="kb", overrides=merged)).changes == 2


def test_tables_may_change_their_names_with_each_other() -> None:
    pair = [TableObject(table="documents", name="passages"), TableObject(table="passages", name="documents")]
    assert taken(SchemaObjects(schema="kb", overrides=pair)).changes == 2


def test_a_script_that_fits_no_chosen_table_is_not_taken() -> None:
    found = taken(SchemaObjects(schema="kb"), etl="e_set(`price`, `nowhere`)")
    assert found.script is None
    assert "column nowhere is not in" in found.taken[0].skipped


def test_thousands_of_tables_are_taken() -> None:
    catalogue = large(5000)
    choice = ObjectChoice(catalogue=catalogue).with_everything()
    objects = [
        SchemaObjects(
            schema=schema,
            overrides=[
                TableObject(table=each.name, name=f"eu_{each.name}", where="id > 1")
                for each in catalogue.by_kind[schema]["table"]
            ],
        )
        for schema in catalogue.schemas
    ]
    assert taken(*objects, choice=choice).changes == 4750
