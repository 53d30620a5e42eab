"""Works off jobs of one stage over several sessions of the destination at once."""

import threading
from collections import deque
from collections.abc import Callable, Sequence

import msgspec

from syncwizard.errors import Cancelled, SyncwizardError
from syncwizard.postgres.destination.destination import Destination
from syncwizard.stages.context import COPY_WORKERS, Cancellation, Context

# As many as copy: there are no more processors for them.
SESSIONS = COPY_WORKERS

Job = Callable[[Context, Destination], None]


def side_by_side(
    context: Context, open_session: Callable[[], Destination], own: Destination, jobs: Sequence[Job]
) -> None:
    """Runs the jobs, begun in order, over `own` and sessions beside it. A job that raises ends the others; its error
    is raised."""
    if len(jobs) < 2:
        for job in jobs:
            job(context, own)
        return
    _SideBySide(context, open_session, jobs).run(own)


class _SideBySide:
    def __init__(self, context: Context, open_session: Callable[[], Destination], jobs: Sequence[Job]) -> None:
        self._outer = context
        self._inner = Cancellation(context.cancellation)
        self._context = msgspec.structs.replace(context, cancellation=self._inner)
        self._open_session = open_session
        self._waiting = deque(jobs)
        self._errors: list[BaseException] = []

    def run(self, own: Destination) -> None:
        self._outer.cancellation.on_cancel(self._inner.cancel)
        number = min(SESSIONS, len(self._waiting)) - 1
        threads = [threading.Thread(target=self._beside, name=f"session {at + 2}", daemon=True) for at in range(number)]
        for thread in threads:
            thread.start()
        self._work(own)
        for thread in threads:
            thread.join()
        self._outer.cancellation.check()
        for error in self._errors:
            if not isinstance(error, Cancelled):
                raise error

    def _beside(self) -> None:
        try:
            with self._open_session() as session:
                self._work(session)
        except SyncwizardError as error:
            self._end(error)

    def _work(self, session: Destination) -> None:
        try:
            while not self._inner.cancelled:
                try:
                    job = self._waiting.popleft()
                except IndexError:
                    return
                job(self._context, session)
        except BaseException as error:  # noqa: BLE001 - raised in the stage's thread
            self._end(error)

    def _end(self, error: BaseException) -> None:
        self._errors.append(error)
        self._inner.cancel()
