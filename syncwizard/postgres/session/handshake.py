"""A login in the steps that libpq takes, each reported as it is done: connect, TLS, log in, open the database."""

import socket
import time
from collections.abc import Iterator
from typing import Literal

import msgspec
from psycopg import conninfo, pq
from psycopg.pq import ConnStatus, PollingStatus

from syncwizard.postgres.session.connection import conninfo_of
from syncwizard.postgres.session.polling import ready
from syncwizard.postgres.session.trouble import is_about_tls
from syncwizard.task.specification import Endpoint

Phase = Literal["connect", "tls", "login", "database"]
PHASES: tuple[Phase, ...] = ("connect", "tls", "login", "database")
BEFORE_CONNECTED = (ConnStatus.STARTED, ConnStatus.NEEDED, ConnStatus.ALLOCATED)
BEFORE_TLS = (*BEFORE_CONNECTED, ConnStatus.MADE, ConnStatus.SSL_STARTUP, ConnStatus.GSS_STARTUP)
BEFORE_LOGIN = (*BEFORE_TLS, ConnStatus.AWAITING_RESPONSE, ConnStatus.AUTHENTICATING)
# What the server says of the database after it has let the account in: libpq keeps no SQLSTATE of it.
DATABASE_MARKS = ("does not exist", "permission denied for database", "is not currently accepting connections")
ROLE_MARKS = ('role "', 'user "')


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """One address to try. `host` as it was given (empty: libpq finds it), `address` what it stands for."""

    host: str = ""
    address: str | None = None
    port: int | None = None

    def __str__(self) -> str:
        name = self.host or "the service's server"
        if self.address and self.address != self.host:
            name += f" ({self.address})"
        return name if self.port is None else f"{name}, port {self.port}"


class Reached(msgspec.Struct, frozen=True, kw_only=True):
    """A phase that is done. `encrypted`: whether TLS is in use; `parameters`: libpq's, those of a service included."""

    phase: Phase
    encrypted: bool
    parameters: dict[str, str]


class HandshakeFailed(Exception):
    """A phase failed; `text` are libpq's or the server's words, empty where the time was up."""

    def __init__(self, phase: Phase, text: str) -> None:
        super().__init__(text)
        self.phase = phase
        self.text = text


def is_socket(host: str) -> bool:
    """Whether the host is the directory of a Unix socket, or an abstract one.

    >>> [is_socket(host) for host in ("/run/postgresql", "@name", "db.example.com")]
    [True, True, False]
    """
    return host.startswith(("/", "@"))


def places_of(endpoint: Endpoint) -> Iterator[tuple[str, int | None]]:
    """Host and port of everything to try, in turn; one without either where a service knows them."""
    hosts, ports = endpoint.hosts, endpoint.ports
    if not hosts:
        yield "", ports[0] if ports else None
    for number, host in enumerate(hosts):
        yield host, ports[number if len(ports) > 1 else 0] if ports else None


def resolve(host: str, port: int | None) -> list[Place]:
    """The addresses of a host, in the order in which they are to be tried; raises OSError with the resolver's words."""
    if not host or is_socket(host):
        return [Place(host=host, port=port)]
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = dict.fromkeys(str(address[0]) for *_, address in found)
    return [Place(host=host, address=address, port=port) for address in addresses]


def shake_hands(
    endpoint: Endpoint, place: Place, seconds: float, password: str | None, key_password: str | None
) -> Iterator[Reached]:
    """Logs in at one place and leaves again; yields each phase when it is done, in the order of PHASES.

    Raises HandshakeFailed, also when the server needs more than `seconds` for all of it.
    """
    parameters = conninfo_of(endpoint, password, key_password)
    at = {"host": place.host, "port": place.port, "hostaddr": place.address}
    if endpoint.access is None:
        parameters |= {name: str(value) for name, value in at.items() if value}
    parameters["application_name"] = "syncwizard connectivity"
    connection = pq.PGconn.connect_start(conninfo.make_conninfo(**parameters).encode())
    try:
        yield from _phases(connection, time.monotonic() + seconds, endpoint.database)
    finally:
        connection.finish()


def _phases(connection: pq.abc.PGconn, deadline: float, database: str | None) -> Iterator[Reached]:
    done = 0
    polled = PollingStatus.WRITING
    while polled != PollingStatus.OK:
        if connection.status == ConnStatus.BAD or polled == PollingStatus.FAILED:
            text = " ".join(connection.get_error_message().split())
            raise HandshakeFailed(_failed_phase(PHASES[done], text, database), text)
        if not ready(connection, polled, deadline):
            raise HandshakeFailed(PHASES[done], "")
        polled = PollingStatus(connection.connect_poll())
        for phase in PHASES[done : _count_done(ConnStatus(connection.status))]:
            done += 1
            yield _reached(phase, connection)


def _count_done(status: ConnStatus) -> int:
    """How many of the phases a connection of this status has behind it.

    >>> [_count_done(each) for each in (ConnStatus.STARTED, ConnStatus.MADE, ConnStatus.AUTH_OK, ConnStatus.OK)]
    [0, 1, 3, 4]
    """
    if status == ConnStatus.OK:
        return len(PHASES)
    if status == ConnStatus.BAD or status in BEFORE_CONNECTED:
        return 0
    if status in BEFORE_TLS:
        return 1
    return 2 if status in BEFORE_LOGIN else 3


def _failed_phase(pending: Phase, text: str, database: str | None) -> Phase:
    """The phase that the words are about: several may be behind libpq when it next comes back to us.

    >>> _failed_phase("tls", 'FATAL: role "me" does not exist', "kb")
    'login'
    >>> _failed_phase("login", 'FATAL: database "kb" does not exist', "kb")
    'database'
    """
    if is_about_tls(text):
        return "tls"
    if "FATAL:" not in text:
        return pending
    about_database = any(mark in text for mark in DATABASE_MARKS) and not any(mark in text for mark in ROLE_MARKS)
    return "database" if about_database or (database and f'database "{database}" does not' in text) else "login"


def _reached(phase: Phase, connection: pq.abc.PGconn) -> Reached:
    known = {entry.keyword.decode(): entry.val.decode() for entry in connection.info if entry.val is not None}
    known.pop("password", None)
    known.pop("sslpassword", None)
    if phase != "connect":
        # What was reached, not what was asked for.
        known |= {"user": connection.user.decode(), "dbname": connection.db.decode()}
    known["host"] = connection.host.decode()
    known["hostaddr"] = "" if is_socket(known["host"]) else connection.hostaddr.decode()
    return Reached(phase=phase, encrypted=bool(connection.ssl_in_use), parameters=known)
