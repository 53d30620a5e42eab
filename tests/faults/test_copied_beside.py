"""Tables that another task copies for this one: whatever dies in whichever step, every row arrives once."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from syncwizard.client.tasks import list_tasks
from syncwizard.task.events import (
    CopyBesideBegun,
    CopyBesideEnded,
    CopyBesideOrdered,
    Event,
    Noticed,
    ResyncRequested,
    StageFinished,
    StageStarted,
)
from syncwizard.task.objects import SchemaObjects, TableObject
from syncwizard.task.specification import Advanced, Retry
from tests.faults import processes
from tests.faults.running import TABLES, RunningTask, changing, reached, running
from tests.support.commands import syncwizard, write_task_file
from tests.support.pair import DatabasePair
from tests.support.waiting import until

pytestmark = pytest.mark.slow

BESIDE: dict[str, Any] = {
    "advanced": Advanced(copy_again="beside", retry=Retry(connection_minutes=10, other_minutes=1)),
}
FOLLOWING: dict[str, Any] = {
    "advanced": Advanced(copy_again="beside", ddl="follow", retry=Retry(connection_minutes=10, other_minutes=1)),
}
COPIED = ("--table", "public.one", "--table", "public.three")


def ordered(event: Event) -> bool:
    return isinstance(event, CopyBesideOrdered)


def begun(event: Event) -> bool:
    return isinstance(event, CopyBesideBegun)


def taking(event: Event) -> bool:
    return isinstance(event, ResyncRequested) and event.taken_from is not None


def captured(event: Event) -> bool:
    return isinstance(event, StageFinished) and event.stage == "capture"


def copying(event: Event) -> bool:
    return isinstance(event, StageStarted) and event.stage == "full"


def taken(event: Event) -> bool:
    return isinstance(event, Noticed) and "taken over" in event.message


def ended(event: Event) -> bool:
    return isinstance(event, CopyBesideEnded)


Moments = tuple[Callable[[Event], bool], ...]
MOMENTS: Moments = (begun, copying, taken)
OTHER_MOMENTS: Moments = (ordered, taking, captured, ended)


def others(task: RunningTask) -> int | None:
    """The engine of the task that copies the tables."""
    beside = task.state.beside
    return processes.engine_of(beside.task) if beside is not None and beside.task is not None else None


def done(task: RunningTask, after: int) -> bool:
    """Whether no table is set aside any more, and the other task is gone."""
    state = task.state
    return reached(task, ended, after) and state.beside is None and not state.aside and state.state == "synchronizing"


@contextmanager
def written(pair: DatabasePair) -> Iterator[None]:
    """Changes of all tables beside the block, those of a table without key so that one that is applied twice shows."""
    stopped = threading.Event()

    def run() -> None:
        with pair.source_cluster.connect(pair.database) as session:
            while not stopped.is_set():
                session.execute("INSERT INTO three VALUES ('the same')")

    thread = threading.Thread(target=run)
    thread.start()
    try:
        with changing(pair):
            yield
    finally:
        stopped.set()
        thread.join()


@contextmanager
def copied_again(task: RunningTask) -> Iterator[int]:
    """An order for two tables while all of them change; the number of events before. They are equal in the end."""
    before = len(task.events)
    with written(task.pair):
        syncwizard("resync", task.name, *COPIED, "--yes")
        yield before
        until(lambda: done(task, before), 120, "the tables to be copied")
    task.converged(90)


@pytest.mark.parametrize(
    "moments", [MOMENTS, pytest.param(OTHER_MOMENTS, marks=pytest.mark.marathon)], ids=["some", "others"]
)
def test_a_kill_of_the_engine_in_any_step_costs_no_row(
    pair: DatabasePair, tmp_path: Path, state_home: Path, moments: Moments
) -> None:
    with running(pair, tmp_path, TABLES, **BESIDE) as task:
        task.start()
        until(lambda: task.state.finished("indexes"), 60, "the indexes")
        for moment in moments:
            with copied_again(task) as before:
                until(lambda before=before, moment=moment: reached(task, moment, before), 60, moment.__name__)  # type: ignore[misc]
                task.kill_engine()
                task.resume()
        task.release()
        assert not any(each.find_engine() for each in list_tasks())


def test_both_engines_may_die(pair: DatabasePair, tmp_path: Path, state_home: Path) -> None:
    with running(pair, tmp_path, TABLES, **BESIDE) as task:
        task.start()
        until(lambda: task.state.finished("indexes"), 60, "the indexes")
        with copied_again(task):
            other = until(lambda: others(task), 60, "the other engine")
            task.kill_engine()
            processes.kill(other)
            task.resume()
        task.release()


def test_both_are_paused_and_go_on_and_both_are_released(pair: DatabasePair, tmp_path: Path, state_home: Path) -> None:
    with running(pair, tmp_path, TABLES, **BESIDE) as task:
        task.start()
        until(lambda: task.state.finished("indexes"), 60, "the indexes")
        with copied_again(task):
            until(lambda: others(task), 60, "the other engine")
            task.pause()
            assert others(task) is None
            task.resume()
        with pair.destination.transaction():
            pair.destination.execute("LOCK TABLE one IN ACCESS SHARE MODE")
            syncwizard("resync", task.name, *COPIED, "--yes")
            until(lambda: others(task), 60, "the other engine")
            syncwizard("pause", task.name)
        task.release()
        assert all(each.read_state().state == "released" for each in list_tasks())


def test_tables_that_join_are_copied_beside_over_kills(pair: DatabasePair, tmp_path: Path, state_home: Path) -> None:
    objects = [SchemaObjects(schema="public", tables=[TableObject(table="one")])]
    with running(pair, tmp_path, TABLES, objects=objects, **BESIDE) as task:
        task.start()
        until(lambda: task.state.finished("indexes"), 60, "the indexes")
        wanted = msgspec.structs.replace(task.spec, objects=[SchemaObjects(schema="public")])
        (tmp_path / "wanted").mkdir()
        before = len(task.events)
        with written(pair):
            syncwizard("modify", task.name, write_task_file(wanted, tmp_path / "wanted"), "--yes")
            for moment in (ordered, begun, taking, taken):
                until(lambda moment=moment: reached(task, moment, before), 60, moment.__name__)  # type: ignore[misc]
                task.kill_engine()
                task.resume()
            until(lambda: done(task, before), 120, "the tables to join")
        syncwizard("wait", task.name, "--until", "indexed", "--timeout", "60")
        task.converged(90)
        keys = "SELECT conname FROM pg_constraint WHERE conrelid = 'two'::regclass AND contype IN ('f', 'u') ORDER BY 1"
        assert pair.destination.execute(keys).fetchall() == [("two_label_key",), ("two_one_id_fkey",)]
        task.release()


def test_an_order_that_comes_meanwhile_takes_its_place(pair: DatabasePair, tmp_path: Path, state_home: Path) -> None:
    with running(pair, tmp_path, TABLES, **BESIDE) as task:
        task.start()
        until(lambda: task.state.finished("indexes"), 60, "the indexes")
        before = len(task.events)
        with written(pair):
            syncwizard("resync", task.name, *COPIED, "--yes")
            until(lambda: others(task), 60, "the other engine")
            syncwizard("resync", task.name, "--all", "--yes")
            until(lambda: done(task, before), 120, "the tables to be copied")
        task.converged(90)
        task.release()


def test_what_changes_definitions_meanwhile_begins_the_copy_again(
    pair: DatabasePair, tmp_path: Path, state_home: Path
) -> None:
    with running(pair, tmp_path, TABLES, **FOLLOWING) as task:
        task.start()
        until(lambda: task.state.finished("indexes"), 60, "the indexes")
        before = len(task.events)
        with changing(pair):
            # Rows that the definition rewrites set the table aside, and the engine gives the order by itself.
            with pair.source_cluster.connect(pair.database) as session:
                session.execute("ALTER TABLE two ADD COLUMN at float8 NOT NULL DEFAULT random()")
                until(lambda: others(task), 90, "the other engine")
                # The values that rows have from before come from the source's catalogue alone.
                session.execute("ALTER TABLE two ADD COLUMN came timestamptz NOT NULL DEFAULT clock_timestamp()")
                session.execute("ALTER TABLE two ADD COLUMN late timestamptz NOT NULL DEFAULT now()")
            until(lambda: done(task, before), 150, "the table to be copied")
        task.converged(90)
        task.release()
