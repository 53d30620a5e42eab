"""A resynchronization that is killed at any moment goes on where it was, and nothing is lost or doubled."""

from collections.abc import Callable
from pathlib import Path

import pytest
from psycopg import sql

from syncwizard.errors import ChangesMissing, SyncwizardError
from syncwizard.stages.capture import stage as capture
from syncwizard.stages.commands import resync
from syncwizard.stages.full import stage as full
from syncwizard.task.events import Event, ReplicaIdentityChanging, ResyncRequested
from syncwizard.task.names import TableName
from syncwizard.task.resync import ResyncWish
from tests.support.comparison import assert_equal, content
from tests.support.inprocess import Killed, TaskRun
from tests.support.pair import DatabasePair
from tests.support.rowpath import RowPath, row_path
from tests.support.slots import drop_slots
from tests.support.waiting import until

pytestmark = pytest.mark.slow

TABLES = """
CREATE TABLE one (id int PRIMARY KEY, n int NOT NULL, body text);
CREATE TABLE two (id int PRIMARY KEY, label text UNIQUE);
CREATE TABLE three (note text);
ALTER TABLE one ALTER body SET STORAGE EXTERNAL;
"""


def filled(pair: DatabasePair, folder: Path) -> RowPath:
    path = row_path(pair, folder, TABLES)
    pair.source.execute("INSERT INTO one SELECT i, 0, repeat('x', 3000) FROM generate_series(1, 200) i")
    pair.source.execute("INSERT INTO two SELECT i, 'label ' || i FROM generate_series(1, 200) i")
    pair.source.execute("INSERT INTO three SELECT 'note ' || i % 9 FROM generate_series(1, 100) i")
    path.copy()
    with path.following():
        path.caught_up()
    return path


def change(pair: DatabasePair) -> None:
    with pair.source.transaction():
        pair.source.execute("UPDATE one SET n = n + 1 WHERE id % 2 = 0")
        pair.source.execute("UPDATE one SET id = id + 1000 WHERE id IN (SELECT min(id) FROM one)")
        pair.source.execute("INSERT INTO two SELECT max(id) + 1, 'label ' || max(id) + 1 FROM two")
        pair.source.execute("DELETE FROM two WHERE id IN (SELECT min(id) FROM two)")
        pair.source.execute("DELETE FROM three WHERE ctid IN (SELECT min(ctid) FROM three)")
        pair.source.execute("INSERT INTO three VALUES ('more'), ('more')")


def lose_tables(path: RowPath) -> None:
    name = sql.Identifier(path.task.spec.slot)
    path.pair.source.execute(sql.SQL("ALTER PUBLICATION {} DROP TABLE two, three").format(name))


def lose_slot(path: RowPath) -> None:
    drop_slots(path.pair.source, path.task.spec.slot)


def order(path: RowPath, wish: ResyncWish | None = None) -> ResyncRequested:
    """Looks, and gives the order."""
    context = path.context()
    found = resync.describe(context, wish or ResyncWish())
    context.record(found)
    return found


def lost_with_changes(path: RowPath, lose: Callable[[RowPath], None]) -> None:
    until(lambda: idle(path), 20, "the walsender to end")
    change(path.pair)
    lose(path)
    change(path.pair)


def idle(path: RowPath) -> bool:
    return not path.pair.source.execute("SELECT 1 FROM pg_replication_slots WHERE active").fetchall()


class Fuse:
    """Counts events down, and kills at the last one."""

    def __init__(self, number: int) -> None:
        self.left = number

    def __call__(self, event: Event) -> bool:
        self.left -= 1
        return self.left < 0


def killed_at(path: RowPath, number: int, *, before: bool) -> bool:
    """Runs capture and copy until the event of this number; whether there was one."""
    fuse = Fuse(number)
    if before:
        path.task.stop_before = fuse
    else:
        path.task.stop_after = fuse
    context = path.context()
    try:
        path.copy(context)
    except Killed:
        return True
    finally:
        path.pool.kill_all()
        context.held.close()
        path.task.live_on()
    return False


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("lose", [lose_tables, lose_slot], ids=lambda lose: lose.__name__)
def test_a_resync_killed_at_any_event_is_carried_on(
    pair: DatabasePair, tmp_path: Path, lose: Callable[[RowPath], None], before: bool
) -> None:
    path = filled(pair, tmp_path)
    number = 0
    while True:
        lost_with_changes(path, lose)
        order(path)
        killed = killed_at(path, number, before=before)
        change(pair)
        if killed:
            path.copy()
        with path.following():
            change(pair)
            path.caught_up()
            until(lambda: path.task.state.sync_point_passed, 20, "the sync point to be passed")
        assert_equal(pair)
        if not killed:
            break
        number += 1
    assert number >= 6


def test_a_loss_during_a_resync_is_not_taken_for_known(pair: DatabasePair, tmp_path: Path) -> None:
    path = filled(pair, tmp_path)
    lost_with_changes(path, lose_tables)
    order(path)
    name = sql.Identifier(path.task.spec.slot)
    pair.source.execute(sql.SQL("ALTER PUBLICATION {} DROP TABLE one").format(name))
    change(pair)
    with pytest.raises(ChangesMissing, match=r"public\.one lost changes, too"):
        capture.run(path.context())
    order(path)
    path.copy()
    with path.following():
        path.caught_up()
    assert_equal(pair)


def test_a_table_lost_while_it_is_copied_again_fails_the_copy(pair: DatabasePair, tmp_path: Path) -> None:
    path = filled(pair, tmp_path)
    lost_with_changes(path, lose_tables)
    order(path)
    capture.run(path.context())
    lose_tables(path)
    change(pair)
    with pytest.raises(SyncwizardError, match=r"lost public\.(two|three)"):
        full.run(path.context())
    order(path)
    path.copy()
    with path.following():
        path.caught_up()
    assert_equal(pair)


def test_a_second_order_leaves_the_tables_of_the_first_to_be_copied(pair: DatabasePair, tmp_path: Path) -> None:
    path = filled(pair, tmp_path)
    lost_with_changes(path, lose_tables)
    order(path)
    capture.run(path.context())
    lost_with_changes(path, lose_slot)
    found = order(path)
    assert found.whole
    path.copy()
    with path.following():
        change(pair)
        path.caught_up()
    assert_equal(pair)


def test_a_tree_that_the_destination_parts_otherwise_is_emptied_whole(pair: DatabasePair, tmp_path: Path) -> None:
    root = "CREATE TABLE tree (id int PRIMARY KEY, n int) PARTITION BY RANGE (id);"
    pair.source.execute(root + "CREATE TABLE tree_low PARTITION OF tree FOR VALUES FROM (0) TO (50)")
    pair.source.execute("CREATE TABLE tree_high PARTITION OF tree FOR VALUES FROM (50) TO (1000)")
    pair.destination.execute(root + "CREATE TABLE tree_all PARTITION OF tree DEFAULT")
    pair.source.execute("INSERT INTO tree SELECT i, 0 FROM generate_series(1, 100) i")
    path = RowPath(pair, TaskRun(pair.spec(), tmp_path))
    path.copy()
    found = order(path, ResyncWish(tables=[TableName("public", "tree_low")]))
    assert [each.table.name for each in found.tables] == ["tree", "tree_high", "tree_low"]
    path.copy()
    with path.following():
        pair.source.execute("UPDATE tree SET n = 1 WHERE id % 2 = 0")
        path.caught_up()
    assert_equal(pair)


def test_a_partition_that_became_a_table_of_its_own_keeps_its_rows(pair: DatabasePair, tmp_path: Path) -> None:
    # Without a key the partitions are published one by one, and a detached one stays published.
    definitions = """
        CREATE TABLE tree (id int, n int) PARTITION BY RANGE (id);
        CREATE TABLE tree_low PARTITION OF tree FOR VALUES FROM (0) TO (50);
        CREATE TABLE tree_high PARTITION OF tree FOR VALUES FROM (50) TO (1000);
    """
    path = row_path(pair, tmp_path, definitions)
    pair.source.execute("INSERT INTO tree SELECT i, 0 FROM generate_series(1, 100) i")
    path.copy()
    pair.source.execute("ALTER TABLE tree DETACH PARTITION tree_low")
    pair.source.execute("DELETE FROM tree_low WHERE id < 10")
    order(path, ResyncWish(tables=[TableName("public", "tree")]))
    path.copy()
    with path.following():
        pair.source.execute("UPDATE tree_low SET n = 1 WHERE id % 2 = 0; UPDATE tree SET n = 2 WHERE id % 3 = 0")
        path.caught_up()
    for table in ("tree_low", "tree_high"):
        assert content(pair.source, "public", table) == content(pair.destination, "public", table)


def test_a_loss_between_the_look_and_the_note_is_not_taken_for_known(pair: DatabasePair, tmp_path: Path) -> None:
    path = filled(pair, tmp_path)
    for session in (pair.source, pair.destination):
        session.execute("CREATE TABLE four (note text)")
    order(path, ResyncWish(tables=[TableName("public", "four")]))
    name = sql.Identifier(path.task.spec.slot)

    def meddle(event: Event) -> bool:
        # Set between the comparison and the publication's change.
        if isinstance(event, ReplicaIdentityChanging):
            pair.source.execute(sql.SQL("ALTER PUBLICATION {} DROP TABLE one").format(name))
        return False

    path.task.stop_before = meddle
    with pytest.raises(ChangesMissing, match=r"public\.one lost changes, too"):
        capture.run(path.context())
    path.task.live_on()
    change(pair)
    order(path, ResyncWish(everything=True))
    path.copy()
    with path.following():
        path.caught_up()
    assert_equal(pair)
