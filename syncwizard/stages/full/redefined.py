"""Tables that got columns while they waited to be copied. The change is still in the stream, by which the destination
gets these columns first; the tables are copied then."""

from collections.abc import Iterable

from syncwizard.postgres.destination.destination import Destination
from syncwizard.postgres.session.trouble import translated
from syncwizard.remedies import resync
from syncwizard.stages.context import Context
from syncwizard.stages.relations import set_aside
from syncwizard.stages.targets import Targets
from syncwizard.structure.renames import renamed
from syncwizard.structure.table import Table
from syncwizard.task.events import TableSetAside
from syncwizard.task.names import TableName


def leave_redefined(
    context: Context, destination: Destination, pending: Iterable[Table], there: Targets
) -> list[Table]:
    """The tables that can be copied now; the others are set aside with their trees."""
    pending = list(pending)
    if context.spec.advanced.ddl != "follow":
        return pending
    with translated("destination", "reading what is followed"):
        followed = {TableName(each.schema, each.name) for each in destination.followed.read().values()}
    lacking = {
        table.root: columns[0]
        for table in pending
        if table.root in followed and (columns := _lacking(context, table, there))
    }
    if lacking:
        set_aside(
            context,
            destination,
            [
                TableSetAside(
                    table=root,
                    tables=sorted({table.name for table in pending if table.root == root} - {root}),
                    reason=f"column {column} came while the table was waiting to be copied",
                    remedy=resync(context.spec.name, [root]),
                    redefined=True,
                )
                for root, column in lacking.items()
            ],
        )
    return [table for table in pending if table.root not in lacking]


def _lacking(context: Context, table: Table, there: Targets) -> list[str]:
    target = there.find(table)
    if target is None:
        return []
    known = {column.name for column in target.columns}
    return [column.name for column in renamed(table, context.mapping).stored_columns if column.name not in known]
