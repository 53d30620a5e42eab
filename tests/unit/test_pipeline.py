"""The pipeline: order, what is skipped, what is tried again, stages side by side, and how a run ends."""

import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from syncwizard.engine.children import ChildPool
from syncwizard.engine.contexts import make_context
from syncwizard.engine.journal import Journal, read_entries
from syncwizard.engine.metrics import Metrics
from syncwizard.engine.pipeline import Outcome, Pipeline, Stage
from syncwizard.engine.retry import delay_seconds, minutes_allowed, next_window
from syncwizard.engine.silence import SilenceWatch
from syncwizard.errors import Cancelled, ChangeFailed, EndpointError, PrecheckNotPassed, TaskFailed
from syncwizard.remedies import to_do
from syncwizard.stages.context import Cancellation, Context
from syncwizard.task.events import Noticed, PrecheckFinished, RetryStarted, StageName, TaskFailedEvent, TaskPaused
from syncwizard.task.figures.sample import Sample
from syncwizard.task.handover import Handover
from syncwizard.task.specification import Advanced, Endpoint, Retry, SchemaObjects, TaskSpec

SPEC = TaskSpec(
    id=uuid.uuid4(),
    name="kb",
    source=Endpoint(database="a"),
    destination=Endpoint(database="b"),
    objects=[SchemaObjects(schema="public")],
)


class Bench:
    """A pipeline over a real journal; each `run` is another engine's."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "journal.db"
        self.journal = Journal(self.path, SPEC.id, SPEC.name)
        self.cancellation = Cancellation()

    def run(self, *stages: Stage, spec: TaskSpec = SPEC) -> Outcome:
        self.cancellation = Cancellation()
        metrics = Metrics(self.journal.state)
        pool = ChildPool()
        context = make_context(
            spec,
            Handover(),
            self.path.parent,
            self.journal.append,
            lambda: self.journal.state,
            self.cancellation,
            pool,
        )
        return Pipeline(context, stages, pool, metrics, SilenceWatch(context, ends=())).run()

    def events(self) -> list[str]:
        """What happened, in short."""
        return [_short(entry.event) for entry in read_entries(self.path)]


def _short(event: Any) -> str:
    return f"{type(event).__name__} {event.stage}" if hasattr(event, "stage") else type(event).__name__


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.journal.close()


def passing(name: StageName, ran: list[str] | None = None) -> Stage:
    def run(context: Context) -> str:
        if ran is not None:
            ran.append(name)
        return "fine"

    return Stage(name=name, run=run)


def raising(
    name: StageName,
    error: Callable[[], BaseException],
    patient: bool = True,
    beside: bool = False,
    endless: bool = False,
) -> Stage:
    def run(context: Context) -> None:
        raise error()

    return Stage(name=name, run=run, patient=patient, beside=beside, endless=endless)


def pausing(bench: Bench) -> Stage:
    """The endless stage, during which a pause is asked for."""

    def run(context: Context) -> None:
        bench.cancellation.cancel()
        context.cancellation.check()

    return Stage(name="incremental", run=run, endless=True)


def waiting(context: Context) -> None:
    context.cancellation.wait(30.0)


def lost(sqlstate: str = "") -> EndpointError:
    return EndpointError("lost", end="source", transient=True, sqlstate=sqlstate)


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


def test_a_lost_connection_is_tried_again_until_it_is_back(bench: Bench) -> None:
    states: list[str] = []

    def run(context: Context) -> None:
        states.append(context.state().state)
        if len(states) < 3:
            raise lost()

    bench.run(Stage(name="full", run=run), pausing(bench))
    assert states == ["initializing", "retrying", "retrying"]
    assert bench.events()[:4] == ["StageStarted full", "RetryStarted", "RetryEnded", "StageFinished full"]


def test_trouble_ends_with_the_first_sign_of_progress(bench: Bench) -> None:
    attempts: list[str] = []

    def run(context: Context) -> None:
        attempts.append(context.state().state)
        if len(attempts) == 1:
            raise lost()
        context.record(Noticed(level="info", message="another beginning"))
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


def test_a_change_that_cannot_be_applied_is_tried_again_before_the_task_fails(bench: Bench) -> None:
    attempts: list[str] = []

    def run(context: Context) -> None:
        attempts.append(context.state().state)
        if len(attempts) == 1:
            raise ChangeFailed("duplicate key", where="public.t")
        bench.cancellation.cancel()

    bench.run(Stage(name="incremental", run=run, endless=True))
    assert attempts == ["synchronizing", "retrying"]


def test_trouble_of_another_kind_is_told_while_it_is_tried_again(bench: Bench) -> None:
    troubles = [lost(), lost(), ChangeFailed("no right", where="destination", sqlstate="42501"), lost("57P03")]

    def run(context: Context) -> None:
        if not troubles:
            bench.cancellation.cancel()
            context.cancellation.check()
        raise troubles.pop(0)

    bench.run(Stage(name="full", run=run))
    told = [entry.event for entry in read_entries(bench.path) if isinstance(entry.event, RetryStarted)]
    assert [(event.failure.title, event.failure.sqlstate) for event in told] == [
        ("lost", ""),
        ("no right", "42501"),
        ("lost", "57P03"),
    ]
    assert len({event.since for event in told}) == 1
    assert told[1].until < told[0].until


def test_to_resume_is_said_once_it_is_given_up_and_not_while_it_is_tried_again(bench: Bench) -> None:
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
