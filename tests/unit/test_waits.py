"""Which link of the chain is named as the bottleneck, from figures and sessions as they may be."""

from syncwizard.task.events import Failure
from syncwizard.task.figures.sample import Sample
from syncwizard.task.state import Retrying, StageState, TaskState
from syncwizard.task.waits import Blocker, SessionWait, Waits, cause_of

NOW = 1000.0
FOLLOWING = TaskState(state="synchronizing")
IN_STEP = Sample(latency_seconds=0.01, latency_at=NOW)
OLD = Blocker(pid=7, user="app", seconds=3600.0, query="SELECT 1")
NOTHING = Waits(sessions=())


def session(**fields: object) -> SessionWait:
    given: dict[str, object] = {"end": "source", "pid": 1, "part": "stream", "state": "active", "seconds": 1.0}
    given |= {"wait_type": "", "wait_event": "", "query": ""}
    return SessionWait(**{**given, **fields})  # type: ignore[arg-type]


def behind(received: str, applied: str) -> Sample:
    return Sample(
        latency_seconds=60.0,
        latency_at=NOW,
        source_lsn="0/9000000",
        received_lsn=received,
        applied_lsn=applied,
        backlog_bytes=50_000_000,
    )


def test_an_open_transaction_is_named_only_where_nothing_is_late() -> None:
    found = cause_of(FOLLOWING, IN_STEP, Waits(sessions=(), oldest=OLD), NOW)
    assert found.name == "old transaction" and "process 7 of app, transaction open for 1 h" in found.sentence
    assert cause_of(FOLLOWING, IN_STEP, NOTHING, NOW).name == "none"


def test_a_destination_that_applies_too_slowly_is_named_with_what_it_runs() -> None:
    busy = session(end="destination", wait_type="IO", wait_event="DataFileRead", query="MERGE INTO t")
    found = cause_of(FOLLOWING, behind("0/8FFFFFF", "0/1000000"), Waits(sessions=(busy,)), NOW)
    assert found.name == "destination" and "it runs MERGE INTO t, waiting for IO:DataFileRead" in found.sentence


def test_a_source_that_sends_too_slowly_is_told_from_a_network_by_what_its_sender_waits_for() -> None:
    sender = session(pid=42, wait_type="IO", wait_event="ReorderBufferRead", query="START_REPLICATION SLOT x")
    found = cause_of(FOLLOWING, behind("0/1000000", "0/1000000"), Waits(sessions=(sender,)), NOW)
    assert found.name == "source" and "the walsender (process 42) waits for IO:ReorderBufferRead" in found.sentence
    sender = session(pid=42, wait_type="Client", wait_event="WalSenderWriteData")
    found = cause_of(FOLLOWING, behind("0/1000000", "0/1000000"), Waits(sessions=(sender,)), NOW)
    assert found.name == "network" and "walsender (process 42) waits for Client:WalSenderWriteData" in found.sentence


def test_a_source_that_is_held_back_by_a_slow_destination_is_not_the_cause() -> None:
    # What may wait to be applied is bounded: most of a large backlog is still at the source then.
    sender = session(pid=42, wait_type="Client", wait_event="WalSenderWriteData")
    found = cause_of(FOLLOWING, behind("0/2000000", "0/1000000"), Waits(sessions=(sender,)), NOW)
    assert found.name == "destination"


def test_an_index_that_is_built_and_a_prepared_transaction_are_not_ended_like_others() -> None:
    builder = Blocker(pid=9, user="app", seconds=5.0, query="CREATE INDEX ON t (n)", builds=True)
    blocked = Waits(sessions=(session(end="destination", part="apply", blockers=(builder,)),))
    found = cause_of(FOLLOWING, IN_STEP, blocked, NOW)
    assert found.name == "index build" and "terminate" not in found.advice
    prepared = Waits(sessions=(), oldest=Blocker(pid=0, user="app", seconds=90.0, query="order 7"))
    found = cause_of(FOLLOWING, IN_STEP, prepared, NOW)
    assert "prepared transaction order 7 of app" in found.sentence and "ROLLBACK PREPARED" in found.advice


def test_trouble_that_is_retried_comes_before_all_else_and_a_stage_before_figures() -> None:
    trouble = Retrying(since=NOW, until=NOW + 60, failure=Failure(title="lost", where="source"))
    state = TaskState(state="retrying", retrying=trouble)
    blocked = session(end="destination", blockers=(OLD,))
    assert cause_of(state, IN_STEP, Waits(sessions=(blocked,)), NOW).name == "retrying"
    copying = TaskState(state="initializing", stages={"full": StageState(status="running")})
    assert "the stage full runs" in cause_of(copying, Sample(), NOTHING, NOW).sentence


def test_without_figures_nothing_is_guessed() -> None:
    assert cause_of(FOLLOWING, Sample(), NOTHING, NOW).name == "unknown"
