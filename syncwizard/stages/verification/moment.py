"""One moment of both ends: a snapshot of the source, and one of the destination that has exactly what that shows.

A temporary slot gives an LSN and a snapshot; the applier, held meanwhile, commits all transactions before that LSN and
none beyond it; the destination's snapshot is exported there. Then the stream goes on. While the slot waits for a
transaction at the source, the stream follows: the LSN lies beyond everything that was written before such a wait.
"""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager

import msgspec

from syncwizard.errors import EndpointError, TaskFailed
from syncwizard.postgres.captured import CreatedSlot
from syncwizard.postgres.session.cancelling import cancel_until
from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.session.trouble import translated
from syncwizard.postgres.snapshots import export_snapshot
from syncwizard.postgres.source.heartbeat import beat
from syncwizard.postgres.source.slot import create_slot, current_lsn, end_temporary
from syncwizard.postgres.source.transactions import read_transactions, waits_for_transaction
from syncwizard.remedies import to_do
from syncwizard.stages.context import Context, NotHeld
from syncwizard.stages.incremental.frames import Held, Hold, HoldEnded, LetGo
from syncwizard.stages.interruptible import interruptible
from syncwizard.task.events import Noticed
from syncwizard.task.lsn import parse_lsn

# A large transaction that is being applied is waited for, without holding anything up.
HALT_SECONDS = 10.0
# How often the stream is let on to the present while the slot waits.
FOLLOW_SECONDS = 0.02
# Between two attempts: the first, and the longest.
PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
# After so long there is no moment to be had, and in one attempt the slot waits for so long: for a transaction that
# writes without end.
PATIENCE_SECONDS = 1800.0
# From then on the transactions that are waited for are named.
NOTICE_SECONDS = 10.0


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """Commits before `lsn` are in both snapshots, later ones in neither; both live as long as the `with` block of
    `one_moment`. `held_seconds`: how long the stream was held for it, so far."""

    lsn: str
    source: str
    destination: str
    held_seconds: float


class _Again(Exception):
    """This attempt gave no moment; why."""


@contextmanager
def one_moment(context: Context, *, held: bool = False) -> Iterator[Moment]:
    """A moment of both ends; with `held` the stream stands there until the end of the block, which has to be soon.

    Raises Cancelled, EndpointError, TaskFailed where none can be had for half an hour.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    pause = PAUSE_SECONDS
    with ExitStack() as stack:
        while True:
            context.cancellation.check()
            with ExitStack() as attempt:
                try:
                    moment = _attempt(context, attempt, held=held)
                except (_Again, NotHeld) as reason:
                    _wait(context, str(reason), pause, deadline)
                    pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
                    continue
                stack.push(attempt.pop_all())
            break
        yield moment


def _attempt(context: Context, stack: ExitStack, *, held: bool) -> Moment:
    """Opens the sessions, holds the stream, and takes both snapshots. Raises _Again, NotHeld."""
    if not context.applying.wait(HALT_SECONDS):
        raise NotHeld("no changes are being applied at present")
    holder = context.connect("source", "verify", replication=True)
    stack.callback(holder.close)
    beater = context.connect("source", "verify")
    stack.callback(beater.close)
    destination = stack.enter_context(context.destination("verify"))
    name = f"{context.spec.slot}_verify"
    with translated("source", "ending what the verification before has left"):
        end_temporary(beater, name)
    with ExitStack() as holding:
        holding.callback(_let_go, context)
        _halt(context, Hold())
        slot, begun = _create_slot(context, holder, beater, name)
        with translated("source", "writing a heartbeat"):
            # Without it an idle source would stream nothing that proves the position to be reached.
            beat(beater, context.spec.slot)
        _halt(context, Hold(limit=slot.lsn))
        with translated("destination", "exporting a snapshot"):
            exported = export_snapshot(destination.connection)
            applied = destination.ledger.applied_lsn()
        if applied is None or parse_lsn(applied) > parse_lsn(slot.lsn):
            # What the snapshot itself shows decides, whatever happened between the processes.
            raise _Again("the stream went on before the destination's snapshot was taken")
        if held:
            stack.push(holding.pop_all())
    held_seconds = time.monotonic() - begun
    return Moment(lsn=slot.lsn, source=slot.snapshot, destination=exported, held_seconds=held_seconds)


def _halt(context: Context, order: Hold) -> None:
    """Waits until everything before the order's limit is durable. Raises _Again, NotHeld."""

    def accept(answer: msgspec.Struct) -> bool:
        # That of an order before, which the stream was let on by, may still be on its way.
        return isinstance(answer, HoldEnded) or (isinstance(answer, Held) and answer.limit == order.limit)

    if isinstance(context.applying.ask(order, HALT_SECONDS, accept), HoldEnded):
        raise _Again("the stream went on before both ends were at one commit")


def _create_slot(context: Context, holder: Connection, beater: Connection, name: str) -> tuple[CreatedSlot, float]:
    """A temporary slot with its snapshot, and since when the stream was held at one place for it (monotonic).

    Raises Cancelled, EndpointError, TaskFailed.
    """
    pid = holder.info.backend_pid
    begun = held_since = time.monotonic()
    noticed = False
    done = threading.Event()
    with ThreadPoolExecutor(1, "verify slot") as pool, ExitStack() as otherwise:
        created = pool.submit(_create, context, holder, name, done)
        otherwise.callback(cancel_until, done, holder)
        while not wait([created], FOLLOW_SECONDS).done:
            with translated("source", "looking at what the slot waits for"):
                # Read before it is seen to wait: then its position lies beyond.
                reached = current_lsn(beater)
                waits = waits_for_transaction(beater, pid)
            if waits:
                held_since = time.monotonic()
                context.applying.send(Hold(limit=reached))
            if not noticed and time.monotonic() - begun > NOTICE_SECONDS:
                noticed = True
                _notice(context, "transactions at the source that write")
        otherwise.pop_all()
        return created.result(), held_since


def _create(context: Context, holder: Connection, name: str, done: threading.Event) -> CreatedSlot:
    timer = threading.Timer(PATIENCE_SECONDS, cancel_until, (done, holder))
    timer.daemon = True
    timer.start()
    try:
        with interruptible(context, holder, "source", "creating a temporary slot for the verification"):
            return create_slot(holder, name, temporary=True)
    finally:
        timer.cancel()
        done.set()


def _let_go(context: Context) -> None:
    try:
        context.applying.send(LetGo())
    except NotHeld:
        # Its successor holds nothing.
        pass


def _wait(context: Context, reason: str, seconds: float, deadline: float) -> None:
    """Waits before the next attempt; raises TaskFailed where there was patience enough."""
    if time.monotonic() > deadline:
        raise TaskFailed(
            "both ends could not be brought to one commit",
            where="source",
            detail="; ".join([reason, *_open_transactions(context)]),
            remedy=to_do("let long transactions at the source end, then verify again"),
        )
    if seconds == LONGEST_PAUSE_SECONDS:
        _notice(context, reason)
    context.cancellation.wait(seconds)


def _notice(context: Context, reason: str) -> None:
    message = "the verification waits: " + "; ".join([reason, *_open_transactions(context)])
    context.record(Noticed(level="info", message=message))


def _open_transactions(context: Context) -> list[str]:
    try:
        with context.connect("source", "verify") as source, translated("source", "looking for long transactions"):
            return [str(each) for each in read_transactions(source, older_than_seconds=1.0)[:3]]
    except (EndpointError, TaskFailed):
        return []
