"""Opens every connection of ours, with the session settings that keep values exact, and names its failures."""

import time
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg import conninfo, sql

from syncwizard.errors import End, EndpointError
from syncwizard.postgres.dialect import adapt
from syncwizard.postgres.session.refusal import CONNECT_TIMEOUT_SECONDS
from syncwizard.postgres.session.trouble import _state_of_refusal, endpoint_error
from syncwizard.task.specification import Endpoint

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
}
# Only what is durable may be acknowledged or taken for done (rules 4, 29), so a commit waits for the disk, and for
# standbys where that is set.
DURABLE = (
    "SELECT pg_catalog.set_config('synchronous_commit', 'on', false)"
    " WHERE pg_catalog.current_setting('synchronous_commit') = 'off'"
)
# Set by the session itself, a value stays when the server's configuration is read again.
DURABLE_TO_THE_END: LiteralString = (
    "SELECT pg_catalog.set_config('synchronous_commit', CASE pg_catalog.current_setting('synchronous_commit')"
    " WHEN 'off' THEN 'on' ELSE pg_catalog.current_setting('synchronous_commit') END, false)"
)
# A statement whose client was killed goes on at the server, holding its snapshot and a core, until it writes to the
# socket again: a filter that never ends for a row, a chunk that is sorted. The server looks after its client while it
# works; where it cannot, the setting would be refused.
LOOK_AFTER_CLIENT: LiteralString = (
    "SELECT pg_catalog.set_config('client_connection_check_interval', '2s', false)"
    " WHERE pg_catalog.current_setting('client_connection_check_interval', true) IS NOT NULL"
    " AND pg_catalog.version() LIKE '%linux%'"
)
# A build of hours goes on without its client, and the next engine finds it.
GO_ON_ALONE: LiteralString = (
    "SELECT pg_catalog.set_config('client_connection_check_interval', '0', false)"
    " WHERE pg_catalog.current_setting('client_connection_check_interval', true) IS NOT NULL"
)
# By what the server does, for the names of its modes differ from product to product.
EMPTY_IS_NULL: LiteralString = "SELECT '' IS NULL"
# Known only to newer servers: an unknown name would fail the login.
SETTINGS_SINCE: dict[str, tuple[int, str]] = {
    # The planner overrates the cost of our catalogue queries: compiling one takes 3 s, running it some milliseconds.
    # Row statements are far too short for it to pay.
    "jit": (110000, "off"),
    "tcp_user_timeout": (120000, "60000"),
    "idle_session_timeout": (140000, "0"),
    "transaction_timeout": (170000, "0"),
}

GSSAPI_ENCRYPTION = 120000

# A peer that vanished without a word is noticed after about half a minute.
# Keepalives do not cover data that was sent and never confirmed; the user timeout (milliseconds) does.
KEEPALIVES = {
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "4",
    "tcp_user_timeout": "60000",
}


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
        adapt(connection)
        empty_is_null = apply_settings(connection, DURABLE_TO_THE_END if end == "destination" else DURABLE)
        connection.autocommit = autocommit
    except psycopg.Error as error:
        connection.close()
        raise endpoint_error(error, end, endpoint) from error
    if empty_is_null:
        connection.close()
        raise EndpointError(
            f"the {end} takes empty texts for NULL",
            end=end,
            transient=False,
            detail="'' IS NULL is true there, as in a database that is compatible with Oracle: values would change, and"
            " the catalogue would be misread",
            where=f"{end} {endpoint.describe()}",
            remedy="give the port or the mode of that server in which it is compatible with PostgreSQL",
        )
    return connection


def apply_settings(connection: Connection, durable: LiteralString = DURABLE) -> bool:
    """Fixes the session's settings, in one round trip (walsender sessions take SET too); `durable` is the statement
    that makes its commits wait for the disk. Whether the server takes empty texts for NULL, which is asked with them.
    """
    version = connection.info.server_version
    settings = dict(SESSION_SETTINGS)
    settings.update({name: value for name, (since, value) in SETTINGS_SINCE.items() if version >= since})
    statements = [
        sql.SQL("SET {} = {}").format(sql.Identifier(name), sql.Literal(value)) for name, value in settings.items()
    ]
    asked = (durable, LOOK_AFTER_CLIENT, EMPTY_IS_NULL)
    cursor = connection.execute(sql.SQL("; ").join([*statements, *map(sql.SQL, asked)]))
    while cursor.nextset():
        pass
    row = cursor.fetchone()
    return row is not None and bool(row[0])


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
                remedy="check the file's name and its permissions",
            ) from error


def is_plain(connection: Connection) -> bool:
    """Whether what travels through the session's socket is the protocol itself."""
    if connection.pgconn.ssl_in_use:
        return False
    if connection.info.server_version < GSSAPI_ENCRYPTION:
        return True
    row = connection.execute(
        "SELECT encrypted FROM pg_catalog.pg_stat_gssapi WHERE pid = pg_catalog.pg_backend_pid()"
    ).fetchone()
    return row is not None and row[0] is False


def quoted(schema: str, name: str) -> sql.Identifier:
    """A qualified name for composition."""
    return sql.Identifier(schema, name)


def predicate(text: str) -> sql.Composed:
    """An expression that a server's catalogue has, in brackets, for statements that take no parameters.

    >>> predicate("NOT (srid BETWEEN 2000 AND 2001)").as_string()
    '(NOT (srid BETWEEN 2000 AND 2001))'
    """
    return sql.Composed([sql.SQL("("), sql.SQL(text), sql.SQL(")")])


def scalar(connection: Connection, query: LiteralString, *parameters: Any) -> Any:
    """The first column of the only row; None without a row."""
    row = connection.execute(query, parameters or None).fetchone()
    return None if row is None else row[0]
