"""Full synchronization: every table under a pair (LSN, snapshot), chunk by chunk (rules 10 and 11)."""

import os
import select
import time
from collections import deque
from collections.abc import Iterable

import msgspec

from syncwizard.errors import TaskFailed
from syncwizard.postgres.catalog import Table, read_tables
from syncwizard.postgres.connection import Connection, translated
from syncwizard.postgres.copying import ChunkRange
from syncwizard.postgres.destination.chunks import TableCopy, begin_copies, read_copies
from syncwizard.postgres.destination.session import hold_task, prepare_writing
from syncwizard.postgres.selection import select_tables
from syncwizard.postgres.source.slot import create_slot
from syncwizard.stages.context import Child, Context, Pair
from syncwizard.stages.copying import (
    Assignment,
    ChunkCopied,
    ChunkProgress,
    ChunkStale,
    CopyChunk,
    Finish,
)
from syncwizard.stages.interruptible import interruptible
from syncwizard.stages.kept import find_kept
from syncwizard.task.events import Noticed, Sample, SyncPointSet, TableCopied, TableName, TablePlanned, TableRestarted
from syncwizard.task.lsn import format_lsn, parse_lsn

PAGE_BYTES = 8192
# Large enough that a chunk's two transactions cost nothing, small enough that workers end together and that a
# dead worker costs little.
CHUNK_BYTES = 128 * 1024 * 1024
MAX_WORKERS = 4
# A worker that dies again and again without one chunk done in between has a reason that trying will not cure.
MAX_DEATHS = 10


class TablePlan(msgspec.Struct, kw_only=True):
    """One table on its way: `todo` chunks not yet handed out, `running` ones, `done` with rows and bytes."""

    source: Table
    target: TableName
    copy: TableCopy
    binary: bool
    todo: deque[int]
    running: set[int]
    done: dict[int, tuple[int, int]]
    stale: str = ""
    started_at: float = 0.0

    def range(self, chunk: int) -> ChunkRange:
        """The pages of a chunk."""
        last = chunk == self.copy.chunks - 1
        return ChunkRange(
            source=self.source.name,
            target=self.target,
            oid=self.source.oid,
            columns=tuple(column.name for column in self.source.stored_columns),
            binary=self.binary,
            first_page=chunk * self.copy.chunk_pages,
            end_page=None if last else (chunk + 1) * self.copy.chunk_pages,
            keep_existing=self.copy.kept,
        )

    @property
    def finished(self) -> bool:
        """Whether all chunks are in."""
        return len(self.done) == self.copy.chunks


def run(context: Context) -> str:
    """Copies what is not copied yet; returns a summary. A crash costs the tables that were not finished."""
    if "full" not in context.spec.synchronization.types:
        _close_pair(context)
        return "not part of this task"
    source = context.connect("source", "planner")
    destination = context.connect("destination", "planner")
    try:
        with translated("destination", "planning the copy"):
            assert context.spec.id is not None
            hold_task(destination, context.spec.id)
            prepare_writing(destination)
        while _copy_round(context, source, destination):
            context.cancellation.check()
        return _finish(context, destination)
    finally:
        _close_pair(context)
        source.close()
        destination.close()


def _close_pair(context: Context) -> None:
    if context.pair is not None:
        context.pair.holder.close()
        context.pair = None


def _finish(context: Context, destination: Connection) -> str:
    assert context.spec.id is not None
    copies = read_copies(destination, context.spec.id)
    newest = max((parse_lsn(copy.pair_lsn) for copy in copies.values()), default=0)
    context.record(SyncPointSet(lsn=format_lsn(newest)))
    rows = sum(rows for copy in copies.values() for rows, _ in copy.done.values())
    size = sum(size for copy in copies.values() for _, size in copy.done.values())
    return f"{rows:,} rows, {size / 1024 / 1024:,.1f} MiB of {len(copies)} tables"


def _copy_round(context: Context, source: Connection, destination: Connection) -> bool:
    """Copies the unfinished tables under one pair; True when some must begin again under another."""
    plans, pair = _plan(context, source, destination)
    if pair is None:
        return False
    stale = Copying(context, pair, plans).run()
    if not stale:
        return False
    for plan in stale:
        context.record(TableRestarted(table=plan.source.name, reason=plan.stale))
    _close_pair(context)
    return True


def _plan(context: Context, source: Connection, destination: Connection) -> tuple[list[TablePlan], Pair | None]:
    """The tables still to copy and the pair to copy them under. New generations are recorded at the destination."""
    spec = context.spec
    assert spec.id is not None
    with translated("source", "planning the copy"):
        tables = select_tables(source, spec).tables
    schemas = {table.name.schema for table in tables} | {table.root.schema for table in tables}
    with translated("destination", "planning the copy"):
        there = {table.name: table for table in read_tables(destination, sorted(schemas), sizes=False)}
        copies = read_copies(destination, spec.id)
    pending = _unfinished_units(tables, copies)
    if not pending:
        return [], None
    pair = context.pair or _new_pair(context)
    context.pair = pair
    kept: set[TableName] = set()
    if spec.synchronization.conflicts == "ignore":
        with translated("destination", "planning the copy"):
            kept = find_kept(destination, [(table, _target(table, there).name) for table in pending], copies)
    begun, plans, truncate = [], [], []
    for table in pending:
        former = copies.get(table.name)
        if former is None or former.pair_lsn != pair.lsn:
            if former is not None and not table.partitioned and not former.kept:
                truncate.append(_target(table, there).name)
            former = _new_copy(table, pair, former, kept=table.name in kept)
            begun.append(former)
        if not table.partitioned:
            plans.append(_table_plan(table, _target(table, there), former))
    with translated("destination", "planning the copy"):
        begin_copies(destination, spec.id, begun, dict.fromkeys(truncate))
    for plan in plans:
        if plan.copy in begun:
            context.record(_planned(plan))
    return plans, pair


def _unfinished_units(tables: Iterable[Table], copies: dict[TableName, TableCopy]) -> list[Table]:
    """The tables of every partition tree that is not completely copied under one pair.

    A row may move between the leaves of a tree, so all of them share their pair.
    """
    trees: dict[TableName, list[Table]] = {}
    for table in tables:
        trees.setdefault(table.root, []).append(table)
    unfinished = []
    for tree in trees.values():
        known = [copies.get(table.name) for table in tree]
        complete = all(copy is not None and copy.complete for copy in known)
        if not complete or len({copy.pair_lsn for copy in known if copy is not None}) > 1:
            unfinished.extend(tree)
    return unfinished


def _new_pair(context: Context) -> Pair:
    """A pair from a temporary slot, for tables that begin (again) after the task's slot was made."""
    holder = context.connect("source", "snapshot", replication=True)
    try:
        with interruptible(context, holder, "source", "creating a temporary slot for the copy"):
            slot = create_slot(holder, f"{context.spec.slot}_copy", temporary=True)
    except BaseException:
        holder.close()
        raise
    return Pair(lsn=slot.lsn, snapshot=slot.snapshot, holder=holder)


def _new_copy(table: Table, pair: Pair, former: TableCopy | None, *, kept: bool) -> TableCopy:
    kept = kept if former is None else former.kept
    if table.partitioned:
        chunks, pages = 0, 1  # holds no rows; its pair is that of its leaves
    else:
        total = max(1, -(-table.heap_bytes // PAGE_BYTES))
        # Bytes to move include out-of-line values, so a page of a table with long values counts for more.
        weight = max(table.bytes, table.heap_bytes, PAGE_BYTES)
        chunks = max(1, min(total, round(weight / CHUNK_BYTES)))
        chunks = 1 if kept else chunks
        pages = -(-total // chunks)
        chunks = -(-total // pages)
    return TableCopy(
        table=table.name,
        generation=1 if former is None else former.generation + 1,
        pair_lsn=pair.lsn,
        chunks=chunks,
        chunk_pages=pages,
        kept=kept,
    )


def _target(table: Table, there: dict[TableName, Table]) -> Table:
    found = there.get(table.name) or there.get(table.root)
    if found is None:
        raise TaskFailed(
            f"table {table.name} is not at the destination",
            where="destination",
            remedy="create it as it is at the source, or let the task synchronize the schema",
        )
    return found


def _table_plan(table: Table, target: Table, copy: TableCopy) -> TablePlan:
    types = {column.name: column.type_name for column in target.columns}
    for column in table.stored_columns:
        if column.name not in types:
            raise TaskFailed(
                f"column {column.name} of {table.name} is not at the destination", where=f"destination {target.name}"
            )
    return TablePlan(
        source=table,
        target=target.name,
        copy=copy,
        # Binary COPY takes wrong types without an error, so it needs the same type at both ends (rule 14).
        binary=all(column.binary and types[column.name] == column.type_name for column in table.stored_columns),
        todo=deque(chunk for chunk in range(copy.chunks) if chunk not in copy.done),
        running=set(),
        done=dict(copy.done),
    )


def _planned(plan: TablePlan) -> TablePlanned:
    return TablePlanned(
        table=plan.source.name,
        pair_lsn=plan.copy.pair_lsn,
        chunks=plan.copy.chunks,
        estimated_rows=plan.source.estimated_rows,
        estimated_bytes=plan.source.bytes,
        binary=plan.binary,
    )


class Copying:
    """Hands chunks to workers, largest tables first, and takes their answers. A dead worker costs its chunk."""

    def __init__(self, context: Context, pair: Pair, plans: list[TablePlan]) -> None:
        self._context = context
        self._pair = pair
        self._plans = sorted(plans, key=lambda plan: -plan.source.bytes)
        self._workers: dict[int, tuple[Child, TablePlan | None, int]] = {}
        self._poll = select.poll()
        self._partial: dict[int, tuple[int, int]] = {}
        self._deaths = 0
        self._reported_at = 0.0

    def run(self) -> list[TablePlan]:
        """Copies all; the plans whose tables must begin again. Ends every worker, whatever happens."""
        chunks = sum(len(plan.todo) for plan in self._plans)
        for plan in self._plans:
            self._note_finished(plan)
        try:
            for _ in range(min(chunks, MAX_WORKERS, max(2, os.cpu_count() or 1))):
                self._start_worker()
            while self._busy():
                self._context.cancellation.check()
                for fileno, _ in self._poll.poll(200):
                    self._answer(fileno)
                self._report()
        finally:
            for child, _, _ in self._workers.values():
                child.kill()
        return [plan for plan in self._plans if plan.stale]

    def _busy(self) -> bool:
        return any(plan.running or (plan.todo and not plan.stale) for plan in self._plans)

    def _start_worker(self) -> None:
        assignment = Assignment(spec=self._context.spec, secrets=self._context.secrets, snapshot=self._pair.snapshot)
        child = self._context.spawn("copy", assignment)
        self._poll.register(child.fileno(), select.POLLIN)
        self._workers[child.fileno()] = (child, None, 0)
        self._hand_out(child)

    def _hand_out(self, child: Child) -> None:
        """Gives the worker its next chunk, if there is one."""
        fileno = child.fileno()
        for plan in self._plans:
            if plan.todo and not plan.stale:
                chunk = plan.todo.popleft()
                plan.running.add(chunk)
                plan.started_at = plan.started_at or time.monotonic()
                self._workers[fileno] = (child, plan, chunk)
                frame: msgspec.Struct = CopyChunk(generation=plan.copy.generation, chunk=chunk, range=plan.range(chunk))
                break
        else:
            self._workers[fileno] = (child, None, 0)
            frame = Finish()
        try:
            child.send(frame)
        except BrokenPipeError:
            self._died(child)

    def _answer(self, fileno: int) -> None:
        child, plan, chunk = self._workers[fileno]
        try:
            frame = child.receive(0)
        except EOFError:
            self._died(child)
            return
        if frame is None or plan is None:
            return
        if isinstance(frame, ChunkProgress):
            self._partial[fileno] = (frame.rows, frame.bytes)
            return
        self._partial.pop(fileno, None)
        plan.running.discard(chunk)
        if isinstance(frame, ChunkCopied):
            self._deaths = 0
            plan.done[chunk] = (frame.rows, frame.bytes)
            self._note_finished(plan)
        elif isinstance(frame, ChunkStale):
            plan.stale = frame.reason
        self._hand_out(child)

    def _died(self, child: Child) -> None:
        """Puts the dead worker's chunk back and starts another one if there is work."""
        fileno = child.fileno()
        _, plan, chunk = self._workers.pop(fileno)
        self._poll.unregister(fileno)
        self._partial.pop(fileno, None)
        pid = child.pid
        child.kill()
        if plan is None:
            return
        plan.running.discard(chunk)
        plan.todo.appendleft(chunk)
        self._deaths += 1
        if self._deaths > MAX_DEATHS:
            raise TaskFailed(
                f"copy workers died {self._deaths} times in a row, last at {plan.source.name}",
                remedy="see the engine's log and the system's (out of memory?), then resume",
            )
        self._context.record(
            Noticed(level="warning", message=f"copy worker {pid} died; its chunk of {plan.source.name} is copied again")
        )
        self._start_worker()

    def _note_finished(self, plan: TablePlan) -> None:
        if not plan.finished:
            return
        self._context.record(
            TableCopied(
                table=plan.source.name,
                rows=sum(rows for rows, _ in plan.done.values()),
                bytes=sum(size for _, size in plan.done.values()),
                seconds=time.monotonic() - plan.started_at if plan.started_at else 0.0,
            )
        )

    def _report(self) -> None:
        """Samples rows and bytes of the tables at hand, twice a second."""
        now = time.monotonic()
        if now - self._reported_at < 0.5:
            return
        self._reported_at = now
        rows: dict[str, int] = {}
        size: dict[str, int] = {}
        for plan in self._plans:
            rows[str(plan.source.name)] = sum(rows for rows, _ in plan.done.values())
            size[str(plan.source.name)] = sum(size for _, size in plan.done.values())
        for fileno, (part_rows, part_bytes) in self._partial.items():
            plan_ = self._workers[fileno][1]
            if plan_ is not None:
                rows[str(plan_.source.name)] += part_rows
                size[str(plan_.source.name)] += part_bytes
        self._context.sample(Sample(copied_rows=rows, copied_bytes=size))
