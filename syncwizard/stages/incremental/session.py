"""The life of one apply session: its parts, their threads, and what it ends with.

- `ends`: sessions at both ends, a new epoch, the comparison by rule 5
- `receiving`: walsender, decoder, routes, in a thread that fills the inbox
- `watching`: heartbeat, publication, lineage, in a thread of its own
- `writing`: batches and acknowledging, in the thread that runs the session
"""

import threading
from collections.abc import Callable

from syncwizard.errors import EndpointError, TaskFailed
from syncwizard.postgres.session.server import read_clock
from syncwizard.postgres.session.trouble import DriverError, translated
from syncwizard.postgres.source.receiver import Positions
from syncwizard.rows.inbox import Inbox
from syncwizard.rows.misfits import Spared, Unreadable
from syncwizard.rows.routing import NoPlace
from syncwizard.stages.context import Channel
from syncwizard.stages.incremental.answering import SILENCE_SECONDS, Answering
from syncwizard.stages.incremental.ends import Ends, Opened
from syncwizard.stages.incremental.figures import Reporter, Totals
from syncwizard.stages.incremental.frames import Assignment, Hold, LetGo, Look, Reached, Stop, Stopped
from syncwizard.stages.incremental.holding import Holding
from syncwizard.stages.incremental.receiving import Receiving
from syncwizard.stages.incremental.suspects import of_spared, of_unreadable
from syncwizard.stages.incremental.watching import RoutesChanged, Watching
from syncwizard.stages.incremental.writing import Writing
from syncwizard.task.lsn import format_lsn

JOIN_SECONDS = 5.0


class Session:
    """Runs until asked to stop, until `stop_at` of the assignment is applied, or until something fails.

    `serial_until`: up to the transaction committed there changes are applied one by one. `binary`: whether values
    may come in binary form.
    """

    def __init__(
        self,
        assignment: Assignment,
        channel: Channel,
        stopping: threading.Event,
        totals: Totals,
        answering: Answering,
        *,
        serial_until: int,
        binary: bool,
    ) -> None:
        self._assignment = assignment
        self._channel = channel
        self._stopping = stopping
        self._totals = totals
        self._answering = answering
        self._serial_until = serial_until
        self._binary = binary
        self._inbox = Inbox()
        self._opened = Opened(assignment)
        self._threads: list[threading.Thread] = []
        self._failure: Exception | None = None
        self._receiving: Receiving | None = None
        self._watching: Watching | None = None
        self._writing: Writing | None = None
        self._holding: Holding | None = None

    def run(self) -> None:
        """Connects, compares (rule 5), streams, applies."""
        assignment, channel = self._assignment, self._channel
        ends = Ends(assignment, channel, self._opened)
        last = ends.progress.last_commit
        positions = Positions(ends.progress.position, last.lsn if last else None)
        with translated("source", "reading its clock"):
            positions.set_clock(lambda: read_clock(ends.source))
        reporter = Reporter(channel, self._totals, positions)
        self._receiving = Receiving(ends, assignment, channel, positions, self._inbox, binary=self._binary)
        reporter.count_ignored(self._receiving.redefining.ignored)
        self._start(self._receiving.run)
        self._watching = Watching(ends, assignment, channel, positions, reporter)
        self._start(self._watching.run)
        self._holding = holding = Holding(self._inbox, channel, positions)
        self._writing = Writing(
            ends,
            assignment,
            positions,
            reporter,
            self._inbox,
            holding,
            self._receiving.redefining,
            serial_until=self._serial_until,
        )
        reached = self._write(ends, self._writing)
        if not reached:
            self._raise_failure(ends)
        reporter.report()
        channel.send(Reached(format_lsn(positions.durable)) if reached else Stopped())

    def _write(self, ends: Ends, writing: Writing) -> bool:
        """Whether the position to stop at is reached. Raises what ends it."""
        try:
            return writing.run()
        except Spared as spared:
            ends.set_aside([of_spared(spared, self._assignment.spec.name)])
            raise RoutesChanged from spared
        except (DriverError, EndpointError):
            if self._answering.lost is not None:
                raise self._answering.lost from None
            raise

    def listen(self) -> None:
        """Takes frames of the engine."""
        while not self._stopping.is_set() and not self._inbox.closed:
            frame = self._channel.receive(1.0)
            if isinstance(frame, Stop):
                self._stopping.set()
            elif isinstance(frame, Look):
                if self._watching is not None:
                    self._watching.look()
            elif self._holding is not None:
                self._hold(self._holding, frame)
            self._give_up_silence()
        if self._stopping.is_set():
            self._inbox.close()

    def _hold(self, holding: Holding, frame: object) -> None:
        if isinstance(frame, Hold):
            holding.hold(frame)
        elif isinstance(frame, LetGo):
            holding.let_go()
        holding.expire()

    def close(self) -> None:
        """Ends the threads and every connection."""
        if self._holding is not None:
            self._holding.end()
        self._inbox.close()
        if self._receiving is not None:
            self._receiving.stop()
        if self._watching is not None:
            self._watching.stop()
        if self._writing is not None:
            self._writing.close()
        for thread in self._threads:
            thread.join(timeout=JOIN_SECONDS)
        self._opened.close()

    def _start(self, body: Callable[[], None]) -> None:
        """A thread whose end is that of the session."""

        def guarded() -> None:
            try:
                body()
            except Exception as error:  # noqa: BLE001 - the last resort of this thread: the applier raises it
                self._failure = self._failure or error
            finally:
                self._inbox.close()

        thread = threading.Thread(target=guarded, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _give_up_silence(self) -> None:
        if self._answering.lost is not None:
            self._failure = self._failure or self._answering.lost
            # The applier may wait there for good.
            self._opened.shut("destination")
            self._inbox.close()
        if self._watching is not None and self._watching.silent_seconds > SILENCE_SECONDS:
            self._failure = self._failure or EndpointError(
                f"the source has not answered for {SILENCE_SECONDS:.0f} s", end="source", transient=True
            )
            self._inbox.close()

    def _raise_failure(self, ends: Ends) -> None:
        """What ended the stream, unless it was to end."""
        failure = self._failure
        if isinstance(failure, Unreadable) and failure.table and "full" in self._assignment.spec.synchronization.types:
            name, followed = self._assignment.spec.name, failure.followed
            ends.set_aside([of_unreadable(failure.table, failure.title, name, followed=followed)])
            raise RoutesChanged from failure
        # What a server refuses may come of a gap; what was added, or has another name, may have more to it than a
        # column without a place.
        refused = isinstance(failure, TaskFailed) and (failure.sqlstate or isinstance(failure, NoPlace))
        if refused and ends.compare_again():
            raise RoutesChanged from failure
        if failure is not None:
            raise failure
        if not self._stopping.is_set():
            raise EndpointError("the stream ended", end="source", transient=True)
