"""Has tables copied again by a task of their own, while the changes of the others go on, and takes them over from it.

The task is made once all that the source had committed is applied here; it copies under its own slot and follows its
tables. When it is in step the pipeline stops for a moment, carries the order out, and takes the tables at the other
task's position. Whatever goes wrong before, that task is dropped, and the order is carried out as any other.
"""

import logging
import shutil
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import msgspec

from syncwizard import paths
from syncwizard.engine.journal import FILE_NAME, read_state
from syncwizard.engine.locking import find_holder
from syncwizard.engine.second_task import SecondTask, end_engine
from syncwizard.errors import Cancelled, EndpointError, SyncwizardError, TaskFailed
from syncwizard.remedies import resync
from syncwizard.stages.context import Cancellation, Context
from syncwizard.task import file
from syncwizard.task.copying_beside import beside_spec
from syncwizard.task.events import CopyBesideBegun, CopyBesideEnded, Noticed, ResyncRequested
from syncwizard.task.facts import describe_failure
from syncwizard.task.handover import Handover
from syncwizard.task.names import TableName
from syncwizard.task.state import CopyBeside, TaskState

log = logging.getLogger(__name__)

# An attempt costs a copy: after so many that came to nothing the other tables wait for it.
MOST_ATTEMPTS = 3
# Between two looks at the other task, each of which asks both ends.
LOOK_SECONDS = 2.0
AGAIN_SECONDS = 5.0
# In which an order that was given is carried out, unless a pause came first.
ORDER_SECONDS = 30.0
CHANGED = "definitions of its tables have changed at the source"


class CopyBesideKeeper:
    """Its clock looks each second; what asks the ends is in a thread, one at most. `carry_out` takes the order.

    `folder` is that of the stored task: the specification of an engine has the ends of its tunnels.
    """

    def __init__(
        self, context: Context, secrets: Handover, folder: Path, carry_out: Callable[[ResyncRequested], None]
    ) -> None:
        self._cancellation = Cancellation(context.cancellation)
        context.cancellation.on_cancel(self._cancellation.cancel)
        self._context = msgspec.structs.replace(context, cancellation=self._cancellation)
        self._second = SecondTask(secrets)
        self._folder = folder
        self._carry_out = carry_out
        self._from = self._order_again_at = 0.0
        self._thread: threading.Thread | None = None

    def look(self, *, busy: bool) -> None:
        """Looks at clock and state; while the engine is `busy` with what a copy would disturb nothing begins."""
        beside, now = self._context.state().beside, time.monotonic()
        if beside is None or busy or now < self._from or (self._thread is not None and self._thread.is_alive()):
            return
        self._from = now + LOOK_SECONDS
        self._thread = threading.Thread(target=self._run, args=(beside,), name="copy beside", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Pauses the other task with this one."""
        # The pipeline may have failed: nothing that is waited for comes any more.
        self._cancellation.cancel()
        if self._thread is not None:
            self._thread.join()
        beside = self._context.state().beside
        if beside is not None and beside.task is not None:
            end_engine(beside.task)

    def _run(self, beside: CopyBeside) -> None:
        try:
            if self._is_taken(beside):
                self._finish(beside)
            elif beside.held:
                self._order(beside.order)
            elif beside.task is None:
                self._begin(beside.order)
            else:
                self._follow(beside, beside.task)
        except Cancelled:
            return
        except EndpointError as error:
            log.warning("the copy beside the changes waits: %s", error)
            self._from = time.monotonic() + AGAIN_SECONDS
        except SyncwizardError as error:
            log.warning("the copy beside the changes: %s", error)
            self._give_up(str(error))

    def _is_taken(self, beside: CopyBeside) -> bool:
        """Whether the order, or a later one for some of its tables, was carried out."""
        return not beside.order.names <= self._aside()

    def _aside(self) -> set[TableName]:
        return {name for event in self._context.state().aside for name in event.names}

    def _begin(self, order: ResyncRequested) -> None:
        from syncwizard.stages.full import beside

        state = self._context.state()
        if state.state != "synchronizing" or not state.finished("indexes"):
            return
        if lack := beside.lack_of_room(self._context):
            self._give_up(lack, again=False)
            return
        before = beside.traits_of(self._context, order)
        beside.settle(self._context)
        beside.postpone_indexes(self._context, order)
        spec = beside_spec(file.load(self._folder / paths.TASK_FILE), order)
        if spec.id is None:
            raise ValueError("a task that is to be made has an id")
        self._context.record(CopyBesideBegun(task=spec.id, name=spec.name))
        try:
            with self._second.made(spec, "copy beside", self._context.cancellation) as (context, _):
                beside.seed(context, order)
                if beside.traits_of(self._context, order) != before:
                    raise TaskFailed(CHANGED)
        except EndpointError as error:
            self._give_up(str(error))
            return
        self._second.start(spec.id)

    def _follow(self, known: CopyBeside, task: uuid.UUID) -> None:
        from syncwizard.stages.full import beside

        state = self._state_of(task)
        if state is None or state.failure is not None or state.state == "released":
            self._give_up(_why(state))
        elif beside.is_changed(self._context, task):
            self._give_up(CHANGED)
        elif find_holder(task) is None:
            if state.state == "initializing" and state.engine_pid is None:
                # It was not made to the end.
                self._give_up("it was interrupted while it was made")
            else:
                self._second.start(task)
        elif self._may_take(state) and beside.is_in_step(self._context, task):
            self._order(msgspec.structs.replace(known.order, taken_from=task))

    def _may_take(self, state: TaskState) -> bool:
        mine = self._context.state()
        return (
            state.state == "synchronizing"
            and state.finished("indexes")
            and not state.missing_definitions
            and mine.state == "synchronizing"
            and mine.finished("indexes")
        )

    def _state_of(self, task: uuid.UUID) -> TaskState | None:
        folder = paths.task_folder(task)
        if not (folder / paths.TASK_FILE).exists():
            return None
        return read_state(folder / FILE_NAME, task, "")

    def _give_up(self, reason: str, *, again: bool = True) -> None:
        """Drops the other task; another one follows, or the order is carried out without one."""
        known = self._context.state().beside
        if known is None:
            return
        again = again and known.failures + 1 < MOST_ATTEMPTS
        self._drop(known.task)
        self._context.record(CopyBesideEnded(reason=reason, again=again))
        self._from = time.monotonic() + (AGAIN_SECONDS if again else 0.0)

    def _order(self, order: ResyncRequested) -> None:
        """Once more where it is not carried out by then: one that a pause overtakes is dropped."""
        now = time.monotonic()
        if now >= self._order_again_at and self._context.state().state == "synchronizing":
            self._order_again_at = now + ORDER_SECONDS
            self._carry_out(order)

    def _finish(self, known: CopyBeside) -> None:
        state = self._context.state()
        waits = state.resync is not None and state.resync.taken_from == known.task and not state.finished("full")
        if waits or (known.task is None and state.state != "synchronizing"):
            # The tables are about to be taken over, or to be set aside.
            return
        self._order_again_at = 0.0
        self._drop(known.task)
        self._context.record(CopyBesideEnded(held=known.held))
        if left := known.order.names & self._aside():
            message = f"{min(left)} is set aside still: another order took the place of the one that copied it"
            self._context.record(Noticed(level="warning", message=message, remedy=resync(self._context.spec.name)))

    def _drop(self, task: uuid.UUID | None) -> None:
        if task is None:
            return
        left = self._second.drop(task)
        if left is None or not left.left_over:
            shutil.rmtree(paths.task_folder(task), ignore_errors=True)


def _why(state: TaskState | None) -> str:
    if state is None:
        return "the task that copied the tables is gone"
    if state.failure is None:
        return "the task that copied the tables was released"
    return describe_failure(state.failure)
