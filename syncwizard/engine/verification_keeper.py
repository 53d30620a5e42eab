"""Begins the comparisons that the task file asks for, when they are due, and ends those that take too long."""

import logging
import time
import uuid

from syncwizard.engine.verifying import Verifier
from syncwizard.errors import UsageError
from syncwizard.stages.context import Context
from syncwizard.task.limiting import is_within
from syncwizard.task.scheduling import Scheduled
from syncwizard.task.state import TaskState, Verification
from syncwizard.task.verification import VerificationMode, VerificationOrder

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

    def look(self, *, busy: bool) -> None:
        """Looks at clock and state; while the engine is `busy` with what excludes a comparison none begins."""
        state, now = self._context.state(), time.time()
        if is_overdue(state.verification, now) and self._verifier.at_work:
            self._verifier.stop()
            return
        if self._settings.mode == "off" or busy or self._verifier.at_work:
            return
        local = time.localtime(now)
        if not is_due(self._settings, state, now, local.tm_hour * 60 + local.tm_min):
            return
        try:
            self._verifier.begin(_order(self._settings, self._settings.mode))
        except UsageError as error:
            log.info("no comparison yet: %s", error)


def _order(settings: Scheduled, mode: VerificationMode) -> VerificationOrder:
    return VerificationOrder(
        id=uuid.uuid4(),
        mode=mode,
        ignore_extra=settings.ignore_extra,
        ignore_missing=settings.ignore_missing,
        sample=settings.sample,
        rows_per_second=settings.rows_per_second,
        megabytes_per_second=settings.megabytes_per_second,
        longest_hours=settings.longest_hours,
    )


def is_overdue(known: Verification | None, at: float) -> bool:
    """Whether a comparison takes longer than its order allows; `at` in seconds since the epoch.

    >>> order = VerificationOrder(id=uuid.UUID(int=0), longest_hours=2)
    >>> known = Verification(order=order, total=1, started_at=0.0)
    >>> is_overdue(known, 7200.0), is_overdue(known, 7201.0), is_overdue(None, 7201.0)
    (False, True, False)
    """
    if known is None or known.ended_at is not None or not known.order.longest_hours:
        return False
    return at - known.started_at > known.order.longest_hours * HOUR_SECONDS


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
