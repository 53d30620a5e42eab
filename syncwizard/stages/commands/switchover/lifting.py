"""Takes a fence away, so that writes are let through again."""

import time

from syncwizard.errors import End, EndpointError
from syncwizard.postgres.fencing import end_session, other_sessions, run_statements
from syncwizard.postgres.session.trouble import translated
from syncwizard.stages.context import Context
from syncwizard.task.switchover import Fence

# An end that was just lost may be there again; applications wait meanwhile.
ATTEMPTS = 5
PAUSE_SECONDS = 1.0


def lift(context: Context, end: End, fence: Fence) -> None:
    """Ends sessions that began behind it, too, because they could not write. Raises EndpointError, TaskFailed."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with context.connect(end, "switchover") as session, translated(end, "letting writes through again"):
                run_statements(session, fence.undo)
                if fence.mode == "read-only":
                    for other in other_sessions(session, context.spec.short_id):
                        if other.since is None or other.since >= fence.after:
                            end_session(session, other)
            return
        except EndpointError as error:
            if not error.transient or attempt == ATTEMPTS:
                raise
        time.sleep(PAUSE_SECONDS)
