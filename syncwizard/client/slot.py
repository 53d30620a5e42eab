"""What the slot of a task without an engine holds: asked of the source when that answers soon, else as last known."""

import contextlib
import threading

from syncwizard import secrets
from syncwizard.client import probes
from syncwizard.client.tasks import StoredTask
from syncwizard.errors import SyncwizardError
from syncwizard.task.events import Event, SlotMeasured
from syncwizard.task.figures.retention import Retention, growth, retention
from syncwizard.task.handover import Handover
from syncwizard.task.state import TaskState

# `status` waits for this.
LIMIT_SECONDS = 5.0


def look_at_slot(task: StoredTask, state: TaskState, now: float) -> Retention | None:
    """The slot's figures now, or those of the journal with their age; None where neither is known.

    `now` in seconds since the epoch. The rate is that at which the source wrote since the journal's figures.
    """
    known = last_known(state)
    measured = _ask(task)
    if measured is None:
        return known
    rate = growth(known.measured, measured, now - known.measured_at) if known and measured.exists else None
    return retention(measured, now, rate)


def last_known(state: TaskState) -> Retention | None:
    """The figures of the journal."""
    if state.slot_measured is None:
        return None
    return retention(state.slot_measured, state.slot_measured_at, None)


def _ask(task: StoredTask) -> SlotMeasured | None:
    """Nothing is asked of the user: a password that only a prompt could give is no reason to stop a look."""
    source = task.spec.source
    if "prompt" in (source.password, source.encryption.key_password):
        return None
    found: list[Event] = []
    with contextlib.suppress(SyncwizardError):
        handover = Handover(
            source=secrets.password_of(source, "source"), source_key=secrets.key_password_of(source, "source")
        )
        probe = probes.for_task("slot", task.spec, handover, quiet=True)
        limit = threading.Timer(LIMIT_SECONDS, probe.cancel)
        limit.daemon = True
        limit.start()
        try:
            probe.run(found.append)
        finally:
            limit.cancel()
    return next((event for event in found if isinstance(event, SlotMeasured)), None)
