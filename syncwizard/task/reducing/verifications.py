"""Events of comparisons of both ends."""

from syncwizard.task.events import DefinitionsVerified, TableVerified, VerificationFinished, VerificationStarted
from syncwizard.task.layered import changed
from syncwizard.task.reducing.core import after, replace
from syncwizard.task.state import TaskState, Verification


@after.register
def _(event: VerificationStarted, state: TaskState, at: float) -> TaskState:
    return replace(state, verification=Verification(order=event.order, total=len(event.tables), started_at=at))


@after.register
def _(event: TableVerified, state: TaskState, at: float) -> TaskState:
    known = state.verification
    if known is None or known.order.id != event.id:
        return state
    tables = changed(known.tables, str(event.found.table), event.found)
    return replace(state, verification=replace(known, tables=tables))


@after.register
def _(event: DefinitionsVerified, state: TaskState, at: float) -> TaskState:
    known = state.verification
    if known is None or known.order.id != event.id:
        return state
    found = replace(known, definitions=event.compared, differences=tuple(event.differences))
    return replace(state, verification=found)


@after.register
def _(event: VerificationFinished, state: TaskState, at: float) -> TaskState:
    known = state.verification
    if known is None or known.order.id != event.id:
        return state
    return replace(state, verification=replace(known, ended_at=at, failure=event.failure, stopped=event.stopped))
