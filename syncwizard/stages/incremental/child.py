"""The child of the incremental stages: stream in, batches out, until asked to stop or a position is reached."""

import gc
import sys
import threading
from contextlib import closing

from syncwizard.postgres.destination.batches import BatchFailed
from syncwizard.postgres.destination.destination import Destination
from syncwizard.postgres.source.continuity import HandedOver
from syncwizard.rows.routing import TypesDiffer
from syncwizard.stages.context import Channel, open_session
from syncwizard.stages.incremental.answering import Answering
from syncwizard.stages.incremental.figures import Totals
from syncwizard.stages.incremental.frames import Assignment, FromChild, Recovered, ToChild
from syncwizard.stages.incremental.refusals import tried_again
from syncwizard.stages.incremental.session import Session
from syncwizard.stages.incremental.watching import RoutesChanged

__all__ = ["Assignment", "FromChild", "ToChild", "run"]

# The applier waits for the destination several times a batch and should get the interpreter back soon from the
# decoding thread; the default is 5 ms, which is as long as a small batch takes.
SWITCH_SECONDS = 0.0002
# Rows are tuples of bytes and never part of a cycle: looking through those of a batch every 700 new ones took a third
# of the processor time (5.0 s against 3.6 s for 120,000 TPC-B transactions).
COLLECT_AFTER = 500_000


def run(assignment: Assignment, channel: Channel) -> None:
    """Applies until stopped. Raises EndpointError, SourceChanged, ChangeFailed, Fenced or TaskFailed."""
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)
    # The task is held by a session of its own: between two apply sessions, too, no other engine may slip in.
    with (
        closing(open_session(assignment.spec, assignment.secrets, "destination", "lock")) as lock,
        tried_again(),
    ):
        answering = Answering(lock)
        with answering.preparing():
            Destination(lock, assignment.task_id).hold(assignment.owner)
        answering.start()
        try:
            _run_sessions(assignment, channel, answering)
        finally:
            answering.stop()


def _run_sessions(assignment: Assignment, channel: Channel, answering: Answering) -> None:
    """One apply session after the other, the next one more careful than the one before."""
    stopping = threading.Event()
    totals = Totals()
    serial_until = 0
    binary = True
    while True:
        session = Session(assignment, channel, stopping, totals, answering, serial_until=serial_until, binary=binary)
        threading.Thread(target=session.listen, name="listener", daemon=True).start()
        try:
            session.run()
            return
        except BatchFailed as failed:
            # Rule 12: the transaction comes again from the source and is applied change by change.
            serial_until = failed.final_lsn
            channel.send(Recovered(reason=f"a batch is applied change by change: {failed}"))
        except TypesDiffer as differ:
            binary = False
            channel.send(Recovered(reason=f"values come as text: {differ}"))
        except (HandedOver, RoutesChanged):
            # The next session notes the owner, and says so; or it holds back what was set aside.
            pass
        finally:
            session.close()
