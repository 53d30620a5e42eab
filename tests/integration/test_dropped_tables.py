"""A table that is dropped at the source leaves the task, after everything before its end, and the task goes on."""

from pathlib import Path

import msgspec
import pytest
from psycopg import sql

from syncwizard.errors import ChangesMissing
from syncwizard.postgres.source.heartbeat import beat
from syncwizard.postgres.source.slot import current_lsn, slot_status
from syncwizard.stages.capture import stage as capture
from syncwizard.stages.commands import resync
from syncwizard.stages.definitions import constraints, keys, schema
from syncwizard.stages.full import stage as full
from syncwizard.task.events import Noticed, StatementSkipped, SyncPointSet, TableDropped
from syncwizard.task.lsn import parse_lsn
from syncwizard.task.names import TableName
from syncwizard.task.resync import ResyncWish
from tests.support.comparison import Content, assert_equal, content, contents
from tests.support.inprocess import TaskRun
from tests.support.pair import DatabasePair
from tests.support.rowpath import RowPath, row_path
from tests.support.waiting import until

pytestmark = pytest.mark.slow

TABLES = """
CREATE TABLE one (id int PRIMARY KEY, body text);
CREATE TABLE two (id int PRIMARY KEY, body text);
CREATE TABLE three (id int PRIMARY KEY, body text);
ALTER TABLE two ALTER body SET STORAGE EXTERNAL;
"""
FILL = "INSERT INTO {} SELECT i, repeat('x', 4000) FROM generate_series(1, 200) i"


def three_tables(pair: DatabasePair, folder: Path) -> RowPath:
    path = row_path(pair, folder, TABLES)
    for name in ("one", "two", "three"):
        pair.source.execute(FILL.format(name))
    return path


def dropped(path: RowPath) -> list[str]:
    return [str(event.table) for event in path.task.events if isinstance(event, TableDropped)]


def warnings(path: RowPath) -> str:
    return "\n".join(f"{event.message}; {event.remedy}" for event in path.task.events if isinstance(event, Noticed))


def assert_rest_equal(pair: DatabasePair, rest: set[str]) -> None:
    source, destination = contents(pair.source), contents(pair.destination)
    assert set(source) == rest
    assert source == {name: destination[name] for name in rest}


def change_all(pair: DatabasePair, *names: str) -> None:
    for name in names:
        pair.source.execute(f"UPDATE {name} SET id = id + 1000 WHERE id % 3 = 0")
        pair.source.execute(f"DELETE FROM {name} WHERE id % 7 = 0")
        pair.source.execute(f"INSERT INTO {name} SELECT 1 + max(id), 'new' FROM {name}")


def paused(path: RowPath) -> None:
    """Waits until the stage that was stopped has let go of the slot."""

    def idle() -> bool:
        status = slot_status(path.pair.source, path.task.spec.slot)
        return status is not None and status.active_pid is None

    until(idle, 20, "the walsender to end")


def test_a_table_dropped_while_changes_stream_leaves_the_task(pair: DatabasePair, tmp_path: Path) -> None:
    path = three_tables(pair, tmp_path)
    path.copy()
    with path.following():
        change_all(pair, "one", "two", "three")
        last = content(pair.source, "public", "two")
        pair.source.execute("DROP TABLE two")
        change_all(pair, "one")
        until(lambda: dropped(path) or path.error, 20, "the drop to be told")
        # When it is told, what was before has been applied.
        assert content(pair.destination, "public", "two") == last
        change_all(pair, "three")
        path.caught_up()
    assert dropped(path) == ["public.two"]
    assert path.task.state.dropped == (TableName("public", "two"),)
    assert_rest_equal(pair, {"public.one", "public.three"})


def test_a_table_dropped_while_the_task_is_paused_leaves_it(pair: DatabasePair, tmp_path: Path) -> None:
    path = three_tables(pair, tmp_path)
    path.copy()
    with path.following():
        path.caught_up()
    paused(path)
    change_all(pair, "one", "two")
    last = content(pair.source, "public", "two")
    with pair.source.transaction():
        pair.source.execute("INSERT INTO two VALUES (9000, 'in the transaction of its end')")
        pair.source.execute("DROP TABLE two")
    with path.following():
        path.caught_up()
        until(lambda: dropped(path), 20, "the drop to be told")
    with path.following():
        change_all(pair, "three")
        path.caught_up()
    assert dropped(path) == ["public.two"]
    assert content(pair.destination, "public", "two").rows == last.rows + 1
    assert_rest_equal(pair, {"public.one", "public.three"})


def test_a_schema_dropped_with_its_tables_leaves_the_task(pair: DatabasePair, tmp_path: Path) -> None:
    path = three_tables(pair, tmp_path)
    path.copy()
    with path.following():
        path.caught_up()
        pair.source.execute("CREATE SCHEMA away; ALTER TABLE one SET SCHEMA away; ALTER TABLE two SET SCHEMA away")
        pair.source.execute("DROP SCHEMA away CASCADE")
        change_all(pair, "three")
        until(lambda: len(dropped(path)) == 2, 20, "both drops to be told")
        path.caught_up()
    assert_rest_equal(pair, {"public.three"})


def test_a_table_dropped_before_its_copy_leaves_the_task(pair: DatabasePair, tmp_path: Path) -> None:
    path = three_tables(pair, tmp_path)
    context = path.context()
    capture.run(context)
    # Changes that would meet rows which were never copied; the value that is not sent cannot be looked up either.
    pair.source.execute("UPDATE two SET id = id + 1000")
    pair.source.execute("DROP TABLE two")
    full.run(context)
    assert [event.copied for event in path.task.events if isinstance(event, TableDropped)] == [False]
    with path.following():
        change_all(pair, "one", "three")
        path.caught_up()
    assert dropped(path) == ["public.two"]
    assert content(pair.destination, "public", "two") == Content(0, 0)
    assert_rest_equal(pair, {"public.one", "public.three"})


def test_a_table_dropped_between_plan_and_copy_leaves_the_task(pair: DatabasePair, tmp_path: Path) -> None:
    path = three_tables(pair, tmp_path)
    context = path.context()
    capture.run(context)
    spawn = context.spawn

    def drops_first(kind: str, assignment: object) -> object:
        pair.source.execute("DROP TABLE IF EXISTS two")
        return spawn(kind, assignment)  # type: ignore[arg-type]

    context = msgspec.structs.replace(context, spawn=drops_first)
    full.run(context)
    assert dropped(path) == ["public.two"]
    assert "public.two" not in path.task.state.tables
    (sync_point,) = [event.lsn for event in path.task.events if isinstance(event, SyncPointSet)]
    assert sync_point != "FFFFFFFF/FFFFFFFF"
    with path.following():
        change_all(pair, "one", "three")
        path.caught_up()
    assert_rest_equal(pair, {"public.one", "public.three"})


def set_aside(path: RowPath) -> list[str]:
    return [str(event.table) for event in path.task.state.aside]


def test_a_table_created_anew_under_the_name_is_set_aside(pair: DatabasePair, tmp_path: Path) -> None:
    path = three_tables(pair, tmp_path)
    path.copy()
    with path.following():
        path.caught_up()
    paused(path)
    pair.source.execute("DROP TABLE two; CREATE TABLE two (id int PRIMARY KEY, body text)")
    pair.source.execute("INSERT INTO two VALUES (1, 'of another table')")
    with path.following():
        path.caught_up()
        until(lambda: dropped(path) and set_aside(path), 20, "both to be told")
    (aside,) = path.task.state.aside
    assert aside.table == TableName("public", "two")
    assert "created anew" in aside.reason
    assert "syncwizard resync test --table public.two" in str(aside.remedy)
    # It is said once, and no other remark says something else about it.
    assert "public.two" not in warnings(path).replace("public.two was dropped", "")
    assert content(pair.destination, "public", "two").rows == 200
    with path.following():
        change_all(pair, "one")
        path.caught_up()
    assert set_aside(path) == ["public.two"]
    join_again(path, TableName("public", "two"))
    assert set_aside(path) == []
    change_all(pair, "two")
    with path.following():
        path.caught_up()
    assert_equal(pair)


@pytest.mark.parametrize("paused_then", [True, False], ids=["paused", "running"])
def test_a_table_created_anew_and_dropped_again_is_set_aside_no_more(
    pair: DatabasePair, tmp_path: Path, paused_then: bool
) -> None:
    path = three_tables(pair, tmp_path)
    path.copy()
    with path.following():
        path.caught_up()
        pair.source.execute("DROP TABLE two; CREATE TABLE two (id int PRIMARY KEY)")
        until(lambda: dropped(path) and set_aside(path), 30, "both to be told")
        if not paused_then:
            pair.source.execute("DROP TABLE two")
            until(lambda: not set_aside(path), 30, "it to be dropped again")
    if paused_then:
        pair.source.execute("DROP TABLE two")
        with path.following():
            until(lambda: not set_aside(path), 30, "it to be dropped again")
    at_destination = "SELECT table_name FROM syncwizard.aside"
    until(lambda: not pair.destination.execute(at_destination).fetchall(), 30, "the destination to forget")
    with path.following():
        change_all(pair, "one", "three")
        path.caught_up()
        assert_rest_equal(pair, {"public.one", "public.three"})
        # A third one is no more captured than the second one was.
        pair.source.execute("CREATE TABLE two (id int PRIMARY KEY)")
        until(lambda: set_aside(path) == ["public.two"], 30, "the third one to be told")
    assert dropped(path) == ["public.two", "public.two"]
    assert "created anew and dropped again" in warnings(path) + str(path.task.state.notices)


def test_a_table_that_is_set_aside_and_then_created_anew_is_reported_so(pair: DatabasePair, tmp_path: Path) -> None:
    path = three_tables(pair, tmp_path)
    path.copy()
    with path.following():
        path.caught_up()
        pair.source.execute("ALTER TABLE two ALTER body TYPE text USING upper(body)")
        until(lambda: set_aside(path), 30, "the rewrite to be noticed")
        pair.source.execute("DROP TABLE two; CREATE TABLE two (id int PRIMARY KEY, body text)")
        until(lambda: any(event.anew for event in path.task.state.aside), 30, "the new one to be noticed")
        until(lambda: dropped(path), 30, "the drop to be told")
        change_all(pair, "one")
        path.caught_up()
    assert set_aside(path) == ["public.two"]
    join_again(path, TableName("public", "two"))
    with path.following():
        path.caught_up()
    assert_equal(pair)


def join_again(path: RowPath, table: TableName) -> None:
    """What the remedy says."""
    path.task.record(resync.describe(path.context(), ResyncWish(tables=[table])))
    path.copy()


def test_a_table_created_anew_while_changes_stream_is_set_aside_before_the_task_is_in_step(
    pair: DatabasePair, tmp_path: Path
) -> None:
    path = three_tables(pair, tmp_path)
    path.copy()
    with path.following():
        path.caught_up()
        pair.source.execute("DROP TABLE two; CREATE TABLE two (id int PRIMARY KEY, body text)")
        pair.source.execute("INSERT INTO two VALUES (1, 'of another table')")
        position = parse_lsn(current_lsn(pair.source))
        beat(pair.source, path.task.spec.slot)

        def in_step() -> bool:
            """As `wait --until caught-up` means it."""
            known = [sample.acknowledged_lsn for sample in path.task.samples if sample.acknowledged_lsn]
            return bool(known) and parse_lsn(known[-1]) >= position

        until(in_step, 20, "the task to be in step")
        assert set_aside(path) == ["public.two"]
        until(lambda: dropped(path), 20, "the drop to be told")
    assert dropped(path) == ["public.two"]
    assert set_aside(path) == ["public.two"]


TREE = """
CREATE TABLE tree (id int PRIMARY KEY, body text) PARTITION BY RANGE (id);
CREATE TABLE tree_1 PARTITION OF tree FOR VALUES FROM (0) TO (100);
CREATE TABLE tree_2 PARTITION OF tree FOR VALUES FROM (100) TO (1000);
"""


def test_a_dropped_partition_leaves_the_task_and_its_tree_stays(pair: DatabasePair, tmp_path: Path) -> None:
    path = row_path(pair, tmp_path, TREE)
    pair.source.execute("INSERT INTO tree SELECT i, 'old' FROM generate_series(1, 200) i")
    path.copy()
    with path.following():
        path.caught_up()
    paused(path)
    pair.source.execute("UPDATE tree SET body = 'last words' WHERE id < 100")
    pair.source.execute("DROP TABLE tree_1")
    # One that the destination never knew, gone again before anybody looked.
    pair.source.execute("CREATE TABLE tree_3 PARTITION OF tree FOR VALUES FROM (1000) TO (2000)")
    pair.source.execute("INSERT INTO tree VALUES (1500, 'short-lived'), (150, 'new') ON CONFLICT DO NOTHING")
    pair.source.execute("DROP TABLE tree_3")
    with path.following():
        pair.source.execute("UPDATE tree SET body = 'changed' WHERE id > 180")
        path.caught_up()
        until(lambda: dropped(path), 20, "the drop to be told")
    assert dropped(path) == ["public.tree_1"]
    assert "changes of public.tree_3, which was dropped" in warnings(path)
    assert content(pair.source, "public", "tree_2") == content(pair.destination, "public", "tree_2")
    rows = pair.destination.execute("SELECT count(*), min(body), max(body) FROM tree_1").fetchall()
    assert rows == [(99, "last words", "last words")]


def test_a_detached_partition_is_reported_to_be_captured_no_more(pair: DatabasePair, tmp_path: Path) -> None:
    path = row_path(pair, tmp_path, TREE)
    path.copy()
    pair.source.execute("ALTER TABLE tree DETACH PARTITION tree_1")
    with path.following():
        path.caught_up()
        until(lambda: "detached" in warnings(path), 20, "it to be told")
    assert "resync test --table public.tree_1" in warnings(path)


@pytest.mark.parametrize("option", ["publish = 'insert'", "publish_via_partition_root = true"])
def test_options_that_were_off_for_a_moment_stop_the_task(pair: DatabasePair, tmp_path: Path, option: str) -> None:
    path = three_tables(pair, tmp_path)
    path.copy()
    with path.following():
        path.caught_up()
    paused(path)
    name = sql.Identifier(path.task.spec.slot)
    ours = "publish = 'insert, update, delete, truncate', publish_via_partition_root = false"
    pair.source.execute(sql.SQL("ALTER PUBLICATION {} SET (" + option + ")").format(name))
    pair.source.execute("DELETE FROM one WHERE id < 50")
    pair.source.execute(sql.SQL("ALTER PUBLICATION {} SET (" + ours + ")").format(name))
    with pytest.raises(ChangesMissing, match="was altered"), path.following():
        until(lambda: path.error is not None, 20, "the task to notice")


def test_a_foreign_key_to_a_table_that_is_gone_is_left_out(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute("CREATE TABLE parent (id int PRIMARY KEY)")
    pair.source.execute("CREATE TABLE child (id int PRIMARY KEY, parent int REFERENCES parent)")
    pair.source.execute("INSERT INTO parent VALUES (1); INSERT INTO child VALUES (1, 1)")
    path = RowPath(pair, TaskRun(pair.spec(), tmp_path))
    context = path.context()
    capture.run(context)
    schema.run(context)
    full.run(context)
    keys.run(context)
    pair.source.execute("DROP TABLE parent CASCADE; INSERT INTO child VALUES (2, 2)")
    with path.following():
        path.caught_up()
        until(lambda: dropped(path), 20, "the drop to be told")
    constraints.run(path.context())
    left_out = [event.reason for event in path.task.events if isinstance(event, StatementSkipped)]
    assert left_out == ["public.parent was dropped at the source"]
    assert_rest_equal(pair, {"public.child"})
