"""What a server is set to and how busy it is: facts that a task does not depend on to be right, but to go well."""

from collections.abc import Collection

import msgspec

from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection

# pg_stat_wal came with it.
COUNTS_WAL = 140000
# Statistics of a shorter time say nothing of a day.
LEAST_STATISTICS_SECONDS = 3600.0


class Parameter(msgspec.Struct, frozen=True):
    """A parameter of a server. `shown` is its value with a unit; `chosen`: it is not the one that the server was built
    with; `restart`: another value needs a restart."""

    name: str
    shown: str
    setting: str
    chosen: bool
    restart: bool


class RetentionLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What ends a slot or its session: WAL in bytes that slots may keep (None: all), seconds that one may be idle and
    milliseconds that a receiver may be silent (0 or None: any)."""

    wal_bytes: int | None
    idle_seconds: int | None
    sender_milliseconds: int


class ConnectionRoom(msgspec.Struct, frozen=True):
    """Sessions that accounts without special rights may have, all that there are, those that are working just now;
    `role_limit`: what this account may have, None for any number."""

    limit: int
    used: int
    active: int
    role_limit: int | None

    @property
    def free(self) -> int:
        """How many more this account may open, if it has none yet."""
        return min(self.limit - self.used, self.limit if self.role_limit is None else self.role_limit)


class AgingDatabase(msgspec.Struct, frozen=True):
    """The database whose oldest transaction id is the oldest of the server."""

    name: str
    age: int


def read_parameters(connection: Connection, names: Collection[str]) -> dict[str, Parameter]:
    """Those of the parameters that the server knows, as a session of ours has them."""
    rows = connection.execute(query("parameters"), {"names": list(names)}).fetchall()
    return {
        name: Parameter(name, shown, setting, chosen, context == "postmaster")
        for name, shown, setting, chosen, context in rows
    }


def read_retention_limits(connection: Connection) -> RetentionLimits:
    """The server's limits; those it does not know yet end nothing."""
    [(megabytes, idle, silent)] = connection.execute(query("wal_kept")).fetchall()
    return RetentionLimits(
        wal_bytes=None if megabytes is None or megabytes < 0 else megabytes * 1024 * 1024,
        idle_seconds=idle or None,
        sender_milliseconds=silent or 0,
    )


def read_wal_rate(connection: Connection) -> float | None:
    """Bytes of WAL a second, on the average of the server's statistics; None where they do not say."""
    if connection.info.server_version < COUNTS_WAL:
        return None
    [(size, seconds)] = connection.execute(query("wal_written")).fetchall()
    return size / seconds if seconds and seconds >= LEAST_STATISTICS_SECONDS else None


def read_connection_room(connection: Connection) -> ConnectionRoom:
    """How many sessions the server takes, and has."""
    [row] = connection.execute(query("connection_room")).fetchall()
    return ConnectionRoom(*row)


def read_oldest(connection: Connection) -> AgingDatabase:
    """Which database is next to need a freeze."""
    [row] = connection.execute(query("oldest_transaction_id")).fetchall()
    return AgingDatabase(*row)


def read_leftover_slots(connection: Connection, known: Collection[str]) -> dict[str, int]:
    """Slots with names of ours that are not `known` and that no session reads, with the WAL in bytes that they keep."""
    return dict(connection.execute(query("leftover_slots"), {"known": list(known)}).fetchall())


def read_leftover_publications(connection: Connection, known: Collection[str]) -> list[str]:
    """Publications of the database with names of ours that are not `known` and have no slot."""
    rows = connection.execute(query("leftover_publications"), {"known": list(known)})
    return [name for (name,) in rows]


def read_physical_slots(connection: Connection) -> dict[str, bool]:
    """The slots of standbys, each with whether one reads it."""
    rows = connection.execute(
        "SELECT slot_name, active FROM pg_catalog.pg_replication_slots WHERE slot_type = 'physical'"
    )
    return dict(rows.fetchall())


def read_standbys(connection: Connection) -> list[str]:
    """Names of the standbys that follow the server; walsenders of logical slots are none."""
    rows = connection.execute(
        "SELECT coalesce(nullif(r.application_name, ''), r.pid::text) FROM pg_catalog.pg_stat_replication r"
        " WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_replication_slots s"
        " WHERE s.active_pid = r.pid AND s.slot_type = 'logical') AND r.state = 'streaming' ORDER BY 1"
    )
    return [name for (name,) in rows]
