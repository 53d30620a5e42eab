"""Definitions at random, changed at random: what follows from comparing two of them makes the destination's alike."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncwizard.structure.compare import compare
from syncwizard.structure.creating import create
from syncwizard.task.names import ObjectName, TableName
from tests.support.followed import definitions, plain
from tests.support.pair import DatabasePair

pytestmark = pytest.mark.slow

T = TableName("public", "t")
TYPES = {
    "int": ("7", "bigint"),
    "smallint": ("3", "int"),
    "varchar(9)": ("'it''s'", "text"),
    "numeric(8,2)": ("1.5", "numeric(12,2)"),
    "timestamptz": ("now()", None),
    "text[]": ("'{a,\"b c\"}'", None),
    "boolean": ("true", None),
    'text COLLATE "C"': ("E'\\\\ x'", None),
}
NAMES = ['"a B"', "c", '"Ü""q"', "d_1", '"select"']
Change = tuple[str, str, str]


KINDS = """add, add, add default, drop, rename, widen, default, no default, null, check, unique, index, part index,
drop check, comment, add generated, drop expression, key, statistics""".replace("\n", " ").split(", ")


@st.composite
def changes(draw: st.DrawFn) -> list[Change]:
    """Each a kind of change, a column's name, and a type."""
    each = st.tuples(st.sampled_from(KINDS), st.sampled_from(NAMES), st.sampled_from(list(TYPES)))
    return draw(st.lists(each, min_size=2, max_size=12))


def statement(number: int, change: Change) -> str:
    kind, name, type_ = change
    constant, wider = TYPES[type_]
    alter = "ALTER TABLE t"
    return {
        "add": f"{alter} ADD COLUMN {name} {type_}",
        "add default": f"{alter} ADD COLUMN {name} {type_} NOT NULL DEFAULT {constant}",
        "add generated": f"{alter} ADD COLUMN {name} int GENERATED ALWAYS AS (id * {number}) STORED",
        "drop expression": f"{alter} ALTER COLUMN {name} DROP EXPRESSION",
        "drop": f"{alter} DROP COLUMN {name} CASCADE",
        "rename": f"{alter} RENAME COLUMN {name} TO r_{number}; {alter} RENAME COLUMN r_{number} TO n_{number}",
        "widen": f"{alter} ALTER COLUMN {name} TYPE {wider or type_}",
        "default": f"{alter} ALTER COLUMN {name} SET DEFAULT {constant}",
        "no default": f"{alter} ALTER COLUMN {name} DROP DEFAULT",
        "null": f"{alter} ALTER COLUMN {name} DROP NOT NULL",
        "check": f"{alter} ADD CONSTRAINT k_{number} CHECK ({name} IS NOT NULL OR id > 0)",
        "unique": f"{alter} ADD CONSTRAINT u_{number} UNIQUE (id, {name})",
        "index": f"CREATE INDEX i_{number} ON t ({name})",
        "part index": f"CREATE UNIQUE INDEX i_{number} ON t (id, ({name}::text)) WHERE {name} IS NOT NULL",
        "drop check": f"{alter} DROP CONSTRAINT k_{number - 1}",
        "comment": f"COMMENT ON COLUMN t.{name} IS 'it''s {number}'; COMMENT ON TABLE t IS '{number}'",
        "key": f"{alter} DROP CONSTRAINT t_pkey; {alter} ADD PRIMARY KEY (id, {name})",
        "statistics": f"{alter} ALTER COLUMN {name} SET STATISTICS {number}",
    }[kind]


@settings(max_examples=40, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=changes(), steps=st.lists(changes(), min_size=1, max_size=3))
def test_the_statements_between_two_definitions_make_both_ends_alike(
    pair: DatabasePair, made: list[Change], steps: list[list[Change]]
) -> None:
    for end in (pair.source, pair.destination):
        end.execute("DROP TABLE IF EXISTS t")
    columns = ", ".join(f"{name} {type_}" for name, type_ in zip(NAMES, TYPES, strict=False))
    pair.source.execute(f"CREATE TABLE t (id int PRIMARY KEY, {columns})".encode())
    change(pair, 0, made)
    before = definitions(pair.source)["t"]
    for step in create(before, T, lambda owned: ObjectName(owned.schema, owned.name), [T]):
        run(pair, step.statements)
    assert plain(definitions(pair.destination)["t"]) == plain(before)
    for at, each in enumerate(steps, 1):
        change(pair, 20 * at, each)
        after = definitions(pair.source)["t"]
        for step in compare(before, after, T, statement="", known=[T]):
            assert step.problem is None or step.problem.values, step
            run(pair, step.statements)
        assert plain(definitions(pair.destination)["t"]) == plain(after)
        before = after


def change(pair: DatabasePair, number: int, steps: list[Change]) -> None:
    """Makes those of the changes that the source takes."""
    for at, each in enumerate(steps, number + 1):
        text = f"DO $do$ BEGIN {statement(at, each)}; EXCEPTION WHEN OTHERS THEN NULL; END $do$"
        pair.source.execute(text.encode())


def run(pair: DatabasePair, statements: tuple[str, ...]) -> None:
    for text in statements:
        pair.destination.execute(text.encode())
