"""What the sessions of a task wait for, at either end."""

from itertools import groupby

from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection
from syncwizard.task.redaction import without_literals
from syncwizard.task.waits import Blocker, End, SessionWait


def read_waits(session: Connection, end: End, short_id: str) -> list[SessionWait]:
    """The sessions of the task at this end, but the one that asks and those that look."""
    prefix = f"syncwizard {short_id} "
    rows = session.execute(query("waits_of_task"), (f"{prefix}%",)).fetchall()
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
                    Blocker(pid=row[7], user=row[8], seconds=row[9], query=without_literals(row[10]))
                    for row in of_session
                    if row[7]
                ),
            )
        )
    return found


def read_oldest(session: Connection) -> Blocker | None:
    """The source's oldest transaction that has written something."""
    row = session.execute(query("oldest_writer")).fetchone()
    if row is None:
        return None
    pid, user, seconds, text = row
    return Blocker(pid=pid, user=user, seconds=seconds, query=without_literals(text))
