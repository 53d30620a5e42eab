"""Incremental synchronization: keeps one apply child at work and passes on what it reports."""

import time

import msgspec

from syncwizard.errors import Cancelled, TaskFailed
from syncwizard.remedies import resync, to_do
from syncwizard.stages.context import Child, Context
from syncwizard.stages.incremental.copied import check_copied
from syncwizard.stages.incremental.frames import (
    Assignment,
    Attached,
    Changed,
    Dropped,
    Figures,
    Held,
    HoldEnded,
    Intruded,
    Quarantined,
    Reached,
    Recovered,
    Redefined,
    SetAside,
    Stop,
    Stopped,
    Uncaptured,
)
from syncwizard.stages.incremental.quarantined import record_quarantined, tell_quarantined
from syncwizard.stages.incremental.refusals import tried_again
from syncwizard.stages.relations import record_aside, record_changed, record_dropped, record_followed
from syncwizard.task.events import Noticed
from syncwizard.task.figures.sample import Sample
from syncwizard.task.names import TableName

# A child that was ordered to stop ends after the batch at hand; one that cannot is ended, which costs nothing but
# the batch.
STOP_SECONDS = 10.0
MAX_DEATHS = 10


def run(context: Context) -> None:
    """Applies changes until cancelled."""
    follow(context, sync_point=context.state().sync_point or "0/0", stop_at=None)


def follow(context: Context, *, sync_point: str, stop_at: str | None) -> str:
    """Applies until `stop_at` is reached; the position. Without it only cancellation or an error ends this.

    A child that dies is replaced. Totals run on over children. Raises ChangesMissing where the destination was
    set back, ChangeFailed for what the destination refuses.
    """
    with tried_again():
        check_copied(context)
    return _Following(context, sync_point, stop_at).run()


class _Following:
    def __init__(self, context: Context, sync_point: str, stop_at: str | None) -> None:
        self._context = context
        self._assignment = Assignment(
            spec=context.spec,
            secrets=context.secrets,
            owner=context.owner,
            sync_point=sync_point,
            stop_at=stop_at,
            folder=str(context.folder),
            decided=context.state().decided,
            row_decided=context.state().row_decided,
        )
        self._transactions = 0
        self._changes: dict[str, dict[str, int]] = {}
        self._sample: Sample | None = None
        self._deaths = 0
        self._reported: set[tuple[TableName, str]] = set()

    def run(self) -> str:
        while True:
            child = self._context.spawn("apply", self._assignment)
            self._context.applying.attach(child)
            try:
                return self._listen(child)
            except EOFError:
                self._died(child.pid)
            finally:
                self._context.applying.detach()
                child.kill()
                self._keep_totals()

    def _listen(self, child: Child) -> str:
        context = self._context
        while True:
            frame = child.receive(0.2)
            if isinstance(frame, Figures):
                self._figures(frame.sample)
            elif isinstance(frame, Reached):
                return frame.applied_lsn
            elif isinstance(frame, Recovered):
                context.record(Noticed(level="warning" if frame.doubtful else "info", message=frame.reason))
            elif isinstance(frame, Redefined):
                record_followed(context, [frame.what])
            elif isinstance(frame, Quarantined):
                record_quarantined(context, frame.found)
            elif isinstance(frame, Intruded):
                self._report_intruded(frame.reader)
            elif isinstance(frame, Uncaptured):
                self._report_missing(
                    frame.tables,
                    "not captured, because created or detached after the start: ",
                    "to have them synchronized, too, create them at the destination",
                )
            elif isinstance(frame, Attached):
                self._report_missing(
                    frame.tables,
                    "attached after the start with rows in them that are not at the destination: ",
                    "",
                )
            elif isinstance(frame, Dropped):
                record_dropped(context, frame.tables, again=frame.again)
            elif isinstance(frame, Changed):
                record_changed(context, frame.detached, frame.doubts)
            elif isinstance(frame, Held | HoldEnded):
                context.applying.answer(frame)
            elif isinstance(frame, SetAside):
                record_aside(context, frame.found)
            if context.cancellation.cancelled:
                self._stop(child)
                raise Cancelled

    def _report_intruded(self, reader: str) -> None:
        self._context.record(
            Noticed(
                level="warning",
                message=f"another session read slot {self._context.spec.slot} and was ended, because what a reader"
                f" confirms is lost for this task: {reader}",
                remedy=to_do("make sure that it does not come back while the task is paused"),
            )
        )

    def _report_missing(self, tables: list[TableName], what: str, step: str) -> None:
        """Reports, once a run, tables that appeared since the start and whose rows are not at the destination; one may
        have the name of a table that was dropped."""
        new = [table for table in tables if (table, what) not in self._reported]
        self._reported.update((table, what) for table in new)
        if new:
            self._context.record(
                Noticed(
                    level="warning",
                    message=what + ", ".join(map(str, new)),
                    remedy=resync(self._context.spec.name, new, *filter(None, [step])),
                )
            )

    def _stop(self, child: Child) -> None:
        try:
            child.send(Stop())
            deadline = time.monotonic() + STOP_SECONDS
            while time.monotonic() < deadline:
                frame = child.receive(deadline - time.monotonic())
                if isinstance(frame, Figures):
                    self._figures(frame.sample)
                if isinstance(frame, Redefined):
                    record_followed(self._context, [frame.what])
                if isinstance(frame, Quarantined):
                    record_quarantined(self._context, frame.found)
                if isinstance(frame, Stopped):
                    return
        except (EOFError, BrokenPipeError):
            return

    def _figures(self, sample: Sample) -> None:
        """Passes a sample on, its totals added to those of the children before."""
        if sample.transactions is None:
            self._context.sample(sample)
            return
        if sample.transactions:
            self._deaths = 0
        self._sample = sample
        totals = {table: dict(kinds) for table, kinds in self._changes.items()}
        _add(totals, sample)
        self._context.sample(
            msgspec.structs.replace(sample, transactions=self._transactions + sample.transactions, changes=totals)
        )

    def _keep_totals(self) -> None:
        sample, self._sample = self._sample, None
        if sample is None:
            return
        self._transactions += sample.transactions or 0
        _add(self._changes, sample)

    def _died(self, pid: int) -> None:
        self._deaths += 1
        if self._deaths > MAX_DEATHS:
            raise TaskFailed(
                f"apply processes died {self._deaths} times in a row",
                remedy=to_do("see the engine's log and the system's (out of memory?)", then="resume"),
            )
        self._context.record(Noticed(level="warning", message=f"apply process {pid} died; another one takes over"))
        # It may have died behind a commit of which it had not reported all.
        with tried_again(), self._context.destination("comparing") as destination:
            tell_quarantined(self._context, destination)


def _add(totals: dict[str, dict[str, int]], sample: Sample) -> None:
    """Adds a child's counters to totals per table and kind."""
    for table, kinds in (sample.changes or {}).items():
        mine = totals.setdefault(table, {})
        for kind, number in kinds.items():
            mine[kind] = mine.get(kind, 0) + number
