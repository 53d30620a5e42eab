"""What a pipeline tries again, for how long, and when its trouble is over."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from syncwizard.engine.children import ChildPool, ChildProcess
from syncwizard.engine.journal import read_entries
from syncwizard.engine.pipeline import Stage
from syncwizard.engine.retry import delay_seconds, minutes_allowed, next_window
from syncwizard.errors import ChangeFailed, EndpointError
from syncwizard.remedies import to_do
from syncwizard.stages.context import Context
from syncwizard.task.events import Noticed, RetryStarted, TablePlanned, TableRestarted, TaskPaused
from syncwizard.task.figures.sample import Sample
from syncwizard.task.names import TableName
from syncwizard.task.specification import Advanced, Retry
from tests.support.benches import SPEC, Bench, lost, pausing, raising
from tests.support.echo_child import Assignment


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """Its pauses between two attempts are short: what they are is another test's."""
    monkeypatch.setattr("syncwizard.engine.retry.BACK_OFF_SECONDS", (0.02, 0.02, 0.05, 0.1))
    bench = Bench(tmp_path)
    yield bench
    bench.journal.close()


def test_a_lost_connection_is_tried_again_until_it_is_back(bench: Bench) -> None:
    states: list[str] = []

    def run(context: Context) -> None:
        states.append(context.state().state)
        if len(states) < 3:
            raise lost()

    bench.run(Stage(name="full", run=run), pausing(bench))
    assert states == ["initializing", "retrying", "retrying"]
    # For the line that says which try is next, and when.
    sample = bench.metrics.latest()
    assert sample.tries == 2 and abs((sample.next_try_at or 0.0) - time.time()) < 60
    assert bench.events()[:4] == ["StageStarted full", "RetryStarted", "RetryEnded", "StageFinished full"]


def test_trouble_ends_with_the_first_sign_of_progress(bench: Bench) -> None:
    attempts: list[str] = []
    table = TableName("public", "t")
    planned = TablePlanned(table=table, pair_lsn="0/1", chunks=1, estimated_rows=1, estimated_bytes=1, binary=True)

    def run(context: Context) -> None:
        attempts.append(context.state().state)
        if len(attempts) == 1:
            raise lost()
        for beginning in (Noticed(level="info", message="again"), planned, TableRestarted(table=table, reason="again")):
            context.record(beginning)
        attempts.append(context.state().state)
        context.sample(Sample(applied_lsn="0/20"))
        attempts.append(context.state().state)
        bench.cancellation.cancel()

    bench.run(Stage(name="incremental", run=run, endless=True))
    assert attempts == ["synchronizing", "retrying", "retrying", "synchronizing"]


@pytest.mark.parametrize(
    ("sample", "windows"), [(Sample(applied_lsn="0/20"), 2), (Sample(copied_rows={"public.t": 5}), 1)]
)
def test_only_what_is_done_for_good_gives_the_next_trouble_its_own_time(
    bench: Bench, sample: Sample, windows: int
) -> None:
    attempts: list[str] = []

    def run(context: Context) -> None:
        attempts.append(context.state().state)
        if len(attempts) == 3:
            bench.cancellation.cancel()
            return
        if len(attempts) == 2:
            context.sample(sample)
            assert context.state().state == "initializing"
        raise lost()

    bench.run(Stage(name="full", run=run))
    started = [entry.event for entry in read_entries(bench.path) if isinstance(entry.event, RetryStarted)]
    assert len(started) == 2
    assert len({event.since for event in started}) == windows


def test_trouble_that_seemed_over_and_then_was_is_reported_to_be_over_once(bench: Bench) -> None:
    attempts: list[int] = []

    def run(context: Context) -> None:
        attempts.append(1)
        if len(attempts) == 1:
            raise lost()
        context.sample(Sample(copied_rows={"public.t": 5}))
        context.sample(Sample(applied_lsn="0/20"))

    bench.run(Stage(name="full", run=run), pausing(bench))
    assert bench.events().count("RetryEnded") == 1


def test_a_change_that_cannot_be_applied_is_tried_again_before_the_task_fails(bench: Bench) -> None:
    attempts: list[str] = []

    def run(context: Context) -> None:
        attempts.append(context.state().state)
        if len(attempts) == 1:
            raise ChangeFailed("duplicate key", where="public.t")
        bench.cancellation.cancel()

    bench.run(Stage(name="incremental", run=run, endless=True))
    assert attempts == ["synchronizing", "retrying"]


def test_trouble_of_another_kind_is_reported_while_it_is_tried_again(bench: Bench) -> None:
    troubles = [lost(), lost(), ChangeFailed("no right", where="destination", sqlstate="42501"), lost("57P03")]

    def run(context: Context) -> None:
        if not troubles:
            bench.cancellation.cancel()
            context.cancellation.check()
        raise troubles.pop(0)

    bench.run(Stage(name="full", run=run))
    reported = [entry.event for entry in read_entries(bench.path) if isinstance(entry.event, RetryStarted)]
    assert [(event.failure.title, event.failure.sqlstate) for event in reported] == [
        ("lost", ""),
        ("no right", "42501"),
        ("lost", "57P03"),
    ]
    assert len({event.since for event in reported}) == 1
    assert reported[1].until < reported[0].until


def test_to_resume_is_reported_once_it_is_given_up_and_not_while_it_is_tried_again(bench: Bench) -> None:
    def refused() -> ChangeFailed:
        return ChangeFailed("duplicate key", where="public.t", remedy="correct the row")

    def run(context: Context) -> None:
        if context.state().state == "retrying":
            bench.cancellation.cancel()
            return
        raise refused()

    bench.run(Stage(name="incremental", run=run, endless=True))
    (retry,) = [entry.event for entry in read_entries(bench.path) if isinstance(entry.event, RetryStarted)]
    assert str(retry.failure.remedy) == "correct the row"
    impatient = msgspec.structs.replace(SPEC, advanced=Advanced(retry=Retry(other_minutes=0)))
    failure = bench.run(raising("full", refused), spec=impatient).failure
    assert failure is not None and failure.remedy == to_do("correct the row", then="resume")


def test_trouble_beyond_its_window_is_a_failure() -> None:
    window = next_window(None, 1000.0, minutes=10)
    assert delay_seconds(window, 1599.9) is not None
    assert delay_seconds(window, 1600.0) is None
    soon_again = msgspec.structs.replace(window, ended=1580.0)
    assert next_window(soon_again, 1600.0, minutes=10).until == window.until


@pytest.mark.parametrize(
    ("sqlstate", "minutes"), [("", 720), ("08006", 720), ("57P01", 720), ("40P01", 10), ("53100", 10), ("55P03", 10)]
)
def test_lost_connections_are_given_more_time_than_other_trouble(sqlstate: str, minutes: int) -> None:
    assert minutes_allowed(lost(sqlstate), Retry(connection_minutes=720, other_minutes=10)) == minutes


def test_a_wrong_password_is_not_tried_again(bench: Bench) -> None:
    def refused() -> EndpointError:
        return EndpointError("login", end="destination", transient=False)

    assert bench.run(raising("full", refused)).exit_code == 4
    assert "RetryStarted" not in bench.events()


def test_a_pause_ends_the_wait_for_the_next_attempt(bench: Bench) -> None:
    def run(context: Context) -> None:
        threading.Timer(0.1, bench.cancellation.cancel).start()
        raise lost()

    assert bench.run(Stage(name="full", run=run)).reason == "paused"
    assert isinstance(read_entries(bench.path)[-1].event, TaskPaused)


def test_children_of_an_attempt_are_gone_before_the_next(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """Two of them would write the same rows."""
    monkeypatch.setenv("PYTHONPATH", str(request.config.rootpath))
    children: list[ChildProcess] = []
    alive: list[bool] = []

    def run(context: Context) -> None:
        alive.extend(child.alive for child in children)
        if not children:
            children.append(pool.spawn("echo", Assignment(text="at work")))
            raise lost()

    pool = ChildPool({"echo": "tests.support.echo_child"})
    bench.run(Stage(name="full", run=run), pausing(bench), pool=pool)
    assert alive == [False]
