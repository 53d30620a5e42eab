"""Indexes over functions that use what extensions of PostgreSQL itself bring (p04, t3)."""

from pathlib import Path

import pytest

from syncwizard.demo.servers import Cluster
from tests.field.running import running_task
from tests.support.commands import syncwizard
from tests.support.comparison import assert_equal
from tests.support.definitions import definitions
from tests.support.pair import DatabasePair

pytestmark = pytest.mark.slow

# p04: `unaccent` depends on a dictionary, and is declared IMMUTABLE by everyone who indexes it.
UNACCENT = """
    CREATE EXTENSION unaccent;
    CREATE SCHEMA p04; SET search_path = p04, public;
    CREATE FUNCTION plain(text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
        AS $$ SELECT unaccent($1) $$;
    CREATE TABLE people (id int PRIMARY KEY, name text);
    INSERT INTO people VALUES (1, 'Émile'), (2, 'Zoë');
    CREATE INDEX by_plain_name ON people (plain(name));
"""
# t3: a function in C of a library that the destination has, which no extension owns.
LIBRARY = """
    CREATE SCHEMA t3; SET search_path = t3, public;
    CREATE FUNCTION iu(regdictionary, text) RETURNS text LANGUAGE c IMMUTABLE STRICT
        AS '$libdir/unaccent', 'unaccent_dict';
    CREATE FUNCTION norm(text) RETURNS text LANGUAGE sql IMMUTABLE
        AS $$ SELECT t3.iu('public.unaccent'::regdictionary, $1) $$;
    CREATE TABLE words (id int PRIMARY KEY, word text);
    INSERT INTO words VALUES (1, 'été');
    CREATE INDEX by_norm ON words (norm(word));
"""
ALTER_FUNCTION = 'ALTER FUNCTION p04.plain(text) SET search_path = "p04", public'


@pytest.fixture
def contrib(postgres15: Cluster) -> None:
    """Skips where the server has no extensions beside it."""
    with postgres15.connect("postgres") as session:
        if session.execute("SELECT FROM pg_available_extensions WHERE name = 'unaccent'").fetchone() is None:
            pytest.skip("this server has no extensions of PostgreSQL itself")


def test_indexes_over_unaccent_and_functions_of_a_library_arrive(
    contrib: None, twins15: DatabasePair, tmp_path: Path
) -> None:
    pair = twins15
    for case in (UNACCENT, LIBRARY):
        pair.source.execute(case.encode())
        pair.source.execute("RESET search_path")
    with running_task(pair, ["p04", "t3"], "fifteen") as task:
        syncwizard("wait", task.name, "--until", "indexed", "--timeout", "90", expect=5)
        pair.source.execute("INSERT INTO p04.people VALUES (3, 'Çelik'); INSERT INTO t3.words VALUES (2, 'où')")
        task.caught_up()
        assert_equal(pair)
        missing = task.missing()
        assert set(missing) == {("index", "by_plain_name on p04.people"), ("index", "by_norm on t3.words")}
        advice = missing["index", "by_plain_name on p04.people"]["advice"]
        # What it says, word for word.
        for statement in ('CREATE EXTENSION "unaccent" SCHEMA "public"', ALTER_FUNCTION):
            assert statement in advice
            pair.destination.execute(statement.encode())
        syncwizard("definitions", task.name, "--retry")
        assert task.missing() == {}
    pair.source.execute(ALTER_FUNCTION.encode())
    ends = (pair.source_endpoint, pair.destination_endpoint)
    source, destination = [definitions(end, ["p04", "t3"], tmp_path) for end in ends]
    assert source == destination
