"""Tables whose definition changed after capture began and before they are copied. The change is still in the stream, by
which the destination gets it first; the tables are copied then."""

from collections.abc import Iterable

from syncwizard.postgres.destination.destination import Destination
from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.session.trouble import translated
from syncwizard.postgres.source.definitions import read_by_now
from syncwizard.remedies import resync
from syncwizard.stages.context import Context
from syncwizard.stages.relations import set_aside
from syncwizard.stages.targets import Targets
from syncwizard.structure.definition import why_not_copied
from syncwizard.structure.renames import renamed
from syncwizard.structure.table import Table
from syncwizard.task.events import TableSetAside
from syncwizard.task.names import TableName


def leave_redefined(
    context: Context, source: Connection, destination: Destination, pending: Iterable[Table], there: Targets
) -> list[Table]:
    """The tables that can be copied now; the others are set aside with their trees."""
    pending = list(pending)
    if context.spec.advanced.ddl != "follow":
        return pending
    with translated("destination", "reading what is followed"):
        followed = destination.followed.read()
    with translated("source", "reading definitions"):
        now = read_by_now(source, [table.oid for table in pending if table.oid in followed])
    names = {TableName(each.schema, each.name) for each in followed.values()}
    reasons: dict[TableName, str] = {}
    for table in pending:
        why = why_not_copied(followed[table.oid], now[table.oid]) if table.oid in now else ""
        if not why and table.root in names and (columns := _lacking(context, table, there)):
            why = f"column {columns[0]} came"
        if not why and table.root == table.name and not table.partitioned and _is_partition(table, there):
            why = "it was detached from its tree"
        if why:
            reasons.setdefault(table.root, why)
    if reasons:
        set_aside(
            context,
            destination,
            [
                TableSetAside(
                    table=root,
                    tables=sorted({table.name for table in pending if table.root == root} - {root}),
                    reason=f"{why} while the table was waiting to be copied",
                    remedy=resync(context.spec.name, [root]),
                    redefined=True,
                )
                for root, why in reasons.items()
            ],
        )
    return [table for table in pending if table.root not in reasons]


def _is_partition(table: Table, there: Targets) -> bool:
    """Whether the destination has it in a tree still."""
    target = there.find(table)
    return target is not None and target.name == there.mapping.table(table.name) and target.is_partition


def _lacking(context: Context, table: Table, there: Targets) -> list[str]:
    target = there.find(table)
    if target is None:
        return []
    known = {column.name for column in target.columns}
    return [column.name for column in renamed(table, context.mapping).stored_columns if column.name not in known]
