"""Works off jobs of one stage over several sessions of the destination at once."""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import msgspec

from syncwizard.errors import Cancelled
from syncwizard.postgres.destination.destination import Destination
from syncwizard.stages.context import Cancellation, Context, index_workers

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
        # In the order in which they ended: what comes behind the first may be of its making.
        self._failed: list[Future[None]] = []

    def run(self, own: Destination) -> None:
        self._outer.cancellation.on_cancel(self._inner.cancel)
        number = min(index_workers(self._outer.spec), len(self._waiting))
        with ThreadPoolExecutor(number, thread_name_prefix="session") as sessions:
            sessions.submit(self._work, own).add_done_callback(self._ended)
            for _ in range(number - 1):
                sessions.submit(self._beside).add_done_callback(self._ended)
        self._outer.cancellation.check()
        for failed in self._failed:
            if not isinstance(failed.exception(), Cancelled):
                failed.result()

    def _beside(self) -> None:
        with self._open_session() as session:
            self._work(session)

    def _work(self, session: Destination) -> None:
        while not self._inner.cancelled:
            try:
                job = self._waiting.popleft()
            except IndexError:
                return
            job(self._context, session)

    def _ended(self, work: "Future[None]") -> None:
        if work.exception() is not None:
            self._failed.append(work)
            self._inner.cancel()
