"""Every kind of event has a sentence of its own and a level, and the reducer takes it."""

import uuid
from typing import get_args

import pytest

from syncwizard.remedies import to_do
from syncwizard.task.events import (
    AnyEvent,
    ChangeQuarantined,
    ChangesApplied,
    CopyBesideBegun,
    CopyBesideEnded,
    CopyBesideOrdered,
    DefinitionDecided,
    DefinitionFollowed,
    DefinitionMissing,
    DefinitionsRetried,
    DefinitionsVerified,
    EngineStarted,
    EngineStopped,
    Event,
    Failure,
    HeartbeatCreated,
    Noticed,
    PartitionDetached,
    PauseRequested,
    PrecheckFinished,
    PrecheckItemFinished,
    PublicationCreated,
    QuarantineFollowed,
    QuarantineSettled,
    Remainder,
    ReplicaIdentityChanging,
    ResyncRequested,
    RetryEnded,
    RetryStarted,
    RowDecided,
    RowRulesChanged,
    SequencesSet,
    SlotCreated,
    SlotMeasured,
    StageFinished,
    StageStarted,
    StatementFinished,
    StatementSkipped,
    SyncPointPassed,
    SyncPointSet,
    TableCopied,
    TableDropped,
    TablePlanned,
    TableRepaired,
    TableRestarted,
    TableSetAside,
    TableToCopy,
    TableVerified,
    TaskFailedEvent,
    TaskPaused,
    TaskReleased,
    VerificationFinished,
    VerificationStarted,
)
from syncwizard.task.names import TableName
from syncwizard.task.narration import narrate
from syncwizard.task.reducer import reduce
from syncwizard.task.row_facts import ChangedRule, RowFact
from syncwizard.task.state import TaskState
from syncwizard.task.switchover import (
    DestinationChanging,
    Fence,
    FenceInherited,
    FenceRaising,
    ReverseCreating,
    SlotDropped,
    SwitchoverFinished,
    SwitchoverOrder,
    SwitchoverRehearsed,
    SwitchoverStarted,
    SwitchoverStepFinished,
    SwitchoverStepStarted,
    SwitchoverUndone,
    UndoFailed,
)
from syncwizard.task.verification import TableVerification, VerificationOrder
from syncwizard.tui.event_lines import level_of

TABLE = TableName("sales", "orders")
ORDER = VerificationOrder(id=uuid.uuid4())
SWITCHOVER = SwitchoverOrder(id=uuid.uuid4())
LOST = Failure(title="lost", where="source", remedy=to_do("look whether the server runs"))

EVENTS: list[Event] = [
    DefinitionsRetried(created=2, refused=1),
    EngineStarted(pid=1, version="0.1"),
    EngineStopped(reason="paused"),
    StageStarted(stage="full"),
    StageFinished(stage="full"),
    PrecheckItemFinished(item="wal-level", title="WAL level", verdict="failed", message="it is replica"),
    PrecheckFinished(passed=True),
    ReplicaIdentityChanging(table=TABLE, previous="d"),
    HeartbeatCreated(),
    PublicationCreated(name="p", oid=1, members=[2], tables=[TABLE]),
    RowRulesChanged(
        rules=[RowFact(kind="script", text="e_drop()")], changes=[ChangedRule(kind="script", change="added")]
    ),
    SlotCreated(name="s", lsn="0/1", system_identifier="1", timeline=1),
    SlotMeasured(retained_bytes=1, wal_status="reserved", source_lsn="0/1"),
    TablePlanned(table=TABLE, pair_lsn="0/1", chunks=1, estimated_rows=1, estimated_bytes=1, binary=True),
    TableCopied(table=TABLE, rows=1, bytes=1, seconds=1.0),
    TableRestarted(table=TABLE, reason="rewritten"),
    ResyncRequested(id=uuid.uuid4(), tables=[TableToCopy(table=TABLE, rows=1, bytes=1)], whole=False),
    CopyBesideOrdered(
        order=ResyncRequested(id=uuid.uuid4(), tables=[TableToCopy(table=TABLE, rows=1, bytes=1)], whole=False)
    ),
    CopyBesideBegun(task=uuid.uuid4(), name="t-beside"),
    CopyBesideEnded(reason="connection refused"),
    TableDropped(table=TABLE),
    DefinitionFollowed(
        number=1, lsn="0/1", kind="changed", table=TABLE, tag="ALTER TABLE", statements=["ALTER TABLE sales.orders …"]
    ),
    DefinitionDecided(ordinal=1, lsn="0/1", tag="ALTER TABLE", table="sales.orders", action="skip", by="dba@host"),
    RowDecided(lsn="0/1", digest="d", kind="insert", table="sales.orders", key="id = 1", action="quarantine"),
    ChangeQuarantined(
        number=1,
        table=TABLE,
        target="sales.orders",
        kind="insert",
        lsn="0/1",
        keys=[{"id": "1"}],
        edited=False,
        reason="value too long",
    ),
    QuarantineFollowed(follows=1, table=TABLE, changes=1, number=2),
    QuarantineSettled(numbers=[1], table=TABLE, reason="equal"),
    PartitionDetached(table=TABLE, root=TABLE),
    TableSetAside(table=TABLE, reason="its key is refused"),
    SyncPointSet(lsn="0/1"),
    SyncPointPassed(lsn="0/1"),
    StatementFinished(kind="view", name="v", seconds=1.0),
    StatementSkipped(kind="view", name="v", reason="excluded"),
    VerificationStarted(order=ORDER, tables=[TABLE]),
    TableVerified(id=ORDER.id, found=TableVerification(table=TABLE, verdict="different", changed=1)),
    DefinitionsVerified(id=ORDER.id, compared=1, differences=[]),
    TableRepaired(id=ORDER.id, table=TABLE, lsn="0/1", written=1, deleted=0),
    VerificationFinished(id=ORDER.id),
    SwitchoverStarted(id=SWITCHOVER.id, order=SWITCHOVER),
    SwitchoverStepStarted(id=SWITCHOVER.id, step="drain"),
    SwitchoverStepFinished(id=SWITCHOVER.id, step="drain", summary="all before 0/1", seconds=1.0),
    FenceRaising(id=SWITCHOVER.id, fence=Fence(mode="read-only", database="kb", statements=("ALTER DATABASE kb …",))),
    DestinationChanging(id=SWITCHOVER.id, undo=["ALTER TABLE a DISABLE TRIGGER b"]),
    ReverseCreating(id=SWITCHOVER.id, task=SWITCHOVER.id, name="kb-reverse"),
    FenceInherited(fence=Fence(mode="read-only", database="kb")),
    SwitchoverUndone(id=SWITCHOVER.id, seconds=1.0),
    UndoFailed(id=SWITCHOVER.id, failure=LOST),
    SwitchoverFinished(id=SWITCHOVER.id, lsn="0/1", seconds=1.0),
    SwitchoverRehearsed(id=SWITCHOVER.id, seconds=1.0, waits=("process 7 of app in kb",)),
    SlotDropped(id=SWITCHOVER.id, name="s"),
    DefinitionMissing(kind="view", name="v", reason="refused"),
    SequencesSet(count=1),
    ChangesApplied(tables={"sales.orders": {"insert": 1}}, transactions=1, applied_lsn="0/1"),
    RetryStarted(failure=LOST, since=1.0, until=2.0),
    RetryEnded(),
    PauseRequested(),
    TaskPaused(),
    TaskFailedEvent(failure=LOST),
    TaskReleased(left_over=[Remainder(statements=("DROP PUBLICATION p",), end="source")]),
    Noticed(level="warning", message="late"),
]
by_name = pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)


def planned() -> TaskState:
    """A task whose table is known, so that each event finds what it is about."""
    table = TablePlanned(table=TABLE, pair_lsn="0/1", chunks=1, estimated_rows=1, estimated_bytes=1, binary=True)
    return reduce(TaskState(), 1.0, 1, table)


def test_every_kind_of_event_is_among_them() -> None:
    assert {type(event) for event in EVENTS} == set(get_args(AnyEvent))
    assert len(EVENTS) == len(get_args(AnyEvent))


@by_name
def test_it_has_a_sentence_of_its_own(event: Event) -> None:
    reported = narrate(event)
    assert type(event).__name__ not in reported and type(event).__name__.removesuffix("Event") not in reported
    assert " " in reported and not reported.endswith((".", "; ", ": "))


def test_no_two_have_the_same_sentence() -> None:
    assert len({narrate(event) for event in EVENTS}) == len(EVENTS)


@by_name
def test_the_reducer_takes_it(event: Event) -> None:
    state = reduce(planned(), 2.0, 2, event)
    assert (state.updated_at, state.sequence) == (2.0, 2)


@by_name
def test_its_level_is_that_of_the_notice_it_leaves(event: Event) -> None:
    level = level_of(event)
    assert level in ("info", "warning", "error")
    for notice in reduce(planned(), 2.0, 2, event).notices:
        assert notice.level == level


def test_a_foreign_key_is_validated_and_a_view_created() -> None:
    validated = StatementFinished(kind="foreign key validation", name="f on t", seconds=0.018)
    assert narrate(validated) == "foreign key f on t validated in 18 ms"
    assert narrate(StatementFinished(kind="view", name="v", seconds=1.0)) == "view v created in 1.0 s"
