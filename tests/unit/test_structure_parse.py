"""Statements of a dump: their text, kind and names."""

import pytest

from syncwizard.structure import parse
from syncwizard.structure.parse import parse_dump
from syncwizard.structure.planned import describe
from syncwizard.structure.statements import Statement
from syncwizard.task.names import FunctionName, ObjectName, TableName


def only(text: str) -> Statement:
    (statement,) = parse_dump(text)
    return statement


def test_statements_keep_their_text_where_characters_take_several_bytes() -> None:
    first = "CREATE TABLE public.\"é€😀\" (a text DEFAULT 'ü;');\n\n"
    text = first + "--\n-- Name: b — ü\n--\n\nCREATE TABLE public.b (\n\tx int\n);\n"
    assert [statement.text for statement in parse_dump(text)] == [
        "CREATE TABLE public.\"é€😀\" (a text DEFAULT 'ü;')",
        "CREATE TABLE public.b (\n\tx int\n)",
    ]


def test_what_only_sets_the_session_is_left_out() -> None:
    dump = (
        "\\restrict AbC\n\nSET statement_timeout = 0;\nSELECT pg_catalog.set_config('search_path', '', false);\n"
        "CREATE SEQUENCE public.s;\n\n\\unrestrict AbC\n\n"
    )
    assert only(dump).name == ObjectName("public", "s")


def test_a_body_that_looks_like_a_dump_is_not_taken_apart() -> None:
    body = "\n\\restrict nothing\n-- a comment; CREATE TABLE x ();\n"
    statement = only(f"CREATE FUNCTION public.f() RETURNS text LANGUAGE sql AS $_$SELECT '{body}'$_$;\n")
    assert statement.kind == "function"
    assert body in statement.text


def test_a_large_dump_is_read_in_pieces_as_if_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """They begin at headers, also at one that only looks so."""
    header = "--\n-- Name: {}; Type: {}; Schema: s; Owner: -\n--\n\n"
    body = header.format("x", "TABLE") + "CREATE TABLE x (); SELECT ''';"
    dump = "".join(
        [
            header.format("a", "TABLE") + "CREATE TABLE s.a (id int);\n\n",
            header.format("f", "FUNCTION") + f"CREATE FUNCTION s.f() RETURNS text LANGUAGE sql AS $_$\n{body}$_$;\n",
            header.format("b", "POLICY") + "CREATE POLICY b ON s.a; COMMENT ON TABLE s.a IS 'it''s ü';\n\n",
        ]
    )
    whole = parse_dump(dump)
    assert [statement.kind for statement in whole] == ["table", "function", "policy", "comment"]
    monkeypatch.setattr(parse, "PIECE_CHARACTERS", 1)
    assert parse_dump(dump) == whole
    unknown = dump + header.format("c", "TABLE") + "CREATE NOVELTY c;\n"
    assert [statement.kind for statement in parse_dump(unknown)] == ["table", "function", "policy", "comment", "other"]


def test_a_body_of_statements_stays_one_statement() -> None:
    statement = only("CREATE FUNCTION public.f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END;\n")
    assert statement.text.endswith("SELECT 2; END")


def test_a_function_is_known_by_its_input_types() -> None:
    text = (
        "CREATE FUNCTION s.f(a integer, VARIADIC b text[], OUT c bigint, INOUT d s.mood, e timestamp with time zone"
        " DEFAULT now()) RETURNS record LANGUAGE sql AS 'SELECT 1, d';"
    )
    arguments = ("pg_catalog.int4", "pg_catalog.text[]", "s.mood", "pg_catalog.timestamptz")
    assert only(text).function == FunctionName("s", "f", arguments)


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("CREATE TYPE s.t AS ENUM ('a')", "type", "s.t"),
        ("CREATE TYPE s.t AS (a int)", "type", "s.t"),
        ("CREATE TYPE s.t AS RANGE (subtype = float8)", "type", "s.t"),
        ("CREATE DOMAIN s.d AS text CHECK (value <> '')", "type", "s.d"),
        ("ALTER DOMAIN s.d ADD CONSTRAINT c CHECK (value > 1) NOT VALID", "domain constraint", "s.d"),
        ("CREATE COLLATION s.c (provider = icu, locale = 'de')", "collation", "s.c"),
        ("CREATE AGGREGATE s.a(int) (sfunc = s.f, stype = int)", "aggregate", "s.a"),
        ("CREATE OPERATOR CLASS s.oc FOR TYPE int USING btree AS OPERATOR 1 <", "operator class", "s.oc"),
        ("CREATE TEXT SEARCH CONFIGURATION s.ts (PARSER = s.p)", "text search configuration", "s.ts"),
        ("CREATE VIEW s.v AS SELECT 1", "view", "s.v"),
        ("CREATE MATERIALIZED VIEW s.m AS SELECT 1 WITH NO DATA", "materialized view", "s.m"),
        ("CREATE TRIGGER t BEFORE INSERT ON s.x FOR EACH ROW EXECUTE FUNCTION s.f()", "trigger", "s.t"),
        ("ALTER TABLE s.x DISABLE TRIGGER t", "trigger", "s.t"),
        ("GRANT SELECT (a), UPDATE ON TABLE s.x TO r", "privilege", "s.x"),
        ("REVOKE ALL ON FUNCTION s.f(integer) FROM PUBLIC", "privilege", "s.f"),
        ("COMMENT ON CONSTRAINT c ON DOMAIN s.d IS 'c'", "comment", "s.d"),
        ("COMMENT ON OPERATOR CLASS s.oc USING btree IS 'c'", "comment", "s.oc"),
        ("CREATE RULE r AS ON INSERT TO s.x DO NOTHING", "rule", "s.r"),
        ("CREATE POLICY p ON s.x USING (true)", "policy", "s.p"),
        ("ALTER TABLE s.x ENABLE ROW LEVEL SECURITY", "row security", "s.x"),
        ("CREATE STATISTICS s.st ON a, b FROM s.x", "statistics", "s.st"),
        ("ALTER TABLE ONLY s.x ALTER COLUMN a SET DEFAULT 1", "default", "s.x"),
        ("ALTER TABLE s.x ALTER COLUMN a ADD GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME s.q)", "identity", "s.x"),
        ("ALTER TABLE ONLY s.x ALTER COLUMN a SET STORAGE EXTERNAL", "column setting", "s.x"),
        ("ALTER TABLE s.x ADD CONSTRAINT n NOT NULL a NOT VALID", "not-null constraint", "s.n"),
        ("ALTER TABLE s.x ADD CONSTRAINT c CHECK (a > 1) NOT VALID", "check constraint", "s.c"),
        ("ALTER INDEX s.i ALTER COLUMN 1 SET STATISTICS 100", "index setting", "s.i"),
    ],
)
def test_the_kind_comes_from_the_tree(text: str, kind: str, name: str) -> None:
    statement = only(text + ";")
    assert (statement.kind, str(statement.name)) == (kind, name)


def test_options_of_columns_are_one_statement_each_and_a_servers_own_are_left_out() -> None:
    statements = parse_dump(
        '-- ü\nALTER TABLE ONLY s."t(" ALTER COLUMN "a,é)" SET (pg_attver=7, n_distinct=5, "O"=\'a,b)\');\n'
        "ALTER TABLE ONLY s.t ALTER COLUMN a SET (pg_attver=7);\n"
    )
    opening = 'ALTER TABLE ONLY s."t(" ALTER COLUMN "a,é)" SET '
    assert [each.text for each in statements] == [f"{opening}(n_distinct=5)", f"{opening}(\"O\"='a,b)')"]
    assert [describe(each) for each in statements] == ["n_distinct of column a,é) of s.t(", "O of column a,é) of s.t("]


def test_constraints_know_their_table_and_what_they_reference() -> None:
    statement = only("ALTER TABLE ONLY a.x ADD CONSTRAINT k FOREIGN KEY (y) REFERENCES b.y(id) NOT VALID;")
    assert statement.kind == "foreign key"
    assert statement.table == TableName("a", "x")
    assert statement.references == TableName("b", "y")
    assert statement.not_valid


def test_indexes_know_their_method_and_whether_they_are_of_the_parent_alone() -> None:
    statement = only("CREATE INDEX i ON ONLY s.x USING hnsw (v public.vector_l2_ops) WITH (m='8');")
    assert (statement.kind, statement.method, statement.only) == ("index", "hnsw", True)
    assert statement.index == ObjectName("s", "i")


def test_attachments_know_both_sides() -> None:
    table = only("ALTER TABLE ONLY s.root ATTACH PARTITION t.leaf FOR VALUES IN (1);")
    assert (table.kind, table.table, table.parent) == ("partition", TableName("t", "leaf"), ObjectName("s", "root"))
    index = only("ALTER INDEX s.root_i ATTACH PARTITION t.leaf_i;")
    assert (index.kind, index.name, index.parent) == (
        "index partition",
        ObjectName("t", "leaf_i"),
        ObjectName("s", "root_i"),
    )


UNKNOWN = r"""\restrict key
--
-- PostgreSQL database dump
--

SET lock_timeout = 0;

--
-- Name: f(integer); Type: FUNCTION; Schema: s; Owner: -
--

CREATE FUNCTION s.f(n integer) RETURNS integer
    LANGUAGE sql
    BEGIN ATOMIC
 SELECT (n + 1);
 SELECT (n + 2);
END;


--
-- Name: FUNCTION f(n integer); Type: COMMENT; Schema: s; Owner: -
--

COMMENT ON FUNCTION s.f(n integer) IS 'quoted; --
-- Name: fake; Type: TABLE; Schema: s; Owner: -
--
DROP TABLE s.x;';


--
-- Name: friends; Type: PROPERTY GRAPH; Schema: s; Owner: -
--

CREATE PROPERTY GRAPH s.friends VERTEX TABLES (s.x KEY (id));

ALTER TABLE s.x ENABLE ROW LEVEL SECURITY;

--
-- Name: x; Type: TABLE; Schema: s; Owner: -
--

CREATE TABLE s.x (
    id integer NOT NULL
);
\unrestrict key
"""


def test_a_statement_that_the_parser_does_not_know_is_kept_as_text() -> None:
    found = parse_dump(UNKNOWN)
    assert [(each.kind, str(each.name)) for each in found] == [
        ("function", "s.f"),
        ("comment", "s.f"),
        ("other", "s.friends"),
        ("row security", "s.x"),
        ("table", "s.x"),
    ]
    assert found[0].text.startswith("CREATE FUNCTION s.f") and found[0].text.endswith("END")
    assert found[1].text.endswith("DROP TABLE s.x;'")
    graph = found[2]
    assert graph.text == "CREATE PROPERTY GRAPH s.friends VERTEX TABLES (s.x KEY (id))"
    assert (graph.method, graph.unknown) == ("property graph", 'syntax error at or near "PROPERTY"')


def test_what_the_parser_knows_comes_out_the_same_whole_or_cut() -> None:
    known = UNKNOWN.replace("CREATE PROPERTY GRAPH s.friends VERTEX TABLES (s.x KEY (id));", "")
    whole = parse_dump(known)
    assert [each for each in parse_dump(UNKNOWN) if each.kind != "other"] == whole


@pytest.mark.parametrize("count", [60, 1500])
def test_a_view_that_joins_dozens_of_texts_is_read_with_the_rest(count: int) -> None:
    """The parser's trees are messages, which are read to a depth of 100 where nothing else is asked for."""
    chain = " || ".join(f"c{number}" for number in range(count))
    statements = parse_dump(f"CREATE TABLE s.t (id int);\nCREATE VIEW s.v AS SELECT {chain} AS x FROM s.t;\n")
    assert [statement.kind for statement in statements] == ["table", "view"]
    assert statements[1].text.count("||") == count - 1
