"""Tables that a task of their own copies again, while the changes of the others go on (`advanced.copy_again`)."""

import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from syncwizard import paths
from syncwizard.client.tasks import list_tasks
from syncwizard.engine.copy_beside import CopyBesideKeeper
from syncwizard.engine.journal import FILE_NAME, read_entries
from syncwizard.postgres.session.server import read_replication_room
from syncwizard.task.events import (
    CopyBesideBegun,
    CopyBesideEnded,
    CopyBesideOrdered,
    Event,
    ResyncRequested,
    StageFinished,
    StageStarted,
    TablePlanned,
    TableSetAside,
    TableToCopy,
)
from syncwizard.task.handover import Handover
from syncwizard.task.names import TableName
from syncwizard.task.specification import Advanced
from tests.faults.harness import left_at_destination, left_at_source
from tests.integration.test_resync import NAME, TABLES, Made, change, ended
from tests.support.commands import syncwizard
from tests.support.comparison import assert_equal
from tests.support.pair import DatabasePair
from tests.support.rowpath import row_path
from tests.support.slots import drop_slots
from tests.support.waiting import until

pytestmark = pytest.mark.slow


@pytest.fixture
def made(pair: DatabasePair, tmp_path: Path, state_home: Path) -> Iterator[Made]:
    pair.source.execute(TABLES)
    made = Made(pair, tmp_path, advanced=Advanced(copy_again="beside"))
    with ended(made):
        made.start()
        yield made


def test_the_changes_of_other_tables_go_on_while_a_table_is_copied_again(made: Made) -> None:
    pair = made.pair
    before = made.task.read_state().sequence
    with pair.destination.transaction():
        # The copy cannot begin to empty them: however fast it is, the others go on before it.
        pair.destination.execute("LOCK TABLE tree_1 IN ACCESS SHARE MODE")
        syncwizard("resync", NAME, "--table", "public.tree", "--table", "public.three", "--yes")
        change(pair)
        pair.source.execute("INSERT INTO one VALUES (5000, 0, 'while it is copied')")
        with made.pair.destination_cluster.connect(pair.destination_database) as reader:
            until(
                lambda: reader.execute("SELECT 1 FROM one WHERE id = 5000").fetchone(), 30, "a change of another table"
            )
            # Another table may be copied meanwhile.
            until(lambda: (beside := made.task.read_state().beside) and beside.task, 30, "the other task")
            syncwizard("resync", NAME, "--table", "public.two", "--yes")
            until(lambda: not made.task.read_state().left_aside, 30, "the other table")
            assert made.task.read_state().beside is not None
    until(lambda: made.task.read_state().beside is None, 60, "the tables to be taken over")
    change(pair)
    made.caught_up()
    assert_equal(pair)
    events = since(made, before)
    begun = next(event for event in events if isinstance(event, CopyBesideBegun))
    orders = [event for event in events if isinstance(event, ResyncRequested)]
    assert [event.taken_from for event in orders] == [None, begun.task]
    assert [event.reason for event in events if isinstance(event, CopyBesideEnded)] == [""]
    assert [event.table.name for event in events if isinstance(event, TablePlanned)] == ["two"]
    assert not paths.task_folder(begun.task).exists()
    made.pause()
    syncwizard("release", NAME, "--yes")
    assert left_at_source(pair) + left_at_destination(pair) == []
    assert [task.label for task in list_tasks() if task.read_state().state != "released"] == []


def test_an_engine_ends_although_nothing_is_applied_any_more(pair: DatabasePair, tmp_path: Path) -> None:
    path = row_path(pair, tmp_path, "CREATE TABLE t (id int PRIMARY KEY)")
    path.copy()
    table = TableName("public", "t")
    order = ResyncRequested(
        id=uuid.uuid4(), tables=[TableToCopy(table=table, rows=1, bytes=1)], whole=False, intact=True
    )
    for stage in ("precheck", "constraints", "indexes"):
        path.task.record(StageFinished(stage=stage))
    path.task.record(
        StageStarted(stage="incremental"), TableSetAside(table=table, reason="copied"), CopyBesideOrdered(order=order)
    )
    pair.source.execute("INSERT INTO t VALUES (1)")
    keeper = CopyBesideKeeper(path.context(), Handover(), tmp_path, lambda order: None)
    keeper.look(busy=False)
    waiting = "SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'syncwizard % copy beside'"
    until(lambda: pair.destination.execute(waiting).fetchone(), 30, "the wait for what was committed before")
    ending = threading.Thread(target=keeper.end, daemon=True)
    ending.start()
    until(lambda: not ending.is_alive(), 30, "the end")


def test_without_a_free_slot_the_other_tables_wait_for_the_copy(made: Made) -> None:
    pair = made.pair
    room = read_replication_room(pair.source)
    taken = [f"occupied_{number}" for number in range(room.max_slots - room.slots)]
    before = made.task.read_state().sequence
    try:
        for name in taken:
            pair.source.execute("SELECT pg_create_physical_replication_slot(%s)", (name,))
        syncwizard("resync", NAME, "--table", "public.three", "--yes")
        ended = until(
            lambda: [event for event in since(made, before) if isinstance(event, CopyBesideEnded)], 60, "the end"
        )
        # The copy itself takes one for a moment.
        drop_slots(pair.source, *taken)
    finally:
        drop_slots(pair.source, *taken)
    assert [(event.again, "no free slot" in event.reason) for event in ended] == [(False, True)]
    until(lambda: not made.task.read_state().aside, 60, "the table to be copied")
    change(pair)
    made.caught_up()
    assert_equal(pair)


def since(made: Made, sequence: int) -> list[Event]:
    return [entry.event for entry in read_entries(made.task.folder / FILE_NAME, sequence)]
