"""Begins the comparisons that the task file asks for, when they are due, and ends those that take too long."""

import logging
import time
import uuid

from syncwizard.engine.verifying import Verifier
from syncwizard.errors import UsageError
from syncwizard.stages.context import Context
from syncwizard.task.limiting import is_within
from syncwizard.task.scheduling import Scheduled
from syncwizard.task.state import TaskState
from syncwizard.task.verification import VerificationOrder

log = logging.getLogger(__name__)

HOUR_SECONDS = 3600.0
# After one that failed, also where the next would come later or never.
AGAIN_HOURS = 1


class VerificationKeeper:
    """In the engine; its clock looks each second."""

    def __init__(self, context: Context, verifier: Verifier) -> None:
        self._settings = context.spec.advanced.verification
        self._context = context
        self._verifier = verifier
        self._begun: uuid.UUID | None = None

    def look(self, *, busy: bool) -> None:
        """Looks at clock and state; while the engine is `busy` with what excludes a comparison none begins."""
        mode = self._settings.mode
        if mode == "off":
            return
        state, now = self._context.state(), time.time()
        known = state.verification
        if known is not None and known.ended_at is None and known.order.id == self._begun:
            if now - known.started_at > self._settings.longest_hours * HOUR_SECONDS:
                self._verifier.stop()
            return
        local = time.localtime(now)
        if busy or self._verifier.at_work or not is_due(self._settings, state, now, local.tm_hour * 60 + local.tm_min):
            return
        order = VerificationOrder(id=uuid.uuid4(), mode=mode, ignore_extra=self._settings.ignore_extra)
        try:
            self._verifier.begin(order)
        except UsageError as error:
            log.info("no comparison yet: %s", error)
        else:
            self._begun = order.id


def is_due(settings: Scheduled, state: TaskState, at: float, minute: int) -> bool:
    """Whether a comparison is to begin now: `at` in seconds since the epoch, `minute` since midnight.

    >>> from syncwizard.task.state import StageState
    >>> at_night = Scheduled(mode="rows", every_hours=24, between="22:00-06:00")
    >>> done = StageState(status="done")
    >>> task = TaskState(state="synchronizing", sync_point_passed=True, stages={"indexes": done, "constraints": done})
    >>> is_due(at_night, task, 0.0, 23 * 60), is_due(at_night, task, 0.0, 12 * 60)
    (True, False)
    """
    if settings.mode == "off" or state.state != "synchronizing" or not state.sync_point_passed:
        return False
    if not (state.finished("constraints") and state.finished("indexes")):
        return False
    if settings.between is not None and not is_within(settings.between, minute):
        return False
    last = state.verification
    if last is None:
        return True
    if last.ended_at is None:
        return False
    hours = settings.every_hours
    if last.failure is not None:
        hours = min(hours, AGAIN_HOURS) if hours else AGAIN_HOURS
    return hours > 0 and at - last.ended_at >= hours * HOUR_SECONDS
