"""Why a server refused a login, whatever its language: libpq keeps no SQLSTATE of a login, but its trace has it."""

import os
import re
import time

from psycopg import pq

from syncwizard.postgres.session.polling import ready

# The server's severity comes before its words; libpq's own messages have none.
_OF_SERVER = re.compile(r"failed: \S+:  ")
_STATE = re.compile(r'^B\t\d+\tErrorResponse\t.* C "(?P<state>[0-9A-Z]{5})" M ', re.MULTILINE)
# So much of a trace is more than the messages of any login, and as much as a pipe holds.
_TRACE_BYTES = 64 * 1024


def comes_from_server(message: str) -> bool:
    """Whether the server answered, rather than the network or libpq itself.

    >>> comes_from_server('connection to server at "db" failed: FATAL:  Passwort-Authentifizierung fehlgeschlagen')
    True
    >>> comes_from_server('connection to server at "db", port 5432 failed: Connection refused')
    False
    """
    return _OF_SERVER.search(message) is not None


def ask_sqlstate(parameters: str, seconds: float) -> str:
    """Logs in once more with libpq's trace on; the SQLSTATE of the refusal, empty where there is none any more.

    `parameters` is a conninfo string. The trace, which has what was sent of a password, stays in memory.
    """
    # Where it is longer than a pipe holds, the end is lost, and nothing waits.
    reading, trace = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(trace, False)
    try:
        connection = pq.PGconn.connect_start(parameters.encode())
        try:
            connection.trace(trace)
            connection.set_trace_flags(pq.Trace.SUPPRESS_TIMESTAMPS)
            _log_in(connection, time.monotonic() + seconds)
            # Writes what the trace still buffers.
            connection.untrace()
        finally:
            connection.finish()
        return find_state(_held(reading).decode(errors="replace"))
    finally:
        os.close(trace)
        os.close(reading)


def _held(pipe: int) -> bytes:
    try:
        return os.read(pipe, _TRACE_BYTES)
    except BlockingIOError:
        return b""


def find_state(trace: str) -> str:
    r"""The SQLSTATE of the last refusal: several hosts may be tried.

    >>> find_state('B\t117\tErrorResponse\t S "FATAL" V "FATAL" C "28P01" M "Passwort ..." F "auth.c" \\x00\n')
    '28P01'
    >>> find_state('F\t8\tSSLRequest\t 1234 5679\n')
    ''
    """
    states = _STATE.findall(trace)
    return states[-1] if states else ""


def _log_in(connection: pq.abc.PGconn, deadline: float) -> None:
    polled = pq.PollingStatus.WRITING
    while polled in (pq.PollingStatus.READING, pq.PollingStatus.WRITING) and ready(connection, polled, deadline):
        if connection.status == pq.ConnStatus.BAD:
            return
        polled = pq.PollingStatus(connection.connect_poll())


CONNECT_TIMEOUT_SECONDS = 15
