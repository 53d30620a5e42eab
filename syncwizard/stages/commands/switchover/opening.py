"""Brings the destination's triggers, rules and foreign keys into the state that they have at the source."""

from collections.abc import Sequence

from syncwizard.postgres.fencing import read_only_by_default, run_statements
from syncwizard.postgres.opening import Change, Definition, changes, read_states
from syncwizard.postgres.session.trouble import translated
from syncwizard.stages.commands.switchover.lifting import lift
from syncwizard.stages.context import Context
from syncwizard.task.names import TableName
from syncwizard.task.switchover import DestinationChanging, Fence, SwitchoverOrder
from syncwizard.task.text import counted


def open_destination(context: Context) -> str:
    """Takes away what keeps applications from writing to the destination: the fence of a task that is the way back, or
    a default that was set beforehand. Raises EndpointError, TaskFailed."""
    fence = context.state().inherited
    if fence is None:
        with context.connect("destination", "switchover") as session, translated("destination", "opening it"):
            found = read_only_by_default(session)
        if found is None:
            return "the destination takes the writes"
        # Who set it is not known, so sessions are left alone: those that began behind it write once they connect anew.
        lift(context, "destination", Fence(mode="revoke", database=found.database, undo=(found.statement,)))
        return f"database {found.database} of the destination is no longer read-only by default"
    lift(context, "destination", fence)
    return f"database {fence.database} of the destination takes writes again"


def prepare_definitions(context: Context, order: SwitchoverOrder, tables: Sequence[TableName]) -> str:
    """Enables what was disabled while changes were applied, and validates foreign keys; how many, in words.

    The statements that undo it are recorded first. Raises Cancelled, EndpointError, TaskFailed.
    """
    todo = wanted(context, tables)
    undo = [each.undo for each in todo if each.undo]
    if undo:
        context.record(DestinationChanging(id=order.id, undo=undo))
    with context.destination("switchover") as destination:
        for each in todo:
            context.cancellation.check()
            with translated("destination", f"bringing {each.definition.kind} {each.definition.name} in step"):
                run_statements(destination.connection, [each.statement])
    keys = sum(each.definition.kind == "foreign key" for each in todo)
    firing = counted(len(todo) - keys, "trigger or rule", "triggers and rules")
    return f"{firing} enabled, {counted(keys, 'foreign key')} validated"


def wanted(context: Context, tables: Sequence[TableName]) -> list[Change]:
    """What is to be changed, in its order."""
    with context.connect("source", "switchover") as source, translated("source", "reading triggers"):
        here = read_states(source, tables)
    named = {
        Definition(table=context.mapping.table(each.table), kind=each.kind, name=each.name): state
        for each, state in here.items()
    }
    with context.destination("switchover") as destination, translated("destination", "reading triggers"):
        there = read_states(destination.connection, [context.mapping.table(table) for table in tables])
    return changes(named, there)
