"""Compares both ends beside the stream of a running engine, in a thread, one order at a time."""

import logging
import shlex
import threading

import msgspec

from syncwizard.errors import Cancelled, EndpointError, SyncwizardError, UsageError
from syncwizard.remedies import Remedy
from syncwizard.stages.context import Cancellation, Context
from syncwizard.task.failures import failure_of
from syncwizard.task.verification import VerificationFinished, VerificationOrder, VerificationStarted

log = logging.getLogger(__name__)

# A connection that was lost: what is compared by then is kept, and the rest begins again under another moment.
RETRY_SECONDS = (2.0, 5.0, 15.0, 30.0, 60.0, 60.0, 60.0, 60.0, 60.0, 60.0)


class Verifier:
    """One thread at most; each ends with a VerificationFinished event, or with the engine, whose successor goes on."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._thread: threading.Thread | None = None
        self._stop = Cancellation()

    def begin(self, order: VerificationOrder) -> None:
        """Begins to compare; the order that is carried out already may be repeated.

        Raises UsageError while another one is carried out, and where the ends are not in step yet.
        """
        state, name = self._context.state(), shlex.quote(self._context.spec.name)
        known = state.verification
        if known is not None and known.order.id == order.id:
            return
        if self.at_work:
            raise UsageError(
                "another verification is at work",
                remedy=f"wait for its end, or stop it: syncwizard verify {name} --stop",
            )
        if not state.sync_point_passed:
            raise UsageError(
                "the destination is not in step with the source yet", remedy=Remedy(then="wait", task=name)
            )
        self._start(order)

    def go_on(self) -> None:
        """Goes on with what an earlier engine has not finished."""
        known = self._context.state().verification
        if known is not None and known.ended_at is None:
            self._start(known.order)

    def stop(self) -> None:
        """Ends the verification; what was compared is kept."""
        self._stop.cancel()

    @property
    def at_work(self) -> bool:
        """Whether an order is being carried out."""
        return self._thread is not None and self._thread.is_alive()

    def _start(self, order: VerificationOrder) -> None:
        self._stop = Cancellation()
        self._context.cancellation.on_cancel(self._stop.cancel)
        self._thread = threading.Thread(target=self._run, args=(order, self._stop), name="verification", daemon=True)
        self._thread.start()

    def _run(self, order: VerificationOrder, stop: Cancellation) -> None:
        context = msgspec.structs.replace(self._context, cancellation=stop)
        try:
            _patiently(context, order)
        except Cancelled:
            if not self._context.cancellation.cancelled:
                self._end(VerificationFinished(id=order.id, stopped=True), order)
        except SyncwizardError as error:
            log.warning("the verification ended early: %s", error)
            self._end(VerificationFinished(id=order.id, failure=failure_of(error)), order)

    def _end(self, event: VerificationFinished, order: VerificationOrder) -> None:
        """Records an early end; of an order that ended before it began both, or the former one would seem its own."""
        known = self._context.state().verification
        if known is None or known.order.id != order.id:
            self._context.record(VerificationStarted(order=order, tables=[]))
        self._context.record(event)


def _patiently(context: Context, order: VerificationOrder) -> None:
    """Runs the order, and again after the loss of a connection."""
    from syncwizard.stages.verification import run, schema

    work = schema.run if order.mode == "schema" else run.run
    for seconds in RETRY_SECONDS:
        try:
            return work(context, order)
        except EndpointError as error:
            if not error.transient:
                raise
            log.warning("the verification goes on in %.0f s: %s", seconds, error)
        context.cancellation.wait(seconds)
    return work(context, order)
