"""Undoes a switchover that has not come to its last step: definitions of the destination, then the fence."""

import time

import msgspec

from syncwizard.errors import SyncwizardError, UsageError
from syncwizard.postgres.fencing import run_statements
from syncwizard.postgres.session.trouble import translated
from syncwizard.remedies import to_do
from syncwizard.stages.commands.switchover.lifting import lift
from syncwizard.stages.commands.switchover.way_back import WayBack
from syncwizard.stages.context import Cancellation, Context
from syncwizard.task.events import Noticed
from syncwizard.task.failures import failure_of
from syncwizard.task.parts import Remainder
from syncwizard.task.switchover import Switchover, SwitchoverUndone, UndoFailed


def undo(context: Context, way_back: WayBack, error: SyncwizardError | None = None) -> bool:
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
    _drop_reverse(context, known, way_back)
    try:
        if known.fence is not None:
            lift(context, "source", known.fence)
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


def _drop_reverse(context: Context, known: Switchover, way_back: WayBack) -> None:
    """Takes the task of the other direction away; where that fails, it can be released like any other."""
    if known.reverse is None:
        return
    try:
        way_back.drop(known.reverse)
    except SyncwizardError as error:
        context.record(
            Noticed(
                level="warning",
                message=f"the task {known.reverse_name} of the other direction is left: {error}",
                remedy=to_do(f"release it: syncwizard release {known.reverse.hex[:12]}"),
            )
        )


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
