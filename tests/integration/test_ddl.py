"""Changes of definitions arrive at the destination at their place between the rows (rule 23)."""

import re
import uuid
from pathlib import Path
from typing import Any

import pytest

from syncwizard.errors import ChangeFailed, SourceChanged
from syncwizard.postgres.destination.progress import Ledger
from syncwizard.postgres.source.ddl import check_capture, create_ddl_capture, drop_ddl_capture, is_intact, set_joining
from syncwizard.rows.following import Joining
from syncwizard.stages.commands import release
from syncwizard.task.events import DefinitionFollowed, DefinitionMissing, ResyncRequested, TableToCopy
from syncwizard.task.specification import Advanced, SchemaObjects, TableObject
from tests.support.catalogue import everything_in
from tests.support.comparison import assert_equal
from tests.support.copying import copy_again
from tests.support.followed import assert_same_definitions
from tests.support.pair import DatabasePair, Session
from tests.support.rowpath import RowPath, row_path
from tests.support.waiting import until

pytestmark = pytest.mark.slow

FOLLOWING: dict[str, Any] = {"advanced": Advanced(ddl="follow")}

# Each over a table of its own, with these columns and 20 rows.
TABLE = """CREATE TABLE {t} (id int PRIMARY KEY, "No te" varchar(10), n int NOT NULL DEFAULT 3, amount numeric(8,2),
    payload text, doubled int GENERATED ALWAYS AS (n * 2) STORED, CONSTRAINT "{c}_n check" CHECK (n < 1000000));
CREATE INDEX "{c} payload" ON {t} (payload)"""
FILL = "INSERT INTO {t} SELECT i, 'n' || i, i, i * 1.5, repeat('p', i) FROM generate_series(1, 20) i"
BEFORE = "INSERT INTO {t} VALUES (101, 'b', 1, 1, 'b'); UPDATE {t} SET payload = 'before' WHERE id = 3"
AFTER = "UPDATE {t} SET payload = 'after', n = n + 1 WHERE id IN (4, 5); DELETE FROM {t} WHERE id = 6;"
STATEMENTS = {
    "add-column": "ALTER TABLE {t} ADD COLUMN extra text",
    "add-constant": "ALTER TABLE {t} ADD COLUMN extra text NOT NULL DEFAULT 'it''s \\ so'",
    "add-now": "ALTER TABLE {t} ADD COLUMN at timestamptz DEFAULT now(); UPDATE {t} SET at = NULL WHERE id = 9",
    "add-array": "ALTER TABLE {t} ADD COLUMN list int[] DEFAULT '{{1,2}}', ADD COLUMN flag boolean DEFAULT true",
    "add-generated": "ALTER TABLE {t} ADD COLUMN size int GENERATED ALWAYS AS (length(payload)) STORED",
    "drop-column": "ALTER TABLE {t} DROP COLUMN amount",
    "drop-indexed-column": "ALTER TABLE {t} ADD p text; CREATE INDEX ON {t} (p, n); ALTER TABLE {t} DROP COLUMN p",
    "drop-and-add": "ALTER TABLE {t} DROP COLUMN amount; ALTER TABLE {t} ADD COLUMN amount int",
    "rename-column": 'ALTER TABLE {t} RENAME COLUMN "No te" TO "Other ""note"""',
    "rename-key": "ALTER TABLE {t} RENAME COLUMN id TO number; ALTER TABLE {t} RENAME COLUMN number TO id",
    "rename-generating": "ALTER TABLE {t} RENAME COLUMN n TO m; ALTER TABLE {t} RENAME COLUMN m TO n",
    "widen": 'ALTER TABLE {t} ALTER COLUMN "No te" TYPE varchar(200)',
    "widen-to-text": 'ALTER TABLE {t} ALTER COLUMN "No te" TYPE text',
    "widen-numeric": "ALTER TABLE {t} ALTER COLUMN amount TYPE numeric(20,2)",
    "widen-key": "ALTER TABLE {t} ALTER COLUMN id TYPE bigint",
    "default": "ALTER TABLE {t} ALTER COLUMN n SET DEFAULT 7; ALTER TABLE {t} ALTER COLUMN payload SET DEFAULT 'a'",
    "drop-default": "ALTER TABLE {t} ALTER COLUMN n DROP DEFAULT",
    "not-null": "ALTER TABLE {t} ALTER COLUMN payload SET NOT NULL; ALTER TABLE {t} ALTER COLUMN n DROP NOT NULL",
    "drop-expression": "ALTER TABLE {t} ALTER COLUMN doubled DROP EXPRESSION",
    "check": "ALTER TABLE {t} ADD CONSTRAINT {c}_i CHECK (id > 0) NOT VALID; ALTER TABLE {t} VALIDATE CONSTRAINT {c}_i",
    "drop-check": 'ALTER TABLE {t} DROP CONSTRAINT "{c}_n check"',
    "rename-check": 'ALTER TABLE {t} RENAME CONSTRAINT "{c}_n check" TO {c}_other',
    "unique": "ALTER TABLE {t} ADD CONSTRAINT {c}_u UNIQUE (id, n)",
    "index": "CREATE UNIQUE INDEX {c}_i ON {t} (id, lower(payload)) WHERE n > 2",
    "drop-index": 'DROP INDEX "{s}"."{c} payload"',
    "rename-index": 'ALTER INDEX "{s}"."{c} payload" RENAME TO {c}_renamed',
    "comment": "COMMENT ON TABLE {t} IS 'what it''s for'; COMMENT ON COLUMN {t}.n IS E'a\\\\b'",
    "several": "ALTER TABLE {t} ADD COLUMN extra int, DROP COLUMN amount, ALTER COLUMN n SET DEFAULT 9",
    "rolled-back": "SAVEPOINT s; ALTER TABLE {t} DROP COLUMN payload; ROLLBACK TO s; ALTER TABLE {t} ADD COLUMN x int",
}
FORMS = ("alone", "in-a-block", "quoted")


def named(name: str, form: str) -> dict[str, str]:
    own = f"{name}-{form}".replace("-", "_")
    schema = "public"
    table = f'"{own} Ünï ""q"""' if form == "quoted" else own
    return {"t": table, "c": own, "s": schema}


def transaction(name: str, form: str) -> str:
    names = named(name, form)
    statements = STATEMENTS[name].format(**names)
    before, after = BEFORE.format(**names), AFTER.format(**names)
    if "DROP COLUMN payload;" not in statements and re.search("(RENAME COLUMN id TO number)$", statements):
        after = ""
    if form == "mixed":
        return f"BEGIN; {before}; {statements}; {after} COMMIT"
    if form == "in-a-block" and "SAVEPOINT" not in statements:
        return f"DO $do$ BEGIN {statements}; {after} END $do$"
    return f"BEGIN; {statements}; COMMIT" if "SAVEPOINT" in statements else f"{statements}; {after}"


def followed(path: RowPath) -> list[str]:
    return [
        "; ".join(event.statements)
        for event in path.task.events
        if isinstance(event, DefinitionFollowed) and event.statements
    ]


def follow(pair: DatabasePair, folder: Path, made: str, fill: str, **fields: Any) -> RowPath:
    path = row_path(pair, folder, made, **{**FOLLOWING, **fields})
    pair.source.execute(fill.encode())
    path.copy()
    return path


def test_every_statement_brings_both_ends_to_the_same(pair: DatabasePair, tmp_path: Path) -> None:
    forms = ("mixed", *FORMS)
    cases = [(name, forms[at % len(forms)]) for at, name in enumerate(STATEMENTS)]
    made = ";".join(TABLE.format(**named(*case)) for case in cases)
    path = follow(pair, tmp_path, made, ";".join(FILL.format(**named(*case)) for case in cases))
    with path.following():
        path.caught_up(120)
        for case in cases:
            pair.source.execute(transaction(*case).encode())
        path.caught_up(240)
        assert_equal(pair)
        assert_same_definitions(pair)
    assert len(followed(path)) >= len(cases)


def test_rows_and_definitions_survive_kills_between_them(pair: DatabasePair, tmp_path: Path) -> None:
    path = follow(pair, tmp_path, "CREATE TABLE t (id int PRIMARY KEY, v text)", "INSERT INTO t VALUES (1, 'a')")
    for at in range(2):
        with path.following():
            path.caught_up(120)
            for number in range(3):
                name = f"c{at}_{number}"
                pair.source.execute(
                    f"BEGIN; INSERT INTO t (id, v) VALUES ({100 + 10 * at + number}, 'x');"
                    f"ALTER TABLE t ADD COLUMN {name} int DEFAULT {number}; UPDATE t SET {name} = id, v = v || 'y';"
                    f"ALTER TABLE t ALTER COLUMN {name} TYPE bigint; COMMIT".encode()
                )
                path.pool.kill_all()
            path.caught_up(90)
    assert_equal(pair)
    assert_same_definitions(pair)


def test_what_cannot_be_followed_stops_before_it(pair: DatabasePair, tmp_path: Path) -> None:
    statement = "ALTER TABLE t ALTER COLUMN v TYPE int USING length(v)"
    made = "CREATE TABLE t (id int PRIMARY KEY, v text NOT NULL); CREATE TABLE u (id int PRIMARY KEY)"
    path = follow(pair, tmp_path, made, "INSERT INTO t VALUES (1, 'a')")
    with pytest.raises(ChangeFailed, match="cannot be followed") as caught, path.following():
        path.caught_up(120)
        pair.source.execute(
            f"BEGIN; INSERT INTO t (id, v) VALUES (2, 'b'); {statement}; INSERT INTO t VALUES (3, 3);"
            "ALTER TABLE u ADD COLUMN v int DEFAULT 4; INSERT INTO u VALUES (1); COMMIT".encode()
        )
        until(lambda: path.error is not None, 120, "the task to stop")
    path.error = None
    assert statement in caught.value.detail
    # Nothing of the transaction.
    assert pair.destination.execute("SELECT id FROM t").fetchall() == [(1,)]


# What gives rows values that no change brings, each over a table of its own.
VALUES = {
    "random": "ALTER TABLE {t} ADD COLUMN r float NOT NULL DEFAULT random()",
    "serial": "ALTER TABLE {t} ADD COLUMN s serial",
    "identity": "ALTER TABLE {t} ADD COLUMN i int GENERATED ALWAYS AS IDENTITY (START 40)",
    "dimensions": "ALTER TABLE {t} ALTER COLUMN e TYPE vector(4) USING '[1,2,3,4]'::vector(4)",
    "half": "ALTER TABLE {t} ALTER COLUMN e TYPE halfvec(3), ALTER COLUMN v SET DEFAULT 'x'",
    "computed": "ALTER TABLE {t} ALTER COLUMN n DROP DEFAULT, ALTER COLUMN n TYPE text USING 'n' || n",
    "narrower": "ALTER TABLE {t} ALTER COLUMN n TYPE smallint",
    "same-type": "DO $do$ BEGIN EXECUTE 'ALTER TABLE {t} ALTER COLUMN n TYPE int USING n + 1'; END $do$",
}


def test_tables_whose_values_no_change_brings_are_set_aside_alike_and_copied_again(
    pair: DatabasePair, tmp_path: Path
) -> None:
    made = ";".join(
        f"CREATE TABLE {each} (id int PRIMARY KEY, v text, n int DEFAULT 3, e vector(3))"
        for each in ["other", *(f'"{name}"' for name in VALUES)]
    )
    fill = ";".join(f"INSERT INTO \"{name}\" VALUES (1, 'a', 1, '[1,2,3]'), (2, 'b', 2, NULL)" for name in VALUES)
    path = follow(pair, tmp_path, "CREATE EXTENSION IF NOT EXISTS vector;" + made, fill)
    with path.following():
        path.caught_up(120)
        for at, (name, statement) in enumerate(VALUES.items()):
            table = f'"{name}"'
            pair.source.execute(
                f"BEGIN; INSERT INTO {table} (id) VALUES (10); INSERT INTO other VALUES ({at});"
                f" {statement.replace('{t}', table)}; UPDATE {table} SET v = 'c'; DELETE FROM {table} WHERE id = 2;"
                f" INSERT INTO other VALUES (100 + {at}); COMMIT".encode()
            )
        path.pool.kill_all()
        # A definition is followed while its table is set aside.
        pair.source.execute("ALTER TABLE random ADD COLUMN later int DEFAULT 5; UPDATE random SET v = 'later'")
        path.caught_up(120)
    aside = path.context().state().aside
    assert {event.table.name for event in aside} == VALUES.keys()
    # The others went on, and nothing but rows is missing.
    assert pair.destination.execute("SELECT count(*) FROM other").fetchone() == (2 * len(VALUES),)
    assert_same_definitions(pair)
    tables = [TableToCopy(table=event.table, rows=3, bytes=0) for event in aside]
    path.task.record(ResyncRequested(id=uuid.uuid4(), tables=tables, whole=False))
    path.copy()
    with path.following():
        path.caught_up(120)
        pair.source.execute(
            "ALTER TABLE dimensions ADD COLUMN more int; INSERT INTO dimensions (id, more) VALUES (50, 1)"
        )
        path.caught_up(120)
    assert path.context().state().aside == ()
    assert_equal(pair)
    assert_same_definitions(pair)


def test_tables_of_other_names_and_filtered_ones_are_followed(pair: DatabasePair, tmp_path: Path) -> None:
    made = (
        "CREATE SCHEMA a; CREATE TABLE a.t (id int PRIMARY KEY, v text); CREATE TABLE a.f (id int PRIMARY KEY, v text);"
        " CREATE INDEX t_v ON a.t (v)"
    )
    objects = [
        SchemaObjects(
            schema="a", name="b", tables=[TableObject(table="t", name="u"), TableObject(table="f", where="id < 10")]
        )
    ]
    pair.destination.execute("CREATE SCHEMA b; CREATE TABLE b.u (id int PRIMARY KEY, v text)")
    pair.destination.execute("CREATE TABLE b.f (id int PRIMARY KEY, v text); CREATE INDEX u_v ON b.u (v)")
    path = follow(pair, tmp_path, made, "INSERT INTO a.t VALUES (1, 'a')", objects=objects)
    with path.following():
        path.caught_up(120)
        pair.source.execute(
            "BEGIN; ALTER TABLE a.t ADD COLUMN n int DEFAULT 5; CREATE INDEX t_n ON a.t (n);"
            " INSERT INTO a.t VALUES (2, 'b', 6); ALTER TABLE a.f ALTER COLUMN v SET DEFAULT 'x'; COMMIT"
        )
        path.caught_up(120)
        until(lambda: len(followed(path)) == 3, 60, "the filtered table to follow")
        for end, schema in ((pair.source, "a"), (pair.destination, "b")):
            end.execute(
                f"CREATE FUNCTION {schema}.fire() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'".encode()
            )
        pair.source.execute(
            "CREATE TRIGGER one BEFORE INSERT ON a.t FOR EACH ROW WHEN (new.n > 3) EXECUTE FUNCTION a.fire();"
            " CREATE TRIGGER two BEFORE INSERT ON a.t FOR EACH ROW EXECUTE FUNCTION a.fire(); DROP TRIGGER two ON a.t;"
            " GRANT SELECT, UPDATE (v) ON a.t TO pg_monitor; REVOKE SELECT ON a.t FROM pg_monitor;"
            " CREATE STATISTICS a.both ON id, v FROM a.t"
        )
        # What is called after its table follows that.
        pair.source.execute(
            "DROP INDEX a.t_v; ALTER TABLE a.t DROP CONSTRAINT t_pkey; ALTER TABLE a.t ADD UNIQUE (v), ADD UNIQUE (n);"
            " ALTER TABLE a.t RENAME CONSTRAINT t_v_key TO t_key; ALTER TABLE a.t DROP CONSTRAINT t_n_key"
        )
        path.caught_up(120)
    assert pair.destination.execute("SELECT * FROM b.u ORDER BY id").fetchall() == [(1, "a", 5), (2, "b", 6)]
    indexes = pair.destination.execute("SELECT indexname FROM pg_indexes WHERE tablename = 'u' ORDER BY 1").fetchall()
    assert indexes == [("u_key",), ("u_n",)]
    [(trigger,)] = pair.destination.execute(
        "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgname IN ('one', 'two')"
    )
    assert trigger.endswith("BEFORE INSERT ON b.u FOR EACH ROW WHEN ((new.n > 3)) EXECUTE FUNCTION b.fire()")
    granted = pair.destination.execute(
        "SELECT has_column_privilege('pg_monitor', 'b.u', 'v', 'UPDATE'),"
        " has_table_privilege('pg_monitor', 'b.u', 'SELECT')"
    ).fetchone()
    assert granted == (True, False)
    assert pair.destination.execute("SELECT stxrelid::regclass::text FROM pg_statistic_ext").fetchall() == [("b.u",)]
    assert not [event for event in path.task.events if isinstance(event, DefinitionMissing)]


OBJECTS = r"""
BEGIN; CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TYPE pair AS (a int, "b B" text COLLATE "C");
CREATE DOMAIN positive AS int DEFAULT 4 NOT NULL CONSTRAINT "is it" CHECK (VALUE > 0);
CREATE TABLE felt (id int PRIMARY KEY, m mood, p pair, d positive); INSERT INTO felt VALUES (1, 'ok', '(1,x)', 5);
CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT n * 2'; COMMIT
---
ALTER TYPE mood ADD VALUE 'happy'
---
INSERT INTO felt VALUES (2, 'happy', NULL, 1)
---
ALTER TYPE mood ADD VALUE 'it''s \ so' BEFORE 'sad'
---
ALTER TYPE mood ADD VALUE 'well' AFTER 'ok'
---
ALTER TYPE mood RENAME VALUE 'sad' TO 'low'; INSERT INTO felt SELECT 10 + n, v, NULL, n
    FROM unnest(enum_range(NULL::mood)) WITH ORDINALITY AS t (v, n)
---
BEGIN; CREATE VIEW "my view" WITH (security_barrier = true) AS SELECT id, twice(id) AS d FROM felt;
INSERT INTO felt VALUES (3, 'well', NULL, 2); COMMIT
---
CREATE OR REPLACE FUNCTION twice(n int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT n + n';
CREATE PROCEDURE nothing() LANGUAGE plpgsql AS $$BEGIN NULL; END$$;
CREATE SEQUENCE counted AS int INCREMENT 5 MINVALUE 5 CYCLE; ALTER SEQUENCE counted MAXVALUE 900;
DROP VIEW "my view"; CREATE VIEW "my view" AS SELECT m FROM felt;
CREATE VIEW passing AS SELECT 1; DROP VIEW passing; DROP PROCEDURE nothing;
CREATE FUNCTION refused(text) RETURNS int LANGUAGE sql AS 'SELECT 1'
"""


def objects_of(session: Session) -> list[Any]:
    """Types, functions, views and sequences of schema public."""
    return [
        sorted(session.execute(statement).fetchall())
        for statement in (
            "SELECT proname, pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
            "SELECT relname, pg_get_viewdef(oid), reloptions::text FROM pg_class WHERE relkind = 'v'"
            " AND relnamespace = 'public'::regnamespace",
            "SELECT t.typname, array_agg(enumlabel::text ORDER BY enumsortorder) FROM pg_enum JOIN pg_type t"
            " ON t.oid = enumtypid GROUP BY 1",
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE contypid <> 0 AND contype = 'c'"
            " AND connamespace = 'public'::regnamespace",
            "SELECT sequencename, data_type::text, start_value, min_value, max_value, increment_by, cycle"
            " FROM pg_sequences WHERE schemaname = 'public'",
        )
    ]


def test_types_functions_views_and_sequences_are_followed(pair: DatabasePair, tmp_path: Path) -> None:
    whole = {"objects": [SchemaObjects(schema="public")]}
    path = follow(pair, tmp_path, "CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t VALUES (1)", **whole)
    # In the way of one function: that is listed, and everything else goes on.
    pair.destination.execute("CREATE FUNCTION refused(text) RETURNS text LANGUAGE sql AS 'SELECT $1'")
    with path.following():
        path.caught_up(120)
        for statements in OBJECTS.split("---"):
            pair.source.execute(statements.encode())
        path.caught_up(120)
    assert_equal(pair)
    for end in (pair.source, pair.destination):
        end.execute("DROP FUNCTION refused")
    assert objects_of(pair.destination) == objects_of(pair.source)
    [missing] = [event for event in path.task.events if isinstance(event, DefinitionMissing)]
    assert (missing.kind, missing.name) == ("function", "public.refused")
    assert "return type" in missing.reason and missing.statements


def test_an_enum_that_is_another_at_the_destination_stops_the_task(pair: DatabasePair, tmp_path: Path) -> None:
    whole = {"objects": [SchemaObjects(schema="public")]}
    path = follow(pair, tmp_path, "CREATE TYPE mood AS ENUM ('a', 'b'); CREATE TABLE t (id int, m mood)", "", **whole)
    pair.destination.execute("ALTER TYPE mood ADD VALUE 'of its own'")
    with pytest.raises(ChangeFailed, match="cannot be followed"), path.following():
        path.caught_up(120)
        pair.source.execute("ALTER TYPE mood ADD VALUE 'c'")
        until(lambda: path.error is not None, 120, "the task to stop")
    path.error = None


def test_triggers_that_are_disabled_are_named(pair: DatabasePair, tmp_path: Path) -> None:
    path = follow(pair, tmp_path, "CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t VALUES (1)")
    assert path.task.spec.id is not None
    progress = Ledger(pair.destination, path.task.spec.id).read()
    assert progress is not None
    check_capture(pair.source, progress)
    pair.source.execute("ALTER EVENT TRIGGER dts_ddl_command_end DISABLE; DROP EVENT TRIGGER dts_ddl_sql_drop")
    # What a session that follows changes looks at every half a minute.
    with pytest.raises(SourceChanged, match="not captured") as caught:
        check_capture(pair.source, progress)
    assert caught.value.detail == (
        "event trigger dts_ddl_command_end is disabled; event trigger dts_ddl_sql_drop is gone"
    )


@pytest.mark.parametrize(
    "blow",
    [
        "ALTER EVENT TRIGGER dts_ddl_command_end DISABLE; DROP EVENT TRIGGER dts_ddl_sql_drop",
        "DROP EVENT TRIGGER dts_ddl_command_end; DROP EVENT TRIGGER dts_ddl_sql_drop; DROP SCHEMA dts_ddl CASCADE;"
        " DROP TABLE public.dts_ddl_command",
    ],
)
def test_what_captures_is_repaired_and_what_changed_meanwhile_is_copied(
    pair: DatabasePair, tmp_path: Path, blow: str
) -> None:
    made = "; ".join(f"CREATE TABLE {name} (id int PRIMARY KEY, v text)" for name in ("t", "u"))
    path = follow(pair, tmp_path, made, "INSERT INTO t VALUES (1, 'a')", objects=[SchemaObjects(schema="public")])
    with path.following():
        path.caught_up(120)
        pair.source.execute("ALTER TABLE t ADD COLUMN seen int DEFAULT 1")
        path.caught_up(120)
    pair.source.execute(blow.encode())
    pair.source.execute("ALTER TABLE u ADD COLUMN missed int; INSERT INTO u VALUES (1, 'a', 2); UPDATE t SET seen = 3")
    with path.following():
        path.caught_up(120)
        pair.source.execute("ALTER TABLE t ADD COLUMN later int; CREATE TABLE w (id int PRIMARY KEY)")
        pair.source.execute("UPDATE t SET later = 5; INSERT INTO w VALUES (1)")
        path.caught_up(120)
    assert is_intact(pair.source)
    pair.destination.execute("ALTER TABLE u ADD COLUMN missed int")
    copy_again(path, {"u": "while the event triggers were not there"})
    with path.following():
        pair.source.execute("INSERT INTO u VALUES (2, 'b', 3); INSERT INTO t VALUES (2, 'b', 3, 4)")
        path.caught_up(120)
    assert_equal(pair)
    assert_same_definitions(pair)
    release.run(path.context())
    assert not [each for each in everything_in(pair.source) if "dts_" in str(each)]


def test_a_user_without_rights_is_not_hindered_and_temporary_tables_leave_no_trace(pair: DatabasePair) -> None:
    before = everything_in(pair.source)
    create_ddl_capture(pair.source, "one")
    create_ddl_capture(pair.source, "two")
    set_joining(pair.source, "two", [Joining(schema="public", whole=True, names=["other"])])
    pair.source.execute("CREATE ROLE ddl_guest; GRANT CREATE ON SCHEMA public TO ddl_guest")
    try:
        pair.source.execute(
            "SET ROLE ddl_guest; CREATE TABLE g (id int); CREATE TEMP TABLE h (id int); CREATE INDEX ON h (id);"
            " ALTER TABLE h ADD COLUMN v int; DROP TABLE h; ALTER TABLE g ADD COLUMN v int; RESET ROLE"
        )
        captured = pair.source.execute("SELECT kind, tag FROM public.dts_ddl_command ORDER BY ordinal").fetchall()
        assert captured[-2:] == [("table", "CREATE TABLE"), ("table", "ALTER TABLE")]
        # What no task selects is counted alone.
        pair.source.execute("CREATE TABLE other (id int); ALTER TABLE other ADD COLUMN v int")
        assert (
            pair.source.execute("SELECT kind, tag FROM public.dts_ddl_command ORDER BY ordinal").fetchall() == captured
        )
        assert pair.source.execute("SELECT last_value FROM dts_ddl.passed_over").fetchone() == (1,)
        pair.source.execute("DROP TABLE other")
        # Capturing fails: the statement does not.
        pair.source.execute("DROP TABLE public.dts_ddl_command; ALTER TABLE g ADD COLUMN w int; DROP TABLE g")
        assert not is_intact(pair.source)
        create_ddl_capture(pair.source, "two")
        assert is_intact(pair.source)
    finally:
        pair.source.execute("RESET ROLE; REVOKE CREATE ON SCHEMA public FROM ddl_guest; DROP ROLE ddl_guest")
    drop_ddl_capture(pair.source, "two")
    assert is_intact(pair.source)
    drop_ddl_capture(pair.source, "one")
    assert everything_in(pair.source) == before


def test_a_release_leaves_nothing(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute("CREATE TABLE t (id int PRIMARY KEY)")
    before = everything_in(pair.source)
    pair.destination.execute("CREATE TABLE t (id int PRIMARY KEY)")
    path = RowPath(pair, row_path(pair, tmp_path, "", **FOLLOWING).task)
    path.copy()
    assert is_intact(pair.source)
    release.run(path.context())
    assert everything_in(pair.source) == before
