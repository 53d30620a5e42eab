"""Watches whether the ends still answer while stages wait for them.

An index takes hours and a lock as long as its owner likes, so no statement has a timeout; and a proxy may confirm what
it never passes on, so that none of TCP ends the connection. A session beside those at work asks for an answer every few
seconds; when none comes, the others are as lost. They are given up and begun anew: what was not committed comes again,
and an index that the server builds meanwhile is found there.

While nothing but an apply child is at work, which asks both ends over sessions that it has anyway, there is none.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from syncwizard.errors import End, EndpointError, SyncwizardError
from syncwizard.postgres.session.answering import answers, end_sessions, shut
from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.session.trouble import DriverError
from syncwizard.stages.context import Context, open_session

log = logging.getLogger(__name__)

ASK_SECONDS = 5.0
SILENCE_SECONDS = 60.0


class SilenceWatch:
    """For one run of an engine, with a thread for each of the ends."""

    def __init__(self, context: Context, ends: Sequence[End] = ("source", "destination")) -> None:
        self._context = context
        self._ends = ends
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._end_attempt: Callable[[], None] | None = None
        self._error: EndpointError | None = None
        # Set while sessions are asked for by a child.
        self._left_to_child = threading.Event()
        self._watches: list[_Watch] = []

    def start(self) -> None:
        """Begins to ask. The threads end by themselves after `stop`: one may be in the middle of a login."""
        for end in self._ends:
            watch = _Watch(self._context, end, self._stopped, self._left_to_child, self._silent)
            self._watches.append(watch)
            threading.Thread(target=watch.run, name=f"liveness {end}", daemon=True).start()

    def stop(self) -> None:
        """Asks no more."""
        self._stopped.set()
        self._wake()

    def leave_to_child(self) -> None:
        """Asks for the sessions of this process only, and there are none most of the time."""
        self._left_to_child.set()

    def take_over(self) -> None:
        """Asks at once, and from here on."""
        if self._left_to_child.is_set():
            self._left_to_child.clear()
            self._wake()

    def _wake(self) -> None:
        for watch in self._watches:
            watch.woken.set()

    @contextmanager
    def over(self, end_attempt: Callable[[], None]) -> Iterator[None]:
        """Inside the block `end_attempt` is called, in another thread, when an end is given up: an error that the block
        ends with is then that."""
        with self._lock:
            self._end_attempt, self._error = end_attempt, None
        try:
            yield
        except (SyncwizardError, DriverError):
            with self._lock:
                error = self._error
            if error is None:
                raise
            raise error from None
        finally:
            with self._lock:
                self._end_attempt = None

    def _silent(self, end: End, error: EndpointError) -> None:
        with self._lock:
            if self._end_attempt is None:
                return
            log.warning("%s", error)
            self._error = self._error or error
            for session in self._context.sessions.at(end):
                shut(session)
            self._end_attempt()


class _Watch:
    """One end."""

    def __init__(
        self,
        context: Context,
        end: End,
        stopped: threading.Event,
        left_to_child: threading.Event,
        silent: Callable[[End, EndpointError], None],
    ) -> None:
        self._context = context
        self._end = end
        self._stopped = stopped
        self._left_to_child = left_to_child
        self._silent = silent
        # Set to have it look at once whether it is needed.
        self.woken = threading.Event()

    def run(self) -> None:
        """Asks until stopped. At once for the first time: only a session from before a silence can notice it."""
        while not self._stopped.is_set():
            if self._needed():
                # A server that is down or refuses: the sessions at work there get the same error.
                with suppress(EndpointError, DriverError), self._open() as session:
                    self._ask(session)
            self.woken.wait(ASK_SECONDS)
            self.woken.clear()

    def _ask(self, session: Connection) -> None:
        """Again and again, while it is needed; gives the end up when it does not answer."""
        while not self._stopped.is_set() and self._needed():
            asked_at = time.monotonic()
            if not answers(session, SILENCE_SECONDS, self._stopped):
                session.close()
                if not self._stopped.is_set():
                    self._end_lost(time.monotonic() - asked_at)
                    self._give_up()
                return
            self._stopped.wait(ASK_SECONDS)

    def _needed(self) -> bool:
        return not self._left_to_child.is_set() or bool(self._context.sessions.at(self._end))

    def _open(self) -> Connection:
        return open_session(self._context.spec, self._context.secrets, self._end, "liveness")

    def _end_lost(self, seconds: float) -> None:
        """Ends what was open when the silence began at the server, too, where a new session still gets there."""
        with suppress(EndpointError, DriverError), self._open() as session:
            end_sessions(session, self._context.spec, longer_than_seconds=seconds)

    def _give_up(self) -> None:
        error = EndpointError(
            f"the {self._end} has not answered for {SILENCE_SECONDS:.0f} s",
            end=self._end,
            transient=True,
            remedy="if this persists, check what is in between: a firewall, a proxy, a tunnel",
        )
        self._silent(self._end, error)
