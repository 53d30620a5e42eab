"""What the destination refuses is listed as missing, and the changes go on: one task, a schema a case."""

from typing import Any

import pytest

from syncwizard.postgres.source.slot import current_lsn
from tests.field.running import FieldTask, running_task
from tests.support.commands import report, syncwizard
from tests.support.comparison import assert_equal, content
from tests.support.pair import DatabasePair
from tests.support.waiting import until

pytestmark = pytest.mark.slow

# k03: from 17 on maintenance runs with a safe search_path.
EXPRESSION_INDEX = """
    CREATE SCHEMA k03; SET search_path = k03;
    CREATE FUNCTION fold(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT lower($1) $$;
    CREATE FUNCTION ifold(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN fold($1); END $$;
    CREATE TABLE people (id int PRIMARY KEY, name text);
    INSERT INTO people VALUES (1, 'a');
    CREATE INDEX by_name ON people (ifold(name));
    CREATE INDEX plain ON people (name);
"""
# k05: a query in a string.
STATISTICS_VIEW = """
    CREATE SCHEMA k05; SET search_path = k05;
    CREATE TABLE documents (id int PRIMARY KEY, words tsvector);
    INSERT INTO documents VALUES (1, 'a:1 b:2');
    CREATE MATERIALIZED VIEW used AS SELECT * FROM ts_stat('SELECT words FROM documents');
    CREATE INDEX used_word ON used (word);
"""
# k06: read through a function, which hides the order.
VIEWS_IN_THE_WRONG_ORDER = """
    CREATE SCHEMA k06; SET search_path = k06;
    CREATE TABLE sales (id int PRIMARY KEY, amount int);
    INSERT INTO sales SELECT g, g FROM generate_series(1, 10) g;
    CREATE MATERIALIZED VIEW z_totals AS SELECT sum(amount) AS total FROM sales;
    CREATE FUNCTION total() RETURNS bigint LANGUAGE plpgsql STABLE AS
        $$ BEGIN RETURN (SELECT total FROM k06.z_totals); END $$;
    CREATE MATERIALIZED VIEW a_report AS SELECT total() AS total;
"""
# k07: rows that went by another door.
ORPHANS = """
    CREATE SCHEMA k07; SET search_path = k07;
    CREATE TABLE p (id int PRIMARY KEY);
    INSERT INTO p SELECT generate_series(1, 10);
    CREATE TABLE c (id int PRIMARY KEY, p int REFERENCES p);
    CREATE TABLE good (id int PRIMARY KEY, p int REFERENCES p DEFERRABLE INITIALLY DEFERRED);
    INSERT INTO c SELECT g, 1 + g % 10 FROM generate_series(1, 50) g;
    SET session_replication_role = replica; DELETE FROM p WHERE id = 7; RESET session_replication_role;
"""
# k08: an index that rows went round; the flags are set back in another session.
DUPLICATES = """
    CREATE SCHEMA k08; SET search_path = k08;
    CREATE TABLE t (id int PRIMARY KEY, code text CONSTRAINT t_code UNIQUE, k int);
    CREATE UNIQUE INDEX t_k ON t (lower(code), k) WHERE k > 0;
    INSERT INTO t SELECT g, 'c' || g, g FROM generate_series(1, 5) g;
    UPDATE pg_index SET indisready = false, indislive = false
     WHERE indexrelid IN ('t_code'::regclass, 't_k'::regclass);
"""
DUPLICATES_COME = """
    INSERT INTO k08.t VALUES (6, 'c1', 1);
    UPDATE pg_index SET indisready = true, indislive = true
     WHERE indexrelid IN ('k08.t_code'::regclass, 'k08.t_k'::regclass);
"""
# v7: the destination has a rule of its own.
EVENT_TRIGGER = """
    CREATE SCHEMA v7; SET search_path = v7;
    CREATE TABLE t (id int PRIMARY KEY, n int);
    INSERT INTO t VALUES (1, 1);
    CREATE INDEX unwanted ON t (n);
"""
REFUSING = """
    CREATE SCHEMA guard;
    CREATE FUNCTION guard.refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$
        BEGIN IF current_query() LIKE '%unwanted%' THEN RAISE 'no index without a ticket'; END IF; END $$;
    CREATE EVENT TRIGGER guard ON ddl_command_start WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION guard.refuse();
"""
CASES = [EXPRESSION_INDEX, STATISTICS_VIEW, VIEWS_IN_THE_WRONG_ORDER, ORPHANS, DUPLICATES, EVENT_TRIGGER]
SCHEMAS = ["k03", "k05", "k06", "k07", "k08", "v7"]


def test_refused_definitions_are_listed_until_they_can_be_made_and_the_changes_go_on(pair: DatabasePair) -> None:
    for case in CASES:
        pair.source.execute(case.encode())
    with pair.source_cluster.connect(pair.database) as other:
        other.execute(DUPLICATES_COME.encode())
    pair.destination.execute(REFUSING.encode())
    with running_task(pair, SCHEMAS, "refused") as task:
        what_is_refused_is_listed(task)
        views_that_read_others_through_functions_are_filled_after_them(task)
        the_advice_names_what_works(task)
        the_rows_that_are_wrong_are_found_by_the_query_that_is_named(task)
        what_was_put_right_comes_with_a_retry(task)
        a_paused_task_tries_again_too(task)


def what_is_refused_is_listed(task: FieldTask) -> None:
    done = syncwizard("wait", task.name, "--until", "indexed", "--timeout", "90", expect=5)
    missing = task.missing()
    assert set(missing) == {
        ("index", "by_name on k03.people"),
        ("materialized view refresh", "k05.used"),
        ("foreign key validation", "c_p_fkey on k07.c"),
        ("unique constraint", "t_code on k08.t"),
        ("unique index", "t_k on k08.t"),
        ("index", "unwanted on v7.t"),
    }
    assert "6 definitions are missing" in done.stderr
    assert "6 definitions are missing" in syncwizard("status", task.name).stdout
    task.pair.source.execute(
        "SET search_path = k03; INSERT INTO k03.people VALUES (2, 'b'); INSERT INTO v7.t VALUES (2, 2)"
    )
    task.caught_up()
    assert_equal(task.pair)
    assert task.state() == "synchronizing"


def views_that_read_others_through_functions_are_filled_after_them(task: FieldTask) -> None:
    assert task.pair.destination.execute("SELECT total FROM k06.a_report").fetchone() == (55,)


def the_advice_names_what_works(task: FieldTask) -> None:
    missing = task.missing()
    advice = {name: each["advice"] for (_, name), each in missing.items()}
    assert 'ALTER FUNCTION k03.ifold(text) SET search_path = "k03", public;' in advice["by_name on k03.people"]
    assert "Key (p)=(7)" in missing["foreign key validation", "c_p_fkey on k07.c"]["reason"]
    assert "Key (code)=(c1)" in missing["unique constraint", "t_code on k08.t"]["reason"]
    assert "`exclude` in" in advice["k05.used"]
    assert all("--retry" in each for each in advice.values())


def the_rows_that_are_wrong_are_found_by_the_query_that_is_named(task: FieldTask) -> None:
    for name, expected in (("c_p_fkey on k07.c", 5), ("t_code on k08.t", 1), ("t_k on k08.t", 1)):
        found = next(each["advice"] for (_, other), each in task.missing().items() if other == name)
        query = found.split("this query shows there: ")[1].split("; correct them")[0]
        with task.pair.source_cluster.connect(task.pair.database) as session:
            *settings, select = query.split("; ")
            for setting in settings:
                session.execute(setting.encode())
            assert len(session.execute(select.encode()).fetchall()) == expected, query


def what_was_put_right_comes_with_a_retry(task: FieldTask) -> None:
    pair = task.pair
    pair.destination.execute("ALTER FUNCTION k03.ifold(text) SET search_path = k03")
    pair.source.execute("DELETE FROM k07.c WHERE p = 7")
    pair.source.execute("SET enable_indexscan = off; SET enable_bitmapscan = off; DELETE FROM k08.t WHERE id = 6")
    # By hand, without a look at what the task has planned.
    task.caught_up()
    pair.destination.execute("CREATE UNIQUE INDEX t_k ON k08.t (lower(code), k) WHERE k > 0")
    done = syncwizard("definitions", task.name, "--retry", expect=5)
    assert "4 missing definitions created, 2 refused again" in done.stderr
    assert set(task.missing()) == {("materialized view refresh", "k05.used"), ("index", "unwanted on v7.t")}
    keys = "SELECT conname, convalidated FROM pg_constraint WHERE conrelid = 'k07.c'::regclass AND contype = 'f'"
    assert pair.destination.execute(keys).fetchall() == [("c_p_fkey", True)]
    pair.source.execute("INSERT INTO v7.t VALUES (3, 3)")
    task.caught_up()
    assert_equal(pair)


def a_paused_task_tries_again_too(task: FieldTask) -> None:
    syncwizard("pause", task.name)
    task.pair.destination.execute("ALTER EVENT TRIGGER guard DISABLE")
    syncwizard("definitions", task.name, "--retry", expect=5)
    assert set(task.missing()) == {("materialized view refresh", "k05.used")}
    syncwizard("resume", task.name)
    task.caught_up()
    assert_equal(task.pair)


TWO_TABLES = """
    CREATE TABLE t (id int PRIMARY KEY, n int);
    CREATE TABLE other (id int PRIMARY KEY, t int CONSTRAINT other_t REFERENCES t);
    CREATE TABLE tree (id int PRIMARY KEY, n int) PARTITION BY RANGE (id);
    CREATE TABLE tree_1 PARTITION OF tree FOR VALUES FROM (0) TO (100);
    CREATE TABLE tree_2 PARTITION OF tree FOR VALUES FROM (100) TO (200);
    CREATE INDEX t_n ON t (n);
    INSERT INTO t SELECT g, g FROM generate_series(1, 5) g;
    INSERT INTO other SELECT g, g FROM generate_series(1, 5) g;
    INSERT INTO tree SELECT g, g FROM generate_series(1, 199) g;
    UPDATE pg_index SET indisready = false, indislive = false
     WHERE indexrelid IN ('t_pkey'::regclass, 'tree_1_pkey'::regclass);
"""
SAME_KEYS = """
    INSERT INTO t VALUES (3, 33);
    INSERT INTO tree VALUES (7, 77);
    UPDATE pg_index SET indisready = true, indislive = true
     WHERE indexrelid IN ('t_pkey'::regclass, 'tree_1_pkey'::regclass);
"""
REPAIR = "SET enable_indexscan = off; SET enable_bitmapscan = off; DELETE FROM {} WHERE n = {}"


def test_a_table_with_duplicates_under_its_primary_key_is_set_aside_and_the_others_go_on(pair: DatabasePair) -> None:
    pair.source.execute(TWO_TABLES)
    pair.reconnect()
    pair.source.execute(SAME_KEYS)
    with running_task(pair, ["public"], "aside") as task:
        done = syncwizard("wait", task.name, "--until", "indexed", "--timeout", "90", expect=5)
        assert "2 tables are set aside" in done.stderr
        assert task.missing() == {}
        the_table_is_named_with_its_key_and_the_rows_in_its_way(task)
        changes_of_the_others_arrive(task)
        a_pause_changes_nothing_about_it(task)
        the_table_joins_again_once_its_rows_are_right(task)


def set_aside(task: FieldTask) -> dict[str, dict[str, Any]]:
    return {f"{each['table']['schema']}.{each['table']['name']}": each for each in report("status", task.name)["aside"]}


def the_table_is_named_with_its_key_and_the_rows_in_its_way(task: FieldTask) -> None:
    aside = set_aside(task)
    assert set(aside) == {"public.t", "public.tree"}
    assert {"schema": "public", "name": "tree_1"} in aside["public.tree"]["tables"]
    found = aside["public.t"]
    assert "t_pkey on public.t" in found["reason"] and "Key (id)=(3)" in found["detail"]
    assert found["statement"].startswith("ALTER TABLE ONLY public.t")
    *settings, select = found["query"].split("; ")
    with task.pair.source_cluster.connect(task.pair.database) as session:
        for setting in settings:
            session.execute(setting.encode())
        assert session.execute(select.encode()).fetchall() == [(3, 2)]
    shown = syncwizard("status", task.name).stdout
    assert "2 tables are set aside" in shown
    assert "syncwizard resync aside --table public.t" in shown
    assert "CRITICAL" in syncwizard("status", task.name, "--check", expect=2).stdout


def changes_of_the_others_arrive(task: FieldTask) -> None:
    before = content(task.pair.destination, "public", "t")
    task.pair.source.execute(
        "INSERT INTO other VALUES (6, 4); INSERT INTO t VALUES (6, 6); UPDATE t SET n = 0 WHERE id = 4"
    )
    task.pair.source.execute("UPDATE tree SET n = -n WHERE id > 150")
    done = syncwizard("wait", task.name, "--until", "caught-up", "--timeout", "60", expect=5)
    assert "public.t: " in done.stderr
    assert content(task.pair.destination, "public", "other") == content(task.pair.source, "public", "other")
    assert content(task.pair.destination, "public", "t") == before
    until(lambda: "2 changes held back" in syncwizard("status", task.name).stdout, 20, "the changes to be counted")
    assert "49 changes held back" in syncwizard("status", task.name).stdout
    slot = "SELECT confirmed_flush_lsn >= %s::pg_lsn FROM pg_replication_slots"
    position = current_lsn(task.pair.source)
    until(
        lambda: task.pair.source.execute(slot, (position,)).fetchone() == (True,), 30, "the source to be acknowledged"
    )


def a_pause_changes_nothing_about_it(task: FieldTask) -> None:
    syncwizard("pause", task.name)
    task.pair.source.execute("INSERT INTO t VALUES (7, 7); INSERT INTO other VALUES (7, 7)")
    syncwizard("resume", task.name)
    syncwizard("wait", task.name, "--until", "caught-up", "--timeout", "60", expect=5)
    assert content(task.pair.destination, "public", "other") == content(task.pair.source, "public", "other")
    assert set(set_aside(task)) == {"public.t", "public.tree"}


def the_table_joins_again_once_its_rows_are_right(task: FieldTask) -> None:
    pair = task.pair
    with pair.source_cluster.connect(pair.database) as session:
        session.execute(REPAIR.format("t", 33).encode())
        session.execute(REPAIR.format("tree", 77).encode())
    syncwizard("pause", task.name)
    syncwizard("resync", task.name, "--table", "public.t", "--yes")
    syncwizard("wait", task.name, "--until", "indexed", "--timeout", "90", expect=5)
    assert set(set_aside(task)) == {"public.tree"}
    syncwizard("pause", task.name)
    # Those that are set aside, without a word about which.
    syncwizard("resync", task.name, "--yes")
    pair.source.execute("INSERT INTO t VALUES (8, 8); DELETE FROM tree WHERE id = 7; INSERT INTO other VALUES (8, 8)")
    syncwizard("wait", task.name, "--until", "indexed", "--timeout", "90")
    task.caught_up()
    assert_equal(pair)
    keys = "SELECT count(*) FROM pg_constraint WHERE contype = 'p' AND connamespace = 'public'::regnamespace"
    assert pair.destination.execute(keys).fetchone() == (5,)
    found = "SELECT convalidated FROM pg_constraint WHERE conname = 'other_t'"
    assert pair.destination.execute(found).fetchall() == [(True,)]
    assert pair.destination.execute("SELECT count(*) FROM syncwizard.aside").fetchone() == (0,)
