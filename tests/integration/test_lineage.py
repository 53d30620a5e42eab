"""Captured relations that are not the tables any more that they were captured as: partitions that were out of their
tree, tables that changed names, rows that a rewrite or a new column gave other values."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from syncwizard.errors import UsageError
from syncwizard.stages.capture import stage as capture
from syncwizard.stages.commands import resync
from syncwizard.stages.context import Context
from syncwizard.stages.full import stage as full
from syncwizard.task.event_words import HELD_BACK
from syncwizard.task.events import Noticed, PartitionDetached, TableRestarted
from syncwizard.task.names import TableName
from syncwizard.task.resync import ResyncWish
from syncwizard.task.specification import SchemaObjects, Synchronization, TableObject
from tests.faults.running import RunningTask, running
from tests.support.commands import report, syncwizard
from tests.support.comparison import assert_equal
from tests.support.pair import DatabasePair, Session
from tests.support.rowpath import RowPath, row_path
from tests.support.waiting import until

pytestmark = pytest.mark.slow

TREE = """
CREATE TABLE m (id int PRIMARY KEY, v text) PARTITION BY RANGE (id);
CREATE TABLE m_a PARTITION OF m FOR VALUES FROM (0) TO (100);
CREATE TABLE m_b PARTITION OF m FOR VALUES FROM (100) TO (200);
"""
FILL = "INSERT INTO m SELECT i, 'old' FROM generate_series(1, 199) i"
OTHER = "CREATE TABLE b (id int PRIMARY KEY);"
DETACH = "ALTER TABLE m DETACH PARTITION m_b"
ATTACH = "ALTER TABLE m ATTACH PARTITION m_b FOR VALUES FROM (100) TO (200)"

TWINS = """
CREATE TABLE t (id int PRIMARY KEY, v text);
CREATE TABLE t_new (id int PRIMARY KEY, v text);
"""
FILL_TWINS = """
INSERT INTO t SELECT i, 'old' FROM generate_series(1, 100) i;
INSERT INTO t_new SELECT i, 'new' FROM generate_series(51, 150) i;
"""
SWAP = """
BEGIN;
ALTER TABLE t RENAME TO t_old; ALTER TABLE t_new RENAME TO t; ALTER TABLE t_old RENAME TO t_new;
INSERT INTO t VALUES (200, 'after'); UPDATE t SET v = 'after' WHERE id = 140; DELETE FROM t WHERE id = 51;
INSERT INTO t_new VALUES (300, 'after'); UPDATE t_new SET v = 'after' WHERE id = 7; DELETE FROM t_new WHERE id = 8;
COMMIT
"""


def execute(session: Session, statements: str) -> None:
    """Each statement a transaction of its own, but for what BEGIN and COMMIT enclose."""
    for statement in filter(None, map(str.strip, statements.split(";"))):
        session.execute(statement.encode())


def rows(session: Session, table: str) -> list[tuple[Any, ...]]:
    return session.execute(f"SELECT * FROM {table} ORDER BY 1".encode()).fetchall()


def followed(pair: DatabasePair, folder: Path, definitions: str, fill: str, **fields: Any) -> RowPath:
    """A task that has copied and caught up once, and is not at work."""
    path = row_path(pair, folder, definitions, **fields)
    execute(pair.source, fill)
    path.copy()
    with path.following():
        path.caught_up()
    return path


def aside(path: RowPath, expected: dict[str, str]) -> None:
    """The task goes on, and these tables are set aside, each for a reason that begins so."""
    with path.following():
        path.caught_up()
    found = {str(event.table): event.reason for event in path.task.state.aside}
    assert found.keys() == expected.keys()
    for table, reason in expected.items():
        assert found[table].startswith(reason), found[table]


def meanwhile(context: Context, pair: DatabasePair, statements: str) -> Context:
    """Runs statements when the first worker of the copy is started, which is after the plan was made."""
    spawn, waiting = context.spawn, [statements]

    def disturbed(kind: str, assignment: Any) -> Any:
        if kind == "copy" and waiting:
            execute(pair.source, waiting.pop())
        return spawn(kind, assignment)

    return msgspec.structs.replace(context, spawn=disturbed)


def restarted(path: RowPath) -> list[str]:
    return [event.table.name for event in path.task.events if isinstance(event, TableRestarted)]


def warnings(path: RowPath) -> list[str]:
    return [event.message for event in path.task.events if isinstance(event, Noticed) and event.level == "warning"]


# Partitions ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("paused", [True, False], ids=["paused", "running"])
def test_a_partition_that_was_out_of_its_tree_sets_that_aside(pair: DatabasePair, tmp_path: Path, paused: bool) -> None:
    path = followed(pair, tmp_path, TREE + OTHER, FILL)
    change = f"{DETACH}; UPDATE m_b SET v = 'alone'; DELETE FROM m_b WHERE id = 150; {ATTACH}; INSERT INTO b VALUES (1)"
    if paused:
        execute(pair.source, change)
    with path.following():
        if not paused:
            path.caught_up()
            # Within a beat: only the row of pg_inherits tells.
            execute(pair.source, change)
        until(lambda: path.task.state.aside, 30, "the task to notice")
        path.caught_up()
        assert rows(pair.destination, "b") == [(1,)]
    (event,) = path.task.state.aside
    assert "partition m_b was detached and attached again" in event.reason
    assert [str(name) for name in (event.table, *event.tables)] == ["public.m", "public.m_a", "public.m_b"]
    assert "syncwizard resync test --table public.m" in str(event.remedy)
    copied_again(path)


def copied_again(path: RowPath, *statements: str) -> None:
    """Both ends are equal once what is set aside is copied again, after these statements at the destination."""
    execute(path.pair.destination, ";".join(statements))
    path.task.record(resync.describe(path.context(), ResyncWish()))
    path.copy()
    with path.following():
        path.caught_up()
    assert_equal(path.pair)
    assert not path.task.state.aside


def test_every_way_out_of_a_tree_and_back_lost_changes(pair: DatabasePair, tmp_path: Path) -> None:
    """With a part of the tree above, where the leaf's own row of pg_inherits is as it was, and into another tree."""
    trees = """
    CREATE TABLE n (id int PRIMARY KEY, v text) PARTITION BY RANGE (id);
    CREATE TABLE p (id int PRIMARY KEY, v text) PARTITION BY RANGE (id);
    CREATE TABLE p_part PARTITION OF p FOR VALUES FROM (0) TO (100) PARTITION BY RANGE (id);
    CREATE TABLE p_leaf PARTITION OF p_part FOR VALUES FROM (0) TO (50);
    """
    path = followed(
        pair, tmp_path, TREE + trees, f"{FILL}; INSERT INTO p SELECT i, 'old' FROM generate_series(1, 49) i"
    )
    execute(
        pair.source,
        f"{DETACH}; UPDATE m_b SET v = 'alone'; {ATTACH.replace('TABLE m ', 'TABLE n ')};"
        "ALTER TABLE p DETACH PARTITION p_part; UPDATE p_part SET v = 'alone';"
        "ALTER TABLE p ATTACH PARTITION p_part FOR VALUES FROM (0) TO (100)",
    )
    with path.following():
        path.caught_up()
    reasons = {str(event.table): event.reason for event in path.task.state.aside}
    assert set(reasons) == {"public.m", "public.n", "public.p"}
    assert "partition m_b " in reasons["public.m"] and "partition m_b " in reasons["public.n"]
    assert "partition p_leaf " in reasons["public.p"] and "m_a" not in str(reasons)
    copied_again(path, DETACH, ATTACH.replace("TABLE m ", "TABLE n "))


def test_a_partition_that_came_after_the_start_is_watched_like_the_others(pair: DatabasePair, tmp_path: Path) -> None:
    path = followed(pair, tmp_path, TREE, FILL)
    execute(pair.source, "CREATE TABLE m_c PARTITION OF m FOR VALUES FROM (200) TO (300)")
    execute(pair.destination, "CREATE TABLE m_c PARTITION OF m FOR VALUES FROM (200) TO (300)")
    known = "SELECT traits IS NOT NULL FROM syncwizard.members WHERE table_name = 'm_c'"
    with path.following():
        until(lambda: pair.destination.execute(known).fetchall() == [(True,)], 30, "the new partition to be noted")
        execute(pair.source, "INSERT INTO m SELECT i, 'new' FROM generate_series(200, 250) i")
        path.caught_up()
        assert rows(pair.destination, "m") == rows(pair.source, "m")
    execute(
        pair.source,
        "ALTER TABLE m DETACH PARTITION m_c; DELETE FROM m_c;"
        " ALTER TABLE m ATTACH PARTITION m_c FOR VALUES FROM (200) TO (300)",
    )
    aside(path, {"public.m": "partition m_c was detached and attached again"})


def test_a_listed_partition_goes_on_while_it_is_detached(pair: DatabasePair, tmp_path: Path) -> None:
    """Without a primary key of the root each leaf is listed by itself, so nothing is lost."""
    tree = TREE.replace(" PRIMARY KEY", " NOT NULL")
    keys = "ALTER TABLE m_a ADD PRIMARY KEY (id); ALTER TABLE m_b ADD PRIMARY KEY (id);"
    path = followed(pair, tmp_path, tree + keys, FILL)
    execute(pair.source, f"{DETACH}; UPDATE m_b SET v = 'alone'; {ATTACH}; UPDATE m SET v = v || '.' WHERE id > 150")
    with path.following():
        path.caught_up()
        assert_equal(pair)
        execute(pair.source, f"{DETACH}; UPDATE m_b SET v = 'alone for good'")
        path.caught_up()
        until(lambda: path.task.state.detached, 20, "it to be told")
        assert rows(pair.destination, "m_b") == rows(pair.source, "m_b")
    assert [each.captured for each in path.task.state.detached] == [True]


def test_a_partition_that_was_out_of_its_tree_during_the_copy_is_copied_again(
    pair: DatabasePair, tmp_path: Path
) -> None:
    path = row_path(pair, tmp_path, TREE)
    execute(pair.source, FILL)
    context = path.context()
    capture.run(context)
    context = meanwhile(
        context, pair, f"{DETACH}; UPDATE m_b SET v = 'alone'; DELETE FROM m_b WHERE id = 150; {ATTACH}"
    )
    full.run(context)
    assert "m_b" in restarted(path)
    with path.following():
        execute(pair.source, "UPDATE m SET v = v || '.' WHERE id % 3 = 0")
        path.caught_up()
    assert_equal(pair)


def test_partitions_detached_and_attached_are_brought_right_by_the_command_that_is_reported(
    pair: DatabasePair, tmp_path: Path, state_home: Path
) -> None:
    with running(pair, tmp_path, TREE + FILL, name="lineage") as task:
        task.start()
        execute(pair.source, f"{DETACH} CONCURRENTLY; DELETE FROM m_b WHERE id = 150; UPDATE m_b SET v = 'alone'")
        until(lambda: task.state.detached, 30, "the detached partition to be told")
        (event,) = [event for event in task.events if isinstance(event, PartitionDetached)]
        assert (event.table, event.root) == (TableName("public", "m_b"), TableName("public", "m"))
        status = syncwizard("status", task.name).stdout
        assert "public.m_b was detached from public.m at the source: its rows stay in public.m" in status
        assert "syncwizard resync lineage --table public.m" in status
        assert report("status", task.name)["state"] == "synchronizing"
        # It is told once, also by the next run.
        task.pause()
        task.resume("--until", "caught-up")

        execute(pair.source, ATTACH)
        until(lambda: task.state.aside, 30, "the tree to be set aside")
        assert "partition m_b was detached and attached again" in syncwizard("status", task.name).stdout
        assert len([event for event in task.events if isinstance(event, PartitionDetached)]) == 1
        task.pause()
        done = json.loads(syncwizard("resync", task.name, "--yes", "--json").stdout)
        assert {each["table"]["name"] for each in done["resynchronization"]["tables"]} == {"m", "m_a", "m_b"}
        task.converged()
        execute(pair.source, "UPDATE m SET v = v || '.' WHERE id > 120")
        task.converged()
        assert task.state.detached == ()
        task.release()


@pytest.mark.marathon
def test_a_tree_is_equal_again_after_its_detached_partition_was_left_behind(
    pair: DatabasePair, tmp_path: Path, state_home: Path
) -> None:
    with running(pair, tmp_path, TREE + FILL, name="lineage") as task:
        task.start()
        execute(pair.source, f"{DETACH}; ALTER TABLE m_b RENAME TO archive")
        until(lambda: task.state.detached, 30, "the detached partition to be told")
        assert len(rows(pair.destination, "m")) == 199
        syncwizard("resync", task.name, "--table", "public.m", "--yes")
        task.caught_up()
        assert rows(pair.destination, "m") == rows(pair.source, "m")
        assert task.state.detached == ()
        # It comes back with other rows than it left with.
        execute(pair.source, f"ALTER TABLE archive RENAME TO m_b; UPDATE m_b SET v = 'alone'; {ATTACH}")
        until(lambda: "attached after the start with rows" in reported(task), 60, "its rows to be told")
        syncwizard("resync", task.name, "--table", "public.m", "--yes")
        task.converged()
        task.release()


def reported(task: RunningTask) -> str:
    return "\n".join(f"{event.message}; {event.remedy}" for event in task.events if isinstance(event, Noticed))


# Names ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("paused", [True, False], ids=["paused", "running"])
def test_tables_swapped_by_rename_are_never_mixed_up(pair: DatabasePair, tmp_path: Path, paused: bool) -> None:
    path = followed(pair, tmp_path, TWINS + OTHER, FILL_TWINS)
    if paused:
        execute(pair.source, SWAP)
    with path.following():
        if not paused:
            path.caught_up()
            execute(pair.source, SWAP)
        until(lambda: len(path.task.state.aside) == 2, 30, "the task to notice")
        execute(pair.source, "UPDATE t SET v = 'later' WHERE id < 10; INSERT INTO b VALUES (1)")
        path.caught_up()
        assert rows(pair.destination, "b") == [(1,)]
    aside(path, {"public.t": "it is named public.t_new now", "public.t_new": "it is named public.t now"})
    for name in ("t", "t_new"):
        # Whatever was applied went to the table that the relation was copied to.
        assert {v for _, v in rows(pair.destination, name)} <= {"old" if name == "t" else "new", "after"}
    # The one is not right without the other.
    order = resync.describe(path.context(), ResyncWish(tables=[TableName("public", "t")]))
    assert [each.table.name for each in order.tables] == ["t", "t_new"]
    copied_again(path)
    execute(pair.source, "UPDATE t SET v = 'last' WHERE id < 60; DELETE FROM t_new WHERE id > 60")
    with path.following():
        path.caught_up()
    assert_equal(pair)


def test_tables_swapped_and_swapped_back_in_a_moment_keep_their_rows(pair: DatabasePair, tmp_path: Path) -> None:
    """The changes in between come under the other names."""
    path = followed(pair, tmp_path, TWINS, FILL_TWINS)
    back = "ALTER TABLE t RENAME TO x; ALTER TABLE t_new RENAME TO t; ALTER TABLE x RENAME TO t_new"
    execute(pair.source, f"{SWAP}; BEGIN; {back}; COMMIT; UPDATE t SET v = 'later' WHERE id < 10")
    with path.following():
        path.caught_up()
    assert_equal(pair)


def test_a_table_that_was_renamed_is_set_aside_without_a_change_of_it(pair: DatabasePair, tmp_path: Path) -> None:
    tables = ";".join(f"CREATE TABLE {name} (id int PRIMARY KEY, v text)" for name in ("one", "two", "three", "s.four"))
    schemas = [SchemaObjects(schema="public"), SchemaObjects(schema="s")]
    definitions = f"CREATE SCHEMA s; {tables}; {TREE} {OTHER}"
    fields = {"objects": schemas, "synchronization": Synchronization(types=["full", "incremental"])}
    path = followed(pair, tmp_path, definitions, "INSERT INTO one VALUES (1, 'old')", **fields)
    execute(
        pair.source,
        "ALTER TABLE one RENAME TO x; ALTER TABLE two RENAME TO y; CREATE TABLE two (LIKE y INCLUDING ALL);"
        "CREATE SCHEMA away; ALTER TABLE three SET SCHEMA away; ALTER SCHEMA s RENAME TO z;"
        "ALTER TABLE m_b RENAME TO m_later; INSERT INTO two VALUES (1, 'another'); INSERT INTO y VALUES (1, 'y');"
        "INSERT INTO x VALUES (2, 'x'); INSERT INTO m VALUES (1, 'a'), (101, 'b'); INSERT INTO b VALUES (1)",
    )
    aside(
        path,
        {
            "public.one": "it is named public.x now",
            "public.two": "it is named public.y now",
            "public.three": "it is named away.three now",
            "s.four": "it is named z.four now",
            "public.m": "public.m_b is named public.m_later now",
        },
    )
    assert rows(pair.destination, "b") == [(1,)]
    assert rows(pair.destination, "one") == [(1, "old")]
    assert rows(pair.destination, "two") == rows(pair.destination, "m") == []
    steps = {str(event.table): str(event.remedy) for event in path.task.state.aside}
    assert steps["public.one"].startswith(
        "name it as before, then copy again: syncwizard resync test --table public.one"
    )
    # A name that is not at the destination yet has no rows there to be in step.
    with pytest.raises(UsageError, match=r"table public\.y is not at the destination"):
        resync.describe(path.context(), ResyncWish(tables=[TableName("public", "two")]))
    back = "ALTER TABLE x RENAME TO one; ALTER TABLE m_later RENAME TO m_b; ALTER TABLE away.three SET SCHEMA public"
    execute(pair.source, f"{back}; ALTER SCHEMA z RENAME TO s; INSERT INTO three VALUES (1, 'again')")
    copied_again(path, "CREATE TABLE y (LIKE two INCLUDING ALL)")
    execute(pair.source, "INSERT INTO y VALUES (2, 'y'); INSERT INTO two VALUES (2, 'two'); UPDATE m SET id = id + 1")
    with path.following():
        path.caught_up()
    assert_equal(pair)


def test_tables_that_are_renamed_during_the_copy_are_set_aside_alone(pair: DatabasePair, tmp_path: Path) -> None:
    """Two that are swapped are not copied into each other; the others are copied, and followed."""
    path = row_path(pair, tmp_path, f"{TWINS} {OTHER} CREATE TABLE c (id int PRIMARY KEY); {TREE}")
    execute(pair.source, f"{FILL_TWINS}; {FILL}; INSERT INTO b VALUES (1); INSERT INTO c VALUES (1)")
    context = path.context()
    capture.run(context)
    renames = "ALTER TABLE c RENAME TO d; ALTER TABLE m_b RENAME TO m_later; INSERT INTO b VALUES (2)"
    path.copy(meanwhile(context, pair, f"{SWAP}; {renames}"))
    assert rows(pair.destination, "t") == rows(pair.destination, "t_new") == []
    aside(
        path,
        {
            "public.t": "it is named public.t_new now",
            "public.t_new": "it is named public.t now",
            "public.c": "it is named public.d now",
            "public.m": "public.m_b is named public.m_later now",
        },
    )
    assert rows(pair.destination, "b") == [(1,), (2,)]
    execute(pair.source, "ALTER TABLE d RENAME TO c; ALTER TABLE m_later RENAME TO m_b; INSERT INTO c VALUES (2)")
    copied_again(path)


@pytest.mark.marathon
def test_a_swap_is_followed_by_the_command_that_is_reported(
    pair: DatabasePair, tmp_path: Path, state_home: Path
) -> None:
    """As an online schema change does it: the new table has a column more."""
    tables = TWINS + "ALTER TABLE t_new ADD w int DEFAULT 5;" + FILL_TWINS
    with running(pair, tmp_path, tables, name="lineage") as task:
        task.start()
        execute(pair.source, SWAP)
        until(lambda: len(task.state.aside) == 2, 60, "the task to notice")
        task.pause()
        execute(pair.destination, "ALTER TABLE t ADD w int DEFAULT 5; ALTER TABLE t_new DROP w")
        done = json.loads(syncwizard("resync", task.name, "--yes", "--json").stdout)
        assert {each["table"]["name"] for each in done["resynchronization"]["tables"]} == {"t", "t_new"}
        execute(pair.source, "UPDATE t SET w = 6 WHERE id % 2 = 0; UPDATE t_new SET v = 'later' WHERE id % 2 = 0")
        task.converged()
        task.release()


@pytest.mark.marathon
def test_a_table_replaced_by_one_that_was_not_captured_is_taken_in_by_the_command(
    pair: DatabasePair, tmp_path: Path, state_home: Path
) -> None:
    only = [SchemaObjects(schema="public", tables=[TableObject(table="t")])]
    table = "CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'old')"
    with running(pair, tmp_path, table, name="lineage", objects=only) as task:
        task.start()
        execute(
            pair.source,
            "CREATE TABLE t_new (LIKE t INCLUDING ALL); INSERT INTO t_new VALUES (2, 'new');"
            "BEGIN; ALTER TABLE t RENAME TO t_old; ALTER TABLE t_new RENAME TO t; COMMIT;"
            "INSERT INTO t_old VALUES (3, 'none of the task''s')",
        )
        until(lambda: task.state.aside, 60, "the task to notice")
        assert task.state.aside[0].reason == "it is named public.t_old now"
        task.pause()
        syncwizard("resync", task.name, "--yes")
        execute(pair.source, "INSERT INTO t VALUES (4, 'later'); INSERT INTO t_old VALUES (4, 'later')")
        task.caught_up()
        assert rows(pair.destination, "t") == rows(pair.source, "t") == [(2, "new"), (4, "later")]
        task.release()


# Values --------------------------------------------------------------------------------------------------------------

TABLE = """
CREATE TABLE a (
    id int PRIMARY KEY, v text, n numeric(8, 4), f int DEFAULT 7, g int GENERATED ALWAYS AS (id * 2) STORED
);
"""
FILL_A = "INSERT INTO a SELECT i, 'x', i + 0.1234 FROM generate_series(1, 50) i"

# Of a table like `a` each; `{}` is its name.
REWRITES = {
    "ALTER TABLE {} ALTER v TYPE text USING upper(v) || id": "column v was rewritten",
    "ALTER TABLE {} ALTER n TYPE numeric(8, 1)": "column n was rewritten",
    "ALTER TABLE {} ADD u uuid DEFAULT gen_random_uuid()": "column u was added with values",
    "ALTER TABLE {} ADD u bigserial": "column u was added with values",
    "ALTER TABLE {} ADD u int GENERATED ALWAYS AS IDENTITY": "column u was added with values",
    "ALTER TABLE {} ADD u timestamptz DEFAULT now()": "column u was added with values",
    "ALTER TABLE {0} ADD u int DEFAULT 5; ALTER TABLE {0} ALTER u DROP DEFAULT": "column u was added with values",
    "ALTER TABLE {0} ADD u int; ALTER TABLE {0} ALTER u SET DEFAULT 5": "column u was added with values",
    "ALTER TABLE {0} DROP v; ALTER TABLE {0} ADD v text": "column v was dropped and added anew",
    "ALTER TABLE {} RENAME v TO w": "column v is named w now",
    "BEGIN; ALTER TABLE {0} RENAME id TO x; ALTER TABLE {0} RENAME f TO id; ALTER TABLE {0} RENAME x TO f; COMMIT": (
        "column id is named f now"
    ),
    "ALTER TABLE {0} DROP g; ALTER TABLE {0} ADD g int GENERATED ALWAYS AS (id + 1) STORED": (
        "column g was dropped and added anew"
    ),
}


def test_values_that_changed_without_a_change_of_a_row_set_their_table_aside(
    pair: DatabasePair, tmp_path: Path
) -> None:
    names = [f"a{number}" for number in range(len(REWRITES))]
    tables = "".join(TABLE.replace("TABLE a", f"TABLE {name}") for name in names)
    fill = "; ".join(FILL_A.replace("INTO a", f"INTO {name}") for name in names)
    path = followed(pair, tmp_path, tables + OTHER, fill)
    for name, statements in zip(names, REWRITES, strict=True):
        execute(
            pair.source, f"{statements.format(name)}; DELETE FROM {name} WHERE f < 0; INSERT INTO {name} VALUES (0)"
        )
    execute(pair.source, "INSERT INTO b VALUES (1)")
    aside(path, {f"public.{name}": reason for name, reason in zip(names, REWRITES.values(), strict=True)})
    assert rows(pair.destination, "b") == [(1,)]
    steps = {str(event.table): str(event.remedy) for event in path.task.state.aside}
    assert steps["public.a0"] == "copy again: syncwizard resync test --table public.a0"
    assert steps["public.a2"].startswith("add the column to public.a2 at the destination as it is at the source, then")
    # The same at the destination, where values may be others.
    copied_again(path, *(each.format(name) for name, each in list(zip(names, REWRITES, strict=True))))


HARMLESS = [
    "VACUUM FULL a",
    "ALTER TABLE a ALTER v SET STATISTICS 50; ALTER TABLE a ALTER v SET NOT NULL; ALTER TABLE a ALTER n SET DEFAULT 1",
    "CLUSTER a USING a_pkey; TRUNCATE a",
    "ALTER TABLE a DROP f; ALTER TABLE a ADD h int GENERATED ALWAYS AS (id * 3) STORED",
    "ALTER TABLE a ADD c int DEFAULT 5; ALTER TABLE a ADD k text",
]


def test_what_changes_no_values_goes_on(pair: DatabasePair, tmp_path: Path) -> None:
    path = followed(pair, tmp_path, TABLE, FILL_A)
    for statements in HARMLESS:
        if " ADD " in statements or " DROP " in statements:
            execute(pair.destination, statements)
        execute(pair.source, f"{statements}; INSERT INTO a (id, v) SELECT coalesce(max(id), 0) + 1, 'y' FROM a")
        # Each run looks at it, and remembers.
        with path.following():
            path.caught_up()
    assert_equal(pair)
    assert warnings(path) == []


def test_a_rewrite_while_changes_stream_is_noticed(pair: DatabasePair, tmp_path: Path) -> None:
    path = followed(pair, tmp_path, TABLE + OTHER, FILL_A)
    with path.following():
        path.caught_up()
        execute(pair.source, "VACUUM FULL a")
        path.caught_up()
        assert not path.task.state.aside
        execute(pair.source, "ALTER TABLE a ALTER v TYPE text USING upper(v) || id")
        until(lambda: path.task.state.aside, 30, "the task to notice")
        execute(pair.source, "UPDATE a SET v = lower(v) WHERE id < 10; INSERT INTO b VALUES (1)")
        path.caught_up()
        assert rows(pair.destination, "b") == [(1,)]
        until(lambda: held_back(path) == {"public.a"}, 30, "changes to be held back")
    copied_again(path)


def test_a_column_that_comes_with_values_between_changes_sets_its_table_aside(
    pair: DatabasePair, tmp_path: Path
) -> None:
    """The stream meets it before the catalogue is looked at: the column has no place at the destination."""
    path = followed(pair, tmp_path, TABLE + OTHER, FILL_A)
    with path.following():
        path.caught_up()
        with pair.source.transaction():
            pair.source.execute("INSERT INTO b VALUES (1)")
            pair.source.execute("ALTER TABLE a ADD u uuid DEFAULT gen_random_uuid()")
            pair.source.execute("UPDATE a SET v = 'with it' WHERE id = 1")
        path.caught_up()
        assert rows(pair.destination, "b") == [(1,)]
        until(lambda: path.task.state.aside, 30, "the table to be set aside")
    copied_again(path, "ALTER TABLE a ADD u uuid")


OTHERS = """
CREATE TABLE b (id int PRIMARY KEY, n int);
CREATE TABLE m (id int PRIMARY KEY, n int) PARTITION BY RANGE (id);
CREATE TABLE m_1 PARTITION OF m FOR VALUES FROM (0) TO (10);
CREATE TABLE m_2 PARTITION OF m FOR VALUES FROM (10) TO (100);
"""
FILL_OTHERS = """
INSERT INTO b SELECT i, i FROM generate_series(1, 20) i; INSERT INTO m SELECT i, i FROM generate_series(1, 20) i
"""


def test_a_table_rewritten_to_another_type_is_set_aside_and_joins_again(pair: DatabasePair, tmp_path: Path) -> None:
    """Whether rows that were there have the same values only its author knows."""
    path = followed(pair, tmp_path, TABLE + OTHERS, f"{FILL_A}; {FILL_OTHERS}")
    with path.following():
        path.caught_up()
        execute(
            pair.source, "ALTER TABLE a ALTER f TYPE bigint USING f * 2; ALTER TABLE m ALTER n TYPE bigint USING -n"
        )
        until(lambda: len(path.task.state.aside) == 2, 30, "both to be set aside")
        execute(pair.source, "UPDATE a SET f = f + 1 WHERE id % 2 = 0; UPDATE b SET n = -n; DELETE FROM m WHERE id < 5")
        path.caught_up()
        assert rows(pair.destination, "b") == rows(pair.source, "b")
        until(lambda: held_back(path) == {"public.a", "public.m_1"}, 30, "changes to be held back")
    aside = {str(event.table): event for event in path.task.state.aside}
    assert set(aside) == {"public.a", "public.m"}
    assert [str(name) for name in aside["public.m"].tables] == ["public.m_1", "public.m_2"]
    assert "column f was rewritten to another type" in aside["public.a"].reason
    assert "give column f that type at the destination, too" in str(aside["public.a"].remedy)
    # Half of a change is not applied: the stream of the next session held all of them back.
    assert pair.destination.execute("SELECT count(*) FROM m").fetchone() == (20,)
    with path.following():
        path.caught_up()
    assert len(path.task.state.aside) == 2
    execute(pair.destination, "ALTER TABLE a ALTER f TYPE bigint; ALTER TABLE m ALTER n TYPE bigint")
    path.task.record(resync.describe(path.context(), ResyncWish()))
    path.copy()
    execute(pair.source, "UPDATE a SET f = f + 1; UPDATE m SET n = n - 1")
    with path.following():
        path.caught_up()
    assert_equal(pair)
    assert not path.task.state.aside


def test_a_type_that_was_changed_at_both_ends_is_reported_once(pair: DatabasePair, tmp_path: Path) -> None:
    path = followed(pair, tmp_path, TABLE, FILL_A)
    for session in (pair.destination, pair.source):
        execute(session, "ALTER TABLE a ALTER f TYPE bigint")
    execute(pair.source, "UPDATE a SET f = f + 1 WHERE id % 2 = 0")
    for _ in range(2):
        with path.following():
            path.caught_up()
    assert_equal(pair)
    assert not path.task.state.aside
    reported = "public.a: column f was rewritten to another type, and its values may be others, too"
    assert warnings(path) == [reported]


def held_back(path: RowPath) -> set[str]:
    """The tables of which changes came and were not applied, by the latest figures."""
    counts = next((sample.changes for sample in reversed(path.task.samples) if sample.changes is not None), {})
    return {table for table, kinds in counts.items() if kinds.get(HELD_BACK)}


def test_a_rewrite_during_the_copy_is_copied(pair: DatabasePair, tmp_path: Path) -> None:
    path = row_path(pair, tmp_path, TABLE)
    execute(pair.source, FILL_A)
    context = path.context()
    capture.run(context)
    context = meanwhile(context, pair, "ALTER TABLE a ALTER v TYPE text USING upper(v) || id")
    full.run(context)
    assert restarted(path) == ["a"]
    with path.following():
        execute(pair.source, "UPDATE a SET v = v || '.' WHERE id % 3 = 0")
        path.caught_up()
    assert_equal(pair)


@pytest.mark.marathon
def test_a_column_with_values_arrives_by_what_the_task_says(
    pair: DatabasePair, tmp_path: Path, state_home: Path
) -> None:
    with running(pair, tmp_path, TABLE + FILL_A, name="lineage") as task:
        task.start()
        task.pause()
        # This comes with the column's old name, which has no place when the copy is made.
        execute(pair.source, "UPDATE a SET v = 'before' WHERE id < 10; ALTER TABLE a RENAME v TO w")
        execute(pair.source, "ALTER TABLE a ADD tag uuid DEFAULT gen_random_uuid(); INSERT INTO a (id) VALUES (1000)")
        task.resume()
        until(lambda: task.state.aside, 60, "the table to be set aside")
        (event,) = task.state.aside
        assert "column tag was added with values for the rows that were there" in event.reason
        assert "column v is named w now" in event.reason
        assert "add the column to public.a at the destination as it is at the source" in str(event.remedy)
        syncwizard("wait", task.name, "--until", "caught-up", expect=5)
        task.pause()
        execute(pair.destination, "ALTER TABLE a RENAME v TO w; ALTER TABLE a ADD tag uuid DEFAULT gen_random_uuid()")
        syncwizard("resync", task.name, "--yes")
        task.converged()
        task.release()


def test_a_task_from_before_looks_at_its_tables_when_it_goes_on(pair: DatabasePair, tmp_path: Path) -> None:
    path = followed(pair, tmp_path, TREE + TABLE, f"{FILL}; {FILL_A}")
    pair.destination.execute("UPDATE syncwizard.members SET traits = NULL")
    with path.following():
        path.caught_up()
    unknown = "SELECT table_name FROM syncwizard.members WHERE traits IS NULL AND table_name NOT LIKE 'dts%'"
    assert pair.destination.execute(unknown).fetchall() == []
    execute(pair.source, f"{DETACH}; {ATTACH}")
    aside(path, {"public.m": "partition m_b was detached and attached again"})


def test_another_generation_expression_is_noticed(twins18: DatabasePair, tmp_path: Path) -> None:
    path = followed(twins18, tmp_path, TABLE, FILL_A)
    execute(twins18.source, "ALTER TABLE a ALTER g SET STATISTICS 50; VACUUM FULL a")
    with path.following():
        path.caught_up()
    execute(twins18.source, "ALTER TABLE a ALTER g SET EXPRESSION AS (id * 3)")
    aside(path, {"public.a": "generated column g has another expression"})
    assert "give it that at the destination, too, then copy again" in str(path.task.state.aside[0].remedy)


@contextmanager
def system_tables_writable(session: Session) -> Iterator[None]:
    session.execute("SET allow_system_table_mods = on")
    try:
        yield
    finally:
        session.execute("RESET allow_system_table_mods")


def test_a_table_whose_storage_is_exchanged_keeps_its_rows(pair: DatabasePair, tmp_path: Path) -> None:
    """What pg_repack does: the OID and the name stay, another heap comes in its place."""
    path = followed(pair, tmp_path, "CREATE TABLE t (id int PRIMARY KEY, v int)", "INSERT INTO t VALUES (1, 1), (2, 2)")
    source = pair.source
    exchange = """
    UPDATE pg_class c SET relfilenode = o.relfilenode FROM pg_class o
     WHERE (c.oid, o.oid) IN (('t'::regclass, 'heap'::regclass), ('heap'::regclass, 't'::regclass),
        ('t_pkey'::regclass, 'heap_pkey'::regclass), ('heap_pkey'::regclass, 't_pkey'::regclass))
    """
    with path.following(), system_tables_writable(source):
        path.caught_up()
        with source.transaction():
            source.execute("LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
            source.execute("UPDATE t SET v = 10 WHERE id = 1")
            source.execute("CREATE TABLE heap (LIKE t INCLUDING ALL)")
            source.execute("INSERT INTO heap SELECT * FROM t")
            source.execute(exchange)
        source.execute("INSERT INTO t VALUES (3, 3)")
        source.execute("UPDATE t SET v = 20 WHERE id = 2")
        source.execute("DROP TABLE heap")
        path.caught_up()
        assert rows(pair.destination, "t") == rows(source, "t") == [(1, 10), (2, 20), (3, 3)]
