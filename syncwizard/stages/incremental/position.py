"""Which position of the source a task has to reach to have caught up with this moment."""

from contextlib import suppress

from syncwizard.errors import EndpointError, TaskFailed
from syncwizard.postgres.session.trouble import translated
from syncwizard.postgres.source.heartbeat import beat
from syncwizard.postgres.source.slot import current_lsn
from syncwizard.stages.context import Context, NotHeld
from syncwizard.stages.incremental.frames import Look
from syncwizard.task.lsn import parse_lsn


def position_to_reach(context: Context, applied_lsn: str | None) -> str:
    """The end of the source's WAL as text, with a heartbeat committed after it.

    Without the heartbeat an idle source would stream nothing that proves the position to be reached, and the position
    may be that of another server, which the task could be past already. Raises EndpointError when the source cannot be
    reached, has no heartbeat of the task, or ends before `applied_lsn`, up to which the task has applied it; what is
    wrong with it the task itself finds out, and says.
    """
    with context.connect("source", "position") as connection, translated("source", "reading the position to reach"):
        position = current_lsn(connection)
        if applied_lsn is not None and parse_lsn(position) < parse_lsn(applied_lsn):
            raise EndpointError(
                "the source ends before what was applied",
                end="source",
                detail=f"at {position}, applied up to {applied_lsn}",
                transient=True,
            )
        try:
            beat(connection, context.spec.slot)
        except TaskFailed as error:
            raise EndpointError(error.title, end="source", detail=error.detail, transient=True) from error
    # Where nothing is applied at present, it will be looked at soon after that has begun.
    with suppress(NotHeld):
        context.applying.send(Look())
    return position
