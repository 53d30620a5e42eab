"""The pipeline: order, what is skipped, what is tried again, stages side by side, and how a run ends."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from syncwizard.engine.journal import read_entries
from syncwizard.engine.pipeline import Stage
from syncwizard.errors import Cancelled, PrecheckNotPassed, TaskFailed
from syncwizard.remedies import to_do
from syncwizard.stages.context import Context
from syncwizard.task.events import PrecheckFinished, TaskFailedEvent
from tests.support.benches import Bench, lost, passing, pausing, raising, waiting


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.journal.close()


def test_stages_run_in_order_and_a_pause_ends_in_order(bench: Bench) -> None:
    outcome = bench.run(passing("schema"), passing("full"), pausing(bench))
    assert (outcome.reason, outcome.exit_code) == ("paused", 0)
    assert bench.events() == [
        "StageStarted schema",
        "StageFinished schema",
        "StageStarted full",
        "StageFinished full",
        "StageStarted incremental",
        "TaskPaused",
    ]
    assert bench.journal.state.stages["full"].summary == "fine"
    assert bench.journal.state.state == "paused"


def test_a_finished_stage_is_skipped_on_resume_and_the_endless_one_is_not(bench: Bench) -> None:
    ran: list[str] = []
    bench.run(passing("schema", ran), raising("full", lambda: TaskFailed("no")))
    bench.run(passing("schema", ran), passing("full", ran), pausing(bench))
    bench.run(passing("schema", ran), passing("full", ran), pausing(bench))
    assert ran == ["schema", "full"]
    assert bench.events().count("StageStarted incremental") == 2


def test_a_failure_is_recorded_and_ends_the_run(bench: Bench) -> None:
    outcome = bench.run(raising("full", lambda: TaskFailed("no", remedy="try")), pausing(bench))
    assert outcome.exit_code == 1
    assert bench.events()[-1] == "TaskFailedEvent"
    failure = bench.journal.state.failure
    assert failure is not None
    assert (failure.title, failure.remedy) == ("no", to_do("try", then="resume"))


def test_a_defect_is_a_failure_too(bench: Bench) -> None:
    outcome = bench.run(raising("full", lambda: ValueError("oops")))
    assert outcome.exit_code == 1
    assert outcome.failure is not None
    assert "ValueError: oops" in outcome.failure.detail
    assert bench.events()[-1] == "TaskFailedEvent"


def test_a_refused_precheck_is_no_failure(bench: Bench) -> None:
    def refuse(context: Context) -> None:
        context.record(PrecheckFinished(passed=False))
        raise PrecheckNotPassed("no")

    outcome = bench.run(Stage(name="precheck", run=refuse, patient=False), passing("capture"))
    assert outcome.exit_code == 3
    assert bench.journal.state.state == "precheck-failed"
    assert "StageStarted capture" not in bench.events()
    assert not any(isinstance(entry.event, TaskFailedEvent) for entry in read_entries(bench.path))


def test_an_end_out_of_reach_at_the_precheck_is_not_waited_for(bench: Bench) -> None:
    outcome = bench.run(raising("precheck", lost, patient=False))
    assert outcome.exit_code == 4
    assert bench.journal.state.state == "precheck-failed"


def test_two_stages_run_side_by_side(bench: Bench) -> None:
    both = threading.Barrier(2, timeout=10.0)

    def indexes(context: Context) -> str:
        both.wait()
        return "2 indexes"

    def incremental(context: Context) -> None:
        both.wait()
        while not context.state().finished("indexes"):
            context.cancellation.check()
        bench.cancellation.cancel()
        context.cancellation.check()

    bench.run(Stage(name="indexes", run=indexes, beside=True), Stage(name="incremental", run=incremental, endless=True))
    assert bench.journal.state.stages["indexes"].summary == "2 indexes"
    assert bench.events()[-1] == "TaskPaused"


def test_an_error_of_the_one_beside_ends_both(bench: Bench) -> None:
    outcome = bench.run(
        raising("indexes", lambda: TaskFailed("no memory"), beside=True),
        Stage(name="incremental", run=waiting, endless=True),
    )
    assert outcome.failure is not None
    assert outcome.failure.title == "no memory"


def test_a_defect_of_the_one_beside_ends_both(bench: Bench) -> None:
    outcome = bench.run(
        raising("indexes", lambda: ValueError("oops"), beside=True),
        Stage(name="incremental", run=waiting, endless=True),
    )
    assert outcome.failure is not None
    assert "oops" in outcome.failure.detail


def test_an_error_of_the_main_one_wins_and_ends_both(bench: Bench) -> None:
    def indexes(context: Context) -> None:
        with pytest.raises(Cancelled):
            context.cancellation.wait(30.0)
        raise TaskFailed("second")

    outcome = bench.run(
        Stage(name="indexes", run=indexes, beside=True),
        raising("incremental", lambda: TaskFailed("first"), endless=True),
    )
    assert outcome.failure is not None
    assert outcome.failure.title == "first"


def test_a_stage_that_was_paused_is_not_done_though_it_ended(bench: Bench) -> None:
    """What it left out when it was told to stop is done by the next run."""

    def run(context: Context) -> str:
        bench.cancellation.cancel()
        return "half of it"

    assert bench.run(Stage(name="full", run=run), passing("keys")).reason == "paused"
    assert not bench.journal.state.finished("full")


def test_an_error_of_the_one_beside_in_a_pause_is_no_failure(bench: Bench) -> None:
    """Its sessions are ended under it."""

    def indexes(context: Context) -> None:
        with pytest.raises(Cancelled):
            context.cancellation.wait(30.0)
        raise TaskFailed("interrupted")

    def incremental(context: Context) -> None:
        bench.cancellation.cancel()
        context.cancellation.wait(30.0)

    outcome = bench.run(
        Stage(name="indexes", run=indexes, beside=True), Stage(name="incremental", run=incremental, endless=True)
    )
    assert outcome.reason == "paused"


def test_a_pause_ends_both(bench: Bench) -> None:
    threading.Timer(0.2, lambda: bench.cancellation.cancel()).start()
    outcome = bench.run(
        Stage(name="indexes", run=waiting, beside=True), Stage(name="incremental", run=waiting, endless=True)
    )
    assert outcome.reason == "paused"
    assert not bench.journal.state.finished("indexes")


def test_an_endless_stage_that_ends_is_a_failure(bench: Bench) -> None:
    outcome = bench.run(Stage(name="incremental", run=lambda context: None, endless=True))
    assert outcome.failure is not None
    assert "ended by itself" in outcome.failure.title
