"""What a resynchronization would do: which tables lost changes, and what is emptied and copied again for them.

Looks and changes nothing; the order that comes of it is carried out by capture and the full stage.
"""

import uuid
from collections.abc import Iterable

from syncwizard.errors import UsageError
from syncwizard.postgres.captured import Progress
from syncwizard.postgres.catalog.selection import Selection, select_tables
from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.session.trouble import translated
from syncwizard.postgres.source.slot import current_lsn
from syncwizard.remedies import Remedy, or_else, resync, to_do
from syncwizard.stages.capture.again import Damage, find_damage, followed_by
from syncwizard.stages.context import Context
from syncwizard.stages.targets import Targets, find_obstacles, read_targets
from syncwizard.structure.table import Table
from syncwizard.task.event_words import describe_aside
from syncwizard.task.events import ResyncRequested, TableToCopy
from syncwizard.task.lsn import parse_lsn
from syncwizard.task.names import TableName
from syncwizard.task.resync import ResyncWish
from syncwizard.task.text import did_you_mean


def describe(context: Context, wish: ResyncWish) -> ResyncRequested:
    """The order that fulfils the wish. Raises UsageError when it cannot be fulfilled as it is, with what to do."""
    if "full" not in context.spec.synchronization.types:
        raise UsageError(
            "this task copies no tables (synchronization.types has no `full`)",
            remedy=to_do("bring the destination up to date by other means", then="new task"),
        )
    with context.destination("resync") as destination, context.connect("source", "resync") as source:
        with translated("destination", "reading the progress of the task"):
            progress = destination.ledger.read()
            if progress is None:
                raise UsageError("the task has copied nothing yet", remedy=Remedy(then="resume"))
            members = destination.ledger.read_members()
            copies = destination.copies.read()
            no_triggers = destination.prepare_writing()
        damage = find_damage(context, source, progress, members, followed_by(context, destination, members))
        with translated("source", "reading the catalogue"):
            selection = select_tables(source, context.spec)
        names = _choose(context, damage, wish, selection)
        tables = [table for table in selection.tables if table.name in names]
        with translated("destination", "looking at the tables to empty"):
            there = read_targets(source, destination, tables, context.mapping)
            tables, absent = _split(context, tables, there)
            obstacles = find_obstacles(context, destination, tables, there, copies, no_triggers=no_triggers)
            index_bytes = destination.tables.index_bytes([there.of(table).oid for table in tables]) if wish.heals else 0
        gap = _gap_bytes(source, progress, damage) if wish.heals else None
    _refuse_absent(absent, wish, damage, _of_aside(context, names))
    if obstacles:
        title, remedy = obstacles[0]
        raise UsageError(title, where="destination", remedy=to_do(remedy, then="run again"))
    return ResyncRequested(
        id=uuid.uuid4(),
        tables=[_to_copy(table) for table in tables],
        whole=bool(damage.gap or damage.elsewhere or wish.everything),
        reasons=[*_reasons(damage, absent), *_aside(context, names)],
        heals=wish.heals,
        gap_bytes=gap,
        index_bytes=index_bytes,
        intact=damage.none,
    )


def _gap_bytes(source: Connection, progress: Progress, damage: Damage) -> int | None:
    """The WAL since the destination's position; None at another server, or where it was set back."""
    if damage.elsewhere:
        return None
    with translated("source", "reading the position"):
        written = parse_lsn(current_lsn(source)) - progress.position
    return written if written >= 0 else None


def _to_copy(table: Table) -> TableToCopy:
    return TableToCopy(table=table.name, rows=table.estimated_rows, bytes=table.bytes)


def _choose(context: Context, damage: Damage, wish: ResyncWish, selection: Selection) -> set[TableName]:
    """The names of the tables to copy again, partition trees whole."""
    task = context.spec.name
    everything = {table.name for table in selection.tables}
    unknown = [table for table in wish.tables if table not in everything]
    if unknown:
        raise UsageError(
            f"{unknown[0]} is not among the task's tables at the source",
            remedy=did_you_mean(str(unknown[0]), map(str, everything)) or "name it as schema.table",
        )
    if damage.elsewhere and not wish.everything:
        raise UsageError(
            damage.elsewhere,
            where="source",
            remedy=to_do("point the task at the server it was started with", otherwise=resync(task, everything=True)),
        )
    if damage.gap and wish.tables:
        raise UsageError(
            damage.gap, where="source", remedy=resync(task, (), "leave out --table: all tables have to be copied again")
        )
    if damage.gap or damage.elsewhere or wish.everything:
        return everything
    lost = damage.lost_of(everything)
    aside = [name for event in context.state().aside for name in event.names if name in everything]
    named = _with_trees(selection, wish.tables or [*lost, *aside])
    # Of two whose names were swapped each has what belongs to the other.
    while more := everything.intersection(_of_aside(context, named)) - named:
        named |= _with_trees(selection, more)
    missed = [table for table in lost if table not in named]
    if missed:
        raise UsageError(f"{missed[0]} lost changes, too", where="source", remedy=resync(task, (), "leave out --table"))
    strange = [table for table in damage.publication.added if table not in named]
    if strange:
        raise UsageError(
            f"publication {context.spec.slot} has {strange[0]}, which this task did not add",
            where="source",
            remedy=or_else(
                resync(task, [*lost, strange[0]]),
                to_do("take it out", statements=[f"ALTER PUBLICATION {context.spec.slot} DROP TABLE {strange[0]}"]),
            ),
        )
    if not named and damage.heartbeat and not damage.publication.lost:
        remedy = or_else(resync(task, ["SCHEMA.NAME"]), resync(task, everything=True))
        raise UsageError("no table of this task lost changes", remedy=remedy)
    return named


def _of_aside(context: Context, names: set[TableName]) -> set[TableName]:
    """All names of the tables that are set aside and have one of these."""
    return {name for each in context.state().aside if names & each.names for name in each.names}


def _with_trees(selection: Selection, names: Iterable[TableName]) -> set[TableName]:
    wanted = set(names)
    roots = {table.root for table in selection.tables if table.name in wanted}
    return {table.name for table in selection.tables if table.root in roots}


def _split(context: Context, tables: list[Table], there: Targets) -> tuple[list[Table], list[TableName]]:
    """The tables with a place at the destination, and the names of those without one."""
    if "schema" in context.spec.synchronization.types and not context.state().finished("schema"):
        return tables, []
    placed = [table for table in tables if there.find(table) is not None]
    return placed, [table.name for table in tables if table not in placed]


def _refuse_absent(absent: list[TableName], wish: ResyncWish, damage: Damage, aside: set[TableName]) -> None:
    """A table that is asked for, lost changes or is set aside needs a place; new ones of a whole schema are left as
    they are."""
    asked = [table for table in absent if table in wish.tables or table in aside or table in damage.lost_of(absent)]
    if asked:
        raise UsageError(
            f"table {asked[0]} is not at the destination",
            where="destination",
            remedy=to_do("create it there as it is at the source", then="run again"),
        )


def _aside(context: Context, names: set[TableName]) -> list[str]:
    """Why tables of the order are set aside."""
    return [describe_aside(event) for event in context.state().aside if names.intersection(event.names)]


def _reasons(damage: Damage, absent: list[TableName]) -> list[str]:
    reasons = [damage.gap or damage.elsewhere] if damage.gap or damage.elsewhere else []
    reasons += [f"{table} was taken out of the publication" for table in damage.taken_out]
    reasons += [f"{loss.table}: {loss.reason}" for loss in damage.lineage.lost]
    reasons += [f"{before} is named {now} now" for before, now in damage.lineage.renamed]
    reasons += [f"{table} was dropped at the source" for table in damage.dropped]
    if not damage.heartbeat or len(damage.taken_out) < len(damage.publication.lost):
        reasons.append("the heartbeat is gone")
    reasons += [f"{table} is left out: it is not at the destination" for table in absent]
    return reasons
