"""Makes the state of a task from its events: pure, the same for the engine, its viewers and a replay."""

import functools
import uuid
from collections.abc import Iterable

import msgspec

from syncwizard.task.events import (
    ChangesApplied,
    DefinitionDecided,
    DefinitionFollowed,
    DefinitionMissing,
    DefinitionsVerified,
    EngineStarted,
    EngineStopped,
    Entry,
    Event,
    HeartbeatCreated,
    Noticed,
    PartitionDetached,
    PrecheckFinished,
    PrecheckItemFinished,
    PublicationCreated,
    ReplicaIdentityChanging,
    ResyncRequested,
    RetryEnded,
    RetryStarted,
    RowRulesChanged,
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
    TableVerified,
    TaskFailedEvent,
    TaskPaused,
    TaskReleased,
    VerificationFinished,
    VerificationStarted,
)
from syncwizard.task.layered import changed, without
from syncwizard.task.names import TableName
from syncwizard.task.narration import DEAD_LETTERS, narrate
from syncwizard.task.stages import TABLE as STAGE_TABLE
from syncwizard.task.stages import facts_of
from syncwizard.task.state import (
    MissingDefinition,
    Notice,
    Retrying,
    StageState,
    StateName,
    TableState,
    TaskState,
    Verification,
)
from syncwizard.task.switching import after as after_switchover
from syncwizard.task.switchover import FenceInherited, SlotDropped, SwitchoverEvent

replace = msgspec.structs.replace

# Enough for a screen; the journal keeps them all.
NOTICES_KEPT = 50


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
    return replace(_after(event, state, entry_at), updated_at=entry_at, sequence=sequence)


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


def _interrupted(state: TaskState) -> TaskState:
    """Stages that ran wait again; `started_at` stays and tells that they were begun."""
    stages = {
        name: replace(stage, status="waiting") if stage.status == "running" else stage
        for name, stage in state.stages.items()
    }
    return replace(state, stages=stages, retrying=None)


@functools.singledispatch
def _after(event: Event, state: TaskState, at: float) -> TaskState:
    """Facts without a handler (an order to pause) change nothing but the journal's position."""
    return state


@_after.register
def _(event: EngineStarted, state: TaskState, at: float) -> TaskState:
    state = replace(_interrupted(state), engine_pid=event.pid, failure=None)
    return replace(state, state=working_state(state))


@_after.register
def _(event: EngineStopped, state: TaskState, at: float) -> TaskState:
    return replace(_interrupted(state), engine_pid=None)


@_after.register
def _(event: StageStarted, state: TaskState, at: float) -> TaskState:
    if event.stage == "precheck":
        state = replace(state, precheck=())
    state = _with_stage(state, event.stage, StageState(status="running", started_at=at))
    return state if state.retrying else replace(state, state=working_state(state))


@_after.register
def _(event: StageFinished, state: TaskState, at: float) -> TaskState:
    begun = state.stages.get(event.stage, StageState())
    return _with_stage(state, event.stage, replace(begun, status="done", finished_at=at, summary=event.summary))


@_after.register
def _(event: PrecheckItemFinished, state: TaskState, at: float) -> TaskState:
    return replace(state, precheck=(*state.precheck, event))


@_after.register
def _(event: PrecheckFinished, state: TaskState, at: float) -> TaskState:
    return replace(state, state="precheck-passed" if event.passed else "precheck-failed")


@_after.register
def _(event: ReplicaIdentityChanging, state: TaskState, at: float) -> TaskState:
    return replace(state, identities=(*state.identities, event))


@_after.register
def _(event: HeartbeatCreated, state: TaskState, at: float) -> TaskState:
    return replace(state, heartbeat=True)


@_after.register
def _(event: PublicationCreated, state: TaskState, at: float) -> TaskState:
    return replace(state, publication=event, row_rules=None if event.rules is None else tuple(event.rules))


@_after.register
def _(event: RowRulesChanged, state: TaskState, at: float) -> TaskState:
    return replace(state, row_rules=tuple(event.rules))


@_after.register
def _(event: SlotCreated, state: TaskState, at: float) -> TaskState:
    # What was measured is of the slot before.
    return replace(state, slot=event, slot_measured=None)


@_after.register
def _(event: SlotMeasured, state: TaskState, at: float) -> TaskState:
    return replace(state, slot_measured=event, slot_measured_at=at)


@_after.register
def _(event: TablePlanned, state: TaskState, at: float) -> TaskState:
    known = state.table(event.table)
    planned = TableState(
        pair_lsn=event.pair_lsn,
        chunks=event.chunks,
        estimated_rows=event.estimated_rows,
        estimated_bytes=event.estimated_bytes,
        binary=event.binary,
        restarts=known.restarts if known else 0,
    )
    dropped = tuple(table for table in state.dropped if table != event.table)
    tables = changed(state.tables, str(event.table), planned)
    return replace(state, tables=tables, planning=event.more, dropped=dropped)


@_after.register
def _(event: TableCopied, state: TaskState, at: float) -> TaskState:
    known = state.table(event.table)
    if known is None:
        return state
    copied = replace(
        known,
        copied=True,
        rows=event.rows,
        bytes=event.bytes,
        seconds=event.seconds,
        dead_letters=event.dead_letters,
    )
    return replace(state, tables=changed(state.tables, str(event.table), copied))


@_after.register
def _(event: TableRestarted, state: TaskState, at: float) -> TaskState:
    known = state.table(event.table)
    if known is None:
        return state
    state = replace(state, tables=changed(state.tables, str(event.table), _begun_again(known)))
    return _noticed(state, at, Noticed(level="warning", message=f"copying {event.table} again: {event.reason}"))


@_after.register
def _(event: ResyncRequested, state: TaskState, at: float) -> TaskState:
    joining = {each.table for each in event.tables}.intersection(name for each in state.aside for name in each.names)
    again_stages = [
        stage.name
        for stage in STAGE_TABLE
        if stage.again or (stage.joined and (joining or event.added)) or (stage.added and event.added)
    ]
    removed = set(event.removed)
    leaving = set(map(str, removed))
    tables = {name: table for name, table in state.tables.items() if name not in leaving}
    for each in event.tables:
        if known := state.table(each.table):
            tables[str(each.table)] = _begun_again(known)
    again = {each.table for each in event.tables}
    state = _interrupted(state)
    return replace(
        state,
        state="paused",
        failure=None,
        # Given under the task's lock: an engine that has not reported its stop is dead.
        engine_pid=None,
        resync=event,
        # One that is to be made anew is not missed.
        slot_measured=None if event.whole else state.slot_measured,
        sync_point_passed=False,
        stages={**state.stages, **{name: StageState() for name in again_stages}},
        tables=tables,
        changes=_without_dead_letters(state.changes, map(str, again)),
        # A tree that is copied again has only what the source's has.
        detached=tuple(each for each in state.detached if not again.intersection((each.table, each.root))),
        aside=tuple(each for each in state.aside if not (again | removed).intersection(each.names)),
    )


@_after.register
def _(event: DefinitionFollowed, state: TaskState, at: float) -> TaskState:
    if event.number <= state.followed:
        return state
    others = tuple(each for each in state.decided if not each.concerns(event.ordinal, event.lsn))
    state = replace(state, followed=event.number, decided=others)
    if event.kind == "created":
        made = TableState(pair_lsn=event.lsn, chunks=1, estimated_rows=0, estimated_bytes=0, binary=False, copied=True)
        dropped = tuple(table for table in state.dropped if table != event.table)
        return replace(state, tables=changed(state.tables, str(event.table), made), dropped=dropped)
    if event.kind == "renamed" and event.renamed is not None:
        return _renamed(state, event.table, event.renamed)
    if event.kind == "dropped":
        return _dropped(state, at, TableDropped(table=event.table), narrate(event))
    return state


@_after.register
def _(event: DefinitionDecided, state: TaskState, at: float) -> TaskState:
    others = tuple(each for each in state.decided if not each.concerns(event.ordinal, event.lsn))
    return replace(state, decided=others if event.action == "retry" else (*others, event))


def _renamed(state: TaskState, before: TableName, now: TableName) -> TaskState:
    tables = state.tables
    if (known := state.table(before)) is not None:
        tables = changed(without(tables, str(before)), str(now), known)
    identities = tuple(replace(each, table=now) if each.table == before else each for each in state.identities)
    dropped = tuple(table for table in state.dropped if table != now)
    return replace(state, tables=tables, identities=identities, dropped=dropped)


@_after.register
def _(event: TableDropped, state: TaskState, at: float) -> TaskState:
    if event.again:
        others = tuple(each for each in state.aside if each.table != event.table)
        return _noticed(replace(state, aside=others), at, Noticed(level="warning", message=narrate(event)))
    return _dropped(state, at, event, narrate(event))


def _dropped(state: TaskState, at: float, event: TableDropped, message: str) -> TaskState:
    if event.table in state.dropped:
        return state
    # What was never copied whole has no figures to come; and no identity is left to restore.
    tables, known = state.tables, state.table(event.table)
    if known is not None and not known.copied:
        tables = without(tables, str(event.table))
    identities = tuple(change for change in state.identities if change.table != event.table)
    aside = tuple(each for each in state.aside if each.anew or each.table != event.table)
    state = replace(state, tables=tables, identities=identities, aside=aside, dropped=(*state.dropped, event.table))
    return _noticed(state, at, Noticed(level="warning", message=message))


@_after.register
def _(event: PartitionDetached, state: TaskState, at: float) -> TaskState:
    others = tuple(each for each in state.detached if each.table != event.table)
    state = replace(state, detached=(*others, event))
    return _noticed(state, at, Noticed(level="warning", message=narrate(event), remedy=event.remedy))


@_after.register
def _(event: TableSetAside, state: TaskState, at: float) -> TaskState:
    others = tuple(each for each in state.aside if each.table != event.table)
    return replace(state, aside=(*others, event))


@_after.register
def _(event: SyncPointSet, state: TaskState, at: float) -> TaskState:
    return replace(state, sync_point=event.lsn)


@_after.register
def _(event: SyncPointPassed, state: TaskState, at: float) -> TaskState:
    return replace(state, sync_point_passed=True)


@_after.register
def _(event: StatementSkipped, state: TaskState, at: float) -> TaskState:
    state = _not_missing(state, event.kind, event.name)
    message = f"{event.kind} {event.name} was left out: {event.reason}"
    return _noticed(state, at, Noticed(level="warning", message=message))


@_after.register
def _(event: DefinitionMissing, state: TaskState, at: float) -> TaskState:
    known = next((each for each in state.missing_definitions if each.is_of(event.kind, event.name)), None)
    before = known.statements if known else ()
    missing = MissingDefinition(
        kind=event.kind,
        name=event.name,
        reason=event.reason,
        sqlstate=event.sqlstate,
        # Several statements may make one definition: a trigger, and when it fires.
        statements=(*before, *(text for text in event.statements if text not in before)),
        since=known.since if known else at,
        advice=event.advice,
    )
    others = _not_missing(state, event.kind, event.name).missing_definitions
    return replace(state, missing_definitions=(*others, missing))


@_after.register
def _(event: StatementFinished, state: TaskState, at: float) -> TaskState:
    return _not_missing(state, event.kind, event.name)


@_after.register
def _(event: ChangesApplied, state: TaskState, at: float) -> TaskState:
    return replace(
        state, changes=event.tables, transactions=event.transactions, applied_lsn=event.applied_lsn or state.applied_lsn
    )


@_after.register
def _(event: VerificationStarted, state: TaskState, at: float) -> TaskState:
    return replace(state, verification=Verification(order=event.order, total=len(event.tables), started_at=at))


@_after.register
def _(event: TableVerified, state: TaskState, at: float) -> TaskState:
    known = state.verification
    if known is None or known.order.id != event.id:
        return state
    tables = changed(known.tables, str(event.found.table), event.found)
    return replace(state, verification=replace(known, tables=tables))


@_after.register
def _(event: DefinitionsVerified, state: TaskState, at: float) -> TaskState:
    known = state.verification
    if known is None or known.order.id != event.id:
        return state
    found = replace(known, definitions=event.compared, differences=tuple(event.differences))
    return replace(state, verification=found)


@_after.register
def _(event: VerificationFinished, state: TaskState, at: float) -> TaskState:
    known = state.verification
    if known is None or known.order.id != event.id:
        return state
    return replace(state, verification=replace(known, ended_at=at, failure=event.failure, stopped=event.stopped))


@_after.register
def _(event: RetryStarted, state: TaskState, at: float) -> TaskState:
    before = state.retrying
    first = (before.first or before.failure) if before is not None else None
    trouble = Retrying(since=event.since, until=event.until, failure=event.failure, first=first)
    return replace(state, state="retrying", retrying=trouble)


@_after.register
def _(event: RetryEnded, state: TaskState, at: float) -> TaskState:
    state = replace(state, retrying=None)
    return replace(state, state=working_state(state))


@_after.register
def _(event: TaskPaused, state: TaskState, at: float) -> TaskState:
    return replace(_interrupted(state), state="switched" if _is_over(state) else "paused")


def _is_over(state: TaskState) -> bool:
    return state.switchover is not None and state.switchover.finished


@_after.register
def _(event: SwitchoverEvent, state: TaskState, at: float) -> TaskState:
    state = replace(state, switchover=after_switchover(event, state.switchover, at))
    if _is_over(state):
        state = replace(state, inherited=None)
    if isinstance(event, SlotDropped):
        state = replace(state, slot=None, slot_measured=None)
    return replace(state, state="switched") if _is_over(state) else state


@_after.register
def _(event: FenceInherited, state: TaskState, at: float) -> TaskState:
    return replace(state, inherited=event.fence)


@_after.register
def _(event: TaskFailedEvent, state: TaskState, at: float) -> TaskState:
    # Before the precheck passed nothing was created: the task may simply be started again.
    ended: StateName = "failed" if state.finished("precheck") else "precheck-failed"
    if _is_over(state):
        ended = "switched"
    return replace(_interrupted(state), state=ended, failure=event.failure)


@_after.register
def _(event: TaskReleased, state: TaskState, at: float) -> TaskState:
    return replace(
        _interrupted(state),
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


@_after.register
def _(event: Noticed, state: TaskState, at: float) -> TaskState:
    return _noticed(state, at, event)


def _not_missing(state: TaskState, kind: str, name: str) -> TaskState:
    left = tuple(each for each in state.missing_definitions if not each.is_of(kind, name))
    return replace(state, missing_definitions=left) if len(left) < len(state.missing_definitions) else state


def _begun_again(table: TableState) -> TableState:
    return replace(table, copied=False, rows=0, bytes=0, seconds=0.0, dead_letters=0, restarts=table.restarts + 1)


def _without_dead_letters(changes: dict[str, dict[str, int]], tables: Iterable[str]) -> dict[str, dict[str, int]]:
    """The counts without the rows that were set aside, which go when their tables are copied again."""
    kept = dict(changes)
    for name in tables:
        if DEAD_LETTERS in kept.get(name, {}):
            kept[name] = {kind: number for kind, number in kept[name].items() if kind != DEAD_LETTERS}
    return kept


def _noticed(state: TaskState, at: float, event: Noticed) -> TaskState:
    notice = Notice(at=at, level=event.level, message=event.message, remedy=event.remedy)
    return replace(state, notices=(*state.notices, notice)[-NOTICES_KEPT:])
