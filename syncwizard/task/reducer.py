"""Makes the state of a task from its events: pure, the same for the engine, its viewers and a replay."""

import uuid
from collections.abc import Iterable

from syncwizard.task.events import (
    ChangesApplied,
    EngineStarted,
    EngineStopped,
    Entry,
    Event,
    HeartbeatCreated,
    PrecheckFinished,
    PrecheckItemFinished,
    PublicationCreated,
    RetryEnded,
    RetryStarted,
    RowRulesChanged,
    SlotCreated,
    SlotMeasured,
    StageFinished,
    StageName,
    StageStarted,
    SyncPointPassed,
    SyncPointSet,
    TaskFailedEvent,
    TaskPaused,
    TaskReleased,
)
from syncwizard.task.reducing import definitions, quarantine, tables, verifications
from syncwizard.task.reducing.core import after, interrupted, replace
from syncwizard.task.stages import facts_of
from syncwizard.task.state import Retrying, StageState, StateName, TaskState
from syncwizard.task.switching import after as after_switchover
from syncwizard.task.switchover import FenceInherited, SlotDropped, SwitchoverEvent

# Their handlers are registered when they are imported.
TOPICS = (tables, definitions, quarantine, verifications)


def reduce(state: TaskState, entry_at: float, sequence: int, event: Event) -> TaskState:
    """The state after one more event, which happened at `entry_at` (seconds since the epoch).

    >>> state = reduce(TaskState(), 10.0, 1, StageStarted(stage="precheck"))
    >>> state.state, state.sequence
    ('prechecking', 1)
    >>> state = reduce(state, 11.0, 2, PrecheckFinished(passed=True))
    >>> state = reduce(state, 11.0, 3, StageFinished(stage="precheck"))
    >>> state.state, state.finished("precheck")
    ('precheck-passed', True)
    >>> state = reduce(state, 12.0, 4, StageStarted(stage="incremental"))
    >>> state.state
    'synchronizing'
    >>> reduce(state, 13.0, 5, TaskPaused()).state
    'paused'
    """
    return replace(after(event, state, entry_at), updated_at=entry_at, sequence=sequence)


def replay(entries: Iterable[Entry], task_id: uuid.UUID | None = None, name: str = "") -> TaskState:
    """The state after all entries of a journal."""
    state = TaskState(id=task_id, name=name)
    for entry in entries:
        state = reduce(state, entry.at, entry.sequence, entry.event)
    return state


def working_state(state: TaskState) -> StateName:
    """What a task does whose engine is at work, by its stages.

    >>> working_state(TaskState(stages={"full": StageState(status="running")}))
    'initializing'
    """
    running = {name for name, stage in state.stages.items() if stage.status == "running"}
    if any(facts_of(name).endless for name in running):
        return "synchronizing"
    if any(not facts_of(name).tried for name in running) or state.finished("precheck"):
        return "modifying" if state.resync is not None and state.resync.modifies else "initializing"
    return "prechecking"


def _with_stage(state: TaskState, name: StageName, stage: StageState) -> TaskState:
    return replace(state, stages={**state.stages, name: stage})


@after.register
def _(event: EngineStarted, state: TaskState, at: float) -> TaskState:
    state = replace(interrupted(state), engine_pid=event.pid, failure=None)
    return replace(state, state=working_state(state))


@after.register
def _(event: EngineStopped, state: TaskState, at: float) -> TaskState:
    return replace(interrupted(state), engine_pid=None)


@after.register
def _(event: StageStarted, state: TaskState, at: float) -> TaskState:
    if event.stage == "precheck":
        state = replace(state, precheck=())
    state = _with_stage(state, event.stage, StageState(status="running", started_at=at))
    return state if state.retrying else replace(state, state=working_state(state))


@after.register
def _(event: StageFinished, state: TaskState, at: float) -> TaskState:
    begun = state.stages.get(event.stage, StageState())
    return _with_stage(state, event.stage, replace(begun, status="done", finished_at=at, summary=event.summary))


@after.register
def _(event: PrecheckItemFinished, state: TaskState, at: float) -> TaskState:
    return replace(state, precheck=(*state.precheck, event))


@after.register
def _(event: PrecheckFinished, state: TaskState, at: float) -> TaskState:
    return replace(state, state="precheck-passed" if event.passed else "precheck-failed")


@after.register
def _(event: HeartbeatCreated, state: TaskState, at: float) -> TaskState:
    return replace(state, heartbeat=True)


@after.register
def _(event: PublicationCreated, state: TaskState, at: float) -> TaskState:
    return replace(state, publication=event, row_rules=None if event.rules is None else tuple(event.rules))


@after.register
def _(event: RowRulesChanged, state: TaskState, at: float) -> TaskState:
    return replace(state, row_rules=tuple(event.rules))


@after.register
def _(event: SlotCreated, state: TaskState, at: float) -> TaskState:
    # What was measured is of the slot before.
    first = event.timeline if state.first_timeline is None else min(state.first_timeline, event.timeline)
    return replace(state, slot=event, slot_measured=None, first_timeline=first)


@after.register
def _(event: SlotMeasured, state: TaskState, at: float) -> TaskState:
    return replace(state, slot_measured=event, slot_measured_at=at)


@after.register
def _(event: SyncPointSet, state: TaskState, at: float) -> TaskState:
    return replace(state, sync_point=event.lsn)


@after.register
def _(event: SyncPointPassed, state: TaskState, at: float) -> TaskState:
    return replace(state, sync_point_passed=True)


@after.register
def _(event: ChangesApplied, state: TaskState, at: float) -> TaskState:
    return replace(
        state, changes=event.tables, transactions=event.transactions, applied_lsn=event.applied_lsn or state.applied_lsn
    )


@after.register
def _(event: RetryStarted, state: TaskState, at: float) -> TaskState:
    before = state.retrying
    first = (before.first or before.failure) if before is not None else None
    trouble = Retrying(
        since=event.since, until=event.until, failure=event.failure, first=first, window_of=event.window_of
    )
    return replace(state, state="retrying", retrying=trouble)


@after.register
def _(event: RetryEnded, state: TaskState, at: float) -> TaskState:
    state = replace(state, retrying=None)
    return replace(state, state=working_state(state))


@after.register
def _(event: TaskPaused, state: TaskState, at: float) -> TaskState:
    return replace(interrupted(state), state="switched" if _is_over(state) else "paused")


def _is_over(state: TaskState) -> bool:
    return state.switchover is not None and state.switchover.finished


@after.register
def _(event: SwitchoverEvent, state: TaskState, at: float) -> TaskState:
    state = replace(state, switchover=after_switchover(event, state.switchover, at))
    if _is_over(state):
        state = replace(state, inherited=None)
    if isinstance(event, SlotDropped):
        state = replace(state, slot=None, slot_measured=None)
    return replace(state, state="switched") if _is_over(state) else state


@after.register
def _(event: FenceInherited, state: TaskState, at: float) -> TaskState:
    return replace(state, inherited=event.fence)


@after.register
def _(event: TaskFailedEvent, state: TaskState, at: float) -> TaskState:
    # Before the precheck passed nothing was created: the task may simply be started again.
    ended: StateName = "failed" if state.finished("precheck") else "precheck-failed"
    if _is_over(state):
        ended = "switched"
    return replace(interrupted(state), state=ended, failure=event.failure)


@after.register
def _(event: TaskReleased, state: TaskState, at: float) -> TaskState:
    return replace(
        interrupted(state),
        state="released",
        left_over=tuple(event.left_over),
        failure=None,
        # Done under the task's lock, too.
        engine_pid=None,
        # What is left over may be released again, and then has to be known.
        identities=state.identities if event.left_over else (),
        heartbeat=False,
        publication=None,
        slot=None,
        slot_measured=None,
    )
