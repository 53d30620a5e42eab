"""What a session's server is and is set to, as far as a task depends on it."""

import msgspec

from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection, scalar


class ReplicationRoom(msgspec.Struct, frozen=True):
    """How many slots and WAL senders a server may have, and has; `reserved`: those of tasks that are paused."""

    max_slots: int
    slots: int
    max_senders: int
    senders: int
    reserved: int


def major(connection: Connection) -> int:
    """The server's major version."""
    return connection.info.server_version // 10000


def tls_version(connection: Connection) -> str | None:
    """As `TLSv1.3`; None where the session is not encrypted by TLS."""
    text = "SELECT version FROM pg_catalog.pg_stat_ssl WHERE pid = pg_catalog.pg_backend_pid() AND ssl"
    found = scalar(connection, text)
    return None if found is None else str(found)


def database_identity(connection: Connection) -> str:
    """The same for two sessions where they are of the same database, whatever the addresses."""
    text = "SELECT (pg_catalog.pg_control_system()).system_identifier::text || '/' || pg_catalog.current_database()"
    return str(scalar(connection, text))


def backend_pid(connection: Connection) -> int:
    """The process that answers, which a pooler may change between two transactions."""
    return int(scalar(connection, "SELECT pg_catalog.pg_backend_pid()"))


def is_standby(connection: Connection) -> bool:
    """Whether the server takes no writes because it is in recovery."""
    return bool(scalar(connection, "SELECT pg_catalog.pg_is_in_recovery()"))


def read_encoding(connection: Connection) -> str:
    """The encoding of the session's database."""
    return str(scalar(connection, "SHOW server_encoding"))


def read_wal_level(connection: Connection) -> tuple[str, str | None]:
    """wal_level as it is set, and as it is in effect; None before 19, which has no such parameter."""
    effective = scalar(connection, "SELECT pg_catalog.current_setting('effective_wal_level', true)")
    return str(scalar(connection, "SHOW wal_level")), effective


def read_replication_room(connection: Connection) -> ReplicationRoom:
    """The server's limits and what is used of them."""
    row = connection.execute(query("replication_room")).fetchone()
    return ReplicationRoom(*(row or (0, 0, 0, 0, 0)))


def read_clock(connection: Connection) -> float:
    """The server's clock, in seconds since 1970."""
    return float(scalar(connection, "SELECT pg_catalog.date_part('epoch', pg_catalog.clock_timestamp())"))


def make_read_only(connection: Connection) -> None:
    """Keeps the session from writing, and limits its statements.

    A statement of a precheck reads catalogues: 20,000 tables take some seconds. What takes longer waits for a lock or
    runs code of users.
    """
    connection.execute(
        "SET default_transaction_read_only = on; SET statement_timeout = '2min'; SET lock_timeout = '15s';"
        " SET idle_in_transaction_session_timeout = '5min'"
    )
