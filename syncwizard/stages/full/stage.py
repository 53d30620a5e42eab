"""Full synchronization: every table under a pair (LSN, snapshot), chunk by chunk (rules 10 and 11)."""

import select
import time
from collections import deque
from collections.abc import Callable, Iterable

import msgspec

from syncwizard.errors import TaskFailed
from syncwizard.postgres.destination.chunks import TableCopy
from syncwizard.postgres.destination.destination import Destination
from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.session.trouble import translated
from syncwizard.postgres.source.continuity import find_relations
from syncwizard.remedies import to_do
from syncwizard.stages.context import Child, Context, Pair, copy_workers
from syncwizard.stages.full.beside import leave_to_another
from syncwizard.stages.full.child import (
    Assignment,
    ChunkCopied,
    ChunkProgress,
    ChunkStale,
    CopyChunk,
    CopyTables,
    Finish,
    FromChild,
    TablesApart,
    TablesCopied,
)
from syncwizard.stages.full.healing import heal
from syncwizard.stages.full.planning import TablePlan, plan_round
from syncwizard.stages.full.refusing import refuse
from syncwizard.stages.full.renewing import is_changed
from syncwizard.stages.full.taking_over import take_over
from syncwizard.task.events import Noticed, SyncPointSet, TableCopied, TableRestarted
from syncwizard.task.figures.sample import Sample
from syncwizard.task.lsn import format_lsn, parse_lsn
from syncwizard.task.names import TableName
from syncwizard.task.text import counted, describe_bytes

# A worker that dies again and again without one chunk done in between has a reason that trying will not cure.
MAX_DEATHS = 10
# A transaction's end costs as much as copying some ten rows of each.
TABLES_TOGETHER = 100


def run(context: Context) -> str:
    """Copies what is not copied yet; returns a summary. A crash costs the tables that were not finished."""
    if "full" not in context.spec.synchronization.types:
        context.held.close()
        return "not part of this task"
    source = context.connect("source", "planner")
    destination = context.destination("planner")
    try:
        with translated("destination", "planning the copy"):
            destination.hold(context.owner)
            destination.prepare_writing()
        take_over(context, source, destination)
        leave_to_another(context, source, destination)
        given_up: set[TableName] = set()
        while _copy_round(context, source, destination, given_up):
            context.cancellation.check()
        return _finish(context, destination)
    finally:
        context.held.close()
        source.close()
        destination.close()


def _finish(context: Context, destination: Destination) -> str:
    with translated("destination", "reading what is copied"):
        found = destination.copies.read()
    # What is not complete by now was dropped at the source.
    copies = [copy for copy in found.values() if copy.complete]
    _note_unsaid(context, destination, copies)
    newest = max((parse_lsn(copy.pair_lsn) for copy in copies), default=0)
    context.record(SyncPointSet(lsn=format_lsn(newest)))
    rows = sum(rows for copy in copies for rows, _ in copy.done.values())
    size = sum(size for copy in copies for _, size in copy.done.values())
    return f"{counted(rows, 'row')}, {describe_bytes(size)} of {counted(len(copies), 'table')}"


def _note_unsaid(context: Context, destination: Destination, copies: Iterable[TableCopy]) -> None:
    """Tables that were committed by a run that could not say so any more."""
    state = context.state()
    unsaid = [copy for copy in copies if (known := state.table(copy.table)) is not None and not known.copied]
    with translated("destination", "counting dead letters"):
        copied = [
            _copied(copy.table, copy.done, 0.0, destination.dead_letters.copied(copy.table))
            for copy in unsaid
            if copy.chunks
        ]
    if copied:
        context.record(*copied)


def _copied(table: TableName, done: dict[int, tuple[int, int]], seconds: float, dead_letters: int = 0) -> TableCopied:
    rows, size = (sum(figures) for figures in zip(*done.values(), strict=True))
    return TableCopied(table=table, rows=rows, bytes=size, seconds=seconds, dead_letters=dead_letters)


def _copy_round(context: Context, source: Connection, destination: Destination, given_up: set[TableName]) -> bool:
    """Copies the unfinished tables under one pair; True when some must begin again under another. `given_up`: tables
    that are not healed, and grows."""
    plans, pair = plan_round(context, source, destination, given_up)
    if pair is None:
        return False
    _heal(context, pair, plans, given_up)

    def set_aside(plan: TablePlan, failed: TaskFailed) -> None:
        refuse(context, destination, plan, failed)

    stale = Copying(context, pair, plans, set_aside, destination.dead_letters.copied).run()
    if not stale:
        if not is_changed(context, source, destination):
            return False
        context.held.close()
        return True
    with translated("source", "looking for dropped tables"):
        exist = find_relations(source, [plan.source.oid for plan in stale])
    for plan in stale:
        if plan.source.oid in exist:
            context.record(TableRestarted(table=plan.source.name, reason=plan.stale))
    context.held.close()
    return True


def _heal(context: Context, pair: Pair, plans: Iterable[TablePlan], given_up: set[TableName]) -> None:
    """Brings the tables in step that are compared instead of copied."""
    for plan in plans:
        if plan.healing is not None and not plan.finished:
            context.cancellation.check()
            plan.started_at = time.monotonic()
            if not heal(context, pair, plan, plan.healing):
                given_up.update(plan.tree)
                plan.stale = "too many of its rows differ to be healed one by one"


class Copying:
    """Hands chunks to workers, largest tables first, and takes their answers. A dead worker costs its chunk; rows that
    the destination does not take cost their table, with its partition tree, which `refuse` sets aside: or it raises.
    `dead_letters` counts the rows of a table for which a script failed."""

    def __init__(
        self,
        context: Context,
        pair: Pair,
        plans: list[TablePlan],
        refuse: Callable[[TablePlan, TaskFailed], None],
        dead_letters: Callable[[TableName], int],
    ) -> None:
        self._refuse = refuse
        self._dead_letters = dead_letters
        self._context = context
        self._most = copy_workers(context.spec)
        self._pair = pair
        self._plans = sorted(plans, key=lambda plan: -plan.source.bytes)
        self._waiting = deque(self._plans)
        # What each copies now: chunks, of several tables only where these are copied together.
        self._workers: dict[int, tuple[Child, list[tuple[TablePlan, int]]]] = {}
        self._poll = select.poll()
        self._partial: dict[int, tuple[int, int]] = {}
        # Of committed chunks, by table: there may be thousands, of which a few change between two samples.
        self._rows: dict[str, int] = {}
        self._bytes: dict[str, int] = {}
        self._deaths = 0
        self._reported_at = 0.0

    def run(self) -> list[TablePlan]:
        """Copies all; the plans whose tables must begin again. Ends every worker, whatever happens."""
        chunks = sum(len(plan.todo) for plan in self._plans)
        self._note_finished(self._plans)
        self._add_up(self._plans)
        try:
            for _ in range(min(chunks, self._most)):
                self._start_worker()
            while self._busy():
                self._context.cancellation.check()
                for fileno, _ in self._poll.poll(200):
                    self._answer(fileno)
                self._report()
        finally:
            for child, _ in self._workers.values():
                child.kill()
        return [plan for plan in self._plans if plan.stale and not plan.refused]

    def _busy(self) -> bool:
        return any(parts for _, parts in self._workers.values()) or self._next_plan() is not None

    def _next_plan(self) -> TablePlan | None:
        """The largest table with chunks to hand out; done ones leave the queue, for there may be thousands."""
        while self._waiting:
            plan = self._waiting[0]
            if plan.todo and not plan.stale and not plan.refused:
                return plan
            self._waiting.popleft()
        return None

    def _start_worker(self) -> None:
        assignment = Assignment(
            spec=self._context.spec,
            secrets=self._context.secrets,
            snapshot=self._pair.snapshot,
            folder=str(self._context.folder),
        )
        child = self._context.spawn("copy", assignment)
        self._poll.register(child.fileno(), select.POLLIN)
        self._workers[child.fileno()] = (child, [])
        self._hand_out(child)

    def _take(self) -> list[tuple[TablePlan, int]]:
        """The next chunk, if there is one; with those of other tables where they are copied together."""
        taken: list[tuple[TablePlan, int]] = []
        # The last ones are divided between the workers.
        most = max(1, min(TABLES_TOGETHER, len(self._waiting) // (2 * self._most)))
        while len(taken) < most and (plan := self._next_plan()) is not None:
            if taken and not plan.together:
                break
            plan.started_at = plan.started_at or time.monotonic()
            taken.append((plan, plan.todo.popleft()))
            if not plan.together:
                break
        return taken

    def _hand_out(self, child: Child) -> None:
        """Gives the worker its next chunk or small tables, if there are any."""
        parts = self._take()
        self._workers[child.fileno()] = (child, parts)
        frame: msgspec.Struct = Finish()
        if len(parts) == 1:
            ((plan, chunk),) = parts
            frame = CopyChunk(generation=plan.copy.generation, chunk=chunk, range=plan.range(chunk))
        elif parts:
            frame = CopyTables(
                generations=[plan.copy.generation for plan, _ in parts],
                ranges=[plan.range(chunk) for plan, chunk in parts],
            )
        try:
            child.send(frame)
        except BrokenPipeError:
            self._died(child)

    def _answer(self, fileno: int) -> None:
        child, parts = self._workers[fileno]
        try:
            frame = child.receive(0)
        except EOFError:
            self._died(child)
            return
        except TaskFailed as failed:
            self._refused(child, parts, failed)
            return
        if frame is None or not parts:
            return
        if isinstance(frame, ChunkProgress):
            self._partial[fileno] = (frame.rows, frame.bytes)
            return
        self._partial.pop(fileno, None)
        # The worker has the next ones while the journal takes what it did.
        self._take_answer(frame, parts)
        self._add_up(plan for plan, _ in parts)
        self._hand_out(child)
        if isinstance(frame, TablesApart):
            self._call_back()
        self._note_finished([plan for plan, _ in parts])

    def _take_answer(self, frame: FromChild, parts: list[tuple[TablePlan, int]]) -> None:
        plan, chunk = parts[0]
        if isinstance(frame, ChunkCopied):
            self._deaths = 0
            plan.done[chunk] = (frame.rows, frame.bytes)
            if frame.dead_letters:
                self._report_dead_letters(plan, frame.dead_letters)
        elif isinstance(frame, TablesCopied):
            self._deaths = 0
            for (each, number), figures in zip(parts, frame.copied, strict=True):
                each.done[number] = figures
        elif isinstance(frame, ChunkStale):
            plan.stale = frame.reason
        elif isinstance(frame, TablesApart):
            self._put_back(parts)

    def _put_back(self, parts: list[tuple[TablePlan, int]]) -> None:
        """Chunks that are still to be copied, those of several tables one by one from now on."""
        for plan, chunk in reversed(parts):
            plan.alone = plan.alone or len(parts) > 1
            plan.todo.appendleft(chunk)
            self._waiting.appendleft(plan)

    def _report_dead_letters(self, plan: TablePlan, number: int) -> None:
        self._context.record(
            Noticed(
                level="warning",
                message=f"the script failed for {counted(number, 'row')} of {plan.source.name}: syncwizard.dead_letters"
                " at the destination has the keys and the reasons",
            )
        )

    def _died(self, child: Child) -> None:
        """Puts back what the dead worker had and starts another one if there is work."""
        _, parts = self._workers[child.fileno()]
        pid = child.pid
        self._remove(child)
        if not parts:
            return
        self._put_back(parts)
        name = parts[0][0].source.name
        self._deaths += 1
        if self._deaths > MAX_DEATHS:
            raise TaskFailed(
                f"copy workers died {self._deaths} times in a row, last at {name}",
                remedy=to_do("see the engine's log and the system's (out of memory?)", then="resume"),
            )
        again = f"its chunk of {name} is" if len(parts) == 1 else f"{name} and {len(parts) - 1} others are"
        self._context.record(Noticed(level="warning", message=f"copy worker {pid} died; {again} copied again"))
        self._call_back()

    def _refused(self, child: Child, parts: list[tuple[TablePlan, int]], failed: TaskFailed) -> None:
        """Goes on with the other tables; the worker has ended."""
        if not parts:
            raise failed
        if len(parts) > 1:
            # Which of them it was shows when they are copied one by one.
            self._put_back(parts)
        else:
            plan = parts[0][0]
            if not plan.refused:
                self._refuse(plan, failed)
            for each in self._plans:
                each.refused = each.refused or each.source.name in plan.tree
        self._remove(child)
        self._call_back()

    def _call_back(self) -> None:
        """Starts workers in place of those that have finished: there is work again: one table that has to
        wait for a lock must not keep all the others."""
        for child in [child for child, parts in self._workers.values() if not parts]:
            self._remove(child)
        while len(self._workers) < self._most and self._next_plan() is not None:
            self._start_worker()

    def _remove(self, child: Child) -> None:
        self._workers.pop(child.fileno())
        self._poll.unregister(child.fileno())
        self._partial.pop(child.fileno(), None)
        child.kill()

    def _note_finished(self, plans: Iterable[TablePlan]) -> None:
        now = time.monotonic()
        with translated("destination", "counting dead letters"):
            copied = [
                _copied(
                    plan.source.name,
                    plan.done,
                    now - plan.started_at if plan.started_at else 0.0,
                    self._dead_letters(plan.source.name) if plan.dead_letters else 0,
                )
                for plan in plans
                if plan.finished
            ]
        if copied:
            self._context.record(*copied)

    def _add_up(self, plans: Iterable[TablePlan]) -> None:
        for plan in plans:
            name = str(plan.source.name)
            self._rows[name] = sum(rows for rows, _ in plan.done.values())
            self._bytes[name] = sum(size for _, size in plan.done.values())

    def _report(self) -> None:
        """Samples rows and bytes of the tables at hand, twice a second."""
        now = time.monotonic()
        if now - self._reported_at < 0.5:
            return
        self._reported_at = now
        rows, size = dict(self._rows), dict(self._bytes)
        for fileno, (part_rows, part_bytes) in self._partial.items():
            # Who copies many tables at once reports nothing before they are in.
            for plan, _ in self._workers[fileno][1]:
                rows[str(plan.source.name)] += part_rows
                size[str(plan.source.name)] += part_bytes
        self._context.sample(Sample(copied_rows=rows, copied_bytes=size))
