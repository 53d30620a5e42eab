"""Switches a running task over beside its stream, in a thread, one order at a time; undoes what is not finished."""

import logging
import threading
from collections.abc import Callable

import msgspec

from syncwizard.errors import Cancelled, JournalFailed, SyncwizardError, TaskFailed, UsageError
from syncwizard.remedies import Remedy, to_do
from syncwizard.stages.commands.switchover.way_back import WayBack
from syncwizard.stages.context import Cancellation, Context
from syncwizard.task.events import Noticed
from syncwizard.task.failures import unexpected
from syncwizard.task.figures.sample import Sample
from syncwizard.task.switchover import SwitchoverOrder

log = logging.getLogger(__name__)

# For an undo, before the engine ends: each attempt is bounded by the time that a login takes.
ENDING_SECONDS = 60.0


class Switcher:
    """One thread at most. It ends with SwitchoverFinished, SwitchoverUndone or UndoFailed, or with the engine, after
    whose death the client decides whether to go on or to undo."""

    def __init__(
        self, context: Context, figures: Callable[[], Sample], way_back: WayBack, finished: Callable[[], None]
    ) -> None:
        """`finished` is called when the task is switched over, in the thread."""
        self._context = context
        self._figures = figures
        self._way_back = way_back
        self._finished = finished
        self._thread: threading.Thread | None = None
        self._stop = Cancellation()

    @property
    def at_work(self) -> bool:
        """Whether steps are being taken, or undone."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def interrupted(self) -> bool:
        """Whether an earlier engine ended in the middle of one."""
        known = self._context.state().switchover
        return known is not None and known.pending

    def begin(self, order: SwitchoverOrder) -> None:
        """Begins, or goes on with what was interrupted; the order that is carried out may be repeated.

        Raises UsageError while another one is, where one was interrupted, and where the ends are not in step.
        """
        state = self._context.state()
        known = state.switchover
        same = known is not None and known.order.id == order.id
        if same and (self.at_work or (known is not None and not known.pending)):
            return
        if self.at_work:
            raise UsageError("another switchover is at work", remedy=Remedy(then="status"))
        if known is not None and known.pending and not same and (known.fence is not None or known.opening):
            raise UsageError("a switchover was interrupted", remedy="go on with it, or undo it: --undo")
        if state.state != "synchronizing" or not state.sync_point_passed:
            raise UsageError("the destination is not in step with the source", remedy=Remedy(then="wait"))
        self._start(lambda: self._switch(order))

    def undo(self) -> None:
        """Ends the switchover that is at work, or was interrupted, and undoes it. Raises UsageError where there is
        nothing to undo any more."""
        from syncwizard.stages.commands.switchover.undo import check_undoable, undo

        check_undoable(self._context)
        if self.at_work:
            self._stop.cancel()
        else:
            self._start(lambda: _done(undo(self._context, self._way_back)))

    def end(self) -> None:
        """When the pipeline has ended: what is at work is undone. Of a task that is switched over the slot is dropped,
        which would hold WAL for ever, and the task of the other direction begins: not before, or what it brings to the
        source would come back here, over what the destination has by then."""
        from syncwizard.stages.commands.switchover.ending import drop_left_slot

        self._stop.cancel()
        if self._thread is not None:
            self._thread.join(ENDING_SECONDS)
        known = self._context.state().switchover
        if known is not None and known.finished:
            drop_left_slot(self._context)
            self._start_reverse()

    def _start(self, work: Callable[[], None]) -> None:
        self._stop = Cancellation()
        self._thread = threading.Thread(target=self._guarded, args=(work,), name="switchover", daemon=True)
        self._thread.start()

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except JournalFailed as error:
            log.error("the switchover ends, and nothing can be written down: %s", error)  # noqa: TRY400
        except SyncwizardError as error:
            log.warning("the switchover was not undone: %s", error)

    def _switch(self, order: SwitchoverOrder) -> None:
        from syncwizard.stages.commands.switchover.run import run
        from syncwizard.stages.commands.switchover.undo import undo

        context = msgspec.structs.replace(self._context, cancellation=self._stop)
        try:
            run(context, order, self._figures, self._way_back)
        except Cancelled:
            undo(context, self._way_back)
        except SyncwizardError as error:
            log.warning("the switchover is undone: %s", error)
            undo(context, self._way_back, error)
        except Exception as error:  # the last resort of this thread: the source must not stay fenced
            log.exception("unexpected error in the switchover")
            failure = unexpected(error, "the switchover")
            defect = TaskFailed(failure.title, detail=failure.detail, remedy=failure.remedy)
            undo(context, self._way_back, defect)
        else:
            if not order.rehearsal:
                self._finished()

    def _start_reverse(self) -> None:
        """Lets changes of the destination come back; they are kept by the slot until then."""
        known = self._context.state().switchover
        if known is None or known.reverse is None:
            return
        try:
            self._way_back.start(known.reverse)
        except SyncwizardError as error:
            message = (
                f"the task {known.reverse_name} of the other direction was made, and could not be started: {error}"
            )
            remedy = to_do(f"start it: syncwizard resume {known.reverse.hex[:12]}")
            self._context.record(Noticed(level="warning", message=message, remedy=remedy))


def _done(succeeded: bool) -> None:
    """What an undo comes to is in the journal."""
