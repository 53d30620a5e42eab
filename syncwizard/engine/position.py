"""Which position of the source a task has to reach to have caught up with this moment."""

from contextlib import suppress

from syncwizard.errors import TaskFailed
from syncwizard.postgres.connection import scalar, translated
from syncwizard.postgres.source.heartbeat import beat
from syncwizard.stages.context import Context


def position_to_reach(context: Context) -> str:
    """The end of the source's WAL as text, with a heartbeat committed after it.

    Without the heartbeat an idle source would stream nothing that proves the position to be reached.
    Raises EndpointError when the source cannot be reached.
    """
    with context.connect("source", "position") as connection, translated("source", "reading the position to reach"):
        position = scalar(connection, "SELECT pg_catalog.pg_current_wal_insert_lsn()::text")
        # A heartbeat that is gone is told by the task itself, which knows why: dropped, or another server answers.
        with suppress(TaskFailed):
            beat(connection, context.spec.slot)
    return str(position)
