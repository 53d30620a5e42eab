"""Asks both ends what the sessions of a task wait for; changes nothing."""

from syncwizard.errors import End
from syncwizard.postgres.catalog.waits import read_held_up, read_oldest, read_waits
from syncwizard.postgres.session.server import make_read_only
from syncwizard.postgres.session.trouble import translated
from syncwizard.stages.context import Context
from syncwizard.task.waits import Waits

PART = "explain"


def run(context: Context) -> Waits:
    """What both ends say. Raises EndpointError where one cannot be asked."""
    sessions, held_up, oldest = [], [], None
    ends: tuple[End, End] = ("source", "destination")
    for end in ends:
        with context.connect(end, PART) as session, translated(end, "asking what sessions wait for"):
            make_read_only(session)
            sessions += read_waits(session, end, context.spec.short_id)
            held_up += read_held_up(session, end, context.spec.short_id)
            if end == "source":
                oldest = read_oldest(session)
    return Waits(sessions=tuple(sessions), oldest=oldest, held_up=tuple(held_up))
