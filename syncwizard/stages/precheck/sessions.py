"""Items about the sessions of a task: that each is one and the same server's, for as long as it takes, and how many
there may be."""

import time

from syncwizard.errors import End, EndpointError
from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.session.server import backend_pid, database_identity, is_standby, read_clock
from syncwizard.postgres.session.surroundings import ConnectionRoom, read_connection_room, read_retention_limits
from syncwizard.stages.precheck.checkup import Checkup
from syncwizard.stages.precheck.registry import BOTH, CONNECTIVITY, Facts, Finding, failed, item, passed, warning
from syncwizard.task.text import counted

# A pooler that gives a session to another client between two transactions shows it within a few.
TRANSACTIONS = 4
# Latency is measured by the source's clock alone; times in the log of changes, of alerts and of events come of others.
CLOCKS_APART_SECONDS = 5.0
# The receiver answers every ten seconds, and is waited for while the destination is slow.
LEAST_SENDER_MILLISECONDS = 30_000
# At an end, all in all: the stream or the writer, heartbeat, copies, builds of indexes, and those that look.
SESSIONS_USED = 8
BUSY_SHARE = 0.3


@item("steady-sessions", "A session stays with one server", BOTH)
def steady_sessions(checkup: Checkup) -> Finding:
    """Slots, snapshots, temporary tables and settings belong to a session: poolers by transaction, and endpoints that
    spread sessions over servers, take them away."""
    for end in BOTH:
        session = checkup.session(end)
        if not _is_one_backend(session):
            return failed(
                f"the {end} is behind a pooler that changes the server's session between transactions",
                f"give the address of the {end}'s server itself, or of a pool in session mode",
            )
        if _reaches_another(checkup, end):
            return failed(
                f"two sessions of the {end} reached different servers: the address belongs to a load balancer",
                f"give the address of the {end}'s primary",
            )
    return passed()


def _reaches_another(checkup: Checkup, end: End) -> bool:
    session = checkup.session(end)
    try:
        other = checkup.context.connect(end, "precheck")
    except EndpointError:
        # An account that may have no more of them; `connections` says so.
        return False
    with other:
        return database_identity(other) != database_identity(session) or is_standby(other) != is_standby(session)


def _is_one_backend(session: Connection) -> bool:
    return len({backend_pid(session) for _ in range(TRANSACTIONS)}) == 1


@item("clocks", "The clocks of both ends and of this machine agree", BOTH)
def clocks(checkup: Checkup) -> Finding:
    """No row depends on them; times that are shown side by side do."""
    return judge_clocks({end: _ahead(checkup.session(end)) for end in BOTH})


def _ahead(session: Connection) -> float:
    """Seconds by which the server's clock is ahead of ours: the question reached it about half-way."""
    asked = time.time()
    there = read_clock(session)
    return there - (asked + time.time()) / 2


def judge_clocks(ahead: dict[End, float]) -> Finding:
    """Whether they agree; given in seconds by which each end is ahead of this machine.

    >>> judge_clocks({"source": 0.2, "destination": -0.3}).verdict
    'passed'
    >>> print(judge_clocks({"source": 0.2, "destination": -90.0}).message)
    the destination's clock is 90 s behind this machine's
    >>> print(*judge_clocks({"source": 7.0, "destination": 7.0}).objects)
    the source's clock is 7 s ahead of this machine's the destination's clock is 7 s ahead of this machine's
    """
    apart: list[str] = [
        f"the {end}'s clock is {abs(seconds):.0f} s {'ahead of' if seconds > 0 else 'behind'} this machine's"
        for end, seconds in ahead.items()
        if abs(seconds) > CLOCKS_APART_SECONDS
    ]
    if apart:
        return warning(
            apart, "synchronize the clocks (NTP): times of changes, events and alerts are compared by people"
        )
    return passed()


@item("sender-timeout", "The source waits for a receiver that is slow for a while", ("source",))
def sender_timeout(checkup: Checkup) -> Finding:
    """wal_sender_timeout ends the stream of a receiver that has not answered in time; it is opened again then."""
    return judge_sender_timeout(read_retention_limits(checkup.source).sender_milliseconds)


def judge_sender_timeout(milliseconds: int) -> Finding:
    """Whether the time is enough.

    >>> judge_sender_timeout(60_000).verdict, judge_sender_timeout(0).verdict, judge_sender_timeout(2_000).verdict
    ('passed', 'passed', 'warning')
    """
    if 0 < milliseconds < LEAST_SENDER_MILLISECONDS:
        return warning(
            f"wal_sender_timeout is {milliseconds / 1000:g} s: on a slow network, or while this machine is busy, the"
            " stream is ended and begun again",
            "set it to 60 s, the default, or more",
            "ALTER SYSTEM SET wal_sender_timeout = '60s'",
        )
    return passed()


@item("connections", "Both ends take as many sessions as the task uses", BOTH, tuple(CONNECTIVITY.values()))
def connections(checkup: Checkup) -> Finding:
    """Copies, builds of indexes and comparisons each take a session; without one the task waits and tries again."""
    return judge_connections({end: read_connection_room(checkup.session(end)) for end in BOTH})


def judge_connections(rooms: dict[End, ConnectionRoom]) -> Finding:
    """Whether there are enough, and whether the servers are busy.

    >>> roomy = ConnectionRoom(limit=97, used=10, active=1, role_limit=None)
    >>> judge_connections({"source": roomy, "destination": roomy}).verdict
    'passed'
    >>> full = ConnectionRoom(limit=97, used=95, active=60, role_limit=None)
    >>> print(*judge_connections({"source": roomy, "destination": full}).objects, sep="\\n")
    2 of 97 sessions are free at the destination, and the task takes up to 8
    60 sessions are at work at the destination just now: the task will take its share of a busy server
    >>> print(judge_connections({"source": ConnectionRoom(97, 10, 1, 3), "destination": roomy}).message)
    3 of 97 sessions are free at the source, and the task takes up to 8
    """
    facts: list[str] = []
    for end, room in rooms.items():
        if room.free < SESSIONS_USED:
            facts.append(
                f"{max(room.free, 0)} of {room.limit} sessions are free at the {end}, and the task takes up to"
                f" {SESSIONS_USED}"
            )
        if room.active > max(SESSIONS_USED, room.limit * BUSY_SHARE):
            facts.append(
                f"{counted(room.active, 'session is', 'sessions are')} at work at the {end} just now: the task will"
                " take its share of a busy server"
            )
    given: Facts = facts
    if facts:
        return warning(
            given,
            "raise max_connections, or the account's connection limit; begin the copy off peak, when the processors of"
            " both servers are less than 30 % busy (a server does not say that over SQL), or with a throttle",
        )
    return passed()


ITEMS = (steady_sessions, clocks, sender_timeout, connections)
