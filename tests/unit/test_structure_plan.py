"""The plan: what is kept, where it goes, what is said of the rest. No server."""

from syncwizard.structure.needs import Extension, Needs, TablePart
from syncwizard.structure.parse import parse_dump
from syncwizard.structure.plan import Plan, make_plan
from syncwizard.structure.wanted import Wishes
from syncwizard.task.names import FunctionName, ObjectName, TableName

X, Y = TableName("s", "x"), TableName("s", "y")

DUMP = """
CREATE TYPE s.used AS ENUM ('a');
CREATE TYPE s.unused AS ENUM ('a');
CREATE FUNCTION s.f(integer) RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION s.f(text) RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE TABLE s.x (id integer NOT NULL, v public.vector(3));
CREATE TABLE s.y (id integer NOT NULL);
CREATE SEQUENCE s.q;
ALTER SEQUENCE s.q OWNED BY s.y.id;
CREATE VIEW s.v AS SELECT 1;
ALTER TABLE ONLY s.x REPLICA IDENTITY FULL;
ALTER TABLE ONLY s.x ADD CONSTRAINT x_pkey PRIMARY KEY (id);
ALTER TABLE ONLY s.x ADD CONSTRAINT x_u UNIQUE (id);
ALTER TABLE s.x ADD CONSTRAINT x_c CHECK (id > 0) NOT VALID;
CREATE INDEX x_v ON s.x USING hnsw (v public.vector_l2_ops);
CREATE INDEX x_b ON s.x USING btree (id);
CREATE STATISTICS s.x_s ON id, v FROM s.x;
ALTER TABLE s.x CLUSTER ON x_b;
COMMENT ON INDEX s.x_b IS 'b';
CREATE TRIGGER t BEFORE INSERT ON s.x FOR EACH ROW EXECUTE FUNCTION s.f();
ALTER TABLE ONLY s.x ADD CONSTRAINT x_fk FOREIGN KEY (id) REFERENCES s.y(id);
COMMENT ON CONSTRAINT x_fk ON s.x IS 'fk';
"""


def planned(dump: str = DUMP, **wishes: object) -> Plan:
    given: dict[str, object] = {"needs": Needs(tables=frozenset({X, Y}))}
    return make_plan(parse_dump(dump), Wishes(**{**given, **wishes}))  # type: ignore[arg-type]


def names(plan: Plan, phase: str) -> list[tuple[str, str]]:
    return [(entry.kind, entry.name) for entry in plan.statements if entry.phase == phase]


def test_each_phase_holds_what_it_is_for_in_the_dumps_order_and_vectors_come_last() -> None:
    plan = planned()
    assert names(plan, "keys") == [("primary key", "x_pkey on s.x")]
    assert names(plan, "constraints") == [
        ("unique constraint", "x_u on s.x"),
        ("check constraint", "x_c on s.x"),
        ("foreign key", "x_fk on s.x"),
        ("comment", "x_fk on s.x"),
    ]
    assert names(plan, "indexes") == [
        ("index", "x_b on s.x"),
        ("statistics", "x_s on s.x"),
        ("cluster", "s.x"),
        ("comment", "s.x_b"),
        ("foreign key validation", "x_fk on s.x"),
        ("index", "x_v on s.x"),
    ]


def test_positions_are_numbered_through_and_only_ordinary_indexes_are_concurrent() -> None:
    plan = planned()
    assert [entry.position for entry in plan.statements] == list(range(len(plan.statements)))
    assert {entry.name for entry in plan.statements if entry.concurrent} == {"x_b on s.x", "x_v on s.x"}


def test_only_what_tables_need_is_kept() -> None:
    needs = Needs(
        tables=frozenset({X}),
        types=frozenset({ObjectName("s", "used")}),
        functions=frozenset({FunctionName("s", "f", ("pg_catalog.int4",))}),
        sequences=frozenset({ObjectName("s", "q")}),
        extensions=(Extension(name="vector", schema="public", version="0.8"),),
    )
    assert names(planned(needs=needs), "pre-data") == [
        ("schema", "public"),
        ("schema", "s"),
        ("extension", "vector"),
        ("type", "s.used"),
        ("function", "s.f(pg_catalog.int4)"),
        ("table", "s.x"),
        # Its table is not selected, so the sequence stays without an owner.
        ("sequence", "s.q"),
        ("replica identity", "s.x"),
    ]


def test_a_foreign_key_to_a_table_that_is_not_selected_is_left_out_with_its_comment() -> None:
    plan = planned(needs=Needs(tables=frozenset({X})))
    assert [(entry.kind, entry.name) for entry in plan.skipped] == [("foreign key", "x_fk on s.x")]
    assert "s.y" in plan.skipped[0].reason
    assert not [entry for entry in plan.statements if "x_fk" in entry.name]


def test_without_foreign_keys_the_reason_is_kept() -> None:
    plan = planned(foreign_keys=False, no_foreign_keys="because")
    assert [entry.reason for entry in plan.skipped] == ["because"]


def test_the_identity_that_the_task_set_is_dropped_in_silence() -> None:
    plan = planned(own_identities={X})
    assert "replica identity" not in {entry.kind for entry in plan.statements}
    assert plan.skipped == ()


def test_a_unique_index_that_is_the_apply_key_comes_with_the_keys() -> None:
    dump = """
    CREATE TABLE s.x (a integer NOT NULL);
    CREATE UNIQUE INDEX x_a ON s.x USING btree (a);
    CREATE UNIQUE INDEX x_b ON s.x USING btree (a);
    ALTER TABLE ONLY s.x REPLICA IDENTITY USING INDEX x_a;
    """
    plan = planned(dump, keys={X: "x_a"})
    assert names(plan, "keys") == [("unique index", "x_a on s.x"), ("replica identity", "s.x")]
    assert names(plan, "constraints") == [("unique index", "x_b on s.x")]


def test_an_index_of_a_partition_is_in_the_phase_of_its_parent() -> None:
    dump = """
    CREATE TABLE s.x (a integer NOT NULL) PARTITION BY LIST (a);
    CREATE TABLE s.y (a integer NOT NULL);
    ALTER TABLE ONLY s.x ATTACH PARTITION s.y FOR VALUES IN (1);
    CREATE UNIQUE INDEX x_a ON ONLY s.x USING btree (a);
    CREATE UNIQUE INDEX y_a ON s.y USING btree (a);
    CREATE INDEX x_i ON ONLY s.x USING btree (a);
    CREATE INDEX y_i ON s.y USING btree (a);
    ALTER INDEX s.x_a ATTACH PARTITION s.y_a;
    ALTER INDEX s.x_i ATTACH PARTITION s.y_i;
    """
    plan = planned(dump, keys={X: "x_a"})
    assert names(plan, "keys") == [
        ("unique index", "x_a on s.x"),
        ("unique index", "y_a on s.y"),
        ("index partition", "s.y_a"),
    ]
    assert names(plan, "indexes") == [("index", "x_i on s.x"), ("index", "y_i on s.y"), ("index partition", "s.y_i")]
    assert [entry.name for entry in plan.statements if entry.concurrent] == ["y_i on s.y"]


def test_a_table_that_the_destination_keeps_is_left_alone_altogether() -> None:
    plan = planned(existing={X})
    assert not [entry for entry in plan.statements if entry.table == X or "x_" in entry.name]
    assert ("table", "s.y") in names(plan, "pre-data")


def test_what_the_destination_has_is_not_created_again() -> None:
    needs = Needs(
        tables=frozenset({X}),
        types=frozenset({ObjectName("s", "used")}),
        functions=frozenset({FunctionName("s", "f", ("pg_catalog.int4",))}),
    )
    plan = planned(needs=needs, present={ObjectName("s", "used"), FunctionName("s", "f", ("pg_catalog.int4",))})
    assert {"type", "function"}.isdisjoint(entry.kind for entry in plan.statements)


def test_policies_are_named_with_their_statements() -> None:
    dump = (
        DUMP
        + """
    CREATE POLICY p ON s.x USING (true);
    ALTER TABLE s.x ENABLE ROW LEVEL SECURITY;
    ALTER TABLE s.x FORCE ROW LEVEL SECURITY;
    """
    )
    assert [(entry.kind, entry.name, entry.texts) for entry in planned(dump).skipped] == [
        ("policy", "p on s.x", ("CREATE POLICY p ON s.x USING (true)",)),
        (
            "row security",
            "s.x",
            ("ALTER TABLE s.x ENABLE ROW LEVEL SECURITY", "ALTER TABLE s.x FORCE ROW LEVEL SECURITY"),
        ),
    ]


def test_privileges_for_a_missing_role_are_one_entry() -> None:
    dump = DUMP + "GRANT SELECT ON TABLE s.x TO app; GRANT SELECT ON TABLE s.y TO app; GRANT SELECT ON TABLE s.y TO r;"
    assert [
        (entry.kind, entry.name, len(entry.texts)) for entry in planned(dump, roles={"r"}, whole_schemas={"s"}).skipped
    ] == [("privilege", "for app", 2)]


def test_what_no_statement_makes_is_named() -> None:
    kinds = ("index", "foreign key", "trigger", "rule", "statistics")
    there = {
        *(TablePart(kind, ObjectName("s", "gone"), X) for kind in kinds),
        TablePart("index", ObjectName("s", "x_pkey"), X),
        TablePart("index", ObjectName("s", "x_b"), X),
        TablePart("statistics", ObjectName("s", "x_s"), X),
        TablePart("foreign key", ObjectName("s", "x_fk"), X),
        TablePart("trigger", ObjectName("s", "t"), X),
        TablePart("index", ObjectName("s", "half"), Y, "it is invalid at the source"),
    }
    needs = Needs(
        tables=frozenset({X, Y}),
        required_tables=frozenset({TableName("s", "z")}),
        types=frozenset({ObjectName("s", "used"), ObjectName("s", "lost")}),
        functions=frozenset(
            {FunctionName("s", "f", ("pg_catalog.int4",)), FunctionName("s", "f", ("pg_catalog.bool",))}
        ),
        sequences=frozenset({ObjectName("s", "q"), ObjectName("s", "r")}),
        views=frozenset({ObjectName("s", "v"), ObjectName("s", "w")}),
        others=frozenset({("operator", ObjectName("s", "+"))}),
        parts=frozenset(there),
    )
    lost = planned(needs=needs, whole_schemas={"s"}).skipped
    no_statement = "pg_dump wrote no statement that makes it"
    assert [(entry.kind, entry.name, entry.reason) for entry in lost] == [
        ("table", "s.z", no_statement),
        ("type", "s.lost", no_statement),
        ("sequence", "s.r", no_statement),
        ("view", "s.w", no_statement),
        ("function", "s.f(pg_catalog.bool)", no_statement),
        ("operator", "s.+", no_statement),
        ("foreign key", "gone on s.x", no_statement),
        ("index", "gone on s.x", no_statement),
        ("index", "half on s.y", "it is invalid at the source"),
        ("rule", "gone on s.x", no_statement),
        ("statistics", "gone on s.x", no_statement),
        ("trigger", "gone on s.x", no_statement),
    ]
    # What the destination has is not missing, nor what belongs to a table that stays as it is there.
    present = {ObjectName("s", name) for name in ("lost", "r", "w", "+")} | {
        FunctionName("s", "f", ("pg_catalog.bool",))
    }
    kept = planned(needs=needs, whole_schemas={"s"}, present=present, existing={X, Y, TableName("s", "z")})
    assert kept.skipped == ()


def test_the_sequence_of_an_identity_column_is_made_with_it() -> None:
    dump = """
    CREATE TABLE s.x (id integer NOT NULL);
    ALTER TABLE s.x ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME s."odd.seq" START WITH 1);
    """
    needs = Needs(tables=frozenset({X}), sequences=frozenset({ObjectName("s", "odd.seq")}))
    assert planned(dump, needs=needs).skipped == ()
    # The destination's table has its own, by whatever name.
    assert planned(dump, needs=needs, existing={X}).skipped == ()


WHOLE = """
CREATE FUNCTION s.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE TABLE s.x (id integer NOT NULL);
CREATE VIEW s.v AS SELECT 1 AS one;
CREATE MATERIALIZED VIEW s.m AS SELECT id FROM s.x WITH NO DATA;
CREATE INDEX m_i ON s.m USING btree (id);
CREATE UNIQUE INDEX m_u ON s.m USING btree (id);
COMMENT ON INDEX s.m_u IS 'unique';
CREATE INDEX x_i ON s.x USING btree (id);
CREATE VIEW s.late AS SELECT id FROM s.x;
CREATE RULE r AS ON INSERT TO s.x DO NOTHING;
CREATE RULE bad AS ON UPDATE TO s.x DO NOTHING;
COMMENT ON RULE bad ON s.x IS 'gone with its rule';
CREATE TRIGGER t BEFORE INSERT ON s.x FOR EACH ROW EXECUTE FUNCTION s.f();
CREATE TRIGGER loud BEFORE INSERT ON s.x FOR EACH ROW EXECUTE FUNCTION s.f();
ALTER TABLE s.x ENABLE ALWAYS TRIGGER loud;
COMMENT ON TRIGGER t ON s.x IS 't';
COMMENT ON VIEW s.v IS 'v';
GRANT SELECT ON TABLE s.x TO known;
GRANT SELECT ON TABLE s.v TO stranger;
REVOKE ALL ON FUNCTION s.f() FROM PUBLIC;
"""
WHOLE_NEEDS = Needs(
    tables=frozenset({X}),
    views=frozenset({ObjectName("s", "v"), ObjectName("s", "m"), ObjectName("s", "late")}),
    populated=frozenset({ObjectName("s", "m")}),
    functions=frozenset({FunctionName("s", "f", ())}),
)


def test_views_rules_triggers_and_privileges_have_their_place() -> None:
    plan = planned(WHOLE, needs=WHOLE_NEEDS, whole_schemas={"s"}, roles={"known"})
    assert names(plan, "pre-data") == [
        ("schema", "s"),
        ("function", "s.f()"),
        ("table", "s.x"),
        ("view", "s.v"),
        ("materialized view", "s.m"),
    ]
    assert names(plan, "constraints") == [
        # pg_dump puts a view behind the keys where it needs one.
        ("view", "s.late"),
        ("rule", "r on s.x"),
        ("trigger", "t on s.x"),
        ("trigger", "loud on s.x"),
        ("trigger", "loud on s.x"),
        ("comment", "t on s.x"),
        ("comment", "s.v"),
        ("privilege", "GRANT SELECT ON TABLE s.x TO known"),
        ("privilege", "REVOKE ALL ON FUNCTION s.f() FROM PUBLIC"),
    ]
    assert names(plan, "indexes") == [
        ("index", "x_i on s.x"),
        ("materialized view refresh", "s.m"),
        ("index", "m_i on s.m"),
        ("unique index", "m_u on s.m"),
        ("comment", "s.m_u"),
    ]
    assert [(entry.kind, entry.name) for entry in plan.skipped] == [
        ("rule", "bad on s.x"),
        ("privilege", "for stranger"),
    ]


def test_what_would_fire_while_changes_are_applied_is_disabled() -> None:
    quiet = planned(WHOLE, needs=WHOLE_NEEDS, whole_schemas={"s"})
    assert quiet.disabled == ("trigger loud on s.x",)
    assert [entry.text for entry in quiet.statements if entry.name == "loud on s.x"][1] == (
        'ALTER TABLE "s"."x" DISABLE TRIGGER "loud"'
    )
    loud = planned(WHOLE, needs=WHOLE_NEEDS, whole_schemas={"s"}, quiet=False)
    assert loud.disabled == ("rule r on s.x", "trigger t on s.x", "trigger loud on s.x")
    created = [entry.text for entry in loud.statements if entry.kind in ("trigger", "rule")]
    assert all("DISABLE" in text for text in created)


def test_tables_alone_bring_no_triggers_rules_or_privileges() -> None:
    plan = planned(WHOLE, needs=Needs(tables=frozenset({X})), roles={"known"})
    assert {entry.kind for entry in plan.statements} == {"schema", "table", "index"}


def test_a_statement_of_no_known_kind_is_named_with_its_text() -> None:
    dump = """
--
-- Name: friends; Type: PROPERTY GRAPH; Schema: s; Owner: -
--

CREATE PROPERTY GRAPH s.friends VERTEX TABLES (s.x KEY (id));

--
-- Name: x; Type: TABLE; Schema: s; Owner: -
--

CREATE TABLE s.x (id integer) WITH MAGIC;

--
-- Name: to_it; Type: CONVERSION; Schema: s; Owner: -
--

CREATE CONVERSION s.to_it FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
"""
    skipped = planned(dump, needs=Needs(tables=frozenset({X})), whole_schemas={"s"}).skipped
    assert [(entry.kind, entry.name, len(entry.texts)) for entry in skipped] == [
        ("property graph", "s.friends", 1),
        ("table", "s.x", 1),
        ("conversion", "s.to_it", 1),
    ]
    assert "syntax error" in skipped[1].reason
    single = planned(dump, needs=Needs(tables=frozenset({X}))).skipped
    assert [(entry.kind, entry.name) for entry in single] == [("table", "s.x")]
