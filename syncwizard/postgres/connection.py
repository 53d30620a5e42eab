"""Opens every connection of ours, with the session settings that keep values exact, and names its failures."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg import conninfo, sql

from syncwizard.errors import End, EndpointError, SyncwizardError, TaskFailed
from syncwizard.postgres.refusal import ask_sqlstate, comes_from_server
from syncwizard.task.specification import Access, Endpoint

Connection = psycopg.Connection[tuple[Any, ...]]

# Values travel as text in some places, so every setting that changes how text is written or read is fixed; timeouts
# are ours to set, never inherited from the role or database. An empty search_path makes unqualified names an error
# instead of a guess; row_security off makes a policy an error instead of a shorter copy.
SESSION_SETTINGS: dict[str, str] = {
    "datestyle": "ISO, MDY",
    "intervalstyle": "postgres",
    "timezone": "UTC",
    "extra_float_digits": "3",
    "bytea_output": "hex",
    "lc_monetary": "C",
    # Off, it reads the NULL of an array as the four letters.
    "array_nulls": "on",
    # The other one refuses what the column took: fragments.
    "xmloption": "content",
    # It would spell the names of types otherwise than the other end does.
    "quote_all_identifiers": "off",
    "standard_conforming_strings": "on",
    "search_path": "",
    "row_security": "off",
    # The planner overrates the cost of our catalogue queries: compiling one takes 3 s, running it some milliseconds.
    "jit": "off",
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    # Often set to keep applications out of a destination until they are moved to it.
    "default_transaction_read_only": "off",
    "default_transaction_isolation": "read committed",
    # The server, too, notices within half a minute that our machine is gone: until then the session's locks would keep
    # the next engine out. Without effect on a Unix socket.
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "4",
    "tcp_user_timeout": "60000",
}
# Only what is durable may be acknowledged (rule 4), so a commit waits for the disk, and for standbys where that is set.
DURABLE = (
    "SELECT pg_catalog.set_config('synchronous_commit', 'on', false)"
    " WHERE pg_catalog.current_setting('synchronous_commit') = 'off'"
)
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

LACKING_RIGHT = "42501"

PASSWORD_MARKS = ("password authentication failed", "no password supplied")
# The words of a login that was refused for good, by PostgreSQL or by libpq.
LOGIN_MARKS = (
    *PASSWORD_MARKS,
    "authentication failed",
    "does not exist",
    "no pg_hba.conf entry",
    "pg_hba.conf rejects",
    "is not permitted to log in",
    "permission denied for database",
    "permission denied to start WAL sender",
    "must be superuser or replication role",
    "definition of service",
    "service file",
)
# Of a server whose language we do not read.
STATE_REMEDIES = {
    "28P": "put the right password where the task file says it is kept, and run the command again",
    "28": "let the account log in: it needs the right LOGIN, and a line for this machine in the server's pg_hba.conf",
    "3D": "create the database, or correct its name",
    "42": "give the account the right that the server names",
}
# The server's refusal for want of a line; logical replication is matched by the database's name too.
HBA_REFUSAL = re.compile(
    r'pg_hba\.conf entry for (?:replication connection from )?host "(?P<host>[^"]*)", user "(?P<user>[^"]*)"'
    r'(?:, database "(?P<database>[^"]*)")?, (?P<encryption>[\w ]+)'
)
# The same for TLS: a certificate, a key or a mode that does not fit.
TLS_MARKS = (
    "certificate",
    "private key",
    "server does not support SSL",
    "SSL support is not compiled in",
    "sslmode value",
)


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
    """libpq's parameters for the endpoint; without a password libpq looks in its own places.

    What the endpoint leaves to its service is left out, for a parameter comes before the service's.
    """
    encryption = endpoint.encryption
    optional = {
        "service": endpoint.service,
        "host": ",".join(endpoint.hosts),
        "port": ",".join(map(str, endpoint.ports)),
        "dbname": endpoint.database,
        "sslmode": None if endpoint.service and encryption.mode == "disable" else encryption.mode,
        "user": endpoint.user,
        "password": password,
        "sslrootcert": encryption.ca,
        "sslcert": encryption.certificate,
        "sslkey": encryption.key,
        "sslpassword": key_password,
        # Of several servers one is the primary, and only that can be published from and written to.
        "target_session_attrs": "primary" if len(endpoint.hosts) > 1 else None,
    }
    parameters = {"connect_timeout": str(CONNECT_TIMEOUT_SECONDS), **KEEPALIVES}
    parameters.update({name: value for name, value in optional.items() if value})
    if endpoint.access is not None and endpoint.access.local is not None:
        # `host` stays what it is: certificates and passfiles are for its name.
        parameters["hostaddr"], _, parameters["port"] = endpoint.access.local.rpartition(":")
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
    check_files(endpoint, end)
    parameters: dict[str, Any] = dict(conninfo_of(endpoint, password, key_password))
    parameters["application_name"] = application_name
    parameters["client_encoding"] = "UTF8"
    if replication:
        parameters["replication"] = "database"
    text = conninfo.make_conninfo(**parameters)
    started = time.monotonic()
    try:
        connection = psycopg.connect(text, autocommit=True)
    except psycopg.Error as error:
        seconds = time.monotonic() - started
        raise endpoint_error(error, end, endpoint, seconds, _state_of_refusal(error, text)) from error
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
    connection.execute(sql.SQL("; ").join([*statements, sql.SQL(DURABLE)]))


def _state_of_refusal(error: psycopg.Error, parameters: str) -> str:
    """The SQLSTATE of a login that a server refused for good in words that are none of ours; else empty."""
    if error.sqlstate or is_final("", str(error)) or not comes_from_server(str(error)):
        return ""
    try:
        state = ask_sqlstate(parameters, CONNECT_TIMEOUT_SECONDS)
    except (psycopg.Error, OSError):
        return ""
    return state if is_final(state, "") else ""


def endpoint_error(
    error: psycopg.Error, end: End, endpoint: Endpoint, seconds: float | None = None, state: str = ""
) -> EndpointError:
    """The failure of a connection, as an error of ours; `state` where the error itself has none."""
    text = " ".join(str(error).split())
    state = error.sqlstate or state
    return EndpointError(
        f"cannot use the {end} database",
        end=end,
        transient=not is_final(state, text),
        detail=text,
        where=f"{end} {endpoint.describe()}",
        sqlstate=state,
        remedy="" if seconds is None else remedy_of(text, endpoint.access, state),
    )


def is_final(state: str, text: str) -> bool:
    """Whether trying to log in again cannot help until somebody changes something.

    A failed login carries no SQLSTATE in libpq; its words come first, and `refusal` knows how to ask.

    >>> is_final("", 'connection to server at "db" failed: FATAL: password authentication failed for user "sync"')
    True
    >>> is_final("", 'connection to server on socket "/tmp/.s.PGSQL.5432" failed: No such file or directory')
    False
    >>> is_final("", 'could not open certificate file "/tmp/client.pem": No such file or directory')
    True
    """
    if state.startswith(("28", "3D", "42", "0A")) or is_about_tls(text):
        return True
    return any(mark in text for mark in LOGIN_MARKS)


def remedy_of(text: str, access: Access | None = None, state: str = "") -> str:
    """What to look at after a failed login with these words of libpq or the server, or with this SQLSTATE.

    >>> remedy_of("SSL error: certificate verify failed")
    'check `encryption` of this end: mode, ca, certificate, key and key_password'
    >>> refused = 'FATAL: no pg_hba.conf entry for host "10.0.0.7", user "sync", database "kb", no encryption'
    >>> print(remedy_of(refused).partition(": ")[2])
    host kb sync 10.0.0.7/32 scram-sha-256
    """
    if is_about_tls(text):
        return "check `encryption` of this end: mode, ca, certificate, key and key_password"
    if rule := HBA_REFUSAL.search(text):
        address = rule["host"]
        kind = "local" if address == "[local]" else "hostssl" if rule["encryption"] == "SSL encryption" else "host"
        place = "" if kind == "local" else f" {address}/{128 if ':' in address else 32}"
        line = f"{kind} {rule['database'] or 'replication'} {rule['user']}{place} scram-sha-256"
        add = f"add this line to the server's pg_hba.conf, then run SELECT pg_reload_conf(): {line}"
        return f"set `encryption` if the server takes TLS only, else {add}" if kind == "host" else add
    if "definition of service" in text or "service file" in text:
        return "add the service to ~/.pg_service.conf, or name its file in PGSERVICEFILE"
    for beginning, remedy in STATE_REMEDIES.items():
        if state.startswith(beginning):
            return remedy
    if any(mark in text for mark in PASSWORD_MARKS):
        return STATE_REMEDIES["28P"]
    if access is not None:
        return (
            f"check that the tunnel through {access.ssh} stands: engine.log in the task's folder has the words of ssh"
        )
    return "check host, port, user and password of this end, and that it is up"


def is_about_tls(text: str) -> bool:
    """Whether the words of a failed login are about TLS: a certificate, a key or a mode that does not fit."""
    # An unexpected end is how OpenSSL tells of a server that went away.
    broken = "SSL error:" in text and "unexpected eof" not in text
    return broken or any(mark in text for mark in TLS_MARKS)


def check_files(endpoint: Endpoint, end: End) -> None:
    """libpq goes on without a client's certificate whose file is missing, and the server's words then mislead."""
    encryption = endpoint.encryption
    for name, path in (("ca", encryption.ca), ("certificate", encryption.certificate), ("key", encryption.key)):
        try:
            if path is not None:
                Path(path).open("rb").close()
        except OSError as error:
            raise EndpointError(
                f"`encryption.{name}` of the {end} cannot be read",
                end=end,
                transient=False,
                detail=f"{path}: {error.strerror}",
                where=f"{end} {endpoint.describe()}",
                remedy="check the file's name and its rights",
            ) from error


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
    lacking = "grant the account the right that is named" if error.sqlstate == LACKING_RIGHT else "put that right"
    return TaskFailed(
        f"the {end} refused {doing}",
        detail=text,
        where=end,
        sqlstate=error.sqlstate or "",
        remedy=f"{lacking} at the {end}, then resume the task",
    )


def is_plain(connection: Connection) -> bool:
    """Whether what travels through the session's socket is the protocol itself."""
    if connection.pgconn.ssl_in_use:
        return False
    row = connection.execute(
        "SELECT encrypted FROM pg_catalog.pg_stat_gssapi WHERE pid = pg_catalog.pg_backend_pid()"
    ).fetchone()
    return row is not None and row[0] is False


def quoted(schema: str, name: str) -> sql.Identifier:
    """A qualified name for composition."""
    return sql.Identifier(schema, name)


def scalar(connection: Connection, query: LiteralString, *parameters: Any) -> Any:
    """The first column of the only row; None without a row."""
    row = connection.execute(query, parameters or None).fetchone()
    return None if row is None else row[0]
