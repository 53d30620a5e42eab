"""The past of the figures outlives pause, kill and resume, is told to who asks, and is no burden for the journal."""

import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from syncwizard.client import lifecycle
from syncwizard.client.looking import look
from syncwizard.client.report import as_text, gather
from syncwizard.client.tasks import StoredTask
from syncwizard.client.waiting import connect
from syncwizard.engine.history import read_history
from syncwizard.engine.protocol import Observed, Remembered
from syncwizard.task.figures.history import History, Stretch, add, began, stretches
from tests.support.small_engine import prescribe
from tests.support.small_task import kill, small_task, started
from tests.support.waiting import until

FINEST_SECONDS = 5.0


@pytest.fixture
def task(state_home: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[StoredTask]:
    """A task whose engine has a heartbeat and some rows to tell of."""
    for found in small_task(monkeypatch, request.config.rootpath):
        prescribe(found.folder, incremental="beats")
        yield found


def finest(history: History) -> list[Stretch]:
    now = time.time()
    return list(stretches(history, now - 300.0, now))


def watched(task: StoredTask, observations: int) -> History:
    """What a viewer has after so many observations."""
    with connect(task) as connection:
        connection.subscribe(history=True)
        history = connection.history
        assert history is not None
        while observations:
            frame = connection.receive(30.0)
            if isinstance(frame, Observed):
                history = add(history, frame.observation)
                observations -= 1
    return history


@pytest.mark.slow
def test_figures_of_every_engine_are_there_after_pause_kill_and_resume(task: StoredTask) -> None:
    started(task)
    # What runs beside the stream has its last fact then.
    facts = until(lambda: (state := task.read_state()).finished("indexes") and state.sequence, what="the indexes")
    history = watched(task, 3)
    assert task.read_state().sequence == facts, "figures are no facts"
    (first, *_) = finest(history)
    assert first.figures.latency_seconds is not None and first.figures.latency_seconds.peak == 0.25
    until(lambda: finest(watched(task, 1))[-1].figures.rows_per_second, what="a rate")
    lifecycle.pause(task)
    paused = read_history(task.folder)
    assert began(paused) == began(history)

    pid = started(task)
    until(lambda: read_history(task.folder) != paused, what="the next engine keeps its figures, too")
    kill(task, pid)
    kept = read_history(task.folder)
    assert finest(kept)[0].start == first.start
    # Long enough that the finest bucket between has nothing.
    last = finest(kept)[-1]
    until(lambda: time.time() > last.end + FINEST_SECONDS, what="a bucket without an engine is over")

    started(task)
    found = finest(watched(task, 1))
    assert found[0].start == first.start
    assert any(later.start - earlier.end >= FINEST_SECONDS for earlier, later in pairwise(found))
    report = as_text(gather(look(task), time.time(), lambda text: text))
    assert "250 ms" in report[report.index("LAST 24 HOURS") : report.index("PRECHECK")]


def test_who_does_not_ask_for_the_past_gets_no_frame_of_it(task: StoredTask) -> None:
    started(task)
    with connect(task) as asking, connect(task) as other:
        asking.subscribe(history=True)
        other.subscribe()
        until(lambda: isinstance(asking.receive(5.0), Observed), what="an observation")
        assert other.command("status").sample is not None
        assert other.history is None
        while (frame := other.receive(0.0)) is not None:
            assert not isinstance(frame, Observed | Remembered)
