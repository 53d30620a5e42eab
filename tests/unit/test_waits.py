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


def test_a_source_that_sends_too_slowly_is_named_with_what_its_sender_waits_for() -> None:
    sender = session(pid=42, wait_type="Client", wait_event="WalSenderWriteData")
    found = cause_of(FOLLOWING, behind("0/1000000", "0/1000000"), Waits(sessions=(sender,)), NOW)
    assert found.name == "source" and "the walsender (process 42) waits for Client:WalSenderWriteData" in found.sentence


def test_trouble_that_is_retried_comes_before_all_else_and_a_stage_before_figures() -> None:
    trouble = Retrying(since=NOW, until=NOW + 60, failure=Failure(title="lost", where="source"))
    state = TaskState(state="retrying", retrying=trouble)
    blocked = session(end="destination", blockers=(OLD,))
    assert cause_of(state, IN_STEP, Waits(sessions=(blocked,)), NOW).name == "retrying"
    copying = TaskState(state="initializing", stages={"full": StageState(status="running")})
    assert "the stage full runs" in cause_of(copying, Sample(), NOTHING, NOW).sentence


def test_without_figures_nothing_is_guessed() -> None:
    assert cause_of(FOLLOWING, Sample(), NOTHING, NOW).name == "unknown"
