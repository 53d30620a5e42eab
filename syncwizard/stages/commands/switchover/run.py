"""Walks through the steps of a switchover: each is recorded when it begins and when it is done, with its time.

Every step may be taken again: after an interruption all of them are, with the fence that was raised then.
"""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import msgspec

from syncwizard.errors import Cancelled, DifferencesFound, TaskFailed, TimedOut
from syncwizard.postgres.opening import Change
from syncwizard.remedies import to_do
from syncwizard.stages.commands.switchover.checks import LONG_SECONDS, Passed, check, describe, waited_for
from syncwizard.stages.commands.switchover.drain import Marker, drain, prove
from syncwizard.stages.commands.switchover.fence import SETTLE_SECONDS, raise_fence
from syncwizard.stages.commands.switchover.opening import open_destination, prepare_definitions, wanted
from syncwizard.stages.commands.switchover.way_back import WayBack
from syncwizard.stages.context import Cancellation, Context
from syncwizard.stages.definitions.sequences import copy_sequences
from syncwizard.stages.verification import run as verification
from syncwizard.task.figures.sample import Sample
from syncwizard.task.switchover import (
    ReverseCreating,
    StepName,
    SwitchoverFinished,
    SwitchoverOrder,
    SwitchoverRehearsed,
    SwitchoverStarted,
    SwitchoverStepFinished,
    SwitchoverStepStarted,
)
from syncwizard.task.text import counted, format_seconds, listed
from syncwizard.task.verification import VerificationOrder
from syncwizard.task.verification_words import describe_verified

Figures = Callable[[], Sample]
Found = TypeVar("Found")
# To make the reverse task with its slot took 0.7 s; a rehearsal makes none.
REVERSE_SECONDS = 1.0


def run(context: Context, order: SwitchoverOrder, figures: Figures, way_back: WayBack) -> None:
    """Switches over, or goes on with what was interrupted; records SwitchoverFinished at the end.

    Whatever it raises, the switchover is to be undone then: UsageError before anything changed, TimedOut, Cancelled,
    DifferencesFound, EndpointError, TaskFailed.
    """
    known = context.state().switchover
    if known is not None and known.order.id == order.id and known.opening:
        # The destination may have been written to: what leads here is done, and nothing of it may be taken back.
        _open(context, order, context.state().applied_lsn or "")
        return
    if known is None or known.order.id != order.id:
        context.record(SwitchoverStarted(id=order.id, order=order))
    elif known.reverse is not None:
        # How far it came is not known; what follows changes here would be taken for an application, too.
        way_back.drop(known.reverse)
    if order.rehearsal:
        _rehearse(context, order, figures, way_back)
        return
    steps = _Steps(context, order)
    passed: Passed = steps.take("checks", lambda: _check(context, order, figures, way_back), describe)
    with _limited(context, order) as limited:
        steps = _Steps(limited, order)
        steps.take("fence", lambda: raise_fence(limited, order, passed.fence, passed.tables), str)
        marker: Marker = steps.take("drain", lambda: drain(limited, figures), lambda found: f"all before {found.lsn}")
        steps.take("verification", lambda: _verify(limited, order), str)
        steps.take("sequences", lambda: _set_sequences(limited, order), str)
        steps.take("definitions", lambda: prepare_definitions(limited, order, passed.tables), str)
        steps.take("reverse", lambda: _make_reverse(limited, order, passed, way_back), str)
        steps.take("proof", lambda: prove(limited, marker, figures), str)
        limited.cancellation.check()
    _open(context, order, marker.lsn)


def _rehearse(context: Context, order: SwitchoverOrder, figures: Figures, way_back: WayBack) -> None:
    """Every step but the fence, and what follows from it: nothing is enabled, made or opened."""
    steps = _Steps(context, order)
    passed: Passed = steps.take("checks", lambda: _check(context, order, figures, way_back), describe)
    # What is open now is a second old when it is looked for, or has ended.
    context.cancellation.wait(LONG_SECONDS)
    waits = waited_for(context, order)
    begun = time.monotonic()
    steps.take("drain", lambda: drain(context, figures), lambda found: f"all before {found.lsn}")
    drained = time.monotonic() - begun
    # The fence would have ended what its slot waits for.
    waiting = "left out: it would wait for open transactions"
    steps.take("verification", lambda: waiting if waits else _rehearse_verification(context, order), str)
    steps.take("sequences", lambda: _set_sequences(context, msgspec.structs.replace(order, offset=0)), str)
    steps.take("definitions", lambda: wanted(context, passed.tables), _describe_wanted)
    behind = time.monotonic() - begun + drained + SETTLE_SECONDS + (REVERSE_SECONDS if order.reverse else 0.0)
    context.record(SwitchoverRehearsed(id=order.id, seconds=behind, waits=waits))


def _rehearse_verification(context: Context, order: SwitchoverOrder) -> str:
    """Without a fence a transaction may begin that its slot waits for."""
    try:
        with _limited(context, order) as limited:
            return _verify(limited, order)
    except TimedOut:
        return f"left out: it was not done within {format_seconds(order.longest_seconds)}"


def _describe_wanted(found: list[Change]) -> str:
    return f"would change {listed(f'{each.definition.kind} {each.definition.name}' for each in found) or 'nothing'}"


def _open(context: Context, order: SwitchoverOrder, lsn: str) -> None:
    """The last step, and the end."""
    _Steps(context, order).take("open", lambda: open_destination(context), str)
    fenced = context.state().switchover
    begun = fenced.fenced_at if fenced is not None and fenced.fenced_at is not None else time.time()
    context.record(SwitchoverFinished(id=order.id, lsn=lsn, seconds=max(0.0, time.time() - begun)))


def _check(context: Context, order: SwitchoverOrder, figures: Figures, way_back: WayBack) -> Passed:
    passed = check(context, order, figures)
    if order.reverse:
        way_back.check(passed.tables)
    return passed


def _make_reverse(context: Context, order: SwitchoverOrder, passed: Passed, way_back: WayBack) -> str:
    if not order.reverse:
        return "left out: there is no way back"
    known = context.state().switchover
    name = way_back.make(
        passed.tables,
        known.fence if known is not None else None,
        lambda task, name: context.record(ReverseCreating(id=order.id, task=task, name=name)),
        context.cancellation,
    )
    return f"{name} has its slot: changes of the destination are kept for it from here on"


class _Steps:
    """Takes steps, each between its two facts."""

    def __init__(self, context: Context, order: SwitchoverOrder) -> None:
        self._context = context
        self._order = order

    def take(self, step: StepName, work: Callable[[], Found], words: Callable[[Found], str]) -> Found:
        self._context.cancellation.check()
        self._context.record(SwitchoverStepStarted(id=self._order.id, step=step))
        begun = time.monotonic()
        found = work()
        seconds = time.monotonic() - begun
        self._context.record(
            SwitchoverStepFinished(id=self._order.id, step=step, summary=words(found), seconds=seconds)
        )
        return found


@contextmanager
def _limited(context: Context, order: SwitchoverOrder) -> Iterator[Context]:
    """The context for the time without writes, which ends as Cancelled inside the block, and as TimedOut outside."""
    own, late = Cancellation(), threading.Event()
    context.cancellation.on_cancel(own.cancel)

    def expire() -> None:
        late.set()
        own.cancel()

    timer = threading.Timer(order.longest_seconds, expire)
    timer.daemon = True
    timer.start()
    try:
        yield msgspec.structs.replace(context, cancellation=own)
    except Cancelled:
        if late.is_set() and not context.cancellation.cancelled:
            raise TimedOut(
                f"writes were kept out for {format_seconds(order.longest_seconds)}, and the switchover was not done",
                remedy=to_do("see which step took that long, or allow more with --longest", then="run again"),
            ) from None
        raise
    finally:
        timer.cancel()


def _verify(context: Context, order: SwitchoverOrder) -> str:
    """Compares both ends behind the fence. Raises DifferencesFound, TaskFailed."""
    if order.verify == "none":
        return "left out"
    wanted = VerificationOrder(
        id=uuid.uuid4(), mode=order.verify, ignore_extra=context.spec.synchronization.conflicts == "ignore"
    )
    verification.run(context, wanted)
    found = context.state().verification
    if found is None or found.order.id != wanted.id:
        raise TaskFailed("another verification took the place of the switchover's", remedy=to_do(then="run again"))
    if different := found.of("different"):
        raise DifferencesFound(
            "both ends differ",
            detail=listed(map(describe_verified, different)),
            remedy=to_do("see what differs: syncwizard verify TASK, and repair it: syncwizard repair TASK"),
        )
    if unverified := found.of("unverified"):
        raise TaskFailed(
            "some tables could not be compared",
            detail=listed(map(describe_verified, unverified)),
            remedy=to_do("switch over with --verify none once they are known to be equal by other means"),
        )
    what = "rows" if order.verify == "rows" else "numbers of rows"
    return f"{what} of {counted(len(found.tables), 'table')} are equal"


def _set_sequences(context: Context, order: SwitchoverOrder) -> str:
    found = copy_sequences(context, order.offset)
    if found.problems and "sequences" not in order.accepted:
        raise TaskFailed(
            "some sequences could not be set",
            detail=listed(found.problems),
            remedy=to_do("accept that: --ignore sequences", then="run again"),
        )
    return f"{counted(found.count, 'sequence')} of {len(found.values):,} set"
