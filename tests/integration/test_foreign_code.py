"""Code of the source's accounts at the destination: named where it would run with a superuser's rights, and otherwise
run with those of the task's account alone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from syncwizard.stages import precheck
from syncwizard.stages.capture import stage as capture
from syncwizard.stages.definitions import constraints, indexes, keys, schema
from syncwizard.stages.full import stage as full
from syncwizard.task.specification import PrecheckSettings, SchemaObjects, TaskSpec
from tests.integration.test_precheck import blocking, outcome
from tests.support.inprocess import TaskRun
from tests.support.pair import DatabasePair
from tests.support.rowpath import RowPath
from tests.support.stages import everything

# Where functions leave as whom they ran: both ends have it, no task carries it.
TRACES = """
CREATE SCHEMA proof;
CREATE TABLE proof.ran (way text, who name);
GRANT USAGE ON SCHEMA proof TO PUBLIC;
GRANT INSERT ON proof.ran TO PUBLIC;
"""
WAYS = ("check", "domain", "column", "index", "view")
FIVE_WAYS = """
CREATE FUNCTION app.mark(way text) RETURNS int LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO proof.ran VALUES (way, current_user); RETURN 1; END $$;
CREATE FUNCTION app.in_check(n int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS
    $$ BEGIN PERFORM app.mark('check'); RETURN true; END $$;
CREATE FUNCTION app.in_domain(n int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS
    $$ BEGIN PERFORM app.mark('domain'); RETURN true; END $$;
CREATE FUNCTION app.in_column(n int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
    $$ BEGIN PERFORM app.mark('column'); RETURN n; END $$;
CREATE FUNCTION app.in_index(n int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
    $$ BEGIN PERFORM app.mark('index'); RETURN n; END $$;
CREATE FUNCTION app.in_view() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN app.mark('view'); END $$;
CREATE DOMAIN app.number AS int CHECK (app.in_domain(value));
CREATE TABLE app.t (
    id int PRIMARY KEY, d app.number, n int CHECK (app.in_check(n)),
    g int GENERATED ALWAYS AS (app.in_column(n)) STORED
);
CREATE INDEX i ON app.t (app.in_index(n));
CREATE MATERIALIZED VIEW app.m AS SELECT app.in_view() AS one;
INSERT INTO app.t (id, d, n) SELECT n, n, n FROM generate_series(1, 5) AS n;
"""


@pytest.fixture
def owner(pair: DatabasePair) -> Iterator[str]:
    """A role of the source, no superuser, that owns the schema `app`."""
    name = f"owner_{pair.database}"
    pair.source.execute(f"{TRACES} CREATE ROLE {name}; CREATE SCHEMA app AUTHORIZATION {name}".encode())
    pair.destination.execute(TRACES)
    yield name
    pair.source.execute(f"RESET ROLE; DROP OWNED BY {name} CASCADE; DROP ROLE {name}".encode())


@pytest.fixture
def least(pair: DatabasePair) -> Iterator[str]:
    """The destination's account, made as README says."""
    name = f"least_{pair.database}"
    pair.destination.execute(f"CREATE ROLE {name} LOGIN".encode())
    pair.destination.execute(f"ALTER DATABASE {pair.database} OWNER TO {name}".encode())
    pair.destination.execute(f"GRANT SET ON PARAMETER session_replication_role TO {name}".encode())
    yield name
    pair.destination.execute(f"REASSIGN OWNED BY {name} TO postgres; DROP OWNED BY {name}; DROP ROLE {name}".encode())


@pytest.fixture
def reader(pair: DatabasePair, owner: str) -> Iterator[str]:
    """The source's account, made as README says."""
    name = f"reader_{pair.database}"
    pair.source.execute(f"CREATE ROLE {name} LOGIN REPLICATION; GRANT {owner} TO {name}".encode())
    pair.source.execute(f"GRANT CREATE ON DATABASE {pair.database} TO {name}".encode())
    pair.source.execute(f"GRANT CREATE ON SCHEMA public TO {name}".encode())
    yield name
    pair.source.execute(f"DROP OWNED BY {name} CASCADE; DROP ROLE {name}".encode())


def execute_as(pair: DatabasePair, role: str, statements: str) -> None:
    pair.source.execute(f"SET ROLE {role}; {statements}; RESET ROLE".encode())


def of_app(pair: DatabasePair, **fields: Any) -> TaskSpec:
    return pair.spec([SchemaObjects(schema="app")], **fields)


def test_functions_that_a_superuser_would_run_are_named_with_their_owner_and_their_way(
    pair: DatabasePair, tmp_path: Path, owner: str
) -> None:
    execute_as(pair, owner, FIVE_WAYS)
    found = outcome(of_app(pair), tmp_path)["foreign-code"]
    assert precheck.blocks(found)
    assert found.ignorable
    for function, way in (
        ("in_check(n integer)", "constraint t_n_check on table app.t"),
        ("in_domain(n integer)", "constraint number_check on domain app.number"),
        ("in_column(n integer)", "generated column g of table app.t"),
        ("in_index(n integer)", "index app.i"),
        ("in_view()", "materialized view app.m"),
    ):
        assert f"app.{function} of {owner}, for {way}" in found.message
    accepted = outcome(of_app(pair, precheck=PrecheckSettings(ignore=["foreign-code"])), tmp_path)
    assert "foreign-code" not in blocking(accepted)


def test_code_is_found_behind_views_types_partition_keys_and_statistics(
    pair: DatabasePair, tmp_path: Path, owner: str
) -> None:
    functions = "".join(
        f"CREATE FUNCTION app.{name}(n int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN n; END';"
        for name in ("in_view", "in_domain", "in_key", "in_statistics", "in_default", "in_plain_view", "in_sum")
    )
    execute_as(
        pair,
        owner,
        f"""{functions}
        CREATE FUNCTION app.definer() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
        CREATE AGGREGATE app.sum_of(int) (SFUNC = int4pl, STYPE = int, FINALFUNC = app.in_sum);
        CREATE DOMAIN app.number AS int CHECK (app.in_domain(value) > 0);
        CREATE TYPE app.numbers AS (list app.number[]);
        CREATE TABLE app.t (id int PRIMARY KEY, numbers app.numbers[], n int DEFAULT app.in_default(1));
        CREATE STATISTICS app.s ON (app.in_statistics(n)), id FROM app.t;
        CREATE TABLE app.parts (n int) PARTITION BY RANGE (app.in_key(n));
        CREATE TABLE app.read (path text CHECK (pg_read_file(path) IS NULL));
        CREATE VIEW app.v AS SELECT app.in_view(n) AS n FROM app.t;
        CREATE MATERIALIZED VIEW app.m AS SELECT app.sum_of(n) FROM app.v;
        CREATE VIEW app.plain AS SELECT app.in_plain_view(n) FROM app.t""",
    )
    message = outcome(of_app(pair), tmp_path)["foreign-code"].message
    for function, way in (
        ("app.in_domain(n integer)", "constraint number_check on domain app.number"),
        ("app.in_statistics(n integer)", "statistics object app.s"),
        ("app.in_key(n integer)", "table app.parts"),
        ("app.in_view(n integer)", "materialized view app.m"),
        ("app.in_sum(n integer)", "materialized view app.m"),
        ("app.definer()", "any account that may call it, as SECURITY DEFINER"),
        ("pg_catalog.pg_read_file(text)", "constraint read_path_check on table app.read"),
    ):
        assert f"{function} of {owner}, for {way}" in message
    # Defaults are not evaluated by a task, nor are views.
    assert "in_default" not in message
    assert "in_plain_view" not in message


def test_a_superuser_is_asked_to_be_less_where_nothing_foreign_runs(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute(f"{TRACES} CREATE SCHEMA app; {FIVE_WAYS}")
    found = outcome(of_app(pair), tmp_path)["foreign-code"]
    assert (found.verdict, found.ignorable) == ("warning", False)
    assert "postgres is a superuser at the destination" in found.message


def test_who_may_run_programs_at_the_server_is_as_good_as_a_superuser(
    pair: DatabasePair, tmp_path: Path, owner: str, least: str
) -> None:
    execute_as(pair, owner, FIVE_WAYS)
    pair.destination.execute(f"GRANT pg_execute_server_program TO {least}".encode())
    spec = of_app(pair, destination=pair.destination_cluster.endpoint(pair.database, user=least))
    assert f"{least} is a member of pg_execute_server_program" in outcome(spec, tmp_path)["foreign-code"].message


@pytest.mark.slow
def test_an_account_without_superuser_runs_all_of_it_as_itself(
    pair: DatabasePair, tmp_path: Path, owner: str, reader: str, least: str
) -> None:
    execute_as(pair, owner, FIVE_WAYS)
    spec = of_app(
        pair,
        source=pair.source_cluster.endpoint(pair.database, user=reader),
        destination=pair.destination_cluster.endpoint(pair.database, user=least),
    )
    assert blocking(outcome(spec, tmp_path)) == set()
    path = RowPath(pair, TaskRun(spec, tmp_path))
    context = path.context()
    for stage in (capture, schema, full, keys):
        stage.run(context)
    pair.destination.execute("CREATE TABLE proof.copied AS SELECT DISTINCT way, who FROM proof.ran; TRUNCATE proof.ran")
    execute_as(pair, owner, "INSERT INTO app.t (id, d, n) VALUES (6, 6, 6); UPDATE app.t SET n = 7 WHERE id = 1")
    with path.following():
        path.caught_up()
        constraints.run(path.context())
        indexes.run(path.context())
        execute_as(pair, owner, "INSERT INTO app.t (id, d, n) VALUES (8, 8, 8)")
        path.caught_up()
    for table, ways in (("copied", {"domain", "column"}), ("ran", set(WAYS))):
        ran = pair.destination.execute(f"SELECT DISTINCT way, who FROM proof.{table}".encode()).fetchall()
        assert set(ran) == {(way, least) for way in ways}
    assert run_missing(path) == []
    assert pair.destination.execute("TABLE app.t ORDER BY id").fetchall() == (
        pair.source.execute("TABLE app.t ORDER BY id").fetchall()
    )


def test_a_superuser_gives_what_runs_as_its_owner_to_that_owner(pair: DatabasePair, tmp_path: Path, owner: str) -> None:
    execute_as(
        pair,
        owner,
        """
        CREATE TABLE app.t (id int PRIMARY KEY);
        CREATE FUNCTION app."whose; is it"(int2vector, text[], OUT who text) LANGUAGE sql SECURITY DEFINER
            AS 'SELECT current_user';
        CREATE PROCEDURE app.act() LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
        CREATE FUNCTION app.invoker() RETURNS text LANGUAGE sql AS 'SELECT current_user'
        """,
    )
    pair.destination.execute(f"CREATE ROLE {owner}".encode())
    try:
        assert outcome(of_app(pair), tmp_path)["foreign-code"].verdict == "warning"
        assert not precheck.blocks(outcome(of_app(pair), tmp_path)["foreign-code"])
        run = TaskRun(of_app(pair), tmp_path)
        everything(run)
        assert run.state.missing_definitions == ()
        owners = pair.destination.execute(
            "SELECT proname, pg_get_userbyid(proowner) FROM pg_proc WHERE pronamespace = 'app'::regnamespace"
        )
        assert dict(owners.fetchall()) == {"whose; is it": owner, "act": owner, "invoker": "postgres"}
        pair.destination.execute(f"ALTER ROLE {owner} SUPERUSER".encode())
        # A superuser of the same name would be worse than no owner at all.
        assert precheck.blocks(outcome(of_app(pair), tmp_path)["foreign-code"])
    finally:
        pair.destination.execute(f"REASSIGN OWNED BY {owner} TO postgres; DROP ROLE {owner}".encode())


def run_missing(path: RowPath) -> list[str]:
    return [f"{each.kind} {each.name}: {each.reason}" for each in path.task.state.missing_definitions]
