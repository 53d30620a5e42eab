"""What the precheck says of objects beside tables, on real servers."""

import shutil
from pathlib import Path

from syncwizard.stages import precheck
from syncwizard.task.specification import SchemaObjects, Synchronization, TableObject
from tests.integration.test_precheck import KEYED, blocking, outcome
from tests.support.pair import DatabasePair


def test_objects_that_cannot_be_created_are_named(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute("""
        CREATE SCHEMA other;
        CREATE TABLE other.hidden (id int PRIMARY KEY);
        CREATE TABLE t (id int PRIMARY KEY);
        CREATE TABLE heir (x int PRIMARY KEY) INHERITS (other.hidden);
        CREATE VIEW over_hidden AS SELECT id FROM other.hidden;
        CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
        CREATE TRIGGER loud BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION fire();
        ALTER TABLE t ENABLE ALWAYS TRIGGER loud;
        CREATE RULE on_update AS ON UPDATE TO t DO ALSO NOTHING;
    """)
    found = outcome(pair.spec(), tmp_path)["object-kinds"]
    assert found.verdict == "warning"
    assert not precheck.blocks(found)
    assert sorted(line.partition(" (")[0] for line in found.objects) == [
        "created disabled: trigger loud on public.t",
        "created without rows: table other.hidden",
        "left out: rule on_update on public.t",
    ]
    assert found.message == "1 left out; 1 created disabled; 1 created without rows"


def test_a_view_over_a_table_that_is_not_selected_is_named(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute(
        "CREATE SCHEMA other; CREATE TABLE other.hidden (id int); CREATE TABLE t (id int PRIMARY KEY);"
        "CREATE VIEW over_hidden AS SELECT id FROM other.hidden"
    )
    found = outcome(pair.spec(), tmp_path)["object-kinds"]
    assert found.objects == ["left out: view public.over_hidden (it needs other.hidden, which is not synchronized)"]


def test_triggers_that_fire_in_spite_of_us_stand_in_the_way(pair: DatabasePair, tmp_path: Path) -> None:
    for end in (pair.source, pair.destination):
        end.execute("CREATE TABLE t (id int PRIMARY KEY)")
    pair.destination.execute("""
        CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
        CREATE TRIGGER loud BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION fire();
        ALTER TABLE t ENABLE REPLICA TRIGGER loud;
    """)
    spec = pair.spec(synchronization=Synchronization(types=["full", "incremental"]))
    assert "firing-triggers" in blocking(outcome(spec, tmp_path))
    pair.destination.execute("ALTER TABLE t ENABLE TRIGGER loud")
    assert "firing-triggers" not in blocking(outcome(spec, tmp_path))


def test_single_objects_that_are_not_there_are_named(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute(KEYED + "CREATE VIEW a_view AS SELECT 1 AS one; CREATE TYPE mood AS ENUM ('sad');")
    selected = SchemaObjects(
        schema="public",
        tables=[TableObject(table="t")],
        views=["a_view", "b_view"],
        functions=["f"],
        types=["moods"],
        materialized_views=["a_view"],
    )
    found = outcome(pair.spec([selected]), tmp_path)["selected-objects"]
    assert found.message == "there is no view public.b_view (did you mean `a_view`?); and 3 more"
    assert found.objects == [
        "there is no view public.b_view (did you mean `a_view`?)",
        "there is no materialized view public.a_view",
        "there is no function public.f",
        "there is no type public.moods (did you mean `mood`?)",
    ]


def test_what_a_schema_has_around_it_is_named_with_the_reason(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute("""
        CREATE TYPE mood AS ENUM ('sad');
        CREATE TYPE span AS RANGE (subtype = float8);
        CREATE TABLE t (id int PRIMARY KEY);
        ALTER TABLE t ENABLE ROW LEVEL SECURITY;
        CREATE POLICY mine ON t USING (id > 0);
        ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO public;
        CREATE FUNCTION watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
        CREATE EVENT TRIGGER watching ON ddl_command_end EXECUTE FUNCTION watch();
        CREATE PUBLICATION published FOR TABLE t;
        CREATE FOREIGN DATA WRAPPER wrapper;
        CREATE SERVER far FOREIGN DATA WRAPPER wrapper;
        CREATE TEXT SEARCH TEMPLATE template (LEXIZE = dsimple_lexize);
        SELECT lo_create(4711);
    """)
    try:
        item = outcome(pair.spec(), tmp_path)["object-kinds"]
        single = outcome(pair.spec([SchemaObjects(schema="public", tables=[TableObject(table="t")])]), tmp_path)
    finally:
        pair.source.execute("DROP EVENT TRIGGER watching")
    assert item.verdict == "warning"
    for kind, name in (
        ("default privileges", "of postgres in public"),
        ("event trigger", "watching"),
        ("foreign server", "far"),
        ("large object", "4711"),
        ("publication", "published"),
        ("row security", "public.t"),
        ("row security policy", "mine on public.t"),
        ("text search template", "public.template"),
    ):
        assert sum(line.startswith(f"not carried over: {kind} {name} (") for line in item.objects) == 1
    # A table alone has policies; the rest is not about it.
    assert [line.partition(" (")[0] for line in single["object-kinds"].objects] == [
        "not carried over: row security public.t",
        "not carried over: row security policy mine on public.t",
    ]


def test_what_the_server_or_its_storage_has_of_a_table_is_named(pair: DatabasePair, tmp_path: Path) -> None:
    folder = pair.source_cluster.data.parent / f"space_{pair.database}"
    folder.mkdir()
    shutil.chown(folder, pair.source_cluster.data.owner(), pair.source_cluster.data.group())
    space = f"space_{pair.database}"
    pair.source.execute(f"CREATE TABLESPACE {space} LOCATION '{folder}'")
    pair.source.execute(f"""
        CREATE ACCESS METHOD other TYPE TABLE HANDLER heap_tableam_handler;
        CREATE TABLE elsewhere (id int PRIMARY KEY USING INDEX TABLESPACE {space}) TABLESPACE {space};
        CREATE TABLE otherwise (id int PRIMARY KEY) USING other;
        SET allow_system_table_mods = on;
        INSERT INTO pg_seclabel VALUES ('otherwise'::regclass, 'pg_class'::regclass, 0, 'dummy', 'secret');
    """)
    try:
        lines = outcome(pair.spec(), tmp_path)["object-kinds"].objects
    finally:
        pair.source.execute("DROP TABLE elsewhere; DELETE FROM pg_seclabel; DROP TABLE otherwise")
        pair.source.execute(f"DROP TABLESPACE {space}")
    default = "(the destination's server has its own, and its default is used)"
    assert lines == [
        "not carried over: security label dummy of table public.otherwise (its provider belongs to the server)",
        "not carried over: table access method other of public.otherwise (the destination's default is used)",
        f"not carried over: tablespace {space} of public.elsewhere {default}",
        f"not carried over: tablespace {space} of public.elsewhere_pkey {default}",
    ]


def test_settings_of_the_database_come_as_statements_that_make_them(pair: DatabasePair, tmp_path: Path) -> None:
    role = f"only_{pair.database}"
    pair.source.execute("CREATE TABLE t (id int PRIMARY KEY)")
    assert outcome(pair.spec(), tmp_path)["database-settings"].verdict == "passed"
    pair.source.execute(f"""
        CREATE ROLE {role};
        ALTER DATABASE {pair.database} SET search_path = "$user", "My, ""app"" s", public;
        ALTER DATABASE {pair.database} SET TimeZone = 'Europe/Berlin';
        ALTER DATABASE {pair.database} SET work_mem = '5MB';
        ALTER DATABASE {pair.database} SET app.token = 'hush';
        ALTER ROLE postgres IN DATABASE {pair.database} SET lc_messages = 'C';
        ALTER ROLE {role} IN DATABASE {pair.database} SET statement_timeout = '1s';
    """)
    pair.destination.execute(f"ALTER DATABASE {pair.database} SET work_mem = '6MB'")
    try:
        found = outcome(pair.spec(), tmp_path)["database-settings"]
        assert (found.verdict, found.ignorable, found.sql_end) == ("warning", False, "destination")
        assert "work_mem (5MB at the source, 6MB at the destination)" in found.objects[1]
        assert f"app.token, statement_timeout for role {role}" in str(found.remedy)
        assert "hush" not in str(found)
        for statement in found.remedy.statements:
            pair.destination.execute(statement.encode())
        there = {
            setting
            for (setting,) in pair.destination.execute(
                "SELECT unnest(setconfig) FROM pg_db_role_setting"
                " JOIN pg_database ON pg_database.oid = setdatabase AND datname = current_database()"
            )
        }
        assert there == {
            'search_path="$user", "My, ""app"" s", public',
            "TimeZone=Europe/Berlin",
            "work_mem=6MB",
            "lc_messages=C",
        }
    finally:
        pair.source.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_functions_that_take_a_library_or_an_owner_are_named(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute("""
        CREATE FUNCTION secure() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
        CREATE FUNCTION in_c(internal) RETURNS internal LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler';
        CREATE FUNCTION checked() RETURNS bool LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler';
        CREATE FUNCTION inner_length(text) RETURNS int LANGUAGE internal IMMUTABLE STRICT AS 'textlen';
        CREATE TABLE t (id int PRIMARY KEY, x text CHECK (inner_length(x) > 0), CHECK (checked()));
    """)
    lines = outcome(pair.spec(), tmp_path)["object-kinds"].objects
    assert any(line.startswith("tried, and left out if refused: function public.in_c (written in C") for line in lines)
    traits = [line for line in lines if line.startswith("created with other rights or needs: ")]
    assert [line.partition(": ")[2].partition(":")[0] for line in traits] == [
        "function public.checked (written in C and needed by tables",
        "function public.in_c (written in C and needed by tables",
        "function public.inner_length (LANGUAGE internal",
        "function public.secure (SECURITY DEFINER",
    ]


def test_columns_that_mean_something_at_the_source_alone_are_named(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute("CREATE TABLE plain (id int PRIMARY KEY, x text)")
    assert outcome(pair.spec(), tmp_path)["local-values"].verdict == "passed"
    pair.source.execute("""
        CREATE DOMAIN object AS oid;
        CREATE TYPE granted AS (to_whom aclitem, since pg_lsn);
        CREATE TABLE local (id int PRIMARY KEY, class regclass, objects object[], g granted, place tid, v int2vector);
    """)
    found = outcome(pair.spec(), tmp_path)["local-values"]
    assert (found.verdict, found.ignorable) == ("warning", False)
    numbers, textual = found.objects
    assert numbers.endswith(
        "as they are: public.local.class (regclass), public.local.objects (oid), public.local.g (aclitem, pg_lsn), "
        "public.local.place (tid)"
    )
    assert textual.endswith("because of public.local.class, public.local.objects, public.local.g, public.local.v")


KNOWN = """
    CREATE SCHEMA app;
    CREATE TABLE app.codes (code text PRIMARY KEY);
    CREATE FUNCTION app.known(text) RETURNS bool LANGUAGE plpgsql STABLE
        AS 'BEGIN RETURN exists (SELECT FROM codes WHERE code = $1); END';
    CREATE FUNCTION app.helper(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT upper($1)';
    CREATE FUNCTION app.shown(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN helper($1); END';
    SET search_path = app;
    CREATE TABLE public.entries (id int PRIMARY KEY, code text CONSTRAINT is_known CHECK (known(code)),
                                 shown text GENERATED ALWAYS AS (shown(code)) STORED);
    INSERT INTO codes VALUES ('a');
    INSERT INTO public.entries VALUES (1, 'a');
    RESET search_path;
"""


def test_functions_that_find_nothing_without_a_search_path_are_named_with_the_statement(
    pair: DatabasePair, tmp_path: Path
) -> None:
    pair.source.execute(KNOWN)
    spec = pair.spec([SchemaObjects(schema="public"), SchemaObjects(schema="app")])
    found = outcome(spec, tmp_path)["function-paths"]
    assert (found.verdict, found.sql_end) == ("failed", "source")
    assert found.objects == [
        'constraint is_known of public.entries: app.known(text): relation "codes" does not exist',
        "generated column shown of public.entries: app.shown(text): function helper(text) does not exist",
    ]
    assert list(found.remedy.statements) == [
        'ALTER FUNCTION app.known(text) SET search_path = "app", pg_temp',
        'ALTER FUNCTION app.shown(text) SET search_path = "app", pg_temp',
    ]
    for statement in found.remedy.statements:
        pair.source.execute(statement.encode())
    assert outcome(spec, tmp_path)["function-paths"].verdict == "passed"


def test_a_function_is_not_run_with_rights_that_its_owner_does_not_have(pair: DatabasePair, tmp_path: Path) -> None:
    role = f"author_{pair.database}"
    pair.source.execute(KNOWN + f"CREATE ROLE {role}; ALTER FUNCTION app.known OWNER TO {role};")
    try:
        found = outcome(pair.spec(), tmp_path)["function-paths"]
        assert "constraint is_known of public.entries: not evaluated" in found.objects[-1]
        assert not any("app.known" in statement for statement in found.remedy.statements)
    finally:
        pair.source.execute(f"DROP OWNED BY {role} CASCADE; DROP ROLE {role}")


def test_a_destination_without_libxml_is_found_before_the_first_value(pair15: DatabasePair, tmp_path: Path) -> None:
    pair15.source.execute("""
        CREATE DOMAIN document AS xml;
        CREATE TABLE t (id int PRIMARY KEY, x xml, documents document[]);
        INSERT INTO t VALUES (1, '<a/>');
    """)
    found = outcome(pair15.spec(), tmp_path)["xml-support"]
    assert found.verdict == "failed"
    assert "public.t.x, public.t.documents" in found.message
    pair15.source.execute("DROP TABLE t; CREATE TABLE t (id int PRIMARY KEY)")
    assert outcome(pair15.spec(), tmp_path)["xml-support"].verdict == "passed"


def test_two_servers_without_libxml_have_no_values_to_carry(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute("CREATE TABLE t (id int PRIMARY KEY, x xml)")
    assert outcome(pair.spec(), tmp_path)["xml-support"].verdict == "passed"
