"""Tables that the destination has already, with other keys and types than the source's: what cannot be kept is named by
the precheck, and where a task is started all the same it stops instead of losing or changing a row in silence."""

from pathlib import Path
from typing import NamedTuple

import pytest

from syncwizard.errors import ChangeFailed, SyncwizardError
from syncwizard.task.events import PrecheckItemFinished
from syncwizard.task.specification import Synchronization
from tests.integration.test_precheck import outcome
from tests.support.inprocess import TaskRun
from tests.support.pair import DatabasePair
from tests.support.rowpath import RowPath


def found(pair: DatabasePair, folder: Path, item: str) -> PrecheckItemFinished:
    """What the precheck says of a task whose tables are there."""
    return outcome(pair.spec(synchronization=Synchronization(types=["full", "incremental"])), folder)[item]


# Keys ------------------------------------------------------------------------------------------------------------


class Keys(NamedTuple):
    """Two definitions of table `t (a, b, note)` whose keys differ; what the precheck says; a statement for which there
    is no place, and how the task stops at it."""

    name: str
    source: str
    destination: str
    verdict: str
    message: str
    statement: str
    stops: str


COLUMNS = "a int NOT NULL, b int NOT NULL, note text"
ADD = "INSERT INTO t VALUES (1, 2, 'lost?')"
CHANGE = "UPDATE t SET note = 'changed' WHERE a = 1"
NOT_FOUND = "it has no key to find the row by"
FULL = "; ALTER TABLE t REPLICA IDENTITY FULL"
KEYS = [
    Keys("none", "PRIMARY KEY (a)", "", "failed", "public.t (no key among a)", CHANGE, NOT_FOUND),
    Keys("none, deleted", "PRIMARY KEY (a)", "", "failed", "(no key among a)", "DELETE FROM t WHERE a = 1", NOT_FOUND),
    Keys("none, moved", "PRIMARY KEY (a)", "", "failed", "(no key among a)", "UPDATE t SET a = 9", NOT_FOUND),
    Keys("other", "PRIMARY KEY (a), UNIQUE (b)", "PRIMARY KEY (b)", "failed", "no key among a", CHANGE, NOT_FOUND),
    Keys(
        "narrower",
        "PRIMARY KEY (a, b)",
        "PRIMARY KEY (a)",
        "failed",
        "public.t (its key a is not kept unique at the source)",
        ADD,
        "duplicate key",
    ),
    Keys(
        "deferrable",
        "UNIQUE (a, b), PRIMARY KEY (a) DEFERRABLE",
        "PRIMARY KEY (a)",
        "warning",
        "public.t (its key a is not kept unique at the source)",
        # At one moment two rows have the key 2; only one of them would be left.
        "INSERT INTO t VALUES (2, 2, 'other'); UPDATE t SET a = 3 - a",
        "duplicate key",
    ),
    Keys("only there", FULL, "PRIMARY KEY (a)", "warning", "(its key a is not kept unique", ADD, "duplicate key"),
    Keys(
        "partial",
        "CONSTRAINT none CHECK (a > 0)); CREATE UNIQUE INDEX ON t (a) WHERE b = 1" + FULL,
        "PRIMARY KEY (a)",
        "warning",
        "(its key a is not kept unique",
        ADD,
        "duplicate key",
    ),
]


def table(constraints: str) -> str:
    """The table's definition; what begins with a semicolon comes after it."""
    inside, _, after = constraints.partition(");")
    if inside.startswith(";"):
        inside, after = "", inside
    columns = f"{COLUMNS}, {inside}" if inside else COLUMNS
    return f"CREATE TABLE t ({columns}); {after.removeprefix(';')}"


@pytest.mark.parametrize(
    "keys", [KEYS[0], *(pytest.param(each, marks=pytest.mark.slow) for each in KEYS[1:])], ids=lambda keys: keys.name
)
def test_another_key_at_the_destination_loses_nothing(pair: DatabasePair, tmp_path: Path, keys: Keys) -> None:
    pair.source.execute(table(keys.source).encode())
    pair.source.execute("INSERT INTO t VALUES (1, 1, 'first')")
    pair.destination.execute(table(keys.destination).encode())
    item = found(pair, tmp_path, "table-keys")
    assert (item.verdict, item.ignorable) == (keys.verdict, False)
    assert keys.message in "\n".join([item.message, *item.objects])
    path = RowPath(pair, TaskRun(pair.spec(), tmp_path))
    path.copy()
    with pytest.raises(SyncwizardError) as caught, path.following():
        path.caught_up()
        pair.source.execute(keys.statement.encode())
        path.caught_up()
    assert keys.stops in str(caught.value)
    assert caught.value.remedy


def test_keys_that_would_become_equal_on_the_way_are_refused(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute("CREATE TABLE t (a numeric(10, 4), b bigint, c timestamptz, PRIMARY KEY (a, b), UNIQUE (c))")
    pair.destination.execute("CREATE TABLE t (a numeric(10, 2), b int, c timestamp(0), PRIMARY KEY (a, b), UNIQUE (c))")
    item = found(pair, tmp_path, "table-keys")
    assert (item.verdict, item.ignorable) == ("failed", False)
    # A bigint that is too large is refused, not changed; `c` finds no rows.
    assert item.message.endswith("one row would overwrite another: public.t.a")
    pair.destination.execute("ALTER TABLE t ALTER a TYPE numeric")
    assert found(pair, tmp_path, "table-keys").verdict == "passed"


IGNORE_CASE = "CREATE COLLATION ignore_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);"


@pytest.mark.slow
def test_texts_that_only_the_destination_takes_for_equal_stop_the_task(twins15: DatabasePair, tmp_path: Path) -> None:
    for session, collation in ((twins15.source, '"C"'), (twins15.destination, "ignore_case")):
        session.execute(f"{IGNORE_CASE} CREATE TABLE t (name text COLLATE {collation} PRIMARY KEY, n int)".encode())
    twins15.source.execute("INSERT INTO t VALUES ('a', 1)")
    item = found(twins15, tmp_path, "table-keys")
    assert item.verdict == "failed"
    assert "its key name is not kept unique at the source or takes different texts for equal" in item.message
    path = RowPath(twins15, TaskRun(twins15.spec(), tmp_path))
    path.copy()
    with pytest.raises(ChangeFailed, match="duplicate key"), path.following():
        twins15.source.execute("INSERT INTO t VALUES ('A', 2)")
        path.caught_up()
    assert twins15.destination.execute("SELECT * FROM t").fetchall() == [("a", 1)]


# Types -----------------------------------------------------------------------------------------------------------


class Types(NamedTuple):
    """A type of both ends, KIND, that is built otherwise at the destination; a value, what becomes of it on the way,
    and what the precheck says of the column."""

    source: str
    destination: str
    value: str
    arrives: str
    printed: str
    column: str = "KIND"


TYPES = {
    # As bigint and money have eight bytes each, binary values would be taken for a hundredth.
    "domain": Types(
        "DOMAIN KIND AS bigint",
        "DOMAIN KIND AS money",
        "5",
        "$5.00",
        "public.KIND as bigint at the source, public.KIND as money at the destination",
    ),
    "digits": Types(
        "DOMAIN KIND AS numeric(10,4)",
        "DOMAIN KIND AS numeric(10,2)",
        "1.2345",
        "1.23",
        "public.KIND as numeric(10,4) at the source, public.KIND as numeric(10,2) at the destination",
    ),
    "domains": Types(
        "DOMAIN KIND AS bigint",
        "DOMAIN KIND AS money",
        "{5,NULL}",
        "{$5.00,NULL}",
        "public.KIND[] (public.KIND as bigint) at the source, public.KIND[] (public.KIND as money) at the destination",
        "KIND[]",
    ),
    "composite": Types(
        "TYPE KIND AS (a int, b int)",
        "TYPE KIND AS (b int, a int)",
        "(1,2)",
        "(1,2)",
        "public.KIND (a integer, b integer) at the source, public.KIND (b integer, a integer) at the destination",
    ),
    "nested": Types(
        "TYPE KIND_inner AS (n bigint); CREATE TYPE KIND AS (i KIND_inner)",
        "TYPE KIND_inner AS (n money); CREATE TYPE KIND AS (i KIND_inner)",
        '("(5)")',
        '("($5.00)")',
        "public.KIND (i public.KIND_inner); public.KIND_inner (n money) at the destination",
    ),
    "range": Types(
        "TYPE KIND AS RANGE (subtype = bigint)",
        "TYPE KIND AS RANGE (subtype = money)",
        "[1,5)",
        "[$1.00,$5.00)",
        "public.KIND of bigint at the source, public.KIND of money at the destination",
    ),
    # A label is a label, wherever it stands.
    "enum": Types("TYPE KIND AS ENUM ('b', 'a')", "TYPE KIND AS ENUM ('a', 'b')", "b", "b", ""),
}


def of(name: str, text: str) -> str:
    return text.replace("KIND", f"{name}_kind")


@pytest.mark.slow
def test_types_of_the_same_name_that_are_built_otherwise(pair: DatabasePair, tmp_path: Path) -> None:
    for name, types in TYPES.items():
        for session, definition in ((pair.source, types.source), (pair.destination, types.destination)):
            session.execute(of(name, f"CREATE {definition}").encode())
            session.execute(of(name, f'CREATE TABLE "{name}" (id int PRIMARY KEY, x {types.column})').encode())
        pair.source.execute(f'INSERT INTO "{name}" VALUES (1, %s)'.encode(), (types.value,))
    item = found(pair, tmp_path, "table-shapes")
    assert (item.verdict, item.ignorable) == ("warning", True)
    assert "mean something else without an error" in item.message
    for name, types in TYPES.items():
        assert (f"public.{name}.x" in item.message) == bool(types.printed)
        assert of(name, types.printed) in item.message
    path = RowPath(pair, TaskRun(pair.spec(), tmp_path))
    path.copy()
    with path.following():
        for rows in ("(2, 70)", "(71, 71)"):
            for name, types in TYPES.items():
                insert = f'INSERT INTO "{name}" SELECT i, %s FROM generate_series{rows} i'
                pair.source.execute(insert.encode(), (types.value,))
            path.caught_up()
    for name, types in TYPES.items():
        rows_of = f'SELECT x::text, count(*) FROM "{name}" GROUP BY 1'.encode()
        assert pair.destination.execute(rows_of).fetchall() == [(types.arrives, 71)]


def test_a_column_that_only_the_source_generates_must_be_accepted(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute("CREATE TABLE t (id int PRIMARY KEY, twice int GENERATED ALWAYS AS (id * 2) STORED)")
    pair.destination.execute("CREATE TABLE t (id int PRIMARY KEY, twice int)")
    item = found(pair, tmp_path, "table-shapes")
    assert (item.verdict, item.ignorable) == ("warning", True)
    assert "nothing fills them: public.t.twice" in item.message
