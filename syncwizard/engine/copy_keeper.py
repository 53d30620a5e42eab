"""Orders in a running engine what `resync --table` orders by hand: a copy of the tables that changes of their
definitions have set aside."""

import logging
import threading
import time
from collections.abc import Callable, Sequence

import msgspec

from syncwizard.errors import Cancelled, EndpointError, SyncwizardError
from syncwizard.stages.context import Context
from syncwizard.task.copying_again import MOST_COPIES, copied_too_often, to_copy
from syncwizard.task.events import ResyncRequested, TableSetAside
from syncwizard.task.resync import ResyncWish

log = logging.getLogger(__name__)

# A migration seldom is one command: so long nothing more is to be set aside before a copy begins.
SETTLED_SECONDS = 2.0
# After an end could not be asked.
AGAIN_SECONDS = 15.0


class CopyKeeper:
    """Its clock looks each second. The ends are asked in a thread, one at most, while changes go on being applied.

    `carry_out` takes the order. A table that cannot be copied, or was too often, is left to an order by hand, which its
    event says from then on.
    """

    def __init__(self, context: Context, carry_out: Callable[[ResyncRequested], None]) -> None:
        self._context = context
        self._carry_out = carry_out
        self._waiting: list[TableSetAside] = []
        self._from = 0.0
        self._thread: threading.Thread | None = None

    def look(self, *, busy: bool) -> None:
        """Looks at clock and state; while the engine is `busy` with what a copy would disturb none begins."""
        waiting, now = to_copy(self._context.state()), time.monotonic()
        if waiting != self._waiting:
            self._waiting, self._from = waiting, now + SETTLED_SECONDS
        if not waiting or busy or now < self._from or (self._thread is not None and self._thread.is_alive()):
            return
        self._from = now + AGAIN_SECONDS
        self._thread = threading.Thread(target=self._run, args=(waiting,), name="copy again", daemon=True)
        self._thread.start()

    def _run(self, waiting: Sequence[TableSetAside]) -> None:
        wanted = self._within_bounds(waiting)
        # What is in the way of one table need not be in that of the others.
        single = [[event] for event in wanted]
        for tables in [wanted, *single] if len(wanted) > 1 else single:
            try:
                self._order(tables)
                return
            except Cancelled:
                return
            except EndpointError as error:
                log.warning("tables cannot be copied again yet: %s", error)
                return
            except SyncwizardError as error:
                log.warning("tables cannot be copied again: %s", error)
                if len(tables) == 1:
                    self._leave(tables, str(error))

    def _order(self, wanted: Sequence[TableSetAside]) -> None:
        # It imports what selects tables, which an engine that only follows changes does without.
        from syncwizard.stages.commands import resync

        order = resync.describe(self._context, ResyncWish(tables=[event.table for event in wanted]))
        if order.whole:
            self._leave(wanted, "; ".join(order.reasons))
        elif to_copy(self._context.state()) == self._waiting:
            self._carry_out(msgspec.structs.replace(order, automatic=True, reasons=[each.reason for each in wanted]))

    def _within_bounds(self, waiting: Sequence[TableSetAside]) -> list[TableSetAside]:
        state = self._context.state()
        over = [event for event in waiting if copied_too_often(state, event)]
        if over:
            self._leave(over, f"it was set aside {MOST_COPIES} times after such a copy")
        return [event for event in waiting if event not in over]

    def _leave(self, events: Sequence[TableSetAside], why: str) -> None:
        self._context.record(*(msgspec.structs.replace(event, by_hand=why) for event in events))
