"""Pausing tables of a task: set aside on purpose, until they are copied again. While no changes are applied."""

from collections.abc import Sequence

from syncwizard.errors import UsageError
from syncwizard.machine import operator
from syncwizard.remedies import resync
from syncwizard.stages.context import Context
from syncwizard.stages.relations import set_aside, tell_aside, tree_of
from syncwizard.task.events import TableSetAside
from syncwizard.task.names import TableName
from syncwizard.task.text import did_you_mean


def pause_tables(context: Context, tables: Sequence[TableName]) -> None:
    """Sets the tables aside, partition trees whole, and records each. Raises UsageError for one that is not the task's,
    or is set aside already."""
    state = context.state()
    known = {state.table_name(text) for text in state.tables} - set(state.dropped)
    for table in tables:
        if table not in known:
            raise UsageError(
                f"{table} is not among the task's tables",
                remedy=did_you_mean(str(table), map(str, known)) or "name it as schema.table",
            )
    with context.destination("pause") as destination:
        tell_aside(context, destination)
        aside = {name for event in context.state().aside for name in event.names}
        if already := [table for table in tables if table in aside]:
            raise UsageError(f"{already[0]} is set aside already", remedy=resync(context.spec.name, already))
        trees = dict(tree_of(context, destination, table) for table in tables)
        set_aside(
            context,
            destination,
            [
                TableSetAside(
                    table=top,
                    tables=parts,
                    reason=f"paused by {operator()}",
                    remedy=resync(context.spec.name, [top]),
                )
                for top, parts in trees.items()
            ],
        )
