"""Samples the progress of index builds from a session beside the one that builds."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from syncwizard.errors import SyncwizardError
from syncwizard.postgres.destination.destination import Destination
from syncwizard.postgres.session.trouble import translated
from syncwizard.stages.context import Context
from syncwizard.task.figures.sample import Sample

log = logging.getLogger(__name__)

SAMPLE_SECONDS = 1.0
# A destination that does not answer must not keep the stage from ending.
STOP_SECONDS = 5.0


@contextmanager
def watched_builds(context: Context, building: Destination) -> Iterator[None]:
    """Samples each second what `building` builds inside the block, and says at its end that nothing is built.

    Figures may be missing, a build may not: an error of the watching session ends the watching alone.
    """
    stop = threading.Event()
    pid = building.indexes.builds_in
    thread = threading.Thread(target=_watch, args=(context, pid, stop), name="index progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(STOP_SECONDS)
        context.sample(Sample(index_builds=[]))


def _watch(context: Context, pid: int, stop: threading.Event) -> None:
    try:
        with context.destination("progress") as destination:
            while not stop.is_set():
                with translated("destination", "reading the progress of index builds"):
                    builds = destination.indexes.read_builds(pid)
                if not stop.is_set():
                    context.sample(Sample(index_builds=builds))
                stop.wait(SAMPLE_SECONDS)
    except SyncwizardError as error:
        log.info("the progress of index builds is not shown: %s", error)
