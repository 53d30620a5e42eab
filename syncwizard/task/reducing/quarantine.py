"""Events of changes of rows that the destination refuses: decided about, put into quarantine, settled."""

from syncwizard.task.events import ChangeQuarantined, Noticed, QuarantineFollowed, QuarantineSettled, RowDecided
from syncwizard.task.narration import narrate
from syncwizard.task.quarantine import Quarantined
from syncwizard.task.reducing.core import after, noticed, replace
from syncwizard.task.state import TaskState


@after.register
def _(event: RowDecided, state: TaskState, at: float) -> TaskState:
    # One change waits at a time: what is behind it has not been seen.
    return replace(state, row_decided=None if event.action == "retry" else event)


@after.register
def _(event: ChangeQuarantined, state: TaskState, at: float) -> TaskState:
    decided = state.row_decided
    carried_out = decided is not None and decided.lsn == event.lsn and decided.table == event.target
    state = replace(
        state,
        row_decided=None if carried_out else decided,
        quarantine=(*state.quarantine, Quarantined(change=event, at=at)),
        quarantined=max(state.quarantined, event.number),
    )
    return noticed(state, at, Noticed(level="warning", message=narrate(event)))


@after.register
def _(event: QuarantineFollowed, state: TaskState, at: float) -> TaskState:
    quarantine = tuple(
        replace(each, followers=each.followers + event.changes, settled_at=None, settled=None)
        if each.change.number == event.follows
        else each
        for each in state.quarantine
    )
    return replace(state, quarantine=quarantine, quarantined=max(state.quarantined, event.number))


@after.register
def _(event: QuarantineSettled, state: TaskState, at: float) -> TaskState:
    quarantine = tuple(
        replace(each, settled_at=at, settled=event.reason) if each.change.number in event.numbers else each
        for each in state.quarantine
    )
    return replace(state, quarantine=quarantine)
