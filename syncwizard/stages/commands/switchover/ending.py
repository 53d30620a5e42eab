"""The end of a task that is switched over: its slot would hold WAL at the source that is not read any more."""

from syncwizard.errors import SyncwizardError
from syncwizard.postgres.session.trouble import translated
from syncwizard.postgres.source.slot import drop_slot
from syncwizard.remedies import to_do
from syncwizard.stages.context import Context
from syncwizard.task.events import Noticed
from syncwizard.task.switchover import SlotDropped


def drop_left_slot(context: Context) -> None:
    """Drops the task's slot, and records that; where it cannot be dropped the statement is recorded."""
    known, name = context.state().switchover, context.spec.slot
    if known is None or context.state().slot is None:
        return
    try:
        with context.connect("source", "switchover") as source, translated("source", "dropping the slot"):
            drop_slot(source, name)
    except SyncwizardError as error:
        context.record(
            Noticed(
                level="warning",
                message=f"the slot {name} is left at the source, and holds WAL: {error}",
                remedy=to_do("drop it there", statements=[f"SELECT pg_drop_replication_slot('{name}')"]),
            )
        )
        return
    context.record(SlotDropped(id=known.order.id, name=name))
