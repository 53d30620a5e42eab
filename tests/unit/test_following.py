"""Definitions under other names, statement by statement. No server."""

import pytest

from syncwizard.structure.needs import Needs
from syncwizard.structure.parse import parse_dump
from syncwizard.structure.plan import Plan, make_plan
from syncwizard.structure.wanted import Wishes
from syncwizard.task.mapping import Mapping
from syncwizard.task.names import FunctionName, ObjectName, TableName
from syncwizard.task.objects import RenameRule

T, U = TableName("s", "t"), TableName("s", "u")
MAPPING = Mapping(
    schemas={"s": "d"},
    objects={("s", "t"): ("d", "T2")},
    columns={T: {"a": "A", "b": "select"}},
    left_out={T: frozenset({"gone"})},
    rules={"s": (RenameRule(pattern="^old_(.+)$", name=r"\1"),)},
)
NEEDS = Needs(
    tables=frozenset({T, U}),
    views=frozenset({ObjectName("s", "v"), ObjectName("s", "old_v")}),
    types=frozenset({ObjectName("s", "old_type")}),
    functions=frozenset({FunctionName("s", "f", ())}),
    sequences=frozenset({ObjectName("s", "t_a_seq")}),
    sequence_owners={ObjectName("s", "t_a_seq"): T},
    left_out_columns={T: frozenset({"gone"})},
)
TABLE = "CREATE TABLE s.t (a integer, b text, gone text, c s.old_type);\nCREATE TABLE s.u (a integer);\n"


def plan_of(statement: str, mapping: Mapping = MAPPING) -> Plan:
    wishes = Wishes(needs=NEEDS, mapping=mapping, whole_schemas={"s"}, roles={"r"})
    return make_plan(parse_dump(f"{TABLE}{statement};\n"), wishes)


FOLLOWED = [
    ("CREATE INDEX t_a ON s.t USING btree (a, lower(b)) WHERE (b > 'x'::text)", 'CREATE INDEX "T2_a" ON d."T2" '),
    ("CREATE VIEW s.v AS SELECT t.a, t.b FROM s.t", 'FROM d."T2" t(a, b, c)'),
    ("CREATE VIEW s.old_v AS SELECT x.b FROM s.t x(q, b)", 'CREATE VIEW d.v AS SELECT x.b FROM d."T2" x(q, b, c)'),
    ("CREATE VIEW s.v AS SELECT a FROM ONLY s.u", "CREATE VIEW d.v AS SELECT a FROM ONLY d.u"),
    (
        "CREATE VIEW s.v AS SELECT 1 AS n WHERE EXISTS (SELECT FROM s.t WHERE ((t.a = 1) AND (t.b IS NULL)))",
        'EXISTS (SELECT FROM d."T2" t(a, b, c) WHERE t.a = 1 AND t.b IS NULL)',
    ),
    ("COMMENT ON COLUMN s.t.a IS 'it''s'", "COMMENT ON COLUMN d.\"T2\".\"A\" IS 'it''s'"),
    ("GRANT SELECT(a), UPDATE(b) ON TABLE s.t TO r", 'GRANT select ("A"), update ("select") ON d."T2" TO r'),
    ("ALTER SEQUENCE s.t_a_seq OWNED BY s.t.a", 'ALTER SEQUENCE d."T2_a_seq" OWNED BY d."T2"."A"'),
    (
        "ALTER TABLE ONLY s.t ALTER COLUMN a SET DEFAULT nextval('s.t_a_seq'::regclass)",
        'ALTER COLUMN "A" SET DEFAULT nextval(\'"d"."T2_a_seq"\'::regclass)',
    ),
    (
        "ALTER TABLE ONLY s.u ADD CONSTRAINT fk FOREIGN KEY (a) REFERENCES s.t(a) ON DELETE CASCADE",
        'FOREIGN KEY (a) REFERENCES d."T2" ("A") ON DELETE CASCADE NOT VALID',
    ),
    ("CREATE STATISTICS s.both ON a, b FROM s.t", 'CREATE STATISTICS d."both" ON ("A"), ("select") FROM d."T2"'),
    (
        "CREATE FUNCTION s.f() RETURNS SETOF s.t LANGUAGE sql SET search_path TO 's', 'x' AS $$SELECT a FROM s.t$$",
        'CREATE FUNCTION d.f() RETURNS SETOF d."T2" LANGUAGE sql SET search_path TO d, x AS $$SELECT a FROM s.t$$',
    ),
    (
        "CREATE RULE r AS ON INSERT TO s.t WHERE (new.a > 0) DO ALSO UPDATE s.u SET a = new.a WHERE u.a = new.a",
        'ON INSERT TO d."T2" WHERE new."A" > 0 DO UPDATE d.u SET a = new."A" WHERE u.a = new."A"',
    ),
]


@pytest.mark.parametrize(("statement", "expected"), FOLLOWED, ids=[statement[:40] for statement, _ in FOLLOWED])
def test_a_statement_follows_the_names(statement: str, expected: str) -> None:
    texts = [each.text for each in plan_of(statement).statements]
    assert any(expected in text for text in texts), texts[-1]


def test_a_table_comes_without_the_columns_that_are_left_out() -> None:
    [table] = [each for each in plan_of("").statements if each.table == TableName("d", "T2")]
    assert table.text == 'CREATE TABLE d."T2" ("A" int, "select" text, c d.type)'
    assert (table.source_table, table.name) == (T, "s.t")


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("CREATE INDEX i ON s.t USING btree (a, gone)", "index"),
        ("CREATE INDEX i ON s.t USING btree (lower(gone))", "index"),
        ("ALTER TABLE ONLY s.t ADD CONSTRAINT k UNIQUE (gone)", "unique constraint"),
        ("ALTER TABLE s.t ADD CONSTRAINT c CHECK ((gone <> ''::text)) NOT VALID", "check constraint"),
        ("COMMENT ON COLUMN s.t.gone IS 'x'", "comment"),
        ("ALTER TABLE ONLY s.t ALTER COLUMN gone SET STATISTICS 7", "column setting"),
        ("CREATE TRIGGER x BEFORE UPDATE OF gone ON s.t FOR EACH ROW EXECUTE FUNCTION s.f()", "trigger"),
    ],
)
def test_what_needs_a_left_out_column_is_left_out_with_the_reason(statement: str, kind: str) -> None:
    plan = plan_of(statement)
    assert kind not in {each.kind for each in plan.statements}
    [skipped] = [each for each in plan.skipped if each.kind == kind]
    assert skipped.reason == "it needs column gone of s.t, which is left out"


def test_a_task_that_renames_nothing_keeps_every_text() -> None:
    for statement, _ in FOLLOWED:
        assert statement in {
            text.split(" NOT VALID")[0] for text in (e.text for e in plan_of(statement, Mapping()).statements)
        }


def test_the_names_of_extensions_stay_as_they_are() -> None:
    [table] = [
        each
        for each in make_plan(
            parse_dump("CREATE TABLE s.t (a s.vector(3), b s.old_type)"),
            Wishes(needs=NEEDS, mapping=MAPPING, whole_schemas={"s"}),
        ).statements
        if each.kind == "table"
    ]
    assert "s.vector(3)" in table.text
    assert "d.type" in table.text
