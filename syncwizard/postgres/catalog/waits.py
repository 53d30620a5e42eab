"""What the sessions of a task wait for, at either end."""

from itertools import groupby

from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection
from syncwizard.task.redaction import without_literals
from syncwizard.task.waits import Blocker, End, HeldUp, SessionWait

# pg_stat_progress_create_index came with it.
COUNTS_BUILDS = 120000


def read_waits(session: Connection, end: End, short_id: str) -> list[SessionWait]:
    """The sessions of the task at this end, but the one that asks and those that look."""
    prefix = f"syncwizard {short_id} "
    rows = session.execute(query("waits_of_task"), (f"{prefix}%",)).fetchall()
    builders = _builders(session)
    found = []
    for _, group in groupby(rows, key=lambda row: row[0]):
        of_session = list(group)
        pid, name, state, kind, event, seconds, text, *_ = of_session[0]
        found.append(
            SessionWait(
                end=end,
                pid=pid,
                part=name.removeprefix(prefix),
                state=state,
                wait_type=kind,
                wait_event=event,
                seconds=seconds,
                query=without_literals(text),
                blockers=tuple(
                    Blocker(
                        pid=row[7],
                        user=row[8],
                        seconds=row[9],
                        query=without_literals(row[10]),
                        builds=row[7] in builders,
                    )
                    for row in of_session
                    if row[7]
                ),
            )
        )
    return found


def _builders(session: Connection) -> set[int]:
    """The processes that build an index."""
    if session.info.server_version < COUNTS_BUILDS:
        return set()
    return {pid for (pid,) in session.execute("SELECT pid FROM pg_catalog.pg_stat_progress_create_index")}


def read_held_up(session: Connection, end: End, short_id: str) -> list[HeldUp]:
    """Who waits for a lock of the task's, at this end."""
    prefix = f"syncwizard {short_id} "
    return [
        HeldUp(
            end=end,
            pid=pid,
            user=user,
            seconds=seconds,
            query=without_literals(text),
            part=name.removeprefix(prefix),
        )
        for pid, user, seconds, text, name in session.execute(query("held_up"), {"ours": f"{prefix}%"})
    ]


def read_oldest(session: Connection) -> Blocker | None:
    """The source's oldest transaction that has written something."""
    row = session.execute(query("oldest_writer")).fetchone()
    if row is None:
        return None
    pid, user, seconds, text, prepared = row
    return Blocker(pid=pid, user=user, seconds=seconds, query=text if prepared else without_literals(text))
