"""What the monitor is told of a task's past: by its engine, by one of an earlier version, by the folder of the dead."""

import os
import signal
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec

from syncwizard import paths
from syncwizard.client import launch
from syncwizard.client.tasks import StoredTask
from syncwizard.engine.history import FILE_NAME
from syncwizard.engine.journal import FILE_NAME as JOURNAL_NAME
from syncwizard.engine.locking import TaskLock
from syncwizard.engine.protocol import Hello, Sampled, Snapshot
from syncwizard.task.events import EngineStopped, SlotMeasured, TaskPaused, TaskReleased
from syncwizard.task.figures.history import History, began
from syncwizard.task.figures.sample import Sample
from syncwizard.task.handover import Handover
from syncwizard.task.specification import Endpoint
from syncwizard.tui.monitor.link import EngineLink, View
from tests.support.replay import NOW, remembered, store_task, through, write_journal
from tests.support.small_engine import prescribe
from tests.support.waiting import until


class Follower:
    """Has a link tell it the task, until it is closed."""

    def __init__(self, task: StoredTask) -> None:
        self.views: list[View] = []
        self._link = EngineLink(task, self.views.append, time.time)
        self._link.start()

    def until(self, condition: Callable[[View], object], what: str) -> View:
        return until(lambda: next((view for view in self.views[-1:] if condition(view)), None), 30.0, what)

    def close(self) -> None:
        self._link.stop()


@contextmanager
def following(task: StoredTask) -> Iterator[Follower]:
    follower = Follower(task)
    try:
        yield follower
    finally:
        follower.close()


def keep(task: StoredTask, history: History) -> None:
    """Writes what an engine would have kept."""
    (task.folder / FILE_NAME).write_bytes(msgspec.json.encode(history))


def test_a_task_without_an_engine_has_the_past_that_its_last_one_kept() -> None:
    task = store_task()
    write_journal(task, through("incremental"))
    past = remembered(3600)
    keep(task, past)
    with following(task) as follower:
        view = follower.until(lambda view: not view.history.empty, "the past")
        assert view.history == past
        longer = remembered(3600, (600, 300))
        keep(task, longer)
        os.utime(task.folder / FILE_NAME, (NOW, NOW))
        follower.until(lambda view: view.history == past, "what is known already is not forgotten")


def test_a_damaged_past_is_none_and_the_task_is_reported_all_the_same() -> None:
    task = store_task()
    write_journal(task, through("incremental"))
    (task.folder / FILE_NAME).write_text("{")
    with following(task) as follower:
        view = follower.until(lambda view: view.seen.liveness.died, "the death of the engine")
        assert view.history.empty and not view.seen.trouble


def test_once_it_is_released_no_slot_holds_wal() -> None:
    # A password that could only be asked for: the source is not, and the journal's figures are those there are.
    task = store_task(source=Endpoint(host="db1.example.com", database="kb", user="sync", password="prompt"))
    measured = SlotMeasured(retained_bytes=9_500_000_000, wal_status="extended", source_lsn="0/71A2C00")
    paused = [(NOW, measured), (NOW, TaskPaused()), (NOW, EngineStopped(reason="paused"))]
    write_journal(task, [*through("incremental"), *paused])
    with following(task) as follower:
        follower.until(lambda view: view.seen.retention is not None, "the WAL that the slot holds")
        write_journal(task, [(NOW, TaskReleased())])
        view = follower.until(lambda view: view.seen.state.state == "released", "the release")
        assert view.seen.retention is None


def test_an_engine_that_lived_for_a_moment_has_looked_at_the_slot() -> None:
    task = store_task(source=Endpoint(host="db1.example.com", database="kb", user="sync", password="prompt"))
    held = SlotMeasured(retained_bytes=11_700, wal_status="reserved", source_lsn="0/71A2C00")
    gone = SlotMeasured(exists=False, retained_bytes=0, wal_status="", source_lsn="0/71A2D00")
    paused = [(NOW, held), (NOW, TaskPaused()), (NOW, EngineStopped(reason="paused"))]
    write_journal(task, [*through("incremental"), *paused])
    with following(task) as follower:
        follower.until(lambda view: view.seen.retention is not None, "the WAL that the slot holds")
        write_journal(task, [(NOW + 5.0, gone), (NOW + 5.0, EngineStopped(reason="failed"))])
        follower.until(
            lambda view: view.seen.retention is not None and not view.seen.retention.measured.exists,
            "that there is no slot",
        )


def test_the_past_is_reported_by_the_engine_and_goes_on_with_each_second() -> None:
    task = store_task()
    prescribe(task.folder, incremental="beats")
    past = remembered(3600)
    keep(task, past)
    launch.start_engine(task.spec, Handover(), module="tests.support.small_engine")
    try:
        with following(task) as follower:
            first = follower.until(lambda view: view.connected, "the engine")
            assert began(first.history) == began(past)
            last = past.rings[1].buckets[-1]
            follower.until(lambda view: view.history.rings[1].buckets[-1].number > last.number, "news of it")
    finally:
        if (holder := task.find_engine()) is not None:
            os.kill(holder.pid, signal.SIGKILL)


def test_of_an_engine_of_an_earlier_version_what_is_seen_is_the_past() -> None:
    task = store_task()
    path = paths.socket_places(task.id)[0]
    paths.ensure_private_folder(path.parent)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening, TaskLock(task.id, socket=str(path)):
        listening.bind(str(path))
        listening.listen()
        threading.Thread(target=speak_as_before, args=(listening, task), daemon=True).start()
        with following(task) as follower:
            view = follower.until(lambda view: not view.history.empty, "the figures that were seen")
            (bucket,) = view.history.rings[2].buckets
            assert bucket.figures.rows_per_second is not None and bucket.figures.rows_per_second.peak == 214.0


def speak_as_before(listening: socket.socket, task: StoredTask) -> None:
    """What an engine said before it remembered its figures: a snapshot for whatever is asked, then figures."""
    conversation, _ = listening.accept()
    sample = Sample(rows_per_second=214.0)
    with conversation:
        conversation.sendall(msgspec.json.encode(Hello(protocol=1, version="0.0", task=task.id, pid=1)) + b"\n")
        conversation.recv(1 << 16)
        state = task.read_state()
        for frame in (Snapshot(state=state, sample=Sample()), Sampled(sample=sample)):
            conversation.sendall(msgspec.json.encode(frame) + b"\n")
        # Until the viewer leaves.
        conversation.recv(1 << 16)


def test_a_journal_of_a_newer_version_is_reported_and_looked_at_again() -> None:
    task = store_task()
    write_journal(task, through("incremental"))
    with sqlite3.connect(task.folder / JOURNAL_NAME) as journal:
        journal.execute("PRAGMA user_version = 99")
    with following(task) as follower:
        follower.until(lambda view: "newer version" in view.seen.trouble, "the trouble")
        journal.execute("PRAGMA user_version = 1")
        journal.close()
        follower.until(lambda view: view.seen.liveness.died, "the task once it can be read")
