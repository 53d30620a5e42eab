"""What became of captured tables at the source, as events: partitions that left their tree, rows that may differ."""

from collections.abc import Iterable

from syncwizard.postgres.source.continuity import resync_command
from syncwizard.postgres.source.lineage import Detached, Doubt
from syncwizard.stages.context import Context
from syncwizard.task.events import Noticed, PartitionDetached


def record_changed(context: Context, detached: Iterable[Detached], doubts: Iterable[Doubt]) -> None:
    """Says once of each partition that it left its tree, and of each table that its rows may differ."""
    known = {each.table for each in context.state().detached}
    for each in detached:
        if each.table not in known:
            root = each.root or each.table
            remedy = (
                f"detach or drop it at the destination likewise, or run {resync_command(context.spec.name, [root])}"
            )
            context.record(PartitionDetached(table=each.table, root=each.root, captured=each.captured, remedy=remedy))
    for doubt in doubts:
        command = resync_command(context.spec.name, [doubt.table])
        context.record(
            Noticed(
                level="warning", message=doubt.message, remedy=f"if its rows differ at the destination, run {command}"
            )
        )
