"""Errors of the driver as errors of ours: which may pass, what refused a login, and what to do about it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address

import psycopg

from syncwizard.errors import End, EndpointError, SyncwizardError, TaskFailed
from syncwizard.postgres.session.refusal import CONNECT_TIMEOUT_SECONDS, ask_sqlstate, comes_from_server
from syncwizard.remedies import to_do
from syncwizard.task.names import quote
from syncwizard.task.specification import Access, Endpoint

# The driver's errors, for what has to let them pass: `translated` makes errors of ours of them.
DriverError = psycopg.Error

# Class 08 connection trouble, 57P0x shutdown and crash recovery, 53xxx resources: they pass by themselves.
TRANSIENT_STATES = ("08", "57P", "53", "40", "55P03", "55006")


LACKING_RIGHT = "42501"


NO_PASSWORD = "no password supplied"
PASSWORD_MARKS = ("password authentication failed", NO_PASSWORD)


# Why an end is out of reach: by SQLSTATE, and by the words of libpq and the system, which come in English as long as no
# other language is set.
CAUSES_BY_STATE = {
    "57P01": "connection ended by the server",
    "57P02": "server crashed",
    "57P03": "not ready yet",
    "57P05": "idle session ended",
    "53300": "too many connections",
}
CAUSES_BY_WORDS = {
    "Connection refused": "connection refused",
    "timeout expired": "no answer in time",
    "timed out": "no answer in time",
    "could not translate host name": "host name not found",
    "No route to host": "no route to the host",
    "Network is unreachable": "network out of reach",
    "No such file or directory": "no server at its socket",
    "starting up": "not ready yet",
    "shutting down": "shutting down",
    "in recovery mode": "not ready yet",
    "terminating connection": "connection ended by the server",
    "closed the connection": "connection lost",
    "connection is lost": "connection lost",
    "Connection reset": "connection lost",
}


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
    "28P": "correct the password in the place that the task file names",
    "28": "let the account log in: it needs the right LOGIN, and a line for this machine in the server's pg_hba.conf",
    "3D": "create the database, or correct its name",
    "42": "give the account the right that the server names",
}


# The server's refusal for want of a line, or by one that rejects; logical replication is matched by the database's name
# too. Names stand there as they are, with any characters.
HBA_REFUSAL = re.compile(
    r"pg_hba\.conf (?:entry for |(?P<rejects>rejects) )(?:replication connection (?:from|for) |connection for )?"
    r'host "(?P<host>[^"]*)", user "(?P<user>.*?)"(?:, database "(?P<database>.*)")?, (?P<kind>SSL|GSS|no) encryption'
)
HBA_KINDS = {"SSL": "hostssl", "GSS": "hostgssenc", "no": "host"}


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
        cause=cause_of(text, state),
        remedy="" if seconds is None else remedy_of(text, endpoint.access, state),
    )


def cause_of(text: str, state: str = "") -> str:
    """Why an end cannot be used, in two or three words; empty where it is none of the usual causes.

    >>> cause_of('connection to server at "127.0.0.1", port 5432 failed: Connection refused Is the server running')
    'connection refused'
    >>> cause_of("FATAL: das Datenbanksystem startet", "57P03")
    'not ready yet'
    """
    found = (cause for beginning, cause in CAUSES_BY_STATE.items() if state.startswith(beginning))
    words = (cause for mark, cause in CAUSES_BY_WORDS.items() if mark in text)
    return next(found, "") or next(words, "")


def is_final(state: str, text: str) -> bool:
    """Whether trying to log in again cannot help until something is changed.

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
    >>> remedy_of('connection to server on socket "/tmp/.s.PGSQL.5432" failed: No such file or directory')
    'start the server of this end, or check its host and port'
    >>> refused = 'FATAL: no pg_hba.conf entry for host "10.0.0.7", user "sync", database "kb", no encryption'
    >>> print(remedy_of(refused).partition(": ")[2])
    host "kb" "sync" 10.0.0.7/32 scram-sha-256
    >>> refused = 'pg_hba.conf rejects connection for host "fe80::1%eth0", user "my", database "all", SSL encryption'
    >>> remedy_of(refused).partition(": ")[::2]  # doctest: +NORMALIZE_WHITESPACE
    ("put this line above the one in the server's pg_hba.conf that rejects, then run SELECT pg_reload_conf()",
     'hostssl "all" "my" fe80::1/128 scram-sha-256')
    """
    if is_about_tls(text):
        return "check `encryption` of this end: mode, ca, certificate, key and key_password"
    if rule := HBA_REFUSAL.search(text):
        return _remedy_of_refusal(rule)
    if "definition of service" in text or "service file" in text:
        return "add the service to ~/.pg_service.conf, or name its file in PGSERVICEFILE"
    for beginning, remedy in STATE_REMEDIES.items():
        if state.startswith(beginning):
            return remedy
    if any(mark in text for mark in PASSWORD_MARKS):
        return STATE_REMEDIES["28P"]
    if access is not None:
        return f"check the tunnel through {access.ssh}: engine.log in the task's folder has the messages of ssh"
    if "Connection refused" in text or "No such file or directory" in text:
        return "start the server of this end, or check its host and port"
    return "check host, port, user and password of this end, and that it is up"


def _remedy_of_refusal(rule: re.Match[str]) -> str:
    """The line that lets this account in, from this machine, into this database."""
    host = rule["host"]
    kind = "local" if host == "[local]" else HBA_KINDS[rule["kind"]]
    address = ""
    if kind != "local":
        try:
            # A zone belongs to the machine that names it and is none of pg_hba.conf's.
            ip = ip_address(host.partition("%")[0])
        except ValueError:
            return "add a line for this machine to the server's pg_hba.conf, then run SELECT pg_reload_conf()"
        address = f" {ip}/{ip.max_prefixlen}"
    # Unquoted, a name such as all or replication would be a keyword and open more than this database to this account.
    database = _hba_name(rule["database"]) if rule["database"] is not None else "replication"
    line = f"{kind} {database} {_hba_name(rule['user'])}{address} scram-sha-256"
    place = "put this line above the one in the server's pg_hba.conf that rejects"
    add = place if rule["rejects"] else "add this line to the server's pg_hba.conf"
    add = f"{add}, then run SELECT pg_reload_conf(): {line}"
    return f"set `encryption` if the server takes TLS only, else {add}" if kind == "host" else add


def _hba_name(name: str) -> str:
    """The name in pg_hba.conf, where a quoted one that begins with a slash is a regular expression from 16 on.

    >>> print(_hba_name("all"), _hba_name("/a"))
    "all" "/^/a$"
    """
    text = f"/^{re.escape(name)}$" if name.startswith("/") else name
    return quote(text)


def is_about_tls(text: str) -> bool:
    """Whether the words of a failed login are about TLS: a certificate, a key or a mode that does not fit."""
    # An unexpected end is how OpenSSL tells of a server that went away.
    broken = "SSL error:" in text and "unexpected eof" not in text
    return broken or any(mark in text for mark in TLS_MARKS)


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
            cause=cause_of(text, error.sqlstate or ""),
        )
    lacking = "grant the account the right that is named" if error.sqlstate == LACKING_RIGHT else "put that right"
    return TaskFailed(
        f"the {end} refused {doing}",
        detail=text,
        where=end,
        sqlstate=error.sqlstate or "",
        remedy=to_do(f"{lacking} at the {end}", then="resume"),
    )
