"""Every function of the transformation language, evaluated by both servers: its example gives what the manual says."""

from pathlib import Path
from typing import Any

import pytest

from syncwizard.demo.servers import Cluster
from syncwizard.rows.etl.catalogue import SUBJECTS
from syncwizard.rows.etl.catalogue.function import Function
from syncwizard.rows.etl.parsing import parse
from syncwizard.rows.etl.steps import Program, compile_scripts
from syncwizard.rows.etl.types import type_of
from syncwizard.task.objects import SchemaObjects, TableObject
from tests.support.pair import DatabasePair
from tests.support.rowpath import row_path

EXAMPLES = [function for _, functions in SUBJECTS for function in functions if function.example]
TABLE = (
    "CREATE EXTENSION IF NOT EXISTS vector;"
    "CREATE TABLE t (id int, word text, other varchar(20), amount numeric, embedding vector(3));"
    "INSERT INTO t VALUES (1, 'one', 'eins', 2.5, '[3,4,0]'), (2, NULL, NULL, NULL, NULL);"
    "SET search_path = ''; SET TimeZone = 'UTC'"
)
COLUMNS = {
    "id": "integer",
    "word": "text",
    "other": "character varying",
    "amount": "numeric",
    "embedding": "public.vector",
}


@pytest.fixture(scope="module")
def sessions(source_cluster: Cluster, destination_cluster: Cluster) -> Any:
    """A session at each server, with a table in a database of its own."""
    name = "etl_functions"
    opened = []
    for cluster in (source_cluster, destination_cluster):
        cluster.create_database(name)
        session = cluster.connect(name)
        session.execute(TABLE)
        opened.append(session)
    yield opened
    for cluster, session in zip((source_cluster, destination_cluster), opened, strict=True):
        session.close()
        cluster.drop_database(name)


SOURCE = (
    "CREATE EXTENSION vector;"
    "CREATE TABLE t (id int PRIMARY KEY, word text, other varchar(20), amount numeric, embedding vector(3));"
)
VALUES = "(SELECT i, 'one', 'eins', 2.5, '[3,4,0]'::vector FROM generate_series({}) i)"


def compiled(script: str) -> Program:
    columns = {name: type_of(kind) for name, kind in COLUMNS.items()}
    constants = {"__DB__": "d", "__SCHEMA__": "public", "__TB__": "t"}
    return compile_scripts([parse(script)], columns, ["id"], constants, "public.t")


def evaluated(session: Any, script: str, column: str = "result", row: int = 1) -> Any:
    """The column as text, and its type."""
    program = compiled(script)
    text = "(SELECT id AS c0, word AS c1, other AS c2, amount AS c3, embedding AS c4 FROM public.t) AS l"
    for level in program.levels:
        adds = "".join(f", {sql} AS {name}" for name, sql in level.adds)
        keeps = f" WHERE {level.keeps}" if level.keeps else ""
        text = f"(SELECT l.*{adds} FROM {text}{keeps}{' OFFSET 0' if level.apart else ''}) AS l"
    value = program.outputs[column]
    query = f"SELECT ({value.sql})::text, pg_typeof({value.sql})::text FROM {text} WHERE l.c0 = {row}"
    return session.execute(query).fetchone(), value.type.name


@pytest.mark.parametrize("function", EXAMPLES, ids=lambda function: function.name)
def test_an_example_gives_what_the_manual_says(sessions: Any, function: Function) -> None:
    for session in sessions:
        (value, kind), known = evaluated(session, f"e_set(`result`, {function.example})")
        shown = {"true": "t", "false": "f"}.get(value, value) if kind == "boolean" else value
        assert shown == function.gives
        # The schema synchronization creates new columns by this type.
        assert kind in (known, known.removeprefix("public."))


@pytest.mark.parametrize("function", EXAMPLES, ids=lambda function: function.name)
def test_an_alias_means_the_same(sessions: Any, function: Function) -> None:
    for alias in function.aliases:
        script = f"e_set(`result`, {function.example.replace(function.name, alias, 1)})"
        assert evaluated(sessions[0], script) == evaluated(sessions[0], f"e_set(`result`, {function.example})")


@pytest.mark.parametrize(
    ("expression", "gives"),
    [
        ('str_mask("12", 3, 6, "*")', "12"),
        ('str_mask("12345", 3, 6, "*")', "123**"),
        ('str_mask("12345", 2, 1, "*")', "12345"),
        ('str_mask(str_upper(`word`), 0, 1, "*")', "**E"),
        ('str_substring("abc", 5)', ""),
        ('str_split("a,b", ",", 7)', ""),
        ('str_find("abc", "x")', "-1"),
        ('str_rfind("abc", "x")', "-1"),
        ('str_substring_after("abc", "x")', ""),
        ('str_lpad("long", 2, "0")', "long"),
        ("op_div_floor(7, -2)", "-4"),
        ("op_div_floor(-7.5, 2)", "-4"),
        ("op_div_floor(8, 2)", "4"),
        ("op_mod(7.5, 2)", "1.5"),
        ("op_add(`id`, `amount`)", "3.5"),
        ("op_round(2.5)", "3"),
        ('op_max(`word`, "zebra", null)', "zebra"),
        ("op_if(op_gt(`amount`, 100), 1, 2.5)", "2.5"),
        ("op_if(null, 1, 2)", "2"),
        ('op_eq(`other`, "eins")', "true"),
        ("op_in(`amount`, 1, 2.5)", "true"),
        ('op_between(`word`, "a", "z")', "true"),
        ("ct_bool(0)", "false"),
        ("ct_int(2.5)", "3"),
        ("ct_int(true)", "1"),
        ("ct_json(`amount`)", "2.5"),
        ("ct_str(`embedding`)", "[3,4,0]"),
        ('json_select(json_parse("{}"), "a.b[0]")', None),
        ('json_set(json_parse("{}"), "a", null)', '{"a": null}'),
        ('dt_add(ct_timestamptz("2026-01-31"), 1, "quarter")', "2026-04-30 00:00:00+00"),
        ('dt_add(ct_date("2026-01-31"), 90, "minute")', "2026-01-31 01:30:00"),
        ('dt_diff(ct_date("2025-11-30"), ct_date("2026-11-29"), "month")', "-11"),
        ('dt_truncate(ct_date("2026-11-29"), "quarter")', "2026-10-01"),
        ('dt_part(ct_timestamp("2026-11-29 10:05:07.5"), "second")', "7.500000"),
        (r'regex_select("abc", "x(.)", 1)', None),
        (r'regex_select("ab-12", "([a-z]+)-(\d+)")', "ab-12"),
        (r'regex_replace("2026-11-29", "(\d+)-(\d+)-(\d+)", "\3.\2.\1")', "29.11.2026"),
        ("str_concat(`word`, 5, true)", "one5true"),
        ('op_len(str_split(`word`, "n"))', "2"),
        ('op_slice("abcdef", -3, 2)', "ab"),
        ('"it\'s \\\\ \\"quoted\\""', 'it\'s \\ "quoted"'),
        ("sha256(`word`)", "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"),
    ],
)
def test_edges(sessions: Any, expression: str, gives: str | None) -> None:
    for session in sessions:
        assert evaluated(session, f"e_set(`result`, {expression})")[0][0] == gives


@pytest.mark.parametrize("function", EXAMPLES, ids=lambda function: function.name)
def test_null_is_taken_by_every_argument(sessions: Any, function: Function) -> None:
    """It is NULL, a condition of its own, or empty; never an error of the server."""
    literals = [None if each.constant else "null" for each in function.arguments if each.kind != "salt"]
    if None in literals or not literals or function.name.startswith("vector_"):
        return
    for session in sessions:
        evaluated(session, f"e_set(`result`, {function.name}({', '.join(map(str, literals))}))")


def test_a_salt_is_a_setting_of_the_session(sessions: Any) -> None:
    script = 'e_set(`result`, md5(`word`, secret("env:SALT")))'
    program = compiled(script)
    assert program.secrets == {"env:SALT"}
    from syncwizard.rows.etl.catalogue.texts import setting_of

    for session in sessions:
        session.execute("SELECT pg_catalog.set_config(%s, 'pepper', false)", (setting_of("env:SALT"),))
        (value, _), _ = evaluated(session, script)
        assert session.execute("SELECT md5('pepperone')").fetchone() == (value,)


def test_an_error_is_not_met_in_rows_left_out(sessions: Any) -> None:
    script = "e_compose(e_drop(op_is_null(`amount`)), e_set(`result`, op_div_true(1, op_sub(`amount`, 2.5))))"
    guarded = "e_if(op_ne(`amount`, 2.5), e_set(`result`, op_div_true(1, op_sub(`amount`, 2.5))))"
    for session in sessions:
        assert evaluated(session, script, row=2)[0] is None
        assert evaluated(session, guarded)[0][0] is None


def test_deep_scripts_are_evaluated_quickly(sessions: Any) -> None:
    """Sixty steps that each use the one before twice: written out they would be 2^60 expressions."""
    steps = ", ".join("e_set(`amount`, op_if(op_gt(`amount`, 1), op_sub(`amount`, 0.01), `amount`))" for _ in range(60))
    for session in sessions:
        assert evaluated(session, f"e_compose({steps})", "amount")[0][0] == "1.90"


def test_every_function_is_evaluated_in_copy_and_stream(pair: DatabasePair, tmp_path: Path) -> None:
    """All of them in one script: by the COPY of the source, by a statement for a row, and from staged rows."""
    names = [f"f_{function.name}" for function in EXAMPLES]
    sets = [f"e_set(`{name}`, {function.example})" for name, function in zip(names, EXAMPLES, strict=True)]
    script = f"e_compose({', '.join(sets)})"
    table = TableObject(table="t", etl=script)
    path = row_path(pair, tmp_path, SOURCE, objects=[SchemaObjects(schema="public", overrides=[table])])
    outputs = compiled(script).outputs
    added = ", ".join(f"ADD {name} {outputs[name].type.name}" for name in names)
    pair.destination.execute(f"ALTER TABLE t {added}".encode())
    pair.source.execute(f"INSERT INTO t {VALUES.format('1, 3')}".encode())
    path.copy()
    with path.following():
        pair.source.execute(f"INSERT INTO t {VALUES.format('4, 4')}".encode())
        path.caught_up()
        pair.source.execute(f"INSERT INTO t {VALUES.format('5, 300')}; UPDATE t SET id = id WHERE id < 3".encode())
        path.caught_up()
    expected = {name: function.gives for name, function in zip(names, EXAMPLES, strict=True)}
    shown = ", ".join(
        f"CASE {name}::text WHEN 'true' THEN 't' WHEN 'false' THEN 'f' ELSE {name}::text END" for name in names
    )
    rows = pair.destination.execute(f"SELECT count(*), {shown} FROM t GROUP BY {shown}".encode()).fetchall()
    assert [dict(zip(["rows", *names], row, strict=True)) for row in rows] == [{"rows": 300, **expected}]
