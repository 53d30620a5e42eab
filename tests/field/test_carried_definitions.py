"""Definitions that tools like this one leave out, or stumble over, between 16 and 18: carried, or named beforehand."""

from pathlib import Path

import pytest

from syncwizard.task.specification import SchemaObjects, TaskSpec
from tests.field.running import FieldTask, running_task
from tests.integration.test_precheck import outcome
from tests.support.commands import report, syncwizard
from tests.support.comparison import assert_equal
from tests.support.definitions import definitions
from tests.support.pair import DatabasePair

pytestmark = pytest.mark.slow

# k02: a generated column whose function finds its helper by the search_path of those who write.
GENERATED_COLUMN = """
    CREATE SCHEMA k02; SET search_path = k02;
    CREATE FUNCTION fold(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT lower($1) $$;
    CREATE FUNCTION ifold(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN fold($1); END $$;
    CREATE TABLE people (id int PRIMARY KEY, name text, folded text GENERATED ALWAYS AS (ifold(name)) STORED);
    INSERT INTO people VALUES (1, 'A');
"""
# v4: the function of a generated column was replaced after rows were stored; pg_dump, too, makes others of them.
REPLACED_FUNCTION = """
    CREATE SCHEMA v4; SET search_path = v4;
    CREATE FUNCTION rounded(numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$ SELECT round($1, 1) $$;
    CREATE TABLE amounts (id int PRIMARY KEY, n numeric, r numeric(9, 2) GENERATED ALWAYS AS (rounded(n)) STORED);
    INSERT INTO amounts VALUES (1, 1.2345);
    CREATE OR REPLACE FUNCTION rounded(numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$ SELECT round($1, 3) $$;
    INSERT INTO amounts VALUES (2, 1.2345);
    CREATE TABLE equal (id int PRIMARY KEY, n numeric, r numeric(9, 2) GENERATED ALWAYS AS (rounded(n)) STORED);
    INSERT INTO equal VALUES (1, 1.2345);
"""
# k12: casts, and a view, a default and a column that need them.
CASTS = """
    CREATE SCHEMA k12; SET search_path = k12;
    CREATE TYPE state AS ENUM ('open', 'shut');
    CREATE TYPE price AS (amount numeric, currency text);
    CREATE FUNCTION state_of(int) RETURNS state LANGUAGE sql IMMUTABLE
        AS $$ SELECT CASE $1 WHEN 0 THEN 'open'::k12.state ELSE 'shut' END $$;
    CREATE FUNCTION price_of(numeric) RETURNS price LANGUAGE sql IMMUTABLE AS $$ SELECT ROW($1, 'EUR')::k12.price $$;
    CREATE CAST (int AS state) WITH FUNCTION state_of(int) AS IMPLICIT;
    CREATE CAST (numeric AS price) WITH FUNCTION price_of(numeric);
    COMMENT ON CAST (numeric AS k12.price) IS 'euros';
    CREATE TABLE orders (id int PRIMARY KEY, n int, amount numeric, now state DEFAULT 0);
    INSERT INTO orders VALUES (1, 0, 5), (2, 1, 7);
    CREATE VIEW states AS SELECT id, n::state AS state, amount::price AS price FROM orders;
"""
# k13: arguments that only look like arrays.
VECTORS_OF_OIDS = """
    CREATE SCHEMA k13; SET search_path = k13;
    CREATE FUNCTION keys_of(int2vector) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1';
    CREATE FUNCTION types_of(oidvector, oid[]) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2';
    CREATE TABLE t (id int PRIMARY KEY, n int DEFAULT keys_of('1 2'));
    INSERT INTO t VALUES (1);
"""
# k14: names that 18 gives to NOT NULL constraints of its own.
NAMES_OF_18 = """
    CREATE SCHEMA k14; SET search_path = k14;
    CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL);
    ALTER TABLE users ADD CONSTRAINT users_name_not_null CHECK (name IS NOT NULL) NOT VALID;
    INSERT INTO users VALUES (1, 'a');
"""
# t1: an access method, and what goes with an extension.
STORAGE = """
    CREATE EXTENSION vector;
    CREATE SCHEMA t1; SET search_path = t1;
    CREATE ACCESS METHOD other TYPE TABLE HANDLER heap_tableam_handler;
    CREATE TABLE otherwise (id int PRIMARY KEY, n int) USING other;
    INSERT INTO otherwise VALUES (1, 1);
    CREATE INDEX by_n ON otherwise (n);
    ALTER INDEX by_n DEPENDS ON EXTENSION vector;
"""
# k17: what an application finds set in its database.
DATABASE = """
    COMMENT ON DATABASE {0} IS 'of the application';
    ALTER DATABASE {0} SET TimeZone = 'Europe/Berlin';
    ALTER ROLE postgres IN DATABASE {0} SET work_mem = '5MB';
"""
SCHEMAS = ["k02", "k12", "k13", "k14", "t1", "v4"]
SETTINGS = """
    SELECT setrole::regrole::text, unnest(setconfig) FROM pg_db_role_setting
      JOIN pg_database ON pg_database.oid = setdatabase AND datname = current_database() ORDER BY 1, 2
"""


def test_what_is_easily_left_out_arrives_or_is_named_before_the_start(pair: DatabasePair, tmp_path: Path) -> None:
    cases = (GENERATED_COLUMN, REPLACED_FUNCTION, CASTS, VECTORS_OF_OIDS, NAMES_OF_18, STORAGE)
    for case in (*cases, DATABASE.format(pair.database)):
        pair.source.execute(case.encode())
    pair.reconnect()
    objects = [SchemaObjects(schema=each) for each in SCHEMAS]
    spec = pair.spec(objects)
    functions_of_generated_columns_are_named_with_what_repairs_them(pair, spec, tmp_path)
    rows_of_a_replaced_function_are_named(pair, spec, tmp_path)
    the_settings_of_the_database_are_statements_to_run(pair, spec, tmp_path)
    assert "table access method other of t1.otherwise" in str(outcome(spec, tmp_path)["object-kinds"].objects)
    with running_task(pair, SCHEMAS, "carried") as task:
        syncwizard("wait", task.name, "--until", "indexed", "--timeout", "90")
        assert task.missing() == {}
        changes_go_on(task)
    ends = (pair.source_endpoint, pair.destination_endpoint)
    source, destination = [definitions(end, SCHEMAS, tmp_path) for end in ends]
    # The destination gives the constraint of 18 another name, because its own is taken.
    assert {text.split("(", 1)[0] for text in source ^ destination} == {"CREATE TABLE k14.users "}
    comment = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()"
    assert pair.destination.execute(comment).fetchone() == ("of the application",)


def functions_of_generated_columns_are_named_with_what_repairs_them(
    pair: DatabasePair, spec: TaskSpec, folder: Path
) -> None:
    found = outcome(spec, folder)["function-paths"]
    assert found.verdict == "failed"
    assert "k02.people" in str(found.objects)
    for statement in found.remedy.statements:
        pair.source.execute(statement.encode())


def rows_of_a_replaced_function_are_named(pair: DatabasePair, spec: TaskSpec, folder: Path) -> None:
    found = outcome(spec, folder)["function-paths"]
    assert found.verdict == "warning"
    assert found.objects == ["generated column r of v4.amounts: v4.rounded(numeric): 1 row"]
    # What it says.
    pair.source.execute("UPDATE v4.amounts SET n = n")
    assert outcome(spec, folder)["function-paths"].verdict == "passed"


def the_settings_of_the_database_are_statements_to_run(pair: DatabasePair, spec: TaskSpec, folder: Path) -> None:
    found = outcome(spec, folder)["database-settings"]
    assert (found.verdict, found.sql_end) == ("warning", "destination")
    for statement in found.remedy.statements:
        pair.destination.execute(statement.encode())
    assert pair.destination.execute(SETTINGS).fetchall() == pair.source.execute(SETTINGS).fetchall()
    pair.reconnect()


def changes_go_on(task: FieldTask) -> None:
    task.pair.source.execute("""
        INSERT INTO k02.people VALUES (2, 'B');
        INSERT INTO k12.orders VALUES (3, 1, 9);
        INSERT INTO k13.t VALUES (2);
        UPDATE k14.users SET name = 'b';
        INSERT INTO t1.otherwise VALUES (2, 2);
    """)
    task.caught_up()
    assert_equal(task.pair)
    view = "SELECT * FROM k12.states ORDER BY id"
    assert task.pair.destination.execute(view).fetchall() == task.pair.source.execute(view).fetchall()
    assert report("status", task.name)["state"] == "synchronizing"
