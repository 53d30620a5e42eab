"""Catching up: applies changes until the stream has passed the newest pair, so that all tables are of one moment."""

from syncwizard.stages.context import Context
from syncwizard.stages.incremental.stage import follow
from syncwizard.task.events import SyncPointPassed


def run(context: Context) -> str:
    """Applies up to the sync point."""
    sync_point = context.state().sync_point
    if sync_point is None:
        # Without a full copy there is nothing to catch up with: the destination is of the slot's moment.
        slot = context.state().slot
        assert slot is not None
        sync_point = slot.lsn
    applied = follow(context, sync_point=sync_point, stop_at=sync_point)
    context.record(SyncPointPassed(lsn=applied))
    return f"consistent since {applied}"
