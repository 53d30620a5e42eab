"""The writer of one apply session: batches from the inbox to the destination, and what may be acknowledged (rule 4)."""

from syncwizard.postgres.destination.redefining import Redefining
from syncwizard.postgres.source.receiver import LATE_SECONDS, Positions
from syncwizard.rows.batches import Batch
from syncwizard.rows.changes import Piece
from syncwizard.rows.inbox import AtLimit, Idle, Inbox
from syncwizard.stages.incremental.batches import Batches
from syncwizard.stages.incremental.ends import Ends
from syncwizard.stages.incremental.figures import Reporter
from syncwizard.stages.incremental.frames import Assignment
from syncwizard.stages.incremental.holding import Holding
from syncwizard.stages.incremental.idle import acknowledge_idle
from syncwizard.task.events import ChangeQuarantined
from syncwizard.task.lsn import parse_lsn
from syncwizard.throttling import Pace, pace_of

PATIENCE_SECONDS = 0.3


class Writing:
    """Applies in the thread that runs the session. `serial_until`: up to the transaction committed there changes are
    applied one by one."""

    def __init__(
        self,
        ends: Ends,
        assignment: Assignment,
        positions: Positions,
        reporter: Reporter,
        inbox: Inbox,
        holding: Holding,
        redefining: Redefining,
        *,
        serial_until: int,
    ) -> None:
        self._redefining = redefining
        self._ends = ends
        self._positions = positions
        self._reporter = reporter
        self._holding = holding
        self._stop_at = parse_lsn(assignment.stop_at) if assignment.stop_at else None
        self._pace = pace_of(assignment.folder, "incremental", lambda: inbox.closed)
        # Of the open transaction.
        self._quarantined: list[ChangeQuarantined] = []
        self._batches = Batches(inbox, self._patience, self._pace)
        self._writer = ends.destination.writer(
            ends.progress,
            sync_point=parse_lsn(assignment.sync_point),
            serial_until=serial_until,
            fetch=ends.fetch,
            committed=self._applied,
            careful=reporter.careful,
            dead=reporter.dead if assignment.spec.advanced.etl_errors == "dead-letter" else None,
            decided=assignment.row_decided,
            quarantined=self._quarantined.append,
            redefine=redefining.redefine,
        )

    def run(self) -> bool:
        """Applies what comes, until the inbox is closed; whether the position to stop at is durable.

        Raises BatchFailed, ChangeFailed, Fenced, or the error of a lost session.
        """
        batches, writer, reporter = self._batches, self._writer, self._reporter
        while (item := batches.next(reporter.due_seconds, one_by_one=writer.one_by_one)) is not None:
            if isinstance(item, Idle):
                acknowledge_idle(self._ends.destination.ledger, self._ends.progress.epoch, self._positions, item.lsn)
            elif isinstance(item, AtLimit):
                self._holding.reached()
            elif item.pieces:
                batches.prepare(item, one_by_one=writer.one_by_one)
                writer.write(item)
                if self._pace is not None and self._pace.limited:
                    self._wait(self._pace, item)
            else:
                reporter.report()
            if self._stop_at is not None and self._positions.durable >= self._stop_at and not writer.in_transaction:
                return True
        return False

    def _wait(self, pace: Pace, batch: Batch) -> None:
        """Keeps to the limits; what was applied is reported before the wait."""
        if self._reporter.due_seconds is not None:
            self._reporter.report()
        rows = sum(len(piece.changes) for piece in batch.pieces)
        weight = sum(piece.weight for piece in batch.pieces)
        pace.done(rows, sum(piece.message_bytes for piece in batch.pieces), weight)

    def _applied(self, pieces: list[Piece]) -> None:
        if pieces[-1].last:
            self._reporter.quarantined(self._quarantined)
            self._quarantined.clear()
        self._reporter.applied(pieces)
        if pieces[-1].last:
            for what in self._redefining.committed():
                self._reporter.followed(what)
            if found := self._redefining.set_aside():
                self._ends.hold_back(found)

    def close(self) -> None:
        """Waits for what was begun beside; the inbox is closed already."""
        self._batches.close()

    def _patience(self, commit_time: float) -> float:
        """Not at all while in step, some of the delay when behind: large batches are what makes up for a delay, and at
        seconds behind a fraction more does not matter."""
        late = self._positions.late_seconds(commit_time)
        return min(late / 8, PATIENCE_SECONDS) if late > LATE_SECONDS else 0.0
