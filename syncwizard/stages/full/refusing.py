"""A table whose rows the destination does not take is set aside with its partition tree, and the others are copied."""

from syncwizard.errors import TaskFailed
from syncwizard.postgres.destination.destination import Destination
from syncwizard.remedies import resync
from syncwizard.stages.context import Context
from syncwizard.stages.full.planning import TablePlan
from syncwizard.stages.relations import OF_ROWS, is_redefined, set_aside
from syncwizard.task.events import TableSetAside


def refuse(context: Context, destination: Destination, plan: TablePlan, failed: TaskFailed) -> None:
    """Sets the plan's table aside. Raises the failure where it is none of the destination with its rows, or one of a
    script, which `etl_errors` decides about."""
    of_script = plan.projected is not None and failed.sqlstate.startswith("22")
    if failed.where != "destination" or not failed.sqlstate.startswith(OF_ROWS) or of_script:
        raise failed
    table = plan.source.root
    event = TableSetAside(
        table=table,
        tables=sorted({plan.source.name, *plan.tree} - {table}),
        reason=f"the destination refused rows of {plan.source.name}",
        detail=failed.detail,
        sqlstate=failed.sqlstate,
        remedy=resync(
            context.spec.name, [table], "correct its rows at the source, or what refuses them at the destination"
        ),
        # What refused them may be what a change in the stream takes away.
        redefined=is_redefined(context, destination, table),
    )
    set_aside(context, destination, [event])
