"""The state of a task follows from its events alone."""

import uuid
from collections.abc import Sequence
from typing import Any, Literal

import pytest

from syncwizard.remedies import to_do
from syncwizard.task.events import (
    ChangesApplied,
    DefinitionFollowed,
    DefinitionMissing,
    EngineStarted,
    EngineStopped,
    Event,
    Failure,
    HeartbeatCreated,
    Noticed,
    PartitionDetached,
    PrecheckFinished,
    PrecheckItemFinished,
    Remainder,
    ReplicaIdentityChanging,
    ResyncRequested,
    RetryEnded,
    RetryStarted,
    SlotCreated,
    SlotMeasured,
    StageFinished,
    StageName,
    StageStarted,
    StatementFinished,
    StatementSkipped,
    SyncPointPassed,
    SyncPointSet,
    TableCopied,
    TableDropped,
    TablePlanned,
    TableRestarted,
    TableSetAside,
    TableToCopy,
    TaskFailedEvent,
    TaskPaused,
    TaskReleased,
)
from syncwizard.task.names import TableName
from syncwizard.task.narration import narrate
from syncwizard.task.reducer import reduce
from syncwizard.task.reducing.core import NOTICES_KEPT
from syncwizard.task.state import MissingDefinition, TaskState
from syncwizard.task.switchover import (
    DestinationChanging,
    Fence,
    FenceRaising,
    SwitchoverFinished,
    SwitchoverOrder,
    SwitchoverStarted,
    SwitchoverStepStarted,
    SwitchoverUndone,
    UndoFailed,
)
from syncwizard.task.verification import (
    DefinitionsVerified,
    TableVerification,
    TableVerified,
    VerificationFinished,
    VerificationOrder,
    VerificationStarted,
)

ORDERS = TableName(schema="sales", name="orders")
STARTED = EngineStarted(pid=7, version="1")
TROUBLE = Failure(title="gone")


def state_after(events: Sequence[Event], state: TaskState | None = None) -> TaskState:
    state = state or TaskState()
    for event in events:
        state = reduce(state, 100.0 + state.sequence, state.sequence + 1, event)
    return state


def done(*stages: StageName) -> list[Event]:
    return [event for stage in stages for event in (StageStarted(stage=stage), StageFinished(stage=stage))]


PASSED: list[Event] = [
    STARTED,
    StageStarted(stage="precheck"),
    PrecheckFinished(passed=True),
    StageFinished(stage="precheck"),
]
STREAMING: list[Event] = [*PASSED, *done("capture", "schema", "full", "keys"), StageStarted(stage="incremental")]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([], "not-started"),
        ([STARTED], "prechecking"),
        ([STARTED, StageStarted(stage="precheck")], "prechecking"),
        ([STARTED, StageStarted(stage="precheck"), PrecheckFinished(passed=False)], "precheck-failed"),
        (PASSED, "precheck-passed"),
        ([*PASSED, StageStarted(stage="capture")], "initializing"),
        ([*PASSED, StageStarted(stage="capture"), TaskFailedEvent(failure=TROUBLE)], "failed"),
        ([STARTED, StageStarted(stage="precheck"), TaskFailedEvent(failure=TROUBLE)], "precheck-failed"),
        (STREAMING, "synchronizing"),
        ([*STREAMING, StageStarted(stage="indexes")], "synchronizing"),
        ([*STREAMING, *done("indexes")], "synchronizing"),
        ([*STREAMING, RetryStarted(failure=TROUBLE, since=1, until=2)], "retrying"),
        ([*STREAMING, RetryStarted(failure=TROUBLE, since=1, until=2), RetryEnded()], "synchronizing"),
        ([*STREAMING, RetryStarted(failure=TROUBLE, since=1, until=2), StageStarted(stage="indexes")], "retrying"),
        (
            [*PASSED, StageStarted(stage="full"), RetryStarted(failure=TROUBLE, since=1, until=2), RetryEnded()],
            "initializing",
        ),
        ([*STREAMING, RetryStarted(failure=TROUBLE, since=1, until=2), TaskPaused()], "paused"),
        ([*STREAMING, TaskPaused(), EngineStopped(reason="paused")], "paused"),
        ([*STREAMING, TaskPaused(), EngineStopped(reason="paused"), STARTED], "initializing"),
        ([*STREAMING, STARTED, StageStarted(stage="incremental")], "synchronizing"),
        ([*STREAMING, TaskPaused(), TaskReleased()], "released"),
    ],
)
def test_the_state_tells_what_the_task_does(events: list[Event], expected: str) -> None:
    assert state_after(events).state == expected


def test_a_stage_that_was_interrupted_is_not_done_but_remembers_its_start() -> None:
    state = state_after([*PASSED, StageStarted(stage="full"), STARTED])
    assert not state.finished("full")
    assert state.stages["full"].status == "waiting"
    assert state.stages["full"].started_at is not None
    assert state.finished("precheck")


def test_an_engine_that_stopped_has_no_pid_and_one_that_died_keeps_it() -> None:
    assert state_after(STREAMING).engine_pid == 7
    stopped = state_after([*STREAMING, EngineStopped(reason="paused")])
    assert stopped.engine_pid is None
    assert stopped.stages["incremental"].status == "waiting"


ORDER = ResyncRequested(id=uuid.uuid4(), tables=[TableToCopy(table=ORDERS, rows=9, bytes=90)], whole=False)


@pytest.mark.parametrize("event", [TaskReleased(), ORDER], ids=["release", "order to copy again"])
def test_what_is_done_to_a_task_after_its_engine_died_is_no_sign_of_that_engine(event: Event) -> None:
    state = state_after([*STREAMING, event])
    assert state.engine_pid is None
    assert [name for name, stage in state.stages.items() if stage.status == "running"] == []


def test_a_new_run_forgets_the_failure() -> None:
    failed = state_after([*STREAMING, TaskFailedEvent(failure=TROUBLE)])
    assert failed.failure == TROUBLE
    assert state_after([STARTED], failed).failure is None


def test_a_new_precheck_begins_with_no_items() -> None:
    item = PrecheckItemFinished(item="wal_level", title="WAL level", verdict="failed")
    state = state_after([StageStarted(stage="precheck"), item])
    assert state.precheck == (item,)
    assert state_after([StageStarted(stage="precheck")], state).precheck == ()


def test_tables_are_planned_copied_and_restarted() -> None:
    planned = TablePlanned(table=ORDERS, pair_lsn="0/1", chunks=3, estimated_rows=9, estimated_bytes=99, binary=True)
    copied = TableCopied(table=ORDERS, rows=10, bytes=100, seconds=1.5)
    state = state_after([planned, copied])
    assert state.tables["sales.orders"].copied
    assert state.tables["sales.orders"].rows == 10
    again = state_after([TableRestarted(table=ORDERS, reason="it was rewritten"), planned], state)
    table = again.table(ORDERS)
    assert table is not None
    assert not table.copied
    assert table.restarts == 1
    assert "rewritten" in again.notices[-1].message


def test_what_was_made_at_the_source_and_the_sync_point_are_remembered() -> None:
    state = state_after([*PASSED, StageStarted(stage="capture"), HeartbeatCreated()])
    assert state.heartbeat and not state.sync_point
    state = state_after([SyncPointSet(lsn="0/10"), SyncPointSet(lsn="0/20")], state)
    assert (state.sync_point, state.sync_point_passed) == ("0/20", False)
    assert state_after([SyncPointPassed(lsn="0/20")], state).sync_point_passed


def test_the_replica_identity_from_before_us_is_the_one_remembered() -> None:
    first = ReplicaIdentityChanging(table=ORDERS, previous="d")
    second = ReplicaIdentityChanging(table=ORDERS, previous="f")
    other = ReplicaIdentityChanging(table=TableName("sales", "items"), previous="n")
    assert state_after([first, second, other]).identities_before == (first, other)


def test_release_leaves_nothing_but_what_is_left_over() -> None:
    left = Remainder(statements=("DROP …",), end="source")
    changing = ReplicaIdentityChanging(table=ORDERS, previous="d")
    before = state_after([*STREAMING, changing, HeartbeatCreated(), SyncPointPassed(lsn="0/2")])
    state = state_after([TaskReleased(left_over=[left])], before)
    assert state.left_over == (left,)
    assert state.slot is None
    assert not state.heartbeat
    # They may be what is left over: the next release restores them.
    assert state.identities == (changing,)
    assert state_after([TaskReleased()], state).identities == ()


def test_totals_and_position_follow_the_latest_report() -> None:
    applied = ChangesApplied(tables={"a.b": {"insert": 2}}, transactions=1, applied_lsn="0/5")
    state = state_after([applied])
    assert (state.changes, state.transactions, state.applied_lsn) == ({"a.b": {"insert": 2}}, 1, "0/5")


def test_a_missing_definition_is_known_since_its_first_refusal_until_it_is_there() -> None:
    first = DefinitionMissing(
        kind="trigger", name="t on a.b", reason="refused", sqlstate="42883", statements=["CREATE"]
    )
    second = DefinitionMissing(kind="trigger", name="t on a.b", reason="no", statements=["CREATE", "ALTER"])
    other = DefinitionMissing(kind="rule", name="t on a.b", reason="no")
    state = state_after([first, second, other])
    assert state.missing_definitions == (
        MissingDefinition(kind="trigger", name="t on a.b", reason="no", since=100.0, statements=("CREATE", "ALTER")),
        MissingDefinition(kind="rule", name="t on a.b", reason="no", since=102.0),
    )
    state = state_after([StatementFinished(kind="trigger", name="t on a.b", seconds=0.1)], state)
    assert [each.kind for each in state.missing_definitions] == ["rule"]
    state = state_after([StatementSkipped(kind="rule", name="t on a.b", reason="the task excludes it")], state)
    assert state.missing_definitions == ()


def test_a_table_is_set_aside_until_it_is_copied_again_or_dropped() -> None:
    first = TableSetAside(table=TableName("a", "tree"), tables=[TableName("a", "leaf")], reason="its key is refused")
    second = TableSetAside(table=TableName("a", "b"), reason="its key is refused")
    anew = TableSetAside(table=TableName("a", "c"), reason="it was created anew", anew=True)
    state = state_after([first, second, first, anew])
    assert state.aside == (second, first, anew)
    dropped = state_after([TableDropped(table=each.table) for each in (second, anew)], state)
    # The source has another table under the name of the last one.
    assert dropped.aside == (first, anew)
    over = state_after([TableDropped(table=anew.table, again=True)], dropped)
    assert over.aside == (first,)
    assert over.notices[-1].message.startswith("a.c was created anew and dropped again at the source")
    order = [TableToCopy(table=TableName("a", "leaf"), rows=1, bytes=1)]
    again = state_after([ResyncRequested(id=uuid.uuid4(), tables=order, whole=False)], dropped)
    assert again.aside == (anew,)


def test_what_waited_for_a_table_that_was_set_aside_comes_when_it_is_copied_again() -> None:
    table, other = TableName("a", "b"), TableName("a", "c")
    done = [StageFinished(stage=stage) for stage in ("keys", "constraints", "indexes")]
    state = state_after([*done, TableSetAside(table=table, reason="its key is refused")])

    def ordered(name: TableName) -> TaskState:
        order = [TableToCopy(table=name, rows=1, bytes=1)]
        return state_after([ResyncRequested(id=uuid.uuid4(), tables=order, whole=False)], state)

    joined, apart = ordered(table), ordered(other)
    assert [joined.finished(stage) for stage in ("keys", "constraints", "indexes")] == [False, False, False]
    assert [apart.finished(stage) for stage in ("keys", "constraints", "indexes")] == [False, True, True]


def test_only_the_latest_notices_are_kept() -> None:
    state = state_after([Noticed(level="info", message=str(number)) for number in range(NOTICES_KEPT + 5)])
    assert len(state.notices) == NOTICES_KEPT
    assert state.notices[-1].message == str(NOTICES_KEPT + 4)


def test_what_was_measured_of_a_slot_is_not_that_of_the_next_one() -> None:
    created = SlotCreated(name="s", lsn="0/1", system_identifier="1", timeline=1)
    measured = SlotMeasured(retained_bytes=5, wal_status="reserved", source_lsn="0/2")
    known = state_after([created, measured])
    assert known.slot_measured == measured
    assert state_after([created], known).slot_measured is None
    again = ResyncRequested(id=uuid.UUID(int=1), tables=[], whole=True, reasons=[])
    assert state_after([again], known).slot_measured is None


def test_a_fact_without_consequence_moves_the_position_alone() -> None:
    state = state_after([StatementFinished(kind="INDEX", name="i", seconds=1.0)])
    assert (state.sequence, state.updated_at, state.state) == (1, 100.0, "not-started")


def planned(table: TableName) -> list[Event]:
    fields = {"chunks": 1, "estimated_rows": 9, "estimated_bytes": 9, "binary": True}
    return [
        TablePlanned(table=table, pair_lsn="0/1", **fields),  # type: ignore[arg-type]
        TableCopied(table=table, rows=9, bytes=90, seconds=1.0),
    ]


def test_an_order_to_copy_again_ends_the_consistency_and_opens_the_stages_that_bring_it_back() -> None:
    lines = TableName(schema="sales", name="lines")
    stages: list[StageName] = ["precheck", "capture", "schema", "full", "keys", "catch-up", "constraints"]
    done: list[Event] = [STARTED, *planned(ORDERS), *planned(lines), SyncPointPassed(lsn="0/2")]
    for stage in stages:
        done += [StageStarted(stage=stage), StageFinished(stage=stage)]
    failed = state_after([*done, TaskFailedEvent(failure=Failure(title="lost", changes_missing=True))])
    order = ResyncRequested(id=uuid.uuid4(), tables=[TableToCopy(table=ORDERS, rows=9, bytes=90)], whole=False)
    state = state_after([order], failed)
    assert [stage for stage in stages if not state.finished(stage)] == ["capture", "full", "keys", "catch-up"]
    assert (state.failure, state.sync_point_passed, state.resync) == (None, False, order)
    assert [name for name, table in state.tables.items() if table.copied] == ["sales.lines"]
    assert state_after([STARTED, StageStarted(stage="capture")], state).state == "initializing"


def test_a_dropped_table_is_reported_once_and_comes_back_with_its_next_copy() -> None:
    drop = TableDropped(table=ORDERS)
    state = state_after([*planned(ORDERS), drop, drop])
    assert state.dropped == (ORDERS,)
    assert [notice.message for notice in state.notices if "was dropped" in notice.message] == [narrate(drop)]
    assert state_after(planned(ORDERS), state).dropped == ()


def test_a_dropped_table_keeps_its_figures_where_it_was_copied_whole() -> None:
    begun, copied = planned(ORDERS)
    assert state_after([begun, TableDropped(table=ORDERS)]).table(ORDERS) is None
    known = state_after([begun, copied, TableDropped(table=ORDERS)]).table(ORDERS)
    assert known is not None and known.rows == 9


def followed(number: int, kind: Literal["created", "dropped", "renamed"], **fields: Any) -> DefinitionFollowed:
    return DefinitionFollowed(number=number, lsn="0/9", kind=kind, tag="DDL", **fields)


def test_what_was_followed_counts_once_and_tables_come_go_and_change_their_names() -> None:
    lines = TableName("sales", "lines")
    state = state_after([*planned(ORDERS), followed(1, "renamed", table=ORDERS, renamed=lines)])
    known = state.table(lines)
    assert state.table(ORDERS) is None and known is not None and known.rows == 9
    dropped = followed(2, "dropped", table=lines)
    gone = state_after([dropped, dropped], state)
    assert gone.dropped == (lines,) and gone.followed == 2
    assert [notice.message for notice in gone.notices] == [narrate(dropped)]
    back = state_after([followed(3, "created", table=lines), followed(2, "dropped", table=lines)], gone)
    made = back.table(lines)
    assert back.dropped == () and made is not None and made.copied and made.rows == 0


@pytest.mark.parametrize("again", ["orders", "orders_2025"])
def test_a_detached_partition_is_reported_until_its_tree_is_copied_again(again: str) -> None:
    left = PartitionDetached(table=TableName("sales", "orders_2025"), root=ORDERS, remedy=to_do("detach it there, too"))
    state = state_after([*planned(ORDERS), left])
    assert state.detached == (left,)
    assert "sales.orders_2025 was detached from sales.orders" in state.notices[-1].message
    other = ResyncRequested(
        id=uuid.uuid4(), tables=[TableToCopy(table=TableName("sales", "lines"), rows=9, bytes=90)], whole=False
    )
    assert state_after([other], state).detached == (left,)
    table = TableToCopy(table=TableName("sales", again), rows=9, bytes=90)
    assert state_after([ResyncRequested(id=uuid.uuid4(), tables=[table], whole=False)], state).detached == ()


def test_what_is_in_the_way_now_stands_beside_what_it_began_with() -> None:
    refused = Failure(title="connection refused", where="source")
    starting = Failure(title="the server is starting up", where="source")
    troubles = [RetryStarted(failure=each, since=1, until=2) for each in (TROUBLE, refused, starting)]
    state = state_after([*STREAMING, *troubles])
    assert state.retrying is not None
    assert (state.retrying.failure, state.retrying.first) == (starting, TROUBLE)
    again = state_after([*STREAMING, *troubles, RetryEnded(), troubles[1]])
    assert again.retrying is not None and again.retrying.first is None


SWITCHOVER = SwitchoverOrder(id=uuid.uuid4())
FENCE = Fence(mode="read-only", database="kb", statements=("SET …",), undo=("RESET …",))
BEGUN: list[Event] = [
    EngineStarted(pid=7, version="1"),
    SwitchoverStarted(id=SWITCHOVER.id, order=SWITCHOVER),
    SwitchoverStepStarted(id=SWITCHOVER.id, step="fence"),
    FenceRaising(id=SWITCHOVER.id, fence=FENCE),
]


def test_a_switchover_keeps_the_fence_that_was_there_first() -> None:
    again = FenceRaising(id=SWITCHOVER.id, fence=Fence(mode="read-only", database="kb", undo=("other",)))
    known = state_after([*BEGUN, again]).switchover
    assert known is not None and known.fence == FENCE and known.fenced_at == 103.0 and known.pending


def test_a_switchover_that_is_undone_leaves_no_fence() -> None:
    changing = DestinationChanging(id=SWITCHOVER.id, undo=["a"])
    known = state_after([*BEGUN, changing, SwitchoverUndone(id=SWITCHOVER.id, failure=TROUBLE)]).switchover
    assert known is not None and (known.fence, known.undo, known.undone, known.failure) == (None, (), True, TROUBLE)


def test_a_switchover_that_could_not_be_undone_is_pending_still() -> None:
    failed = UndoFailed(id=SWITCHOVER.id, failure=TROUBLE)
    known = state_after([*BEGUN, failed]).switchover
    assert known is not None and known.pending and known.fence == FENCE and known.ended_at is not None
    again = state_after([*BEGUN, failed, SwitchoverStepStarted(id=SWITCHOVER.id, step="checks")]).switchover
    assert again is not None and again.ended_at is None and again.failure is None


def test_a_task_that_is_switched_over_stays_so_however_its_engine_ends() -> None:
    over = SwitchoverFinished(id=SWITCHOVER.id, lsn="0/9", seconds=1.5)
    for end in (TaskPaused(), TaskFailedEvent(failure=TROUBLE), EngineStopped(reason="paused")):
        assert state_after([*BEGUN, over, end]).state == "switched"


def test_facts_of_an_earlier_switchover_change_nothing() -> None:
    other = SwitchoverUndone(id=uuid.uuid4())
    known = state_after([*BEGUN, other]).switchover
    assert known is not None and not known.undone


def test_what_an_earlier_comparison_found_changes_nothing() -> None:
    order = VerificationOrder(id=uuid.uuid4())
    begun = VerificationStarted(order=order, tables=[ORDERS])
    earlier = uuid.uuid4()
    late: list[Event] = [
        DefinitionsVerified(id=earlier, compared=9, differences=[]),
        TableVerified(id=earlier, found=TableVerification(table=ORDERS, verdict="equal")),
        VerificationFinished(id=earlier),
    ]
    known = state_after([begun, *late]).verification
    assert known is not None and (known.definitions, dict(known.tables), known.ended_at) == (0, {}, None)
    of_this = state_after([begun, DefinitionsVerified(id=order.id, compared=9, differences=[])]).verification
    assert of_this is not None and of_this.definitions == 9
