"""Whatever is done at the source, in whatever transactions and batches: the destination ends with the same rows.

Each run draws other changes. Its seed is in the summary of .ci/run and with a failure; SEED_VARIABLE draws them again.
"""

import os
import secrets
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.support.comparison import assert_equal
from tests.support.pair import DatabasePair
from tests.support.rowpath import RowPath, row_path

TABLES = ("keyed", "fully", "keyless", "parted", "other")
COLUMNS = "id int, region text, place int, note text, body text, v vector(3), d numeric"
DEFINITIONS = f"""
CREATE EXTENSION vector;
CREATE TABLE keyed ({COLUMNS}, PRIMARY KEY (id), UNIQUE (place));
CREATE TABLE fully ({COLUMNS}, PRIMARY KEY (id, region)); ALTER TABLE fully REPLICA IDENTITY FULL;
CREATE TABLE keyless ({COLUMNS});
CREATE TABLE parted ({COLUMNS}, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE parted_a PARTITION OF parted FOR VALUES IN ('a');
CREATE TABLE parted_rest PARTITION OF parted DEFAULT;
-- Its primary key is deferrable: without an identity of its own, and keys may swap in one statement.
CREATE TABLE other ({COLUMNS}, PRIMARY KEY (id) DEFERRABLE);
ALTER TABLE keyed ALTER body SET STORAGE EXTERNAL; ALTER TABLE parted ALTER body SET STORAGE EXTERNAL;
ALTER TABLE parted_a ALTER body SET STORAGE EXTERNAL;
"""

SEED_VARIABLE = "SYNCWIZARD_TEST_SEED"

tables = st.sampled_from(TABLES)
keys = st.integers(1, 8)
regions = st.sampled_from(["a", "b", "c"])
# In the row, out of line, compressed.
bodies = st.sampled_from(["NULL", "'short'", "repeat('x', 5000)", "md5({id}::text) || repeat('y', 9000)"])
conditions = st.one_of(
    keys.map("id = {}".format),
    st.tuples(keys, keys).map(lambda pair: f"id BETWEEN {min(pair)} AND {max(pair)}"),
    st.just("true"),
    regions.map("region = '{}'".format),
)
numerics = st.sampled_from(["1.0", "1.00", "NULL", "'NaN'"])


@st.composite
def rows(draw: st.DrawFn) -> str:
    """The values of a new row, or of many."""
    number = draw(keys)
    values = f"'{draw(regions)}', {draw(st.integers(-3, 20))}, 'new', {draw(bodies).format(id='i')}, '[1,2,{number}]'"
    last = draw(st.sampled_from([number, number, number, number + 70]))
    return f"SELECT i, {values}, {draw(numerics)} FROM generate_series({number}, {last}) i"


@st.composite
def assignments(draw: st.DrawFn) -> str:
    """What an UPDATE sets."""
    possible = {
        "id": keys.map("{}".format) | st.sampled_from(["id + 1", "9 - id", "id + 100"]),
        "region": regions.map("'{}'".format),
        "place": st.sampled_from(["place", "-place", "id", "NULL", "place + 1"]),
        "note": st.sampled_from(["'changed'", "note", "coalesce(note, '') || '.'"]),
        "body": bodies.map(lambda body: body.format(id="id")) | st.just("body"),
        "v": st.sampled_from(["'[0,-0,1]'", "NULL", "v"]),
        "d": numerics,
    }
    names = draw(st.lists(st.sampled_from(sorted(possible)), min_size=1, max_size=3, unique=True))
    return ", ".join(f"{name} = {draw(possible[name])}" for name in names)


statements = st.one_of(
    st.builds("INSERT INTO {} {}".format, tables, rows()),
    st.builds("INSERT INTO {} {}".format, tables, rows()),
    st.builds(
        "INSERT INTO keyed {} ON CONFLICT (id) DO UPDATE SET note = keyed.note || '!', place = NULL".format, rows()
    ),
    st.builds("UPDATE {} SET {} WHERE {}".format, tables, assignments(), conditions),
    st.builds("UPDATE {} SET {} WHERE {}".format, tables, assignments(), conditions),
    st.builds("DELETE FROM {} WHERE {}".format, tables, conditions),
    st.builds("DELETE FROM {0} WHERE ctid = (SELECT min(ctid) FROM {0})".format, tables),
    st.builds(
        "WITH gone AS (DELETE FROM {0} WHERE {1} RETURNING *) INSERT INTO {0} SELECT * FROM gone".format,
        tables,
        conditions,
    ),
    st.lists(tables, min_size=1, max_size=2, unique=True).map(lambda names: f"TRUNCATE {', '.join(names)}"),
    st.just("SAVEPOINT s"),
    st.just("ROLLBACK TO s"),
)
transactions = st.lists(statements, min_size=1, max_size=5)
# Transactions of one batch wait for each other at the destination.
batches = st.lists(st.lists(transactions, min_size=1, max_size=4), min_size=1, max_size=3)


@pytest.mark.slow
def test_the_destination_ends_as_the_source(
    pair: DatabasePair, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    number = int(os.environ.get(SEED_VARIABLE) or secrets.randbits(32))
    record_property("seed", number)
    print(f"drawn with {SEED_VARIABLE}={number}")
    path = row_path(pair, tmp_path, DEFINITIONS)
    path.copy()
    with path.following():
        path.caught_up()

        @seed(number)
        @settings(
            max_examples=80,
            database=None,
            suppress_health_check=list(HealthCheck),
            # A task that stopped cannot tell whether something smaller would have stopped it, too.
            phases=[Phase.generate],
        )
        @given(batches)
        def agree(drawn: list[list[list[str]]]) -> None:
            pair.source.execute(f"TRUNCATE {', '.join(TABLES)}".encode())
            for batch in drawn:
                apply(path, batch)
            path.caught_up()
            assert_equal(pair)

        agree()


def apply(path: RowPath, batch: list[list[str]]) -> None:
    """Runs the transactions while the destination cannot commit, so that they wait and go together."""
    pair = path.pair
    with pair.destination_cluster.connect(pair.database, autocommit=False) as blocker:
        blocker.execute("LOCK TABLE syncwizard.progress IN EXCLUSIVE MODE")
        for transaction in batch:
            with pair.source.transaction():
                for statement in transaction:
                    execute(pair, statement)
        blocker.rollback()


def execute(pair: DatabasePair, statement: str) -> None:
    """One statement; what the source refuses is undone there and never travels."""
    pair.source.execute("SAVEPOINT guard")
    try:
        pair.source.execute(statement.encode())
    except psycopg.errors.Error:
        pair.source.execute("ROLLBACK TO guard")
