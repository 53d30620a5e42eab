"""What is to be copied: which tables, under which pair, in which chunks, and what is emptied for it (rules 10, 11)."""

from collections import deque
from collections.abc import Collection, Iterable
from contextlib import ExitStack

import msgspec

from syncwizard.errors import TaskFailed
from syncwizard.postgres.captured import Member
from syncwizard.postgres.catalog.row_rules import read_rules, refused
from syncwizard.postgres.catalog.selection import select_tables
from syncwizard.postgres.copying import ChunkRange, casts_at_source
from syncwizard.postgres.destination.chunks import TableCopy
from syncwizard.postgres.destination.destination import Destination
from syncwizard.postgres.dialect import Features, features
from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.session.trouble import translated
from syncwizard.postgres.source.continuity import check_publication
from syncwizard.postgres.source.ddl import joined_relations
from syncwizard.postgres.source.heartbeat import beat_after
from syncwizard.postgres.source.publication import read_publication
from syncwizard.postgres.source.slot import create_slot, end_temporary
from syncwizard.rows.changes import Projected
from syncwizard.rows.etl.tree import ScriptError
from syncwizard.rows.projected_routing import project_to
from syncwizard.rows.projection import Projection, RowRule
from syncwizard.stages.context import Context, Pair, copy_workers
from syncwizard.stages.full.healable import healable, usable, whole
from syncwizard.stages.full.kept import find_kept
from syncwizard.stages.full.redefined import leave_redefined
from syncwizard.stages.full.renewing import note_pending, renew_changed
from syncwizard.stages.interruptible import interruptible
from syncwizard.stages.relations import leave_dropped
from syncwizard.stages.same_source import check_source
from syncwizard.stages.targets import Targets, read_targets, to_empty
from syncwizard.stages.verification.units import Unit
from syncwizard.structure.renames import renamed, travelling
from syncwizard.structure.table import Table
from syncwizard.task.events import TablePlanned
from syncwizard.task.mapping import Mapping
from syncwizard.task.names import TableName
from syncwizard.task.specification import TaskSpec

PAGE_BYTES = 8192
# Large enough that a chunk's two transactions cost nothing, small enough that workers end together and that a
# dead worker costs little.
CHUNK_BYTES = 128 * 1024 * 1024
# A table is split from this part of a chunk on: less takes a worker less time than the rest of a stage.
LEAST_SHARE = 4
# Larger ones gain nothing by sharing a transaction, whose end costs some milliseconds.
TOGETHER_BYTES = 1024 * 1024


class TablePlan(msgspec.Struct, kw_only=True):
    """One table on its way: `todo` chunks not yet handed out, `done` ones with rows and bytes; `columns` of the source
    go into the `target_columns`, unless a projection says what does. `tree`: the names of its partition tree,
    itself among them; `refused`: the destination does not take its rows, or those of its tree; `alone`: a transaction
    with it and others came to nothing. `healing`: what is compared and written where it is not copied."""

    source: Table
    target: TableName
    copy: TableCopy
    target_columns: tuple[str, ...]
    binary: bool
    todo: deque[int]
    done: dict[int, tuple[int, int]]
    columns: tuple[str, ...] = ()
    projected: Projected | None = None
    dead_letters: bool = False
    tree: tuple[TableName, ...] = ()
    stale: str = ""
    refused: bool = False
    alone: bool = False
    started_at: float = 0.0
    healing: Unit | None = None

    def range(self, chunk: int) -> ChunkRange:
        """The pages of a chunk."""
        last = chunk == self.copy.chunks - 1
        return ChunkRange(
            source=self.source.name,
            target=self.target,
            oid=self.source.oid,
            columns=self.columns,
            target_columns=self.target_columns,
            binary=self.binary,
            first_page=chunk * self.copy.chunk_pages,
            end_page=None if last else (chunk + 1) * self.copy.chunk_pages,
            keep_existing=self.copy.kept,
            condition=self.source.condition,
            projected=self.projected,
            dead_letters=self.dead_letters,
        )

    @property
    def together(self) -> bool:
        """Whether it is copied with others in one transaction: small, and nothing of it is set aside or kept."""
        apart = self.alone or self.copy.kept or self.dead_letters
        return not apart and self.copy.chunks == 1 and self.source.bytes <= TOGETHER_BYTES

    @property
    def finished(self) -> bool:
        """Whether all chunks are in."""
        return len(self.done) == self.copy.chunks


def plan_round(
    context: Context, source: Connection, destination: Destination, given_up: Collection[TableName] = ()
) -> tuple[list[TablePlan], Pair | None]:
    """The tables still to copy and the pair to copy them under. New generations are recorded at the destination.
    `given_up`: tables that are not healed, because too much of them differs.

    Raises ChangesMissing when the copies made so far, or those to come, could not be followed, and SourceChanged where
    another server answers.
    """
    check_source(context, source, destination)
    with translated("source", "planning the copy"):
        selected = select_tables(source, context.spec).tables
    with translated("destination", "planning the copy"):
        there = read_targets(source, destination, selected, context.mapping)
        copies = destination.copies.read()
    with translated("source", "reading filters and scripts"):
        rules = read_rules(source, source.info.dbname, selected, context.spec, context.mapping)
    tables, captured = _captured(context, source, destination, selected, copies)
    if renew_changed(context, source, destination, tables, copies, captured):
        with translated("destination", "planning the copy"):
            copies = destination.copies.read()
    pending = leave_redefined(context, source, destination, unfinished_units(_joined(context, tables), copies), there)
    if not pending:
        return [], None
    if context.pair is None:
        # Before there is a snapshot: what differs from this later happened after it, or makes a chunk stale.
        note_pending(context, source, destination, pending, captured)
    pair = context.pair or context.held.hold(_new_pair(context, source))
    begun = _new_copies(context, destination, pending, pair, there, copies, features(source))
    with translated("destination", "planning what is healed"):
        found = healable(context, pending, there, rules, source, destination.connection, given_up)
    healing = usable(found, pending, begun, copies)
    begun |= {name: whole(begun[name]) for name in healing if name in begun}
    plans = []
    trees = trees_of(pending)
    takes_others_types = features(destination.connection).types_of_others
    for table in pending:
        if table.partitioned:
            continue
        plan = _plan(context, table, there, begun.get(table.name) or copies[table.name], rules.get(table.name))
        if not takes_others_types and any(column.type.structure for column in table.stored_columns):
            plan.binary = False
        plan.healing = healing.get(table.name)
        plan.tree = tuple(sorted(each.name for each in trees[table.root]))
        plans.append(plan)
    emptied = [table for table in pending if table.name in begun and table.name not in healing]
    if emptied and context.spec.advanced.vector_indexes == "rebuild":
        # There are none yet, unless tables are copied again.
        from syncwizard.stages.definitions.postponing import postpone_of

        postpone_of(context, destination, [table.name for table in emptied], "the table is copied again")
    # It waits for whoever reads the tables.
    with interruptible(context, destination.connection, "destination", "emptying the tables"):
        destination.copies.begin(begun.values(), to_empty(emptied, selected, there, copies), there.conditions(emptied))
    new = [plan for plan in plans if plan.source.name in begun]
    if new:
        context.record(*(_planned(plan, more=number < len(new)) for number, plan in enumerate(new, 1)))
    return plans, pair


def _plan(context: Context, table: Table, there: Targets, copy: TableCopy, rule: RowRule | None) -> TablePlan:
    target = there.of(table)
    if rule is None:
        return _table_plan(table, target, copy, context.mapping)
    return _projected_plan(table, target, copy, rule.projection, context.spec)


def _new_copies(
    context: Context,
    destination: Destination,
    pending: Iterable[Table],
    pair: Pair,
    there: Targets,
    copies: dict[TableName, TableCopy],
    server: Features,
) -> dict[TableName, TableCopy]:
    """The copies that begin under the pair: of the tables that have none under it yet."""
    wanted = [table for table in pending if table.name not in copies or copies[table.name].pair_lsn != pair.lsn]
    kept: set[TableName] = set()
    if context.spec.synchronization.conflicts == "ignore":
        with translated("destination", "planning the copy"):
            targets = [(table, there.of(table).name) for table in wanted]
            kept = find_kept(destination, targets, copies, there.conditions(wanted))
    workers = copy_workers(context.spec)
    return {
        table.name: _new_copy(table, pair, copies.get(table.name), server, workers, kept=table.name in kept)
        for table in wanted
    }


def _captured(
    context: Context,
    source: Connection,
    destination: Destination,
    selected: Iterable[Table],
    copies: dict[TableName, TableCopy],
) -> tuple[list[Table], list[Member]]:
    """Those of the selected tables whose changes the publication carries, and all that it carries; says which ones are
    gone since capture."""
    with translated("destination", "reading what is captured"):
        progress = destination.ledger.read()
        members = destination.ledger.read_members()
    assert progress is not None
    with translated("source", "comparing the publication"):
        found = check_publication(source, progress, members)
        publication = read_publication(source, context.spec.slot)
    if found.handed_over is not None:
        with translated("destination", "noting the owner of the publication"):
            destination.ledger.note_owner(progress, *found.handed_over)
    carried = publication.members if publication else []
    captured = {member.relation: member.table for member in carried}
    leave_dropped(context, source, destination, members, copies, set(captured.values()))
    with translated("source", "reading what has joined"):
        joined = set(joined_relations(source, context.spec.slot))
    # What a command let join comes by the stream, definition first: until then the destination has no table for it, and
    # no copy. What an order names is copied, and the stream leaves it alone up to that.
    order = context.state().resync
    named = copies.keys() | ({each.table for each in order.tables} if order is not None else set())
    # A partition that was detached has joined, too, and its rows of before come with its copy alone.
    joined -= {member.relation for member in members if member.oid is None}
    created = {table.oid for table in selected if table.oid in joined and table.name not in named}
    captured = {relation: table for relation, table in captured.items() if relation not in created}
    trees = {table.root for table in selected if table.oid in captured}
    tables = [table for table in selected if table.oid in captured or (table.partitioned and table.root in trees)]
    return tables, carried


def _joined(context: Context, tables: Iterable[Table]) -> list[Table]:
    """Those that are not set aside: these are copied again by order."""
    aside = {name for event in context.state().aside for name in event.names}
    return [table for table in tables if table.name not in aside]


def trees_of(tables: Iterable[Table]) -> dict[TableName, list[Table]]:
    """The tables by the root of their partition tree."""
    trees: dict[TableName, list[Table]] = {}
    for table in tables:
        trees.setdefault(table.root, []).append(table)
    return trees


def unfinished_units(tables: Iterable[Table], copies: dict[TableName, TableCopy]) -> list[Table]:
    """The tables of every partition tree that is not completely copied under one pair.

    A row may move between the leaves of a tree, so all of them share their pair.
    """
    unfinished = []
    for tree in trees_of(tables).values():
        known = [copies.get(table.name) for table in tree]
        complete = all(copy is not None and copy.complete for copy in known)
        if not complete or len({copy.pair_lsn for copy in known if copy is not None}) > 1:
            unfinished.extend(tree)
    return unfinished


def _new_pair(context: Context, source: Connection) -> Pair:
    """A pair from a temporary slot, for tables that begin (again) after the task's slot was made."""
    name = f"{context.spec.slot}_copy"
    with translated("source", "ending what the copy before has left"):
        end_temporary(source, name)
    holder = context.connect("source", "snapshot", replication=True)
    with ExitStack() as otherwise:
        otherwise.callback(holder.close)
        with interruptible(context, holder, "source", "creating a temporary slot for the copy"):
            slot = create_slot(holder, name, temporary=True)
        # Before a row is read: rows of a state that the source is set back from would look like those of its history.
        with translated("source", "writing a heartbeat after the snapshot"):
            beat = beat_after(source, context.spec.slot, context.cancellation.wait)
        otherwise.pop_all()
    return Pair(lsn=slot.lsn, snapshot=slot.snapshot, holder=holder, beat=beat)


def _new_copy(
    table: Table, pair: Pair, former: TableCopy | None, server: Features, workers: int, *, kept: bool
) -> TableCopy:
    kept = kept if former is None else former.kept
    if table.partitioned:
        chunks, pages = 0, 1  # holds no rows; its pair is that of its leaves
    else:
        total = max(1, -(-table.heap_bytes // PAGE_BYTES))
        # Bytes to move include out-of-line values, so a page of a table with long values counts for more.
        weight = max(table.bytes, table.heap_bytes, PAGE_BYTES)
        # Where the server reads the whole table for each range of its pages, it is read once.
        chunks = 1 if kept or not server.page_ranges else min(total, _chunks(weight, workers))
        pages = -(-total // chunks)
        chunks = -(-total // pages)
    return TableCopy(
        table=table.name,
        generation=1 if former is None else former.generation + 1,
        pair_lsn=pair.lsn,
        chunks=chunks,
        chunk_pages=pages,
        kept=kept,
        beat=pair.beat,
    )


def _chunks(weight: int, workers: int) -> int:
    """How many chunks so many bytes make: the workers' number times something where it is worth splitting at all, so
    that they end together."""
    if weight < CHUNK_BYTES // LEAST_SHARE:
        return 1
    return -(-round(weight / CHUNK_BYTES) // workers) * workers or workers


def _table_plan(table: Table, target: Table, copy: TableCopy, mapping: Mapping) -> TablePlan:
    expected = renamed(table, mapping).stored_columns
    types = {column.name: column.type for column in target.columns}
    for column in expected:
        if column.name not in types:
            raise TaskFailed(
                f"column {column.name} of {target.name} is not at the destination", where=f"destination {target.name}"
            )
    return TablePlan(
        source=table,
        target=target.name,
        copy=copy,
        # Binary COPY takes wrong types without an error, so it needs the same type at both ends (rule 14).
        binary=all(column.binary and types[column.name] == column.type for column in expected),
        columns=tuple(column.name for column in travelling(table, mapping)),
        target_columns=tuple(column.name for column in expected),
        todo=deque(chunk for chunk in range(copy.chunks) if chunk not in copy.done),
        done=dict(copy.done),
    )


def _projected_plan(table: Table, target: Table, copy: TableCopy, projection: Projection, spec: TaskSpec) -> TablePlan:
    try:
        projected = project_to(projection, target)
    except ScriptError as error:
        raise refused(table.name, error) from error
    here = {column.name: column for column in table.columns}
    there = {column.name: column for column in target.columns}
    binary = True
    for output, kind in zip(projection.outputs, projected.types, strict=True):
        if output.source is None:
            binary = binary and casts_at_source(output, kind) and there[output.name].binary
        else:
            column = here[output.source]
            binary = binary and column.binary and column.type == there[output.name].type
    return TablePlan(
        source=table,
        target=target.name,
        copy=copy,
        binary=binary,
        target_columns=tuple(output.name for output in projection.outputs),
        todo=deque(chunk for chunk in range(copy.chunks) if chunk not in copy.done),
        done=dict(copy.done),
        projected=projected,
        dead_letters=spec.advanced.etl_errors == "dead-letter",
    )


def _planned(plan: TablePlan, *, more: bool) -> TablePlanned:
    return TablePlanned(
        table=plan.source.name,
        pair_lsn=plan.copy.pair_lsn,
        chunks=plan.copy.chunks,
        estimated_rows=plan.source.estimated_rows,
        estimated_bytes=plan.source.bytes,
        binary=plan.binary,
        more=more,
    )
