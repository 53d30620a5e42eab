"""Opens every connection of ours, with the session settings that keep values exact, and names its failures."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, LiteralString

import psycopg
from psycopg import conninfo, sql

from syncwizard.errors import End, EndpointError, SyncwizardError, TaskFailed
from syncwizard.task.specification import Endpoint

Connection = psycopg.Connection[tuple[Any, ...]]

# Values travel as text in some places, so every setting that changes text output is fixed; timeouts are ours
# to set, never inherited from the role or database. An empty search_path makes unqualified names an error
# instead of a guess; row_security off makes a policy an error instead of a shorter copy.
SESSION_SETTINGS: dict[str, str] = {
    "datestyle": "ISO, MDY",
    "intervalstyle": "postgres",
    "timezone": "UTC",
    "extra_float_digits": "3",
    "bytea_output": "hex",
    "lc_monetary": "C",
    "search_path": "",
    "row_security": "off",
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
}
# Known only to newer servers: an unknown name would fail the login.
SETTINGS_SINCE: dict[str, tuple[int, str]] = {
    "idle_session_timeout": (140000, "0"),
    "transaction_timeout": (170000, "0"),
}

CONNECT_TIMEOUT_SECONDS = 15
# A peer that vanished without a word is noticed after about half a minute.
# Keepalives do not cover data that was sent and never confirmed; the user timeout (milliseconds) does.
KEEPALIVES = {
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "4",
    "tcp_user_timeout": "60000",
}

# Class 08 connection trouble, 57P0x shutdown and crash recovery, 53xxx resources: they pass by themselves.
TRANSIENT_STATES = ("08", "57P", "53", "40", "55P03", "55006")


def is_transient(error: psycopg.Error) -> bool:
    """Whether trying again may help: connection loss, shutdown, missing resources, deadlock, lock timeout."""
    state = error.sqlstate
    if state is None:
        return isinstance(error, psycopg.OperationalError)
    return state.startswith(TRANSIENT_STATES)


def is_connection_loss(error: psycopg.Error) -> bool:
    """Whether the session is gone, as opposed to a statement having failed."""
    state = error.sqlstate
    if state is None:
        return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    return state.startswith(("08", "57P"))


def conninfo_of(endpoint: Endpoint, password: str | None, key_password: str | None = None) -> dict[str, str]:
    """libpq's parameters for the endpoint; without a password libpq looks in its own places."""
    hosts = [endpoint.host] if isinstance(endpoint.host, str) else endpoint.host
    ports = [endpoint.port] if isinstance(endpoint.port, int) else endpoint.port
    parameters = {
        "host": ",".join(hosts),
        "port": ",".join(map(str, ports)),
        "dbname": endpoint.database,
        "sslmode": endpoint.encryption.mode,
        "connect_timeout": str(CONNECT_TIMEOUT_SECONDS),
        **KEEPALIVES,
    }
    optional = {
        "user": endpoint.user,
        "password": password,
        "sslrootcert": endpoint.encryption.ca,
        "sslcert": endpoint.encryption.certificate,
        "sslkey": endpoint.encryption.key,
        "sslpassword": key_password,
    }
    parameters.update({name: value for name, value in optional.items() if value is not None})
    return parameters


def connect(
    endpoint: Endpoint,
    *,
    end: End,
    application_name: str,
    password: str | None = None,
    key_password: str | None = None,
    autocommit: bool = True,
    replication: bool = False,
) -> Connection:
    """An open session with our settings; `replication` opens a walsender session.

    Raises EndpointError that says which end and what the server answered.
    """
    parameters: dict[str, Any] = dict(conninfo_of(endpoint, password, key_password))
    parameters["application_name"] = application_name
    parameters["client_encoding"] = "UTF8"
    if replication:
        parameters["replication"] = "database"
    started = time.monotonic()
    try:
        connection = psycopg.connect(conninfo.make_conninfo(**parameters), autocommit=True)
    except psycopg.Error as error:
        raise endpoint_error(error, end, endpoint, seconds=time.monotonic() - started) from error
    try:
        apply_settings(connection)
        connection.autocommit = autocommit
    except psycopg.Error as error:
        connection.close()
        raise endpoint_error(error, end, endpoint) from error
    return connection


def apply_settings(connection: Connection) -> None:
    """Fixes the session's settings, in one round trip (walsender sessions take SET too)."""
    version = connection.info.server_version
    settings = dict(SESSION_SETTINGS)
    settings.update({name: value for name, (since, value) in SETTINGS_SINCE.items() if version >= since})
    statements = [
        sql.SQL("SET {} = {}").format(sql.Identifier(name), sql.Literal(value)) for name, value in settings.items()
    ]
    connection.execute(sql.SQL("; ").join(statements))


def endpoint_error(error: psycopg.Error, end: End, endpoint: Endpoint, seconds: float | None = None) -> EndpointError:
    """The failure of a connection, as an error of ours."""
    state = error.sqlstate or ""
    message = str(error).strip().splitlines()
    text = " ".join(line.strip() for line in message)
    # A failed login carries no SQLSTATE in libpq; its words are all there is.
    final = state.startswith(("28", "3D", "42", "0A")) or any(
        mark in text
        for mark in (
            "authentication failed",
            "does not exist",
            "no pg_hba.conf entry",
            "no password supplied",
        )
    )
    # A socket file that is missing is a server that is not up yet, not a missing database.
    if "No such file or directory" in text:
        final = False
    return EndpointError(
        f"cannot use the {end} database",
        end=end,
        transient=not final,
        detail=text,
        where=f"{end} {endpoint.describe()}",
        sqlstate=state,
        remedy="" if seconds is None else "check host, port, user and password of this end, and that it is up",
    )


@contextmanager
def translated(end: End, doing: str) -> Iterator[None]:
    """Turns a server's error inside the block into one of ours: EndpointError when it may pass, else TaskFailed."""
    try:
        yield
    except psycopg.Error as error:
        raise as_ours(error, end, doing) from error


def as_ours(error: psycopg.Error, end: End, doing: str) -> SyncwizardError:
    """The server's error as one of ours; `doing` completes "while …"."""
    text = " ".join(str(error).split())
    if is_transient(error):
        return EndpointError(
            f"the {end} failed while {doing}",
            end=end,
            transient=True,
            detail=text,
            sqlstate=error.sqlstate or "",
        )
    return TaskFailed(f"the {end} refused {doing}", detail=text, where=end, sqlstate=error.sqlstate or "")


def quoted(schema: str, name: str) -> sql.Identifier:
    """A qualified name for composition."""
    return sql.Identifier(schema, name)


def scalar(connection: Connection, query: LiteralString, *parameters: Any) -> Any:
    """The first column of the only row; None without a row."""
    row = connection.execute(query, parameters or None).fetchone()
    return None if row is None else row[0]
