"""Vector indexes that a task drops while many rows of their tables change, and builds again once these are applied."""

from collections.abc import Collection, Iterable

import msgspec

from syncwizard.errors import UsageError
from syncwizard.postgres.destination.destination import Destination
from syncwizard.postgres.session.trouble import translated
from syncwizard.stages.context import Context
from syncwizard.stages.definitions.indexes import build
from syncwizard.stages.definitions.phases import leave_out
from syncwizard.stages.definitions.refused import settle
from syncwizard.stages.definitions.retrying import refused_before
from syncwizard.stages.definitions.schema import read_plan
from syncwizard.stages.interruptible import interruptible
from syncwizard.structure.planned import PlannedStatement
from syncwizard.task.events import DefinitionMissing, DefinitionsRetried
from syncwizard.task.names import TableName


class VectorTable(msgspec.Struct, frozen=True):
    """A table of the source with vector indexes at the destination that this task made: rows by the destination's
    statistics."""

    rows: int
    indexes: tuple[PlannedStatement, ...]


def read_vector_tables(context: Context, destination: Destination) -> dict[TableName, VectorTable]:
    """The tables whose vector indexes this task may drop, because it can make them again."""
    plan = read_plan(context)
    planned = [each for each in plan.of("indexes") if each.vector] if plan is not None else []
    with translated("destination", "looking at its vector indexes"):
        rows = destination.indexes.standing([each.index for each in planned if each.index is not None])
    found: dict[TableName, VectorTable] = {}
    for each in planned:
        if each.index in rows and each.source_table is not None:
            before = found[each.source_table].indexes if each.source_table in found else ()
            found[each.source_table] = VectorTable(rows[each.index], (*before, each))
    return found


def postpone(context: Context, destination: Destination, indexes: Iterable[PlannedStatement], why: str) -> None:
    """Drops the indexes. They are listed as missing first: whatever ends this, they are looked at again."""
    for each in indexes:
        assert each.index is not None
        reason = f"dropped by the task, which builds it again afterwards: {why}"
        context.record(
            DefinitionMissing(kind=each.kind, name=each.name, reason=reason, statements=[each.text], postponed=True)
        )
        with interruptible(context, destination.connection, "destination", f"dropping index {each.name}"):
            destination.indexes.drop(each.index)


def postpone_of(context: Context, destination: Destination, tables: Collection[TableName], why: str) -> None:
    """Drops the vector indexes of these tables of the source, where they have any."""
    found = read_vector_tables(context, destination)
    for table in tables:
        if table in found:
            postpone(context, destination, found[table].indexes, why)


def check_rebuildable(context: Context, tables: Collection[TableName]) -> None:
    """Raises UsageError for a table without a vector index that this task made."""
    with context.destination("definitions") as destination:
        found = read_vector_tables(context, destination)
    if unknown := [table for table in tables if table not in found]:
        known = ", ".join(map(str, sorted(found)))
        raise UsageError(
            f"{unknown[0]} has no vector index at the destination that this task has made",
            remedy=f"name one of {known}" if known else "",
        )


def rebuild(context: Context) -> None:
    """Builds what was postponed, beside the stream."""
    plan = read_plan(context)
    postponed = [each for each in context.state().missing_definitions if each.postponed]
    if plan is None or not postponed:
        return
    with context.destination("definitions") as destination:
        with translated("destination", "preparing the session"):
            destination.definitions.prepare()
        left = leave_out(context, destination, refused_before(plan, postponed))
        refused = build(context, destination, left)
        settle(context, destination, refused)
    context.record(DefinitionsRetried(created=len(left) - len(refused), refused=len(refused)))
