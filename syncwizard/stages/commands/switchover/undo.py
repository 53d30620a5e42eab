"""Undoes a switchover that has not come to its last step: definitions of the destination, then the fence."""

import time

import msgspec

from syncwizard.errors import EndpointError, SyncwizardError, UsageError
from syncwizard.postgres.fencing import end_session, other_sessions, run_statements
from syncwizard.postgres.session.trouble import translated
from syncwizard.remedies import to_do
from syncwizard.stages.context import Cancellation, Context
from syncwizard.task.failures import failure_of
from syncwizard.task.parts import Remainder
from syncwizard.task.switchover import Fence, Switchover, SwitchoverUndone, UndoFailed

# An end that was just lost may be there again; applications wait meanwhile.
ATTEMPTS = 5
PAUSE_SECONDS = 1.0


def undo(context: Context, error: SyncwizardError | None = None) -> bool:
    """Lets writes go to the source again, and records that, with the error that led to it; whether that succeeded.

    Raises UsageError where there is nothing to undo any more; an error from then on is only recorded.
    """
    first = failure_of(error) if error is not None else None
    begun = context.state().switchover
    if first is not None and begun is not None and begun.opening and not begun.finished:
        context.record(UndoFailed(id=begun.order.id, failure=first))
        return False
    known = check_undoable(context)
    # What ended the switchover does not end this.
    context = msgspec.structs.replace(context, cancellation=Cancellation())
    left_over = _restore_definitions(context, known)
    try:
        if known.fence is not None:
            _lift(context, known.fence)
    except SyncwizardError as lifting:
        lifting.remedy = to_do(
            "writes are kept out of the source until this is done there",
            statements=known.fence.undo if known.fence else (),
        )
        context.record(UndoFailed(id=known.order.id, failure=failure_of(lifting), first=first))
        return False
    seconds = time.time() - known.fenced_at if known.fenced_at is not None and known.fence is not None else None
    context.record(SwitchoverUndone(id=known.order.id, failure=first, seconds=seconds, left_over=tuple(left_over)))
    return True


def check_undoable(context: Context) -> Switchover:
    """The switchover that can be undone. Raises UsageError."""
    known = context.state().switchover
    if known is None or known.undone:
        raise UsageError("there is no switchover to undo")
    if known.finished:
        raise UsageError("the task is switched over already: the destination has taken the writes")
    if known.opening:
        raise UsageError(
            "the destination may have taken writes already, so that the source must take none",
            remedy="go on with the switchover: run it again without --undo",
        )
    return known


def _restore_definitions(context: Context, known: Switchover) -> list[Remainder]:
    """Changes definitions of the destination back; what could not be, as statements."""
    if not known.undo:
        return []
    try:
        with context.destination("switchover") as destination, translated("destination", "changing definitions back"):
            run_statements(destination.connection, known.undo)
    except SyncwizardError:
        return [Remainder(statements=known.undo, end="destination")]
    return []


def _lift(context: Context, fence: Fence) -> None:
    """Takes the fence away; sessions that began behind it are ended, because they could not write."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with (
                context.connect("source", "switchover") as source,
                translated("source", "letting writes through again"),
            ):
                run_statements(source, fence.undo)
                if fence.mode == "read-only":
                    for session in other_sessions(source, context.spec.short_id):
                        if session.since is None or session.since >= fence.after:
                            end_session(source, session)
            return
        except EndpointError as error:
            if not error.transient or attempt == ATTEMPTS:
                raise
        context.cancellation.wait(PAUSE_SECONDS)
