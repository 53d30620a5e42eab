"""`status TASK --check`: one line and an exit code, from what was seen of a task."""

import msgspec
import pytest

from syncwizard.client.explain import Liveness
from syncwizard.client.health import EXIT_CODES, check_line, health_of
from syncwizard.client.looking import Seen
from syncwizard.task.events import (
    EngineStopped,
    Event,
    Failure,
    RetryStarted,
    SlotMeasured,
    TaskFailedEvent,
    TaskPaused,
)
from syncwizard.task.figures.retention import retention
from syncwizard.task.state import MissingDefinition
from tests.support.replay import NOW, seen, store_task, synchronizing, through

RUNNING = through("incremental")
CUT = Failure(title="the connection was lost", where="source", detail="a | b\nc")
NEAR = SlotMeasured(retained_bytes=8_000, wal_status="extended", safe_bytes=2_000, source_lsn="0/1")
GONE = SlotMeasured(exists=False, retained_bytes=0, wal_status="", source_lsn="0/1")


def stopped(*events: Event) -> Seen:
    return seen(store_task(), [*RUNNING, *((NOW - 60.0, event) for event in events)], alive=False)


def running(**fields: object) -> Seen:
    return seen(store_task(), RUNNING, synchronizing(**fields))


def retrying() -> Seen:
    event = RetryStarted(failure=CUT, since=NOW - 5.0, until=NOW + 60.0)
    return seen(store_task(), [*RUNNING, (NOW - 5.0, event)], synchronizing())


def test_a_healthy_task_is_one_line_with_its_figures() -> None:
    shown = running()
    health = health_of(shown, NOW)
    assert EXIT_CODES[health.level] == 0
    assert check_line(shown, health, NOW) == (
        "OK - kb-to-frankfurt: synchronizing, latency 3 ms, the slot holds 3.2 MB of WAL"
        " | latency=0.003s backlog=192B wal_held=3200000B"
    )


def with_missing(shown: Seen) -> Seen:
    missing = (MissingDefinition(kind="view", name="kb.v", reason="no such column", since=NOW),)
    return msgspec.structs.replace(shown, state=msgspec.structs.replace(shown.state, missing_definitions=missing))


@pytest.mark.parametrize(
    ("shown", "code", "reason"),
    [
        (retrying, 1, "source: the connection was lost"),
        (lambda: stopped(TaskPaused(), EngineStopped(reason="paused")), 1, "paused for 1 min"),
        (lambda: with_missing(running()), 1, "1 definition is missing at the destination"),
        (lambda: running(latency_at=NOW - 90.0), 1, "no heartbeat has arrived for 1 min 30 s"),
        (lambda: msgspec.structs.replace(running(), retention=retention(NEAR, NOW, None)), 1, "of WAL that max_slot"),
        (lambda: msgspec.structs.replace(running(), retention=retention(GONE, NOW, None)), 2, "replication slot any"),
        (lambda: stopped(TaskFailedEvent(failure=CUT), EngineStopped(reason="failed")), 2, "failed: source: the conn"),
        (
            lambda: msgspec.structs.replace(running(), liveness=Liveness(alive=False, died=True, explanation="dead")),
            2,
            "dead",
        ),
        (lambda: msgspec.structs.replace(running(), liveness=Liveness(alive=False)), 2, "no engine runs"),
        (
            lambda: msgspec.structs.replace(running(), liveness=Liveness(alive=False), trouble="damaged"),
            2,
            "the task cannot be read: damaged",
        ),
    ],
)
def test_what_is_wrong_is_its_reason_and_its_exit_code(shown: object, code: int, reason: str) -> None:
    found = shown()  # type: ignore[operator]
    health = health_of(found, NOW)
    line = check_line(found, health, NOW)
    assert EXIT_CODES[health.level] == code
    assert reason in line
    assert line.startswith(health.level.upper())


def test_the_worst_reason_comes_first() -> None:
    shown = with_missing(stopped(TaskFailedEvent(failure=CUT), EngineStopped(reason="failed")))
    line = check_line(shown, health_of(shown, NOW), NOW)
    assert line.index("failed") < line.index("1 definition is missing")


def test_the_words_of_a_server_stay_on_the_line_and_are_no_figures() -> None:
    shown = retrying()
    line = check_line(shown, health_of(shown, NOW), NOW)
    assert "a / b\\nc" in line
    assert line.count("|") == 1
