"""From one definition of a table to the next: as few statements as it takes, or why there are none."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncwizard.structure.compare import compare
from syncwizard.structure.definition import ColumnDefinition, Definition, Part
from syncwizard.task.names import TableName

TARGET = TableName("b", 'T "x"')
TABLE = '"b"."T ""x"""'
PLAIN = ColumnDefinition(
    number=1,
    name="id",
    type="integer",
    not_null=True,
    default=None,
    generated="",
    identity="",
    collation=None,
    missing=None,
    implied=False,
    comment=None,
)


def column(number: int, name: str, **fields: object) -> ColumnDefinition:
    given = msgspec.structs.asdict(PLAIN) | {"number": number, "name": name, "not_null": False, **fields}
    return ColumnDefinition(**given)


def table(*columns: ColumnDefinition, **fields: object) -> Definition:
    given: dict[str, object] = {
        "relation": 1,
        "schema": "a",
        "name": "t",
        "kind": "r",
        "persistence": "p",
        "storage": 1,
        "related": False,
        "columns": list(columns),
        "constraints": [],
        "indexes": [],
        "comment": None,
    }
    return Definition(**{**given, **fields})  # type: ignore[arg-type]


def statements(before: Definition, after: Definition, statement: str | None = "ALTER TABLE t") -> list[str]:
    steps = compare(before, after, TARGET, statement=statement)
    assert not [step.problem for step in steps if step.problem is not None]
    return [text.removeprefix(f"ALTER TABLE {TABLE} ") for step in steps for text in step.statements]


def problems(before: Definition, after: Definition, statement: str | None = "ALTER TABLE t") -> list[str]:
    steps = compare(before, after, TARGET, statement=statement)
    return [step.problem.message for step in steps if step.problem is not None]


def test_what_is_the_same_needs_nothing() -> None:
    one = table(PLAIN, column(2, "v"))
    assert statements(one, one) == []


def test_columns_are_known_by_number_under_every_name() -> None:
    before = table(PLAIN, column(2, "a"), column(3, "b"))
    assert statements(before, table(PLAIN, column(2, 'n"w'), column(3, "b"))) == ['RENAME COLUMN "a" TO "n""w"']
    # The name came back with another column.
    again = table(PLAIN, column(3, "b"), column(4, "a"))
    assert statements(before, again) == ['DROP COLUMN IF EXISTS "a"', 'ADD COLUMN "a" integer']
    assert problems(before, table(PLAIN, column(2, "b"), column(3, "a"))) != []


def test_a_new_column_brings_what_rows_have_in_it_and_then_its_default() -> None:
    now = column(2, "at", type="timestamp with time zone", default="now()", missing=["2026-01-01 00:00:00+00"])
    assert statements(table(PLAIN), table(PLAIN, now)) == [
        "ADD COLUMN \"at\" timestamp with time zone DEFAULT '2026-01-01 00:00:00+00'",
        'ALTER COLUMN "at" SET DEFAULT now()',
    ]


@pytest.mark.parametrize(
    "added",
    [
        column(2, "v", default="random()"),
        column(2, "v", identity="a", not_null=True),
        column(2, "v", implied=True),
        column(2, "v", missing=["1", "2"]),
        column(2, "v", type="money", missing=["$1"]),
    ],
)
def test_a_new_column_with_other_values_for_each_row_is_a_problem_even_where_it_is_there(
    added: ColumnDefinition,
) -> None:
    [step] = compare(table(PLAIN), table(PLAIN, added), TARGET, statement="ALTER TABLE t")
    assert step.problem is not None
    assert not step.problem.settled(table(PLAIN, added))


def test_rows_that_were_rewritten_by_what_may_be_an_expression_are_a_problem() -> None:
    before, wider = table(PLAIN), table(column(1, "id", type="bigint", not_null=True), storage=2)
    assert statements(before, wider) == ['ALTER COLUMN "id" TYPE bigint']
    using = "ALTER TABLE t ALTER id SET DATA TYPE\nbigint using id + 1"
    assert problems(before, wider, using) != []
    # The text of the command is not known.
    assert problems(before, wider, None) != []
    assert problems(before, table(PLAIN, storage=2), using) != []
    assert statements(before, table(column(1, "id", type="bigint", not_null=True)), None) != []


def test_what_goes_with_a_column_is_not_dropped_by_itself() -> None:
    part = Part(oid=9, name="t_v", definition="btree (v)", columns=[2])
    before = table(PLAIN, column(2, "v"), indexes=[part])
    assert statements(before, table(PLAIN)) == ['DROP COLUMN IF EXISTS "v"']
    gone = table(PLAIN, column(2, "v"))
    assert statements(before, gone) == ['DROP INDEX IF EXISTS "b"."t_v"']
    assert statements(gone, before) == [f'CREATE INDEX "t_v" ON {TABLE} USING btree (v)']


def test_an_index_that_was_made_anew_as_it_was_needs_nothing() -> None:
    part = Part(oid=9, name="t_v", definition="UNIQUE btree (v)", columns=[2])
    again = msgspec.structs.replace(part, oid=10)
    other = msgspec.structs.replace(part, oid=10, definition="btree (v) WHERE (v > 1)")
    before = table(PLAIN, column(2, "v"), indexes=[part])
    assert statements(before, table(PLAIN, column(2, "v"), indexes=[again])) == []
    assert statements(before, table(PLAIN, column(2, "v"), indexes=[other])) == [
        'DROP INDEX IF EXISTS "b"."t_v"',
        f'CREATE INDEX "t_v" ON {TABLE} USING btree (v) WHERE (v > 1)',
    ]


def test_a_foreign_key_to_a_table_of_another_name_is_a_problem_until_it_is_there() -> None:
    key = Part(oid=9, name="t_fk", definition="FOREIGN KEY (v) REFERENCES a.p(id)", columns=[2], references=["a", "p"])
    before, after = table(PLAIN, column(2, "v")), table(PLAIN, column(2, "v"), constraints=[key])
    [step] = compare(before, after, TARGET, statement="", known=[TableName("a", "p")])
    assert step.statements[0].endswith('ADD CONSTRAINT "t_fk" FOREIGN KEY (v) REFERENCES a.p(id)')
    [step] = compare(before, after, TARGET, statement="")
    assert step.problem is not None and step.problem.settled(after) and not step.problem.settled(before)


NAMES = st.sampled_from(["a", "b", "c", "d"])
COLUMNS = st.builds(
    column,
    st.integers(2, 9),
    NAMES,
    type=st.sampled_from(["integer", "bigint", "text", "character varying(5)"]),
    not_null=st.booleans(),
    default=st.sampled_from([None, "1"]),
    missing=st.sampled_from([None, ["1"]]),
)
TABLES = st.lists(COLUMNS, max_size=4, unique_by=(lambda each: each.number, lambda each: each.name)).map(
    lambda columns: table(PLAIN, *sorted(columns, key=lambda each: each.number))
)


def followed(names: dict[str, tuple[str, str | None, bool]], statement: str) -> None:
    """Does to a model what a statement does to a table: name to type, default, NOT NULL."""
    words = statement.split('"')
    name = statement[statement.index("COLUMN") :].split(" ")[1 if "IF EXISTS" not in statement else 3].strip('"')
    name = name.replace('""', '"')
    if statement.startswith("DROP COLUMN"):
        del names[name]
    elif statement.startswith("RENAME"):
        names[statement.split(" TO ")[1].strip('"').replace('""', '"')] = names.pop(name)
    elif statement.startswith("ADD COLUMN"):
        assert name not in names
        rest = statement.split('" ', 1)[1]
        kind = rest.split(" DEFAULT")[0].removesuffix(" NOT NULL")
        names[name] = (kind, None, rest.endswith("NOT NULL"))
    else:
        kind, default, null = names[name]
        action = statement.split('" ', 1)[1]
        if action.startswith("TYPE "):
            kind = action[5:]
        elif "DEFAULT" in action:
            default = action[12:] if action.startswith("SET") else None
        else:
            null = action.startswith("SET")
        names[name] = (kind, default, null)
    assert words


@given(TABLES, TABLES)
def test_the_statements_lead_from_any_definition_to_any_other_unless_there_is_a_problem(
    before: Definition, after: Definition
) -> None:
    steps = compare(before, after, TARGET, statement="ALTER TABLE t")
    if any(step.problem is not None for step in steps):
        return
    model = {each.name: (each.type, each.default, each.not_null) for each in before.columns}
    for step in steps:
        for text in step.statements:
            followed(model, text.removeprefix(f"ALTER TABLE {TABLE} "))
    assert model == {each.name: (each.type, each.default, each.not_null) for each in after.columns}
