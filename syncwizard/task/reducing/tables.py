"""Events of tables: planned, copied, begun again, dropped, renamed, set aside."""

from collections.abc import Iterable

from syncwizard.task.copying_again import counted_again
from syncwizard.task.event_words import DEAD_LETTERS
from syncwizard.task.events import (
    CopyBesideBegun,
    CopyBesideEnded,
    CopyBesideOrdered,
    Noticed,
    PartitionDetached,
    ReplicaIdentityChanging,
    ResyncRequested,
    TableCopied,
    TableDropped,
    TablePlanned,
    TableRestarted,
    TableSetAside,
)
from syncwizard.task.layered import changed, without
from syncwizard.task.names import TableName
from syncwizard.task.narration import narrate
from syncwizard.task.reducing.core import after, interrupted, noticed, replace
from syncwizard.task.stages import TABLE as STAGE_TABLE
from syncwizard.task.state import CopyBeside, StageState, TableState, TaskState


@after.register
def _(event: ReplicaIdentityChanging, state: TaskState, at: float) -> TaskState:
    return replace(state, identities=(*state.identities, event))


@after.register
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


@after.register
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


@after.register
def _(event: TableRestarted, state: TaskState, at: float) -> TaskState:
    known = state.table(event.table)
    if known is None:
        return state
    state = replace(state, tables=changed(state.tables, str(event.table), _begun_again(known)))
    return noticed(state, at, Noticed(level="warning", message=f"copying {event.table} again: {event.reason}"))


@after.register
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
    state = interrupted(state)
    return replace(
        state,
        # Given by the engine itself, or under the task's lock: one that has not reported its stop is dead then.
        state="initializing" if event.automatic else "paused",
        failure=None,
        engine_pid=state.engine_pid if event.automatic else None,
        resync=event,
        copied_again=counted_again(state.copied_again, event, at),
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


@after.register
def _(event: CopyBesideOrdered, state: TaskState, at: float) -> TaskState:
    return replace(state, beside=CopyBeside(order=event.order))


@after.register
def _(event: CopyBesideBegun, state: TaskState, at: float) -> TaskState:
    if state.beside is None:
        return state
    return replace(state, beside=replace(state.beside, task=event.task, name=event.name))


@after.register
def _(event: CopyBesideEnded, state: TaskState, at: float) -> TaskState:
    if event.reason:
        state = noticed(state, at, Noticed(level="warning", message=narrate(event)))
    known = state.beside
    if known is None or not event.reason:
        return replace(state, beside=None)
    ended = replace(known, task=None, name="", failures=known.failures + 1, held=not event.again)
    return replace(state, beside=ended)


def rename_table(state: TaskState, before: TableName, now: TableName) -> TaskState:
    """The state once a table has another name at the source."""
    tables = state.tables
    if (known := state.table(before)) is not None:
        tables = changed(without(tables, str(before)), str(now), known)
    identities = tuple(replace(each, table=now) if each.table == before else each for each in state.identities)
    dropped = tuple(table for table in state.dropped if table != now)
    return replace(state, tables=tables, identities=identities, dropped=dropped)


@after.register
def _(event: TableDropped, state: TaskState, at: float) -> TaskState:
    if event.again:
        others = tuple(each for each in state.aside if each.table != event.table)
        return noticed(replace(state, aside=others), at, Noticed(level="warning", message=narrate(event)))
    return drop_table(state, at, event, narrate(event))


def drop_table(state: TaskState, at: float, event: TableDropped, message: str) -> TaskState:
    """The state once a table is gone at the source; `message` is the remark on it."""
    if event.table in state.dropped:
        return state
    # What was never copied whole has no figures to come; and no identity is left to restore.
    tables, known = state.tables, state.table(event.table)
    if known is not None and not known.copied:
        tables = without(tables, str(event.table))
    identities = tuple(change for change in state.identities if change.table != event.table)
    aside = tuple(each for each in state.aside if each.anew or each.table != event.table)
    state = replace(state, tables=tables, identities=identities, aside=aside, dropped=(*state.dropped, event.table))
    return noticed(state, at, Noticed(level="warning", message=message))


@after.register
def _(event: PartitionDetached, state: TaskState, at: float) -> TaskState:
    others = tuple(each for each in state.detached if each.table != event.table)
    state = replace(state, detached=(*others, event))
    return noticed(state, at, Noticed(level="warning", message=narrate(event), remedy=event.remedy))


@after.register
def _(event: TableSetAside, state: TaskState, at: float) -> TaskState:
    others = tuple(each for each in state.aside if each.table != event.table)
    return replace(state, aside=(*others, event))


def _begun_again(table: TableState) -> TableState:
    return replace(table, copied=False, rows=0, bytes=0, seconds=0.0, dead_letters=0, restarts=table.restarts + 1)


def _without_dead_letters(changes: dict[str, dict[str, int]], tables: Iterable[str]) -> dict[str, dict[str, int]]:
    """The counts without the rows that were set aside, which go when their tables are copied again."""
    kept = dict(changes)
    for name in tables:
        if DEAD_LETTERS in kept.get(name, {}):
            kept[name] = {kind: number for kind, number in kept[name].items() if kind != DEAD_LETTERS}
    return kept
