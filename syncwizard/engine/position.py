"""Which position of the source a task has to reach to have caught up with this moment."""

from syncwizard.errors import EndpointError, TaskFailed
from syncwizard.postgres.session.connection import scalar
from syncwizard.postgres.session.trouble import translated
from syncwizard.postgres.source.heartbeat import beat
from syncwizard.stages.context import Context


def position_to_reach(context: Context) -> str:
    """The end of the source's WAL as text, with a heartbeat committed after it.

    Without the heartbeat an idle source would stream nothing that proves the position to be reached, and the position
    may be that of another server, which the task could be past already. Raises EndpointError when the source cannot be
    reached or has no heartbeat of the task; what is wrong with it the task itself finds out, and says.
    """
    with context.connect("source", "position") as connection, translated("source", "reading the position to reach"):
        position = scalar(connection, "SELECT pg_catalog.pg_current_wal_insert_lsn()::text")
        try:
            beat(connection, context.spec.slot)
        except TaskFailed as error:
            raise EndpointError(error.title, end="source", detail=error.detail, transient=True) from error
    return str(position)
