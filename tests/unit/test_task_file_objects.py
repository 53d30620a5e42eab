"""The keys of `objects` that give names, columns, rows and operations: what is read, and what is refused."""

from pathlib import Path

import msgspec
import pytest

from syncwizard.errors import TaskFileError
from syncwizard.task import file
from syncwizard.task.drafting.catalogue import Catalogue
from syncwizard.task.drafting.choice import ObjectChoice
from syncwizard.task.mapping import Mapping
from syncwizard.task.names import FunctionName, ObjectName, TableName
from syncwizard.task.objects import SchemaObjects, TableObject
from syncwizard.task.problem import Problem
from syncwizard.task.specification import Endpoint, Synchronization, TaskSpec
from syncwizard.task.validation import find_problems

HEAD = """\
version: 1
name: kb
source: {database: kb}
destination: {database: kb2}
"""
END = Endpoint(database="kb")


def spec_of(yaml_objects: str) -> TaskSpec:
    """The specification of these objects, unchecked."""
    separator = " " if yaml_objects.startswith("[") else "\n"
    text = f"{HEAD}objects:{separator}{yaml_objects}\n"
    return msgspec.yaml.decode(text.encode(), type=TaskSpec)


def problems(yaml_objects: str) -> list[Problem]:
    """What is wrong with the objects."""
    return find_problems(spec_of(yaml_objects))


@pytest.mark.parametrize(
    ("objects", "path", "message"),
    [
        ("[{schema: a, tables: [{table: t, name: ''}]}]", "objects[0].tables[0].name", "the name is empty"),
        (f"[{{schema: a, name: {'ü' * 32}}}]", "objects[0].name", "64 bytes; PostgreSQL takes 63"),
        ("[{schema: a, name: pg_eu}]", "objects[0].name", "a schema of the server itself"),
        ("[{schema: a, name: syncwizard}]", "objects[0].name", "holds what tasks keep"),
        (
            f"[{{schema: a, tables: [{{table: t, columns: {{c: {'x' * 64}}}}}]}}]",
            "objects[0].tables[0].columns",
            "column `c`: the name has 64 bytes",
        ),
        (
            "[{schema: a, tables: [{table: t, columns: {c: x, d: x}}]}]",
            "objects[0].tables[0].columns",
            "2 columns go to",
        ),
        (
            "[{schema: a, tables: [{table: t, columns: {c: x}, origin_column: x}]}]",
            "objects[0].tables[0].columns",
            "2 columns go to `x`",
        ),
        (
            "[{schema: a, tables: [{table: t, columns: {c: x}, exclude_columns: [c]}]}]",
            "objects[0].tables[0].exclude_columns",
            "`c` is renamed and left out",
        ),
        (
            "[{schema: a, overrides: [{table: t, exclude_columns: [c, c]}]}]",
            "objects[0].overrides[0].exclude_columns",
            "`c` is listed 2 times",
        ),
        ("[{schema: a, overrides: [{table: t}, {table: t}]}]", "objects[0].overrides", "`t` is listed 2 times"),
        ("[{schema: a, tables: [{table: t}], overrides: [{table: t}]}]", "objects[0].overrides", "for whole schemas"),
        ("[{schema: a, exclude: [t], overrides: [{table: t}]}]", "objects[0].overrides[0]", "is in `exclude` too"),
        ("[{schema: a, tables: [{table: t, where: ' '}]}]", "objects[0].tables[0].where", "the condition is empty"),
        (
            "[{schema: a, operations: [insert, insert]}]",
            "objects[0].operations",
            "`insert` is listed 2 times",
        ),
        ("[{schema: a, rename: [{pattern: '(', name: b}]}]", "objects[0].rename[0].pattern", "no regular expression"),
        (
            "[{schema: a, rename: [{pattern: 'x', name: '\\1'}]}]",
            "objects[0].rename[0].name",
            "does not fit the pattern",
        ),
        ("[{schema: a, rename: [{pattern: 'x', name: ''}]}]", "objects[0].rename[0].name", "the name is empty"),
        (
            "[{schema: a, name: c, tables: [{table: t}]}, {schema: b, name: c, tables: [{table: t}]}]",
            "objects[1].tables[0]",
            "a.t and b.t go to one table, c.t",
        ),
        (
            "[{schema: a, tables: [{table: t, name: x, origin_column: o}, {table: u, name: x}]}]",
            "objects[0].tables[1].origin_column",
            "a.t and a.u are merged into a.x, and told apart in different ways",
        ),
        (
            "[{schema: a, tables: [{table: t, name: x}, {table: u, name: x}]}]",
            "objects[0].tables[1].name",
            "a.t and a.u go to one table, a.x",
        ),
        (
            "[{schema: a, tables: [{table: t}, {table: u, name: t}]}]",
            "objects[0].tables[1].name",
            "a.t and a.u go to one table, a.t",
        ),
        (
            "[{schema: a, tables: [{table: t, name: x, origin_keys: k = 1}, {table: u, name: x, origin_column: o}]}]",
            "objects[0].tables[1].origin_column",
            "told apart in different ways",
        ),
        (
            "[{schema: a, tables: [{table: t1}, {table: t2}], rename: [{pattern: 't.', name: x}]}]",
            "objects[0].tables[1]",
            "a.t1 and a.t2 go to one table, a.x",
        ),
        (
            "[{schema: a, tables: [{table: t, name: v}], views: [v]}]",
            "objects[0].views",
            "a.t and view a.v would all be a.v",
        ),
        (
            "[{schema: a, types: [T], tables: [{table: t, name: T}]}]",
            "objects[0].types",
            "a.t and type a.T would all be a.T",
        ),
        (
            "[{schema: a, sequences: [s1, s2], rename: [{pattern: 's(.)', name: s}]}]",
            "objects[0].sequences",
            "sequence a.s1 and sequence a.s2 would all be a.s",
        ),
        (
            f"[{{schema: a, tables: [{{table: {'t' * 60}}}], rename: [{{pattern: '(.*)', name: 'long_\\1'}}]}}]",
            "objects[0].tables[0]",
            "the name has 65 bytes",
        ),
        (
            "[{schema: a, tables: [{table: t, origin_column: o, origin_keys: k = 1}]}]",
            "objects[0].tables[0].origin_keys",
            "both tell the rows apart",
        ),
        (
            "[{schema: a, tables: [{table: t, origin_keys: ' '}]}]",
            "objects[0].tables[0].origin_keys",
            "the condition is empty",
        ),
    ],
)
def test_nonsense_is_named_with_its_path(objects: str, path: str, message: str) -> None:
    [problem] = problems(objects)
    assert problem.path == path
    assert message in problem.message


@pytest.mark.parametrize(
    "objects",
    [
        "[{schema: a, tables: [{table: t, name: u}, {table: u, name: t}]}]",
        "[{schema: a, tables: [{table: t, columns: {c: d, d: c}}]}]",
        "[{schema: a, tables: [{table: t, name: x, origin_column: o}, {table: u, name: x, origin_column: o}]}]",
        "[{schema: a, tables: [{table: t, name: x, origin_keys: k = 1}, {table: u, name: x, origin_keys: k = 2}]}]",
        "[{schema: a, sequences: [s], types: [s]}]",
        "[{schema: a, rename: [{pattern: '^tmp_(.+)$', name: 'stage_\\1'}]}]",
    ],
    ids=[
        "tables swapped",
        "columns swapped",
        "a merge by origin",
        "a merge by keys",
        "a type and a sequence",
        "a rule",
    ],
)
def test_what_makes_sense_is_not_refused(objects: str) -> None:
    assert problems(objects) == []


@pytest.mark.parametrize(
    ("objects", "line", "where", "title", "remedy"),
    [
        ("  - schema: a\n    nmae: b", 7, "objects[0].nmae", "unknown name `nmae`", "did you mean `name`?"),
        (
            "  - schema: a\n    tables:\n      - table: t\n        colums: {a: b}",
            9,
            "objects[0].tables[0].colums",
            "unknown name `colums`",
            "did you mean `columns`?",
        ),
        (
            "  - schema: a\n    operations: [upsert]",
            7,
            "objects[0].operations[0]",
            "`upsert` is not a valid value",
            "did you mean `insert`?",
        ),
        (
            "  - schema: a\n    rename:\n      - {patern: a, name: b}",
            8,
            "objects[0].rename[0].patern",
            "unknown name `patern`",
            "did you mean `pattern`?",
        ),
        (
            "  - schema: a\n    tables:\n      - table: t\n        columns: {a: 7}",
            9,
            "objects[0].tables[0].columns",
            "must be text, not a number",
            "quotes",
        ),
    ],
)
def test_a_mistake_names_line_path_and_nearest_name(
    objects: str, line: int, where: str, title: str, remedy: str, tmp_path: Path
) -> None:
    path = tmp_path / "kb.yaml"
    with pytest.raises(TaskFileError) as refused:
        file.parse(f"{HEAD}objects:\n{objects}\n", path)
    assert refused.value.where == f"{path}:{line}: {where}"
    assert title in refused.value.title
    assert remedy in str(refused.value.remedy)


EDITED = """\
- schema: sales
  name: Sales EU
  overrides:
    - {table: orders, name: orders_eu, columns: {note: remark}, exclude_columns: [secret]}
  rename: [{pattern: '^tmp_(.+)$', name: 'stage_\\1'}, {pattern: 'tmp_x', name: never}]
- schema: Docs
  tables: [{table: Pages, name: PAGES}, {table: Words}]
"""


def test_the_mapping_of_a_task_answers_for_every_name() -> None:
    spec = spec_of(EDITED)
    mapping = Mapping.of(spec)
    orders, pages = TableName("sales", "orders"), TableName("Docs", "Pages")
    assert mapping.table(orders) == TableName("Sales EU", "orders_eu")
    assert mapping.table(TableName("sales", "tmp_x")) == TableName("Sales EU", "stage_x")
    assert mapping.object(ObjectName("sales", "items_id_seq")) == ObjectName("Sales EU", "items_id_seq")
    assert mapping.function(FunctionName("sales", "tmp_f", ())) == FunctionName("Sales EU", "tmp_f", ())
    assert mapping.column_names(orders, ["id", "note"]) == ["id", "remark"]
    assert not mapping.travels(orders, "secret")
    assert mapping.travels(orders, "note")
    assert mapping.table(pages) == TableName("Docs", "PAGES")
    assert mapping.table(TableName("elsewhere", "T")) == TableName("elsewhere", "T")


@pytest.mark.parametrize(
    ("capitalization", "schema", "words", "column"),
    [("lower", "docs", "words", "id"), ("upper", "DOCS", "WORDS", "ID")],
)
def test_capitalization_is_for_names_that_are_given_nowhere_else(
    capitalization: str, schema: str, words: str, column: str
) -> None:
    spec = spec_of(EDITED)
    changed = msgspec.convert({"capitalization": capitalization}, Synchronization)
    mapping = Mapping.of(msgspec.structs.replace(spec, synchronization=changed))
    assert mapping.table(TableName("Docs", "Words")) == TableName(schema, words)
    assert mapping.table(TableName("Docs", "Pages")) == TableName(schema, "PAGES")
    assert mapping.column(TableName("Docs", "Words"), "Id") == column
    assert mapping.column(TableName("sales", "orders"), "note") == "remark"
    assert mapping.table(TableName("sales", "tmp_x")) == TableName("Sales EU", "stage_x")
    assert mapping.column(TableName("Other", "T"), "Id") == "Id"


def test_edits_survive_the_picker_and_changes_of_what_is_ticked() -> None:
    objects = spec_of(EDITED).objects
    choice = ObjectChoice.from_objects(Catalogue(schemas=("sales", "Docs")), objects)
    assert choice.to_objects() == objects
    without = choice.with_schema("Docs", False).with_schema("sales", True)
    assert without.to_objects() == objects[:1]
    changed = choice.with_table("Docs", TableObject(table="Words", exclude_columns=["x"]))
    assert changed.to_objects()[1].tables[1].exclude_columns == ["x"]
    assert changed.with_table("Docs", TableObject(table="Words")).to_objects() == objects
    assert choice.table("sales", "orders").name == "orders_eu"
    assert choice.table("sales", "items") == TableObject(table="items")


def test_a_task_of_thousands_of_edited_tables_fits_into_its_file(tmp_path: Path) -> None:
    tables = [
        TableObject(table=f"{n:063}", name=f"x{n:062}", columns={"a" * 30: "b" * 30}, where="region = 'us'")
        for n in range(200)
    ]
    spec = TaskSpec(name="t", source=END, destination=END, objects=[SchemaObjects(schema="s", tables=tables)])
    assert 100 * len(file.dump(spec)) < file.FILE_BYTES
