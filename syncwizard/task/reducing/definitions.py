"""Events of definitions: followed, decided about, made, missing."""

from syncwizard.task.events import (
    DefinitionDecided,
    DefinitionFollowed,
    DefinitionMissing,
    Noticed,
    StatementFinished,
    StatementSkipped,
    TableDropped,
)
from syncwizard.task.layered import changed
from syncwizard.task.narration import narrate
from syncwizard.task.reducing.core import after, noticed, replace
from syncwizard.task.reducing.tables import drop_table, rename_table
from syncwizard.task.state import MissingDefinition, TableState, TaskState


@after.register
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
        return rename_table(state, event.table, event.renamed)
    if event.kind == "dropped":
        return drop_table(state, at, TableDropped(table=event.table), narrate(event))
    return state


@after.register
def _(event: DefinitionDecided, state: TaskState, at: float) -> TaskState:
    others = tuple(each for each in state.decided if not each.concerns(event.ordinal, event.lsn))
    return replace(state, decided=others if event.action == "retry" else (*others, event))


@after.register
def _(event: StatementSkipped, state: TaskState, at: float) -> TaskState:
    state = _not_missing(state, event.kind, event.name)
    message = f"{event.kind} {event.name} was left out: {event.reason}"
    return noticed(state, at, Noticed(level="warning", message=message))


@after.register
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
        postponed=event.postponed,
    )
    others = _not_missing(state, event.kind, event.name).missing_definitions
    return replace(state, missing_definitions=(*others, missing))


@after.register
def _(event: StatementFinished, state: TaskState, at: float) -> TaskState:
    return _not_missing(state, event.kind, event.name)


def _not_missing(state: TaskState, kind: str, name: str) -> TaskState:
    left = tuple(each for each in state.missing_definitions if not each.is_of(kind, name))
    return replace(state, missing_definitions=left) if len(left) < len(state.missing_definitions) else state
