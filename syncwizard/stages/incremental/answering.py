"""Whether the destination still answers: asked over the session that holds the task, as the applier may wait for hours.

The source is asked by its watcher, each second.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from syncwizard.errors import EndpointError
from syncwizard.postgres.session.answering import answers, shut
from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.session.trouble import DriverError, as_ours

ASK_SECONDS = 5.0
SILENCE_SECONDS = 60.0
# For what the session does before it can be asked: to end predecessors, and to bring an older layout to the newest.
PREPARE_SECONDS = 180.0


class Answering:
    """`lost` is the error once the destination is given up. The session belongs to this alone from `start` on."""

    def __init__(self, session: Connection) -> None:
        self._session = session
        self._stopped = threading.Event()
        self.lost: Exception | None = None

    @contextmanager
    def preparing(self) -> Iterator[None]:
        """The session is given up when the block does not end in time."""
        timer = threading.Timer(PREPARE_SECONDS, shut, (self._session,))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def start(self) -> None:
        """Begins to ask, in a thread."""
        threading.Thread(target=self._run, name="answering", daemon=True).start()

    def stop(self) -> None:
        """Asks no more."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.wait(ASK_SECONDS):
            try:
                if not answers(self._session, SILENCE_SECONDS, self._stopped):
                    self.lost = EndpointError(
                        f"the destination has not answered for {SILENCE_SECONDS:.0f} s",
                        end="destination",
                        transient=True,
                        remedy="if this does not pass by itself, look at what stands between: a firewall, a proxy,"
                        " a tunnel",
                    )
            except DriverError as error:
                # Without it another engine could take the task.
                self.lost = as_ours(error, "destination", "holding the task")
            if self.lost is not None:
                return
