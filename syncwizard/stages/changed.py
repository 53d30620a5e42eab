"""What became of captured tables at the source, as events: partitions that left their tree, rows that may differ."""

from collections.abc import Iterable

from syncwizard.postgres.source.lineage import Detached, Doubt
from syncwizard.remedies import or_else, resync, to_do
from syncwizard.stages.context import Context
from syncwizard.task.events import Noticed, PartitionDetached


def record_changed(context: Context, detached: Iterable[Detached], doubts: Iterable[Doubt]) -> None:
    """Says once of each partition that it left its tree, and of each table that its rows may differ."""
    known = {each.table for each in context.state().detached}
    for each in detached:
        if each.table not in known:
            root = each.root or each.table
            likewise = to_do("detach or drop it at the destination, too")
            remedy = or_else(likewise, resync(context.spec.name, [root]))
            context.record(PartitionDetached(table=each.table, root=each.root, captured=each.captured, remedy=remedy))
    for doubt in doubts:
        remedy = resync(context.spec.name, [doubt.table], "see whether its rows differ at the destination")
        context.record(Noticed(level="warning", message=doubt.message, remedy=remedy))
