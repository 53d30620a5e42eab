"""Items about the two servers: reachable, of a version we know, with what logical replication takes."""

from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path

from syncwizard.errors import End, EndpointError
from syncwizard.postgres.catalog.locale import create_statement, lacks_database, read_locale
from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.session.server import (
    database_identity,
    is_standby,
    major,
    read_encoding,
    read_replication_room,
    read_wal_level,
    tls_version,
)
from syncwizard.postgres.session.trouble import HBA_REFUSAL
from syncwizard.postgres.source.transactions import OpenTransaction, read_transactions
from syncwizard.stages.precheck.checkup import Checkup
from syncwizard.stages.precheck.registry import BOTH, Finding, failed, item, passed, warning
from syncwizard.task.names import quote
from syncwizard.task.redaction import without_literals
from syncwizard.task.specification import Endpoint
from syncwizard.task.text import counted, one_line, shorten

OLDEST, NEWEST = 10, 18
# With this file libpq checks the server's certificate also in the mode `require`.
LIBPQ_ROOT_CERTIFICATE = Path("~/.postgresql/root.crt")
# The task's slot, and a temporary one while a table has to be copied again.
SLOTS_USED = 2
# The stream, and the session that holds a snapshot.
SENDERS_USED = 2
LONG_TRANSACTION_SECONDS = 60.0
STATEMENT_COLUMNS = 60


def _reach(checkup: Checkup, end: End) -> Finding:
    try:
        session = checkup.session(end)
    except EndpointError as error:
        if sql := _creation(checkup, error):
            return failed(f"{error.where}: {error.detail}", "create the database, as the source has it", sql)
        return failed(
            f"{error.where}: {error.detail}",
            error.remedy or "check the settings of this end, and that its server is running",
        )
    return passed(f"logged in as {session.info.user}, PostgreSQL {session.info.parameter_status('server_version')}")


def _creation(checkup: Checkup, error: EndpointError) -> str:
    """The statement that creates the destination's database as the source has it; empty for any other failure."""
    endpoint = checkup.spec.destination
    if error.end != "destination" or endpoint.database is None or not lacks_database(error):
        return ""
    try:
        return create_statement(endpoint.database, endpoint.user, read_locale(checkup.source))
    except EndpointError:
        # Without the source it cannot be known how.
        return ""


@item("source-connectivity", "The source can be reached and logged in to", ())
def source_connectivity(checkup: Checkup) -> Finding:
    """Host, port, encryption, account, database."""
    return _reach(checkup, "source")


@item("destination-connectivity", "The destination can be reached and logged in to", ())
def destination_connectivity(checkup: Checkup) -> Finding:
    """Host, port, encryption, account, database."""
    return _reach(checkup, "destination")


@item("source-encryption", "Whether the source's connection is encrypted, and its server checked", ("source",))
def source_encryption(checkup: Checkup) -> Finding:
    """What the present session has, not what was asked for."""
    return _encryption(checkup.source, checkup.spec.source, "source")


@item(
    "destination-encryption",
    "Whether the destination's connection is encrypted, and its server checked",
    ("destination",),
)
def destination_encryption(checkup: Checkup) -> Finding:
    """What the present session has, not what was asked for."""
    return _encryption(checkup.destination, checkup.spec.destination, "destination")


def _encryption(session: Connection, endpoint: Endpoint, end: End) -> Finding:
    parameters = {**session.info.get_parameters(), "hostaddr": session.info.hostaddr}
    return judge_encryption(tls_version(session), endpoint, end, parameters)


def judge_encryption(version: str | None, endpoint: Endpoint, end: End, parameters: Mapping[str, str]) -> Finding:
    """What a connection's TLS protects; `version` is None without TLS, `parameters` are libpq's with the address."""
    mode = parameters.get("sslmode", "prefer")
    remedy = f"set encryption: {{mode: verify-full, ca: FILE}} for the {end}"
    address = parameters["hostaddr"]
    if version is None:
        if endpoint.access is not None:
            return warning(f"encrypted by SSH as far as {endpoint.access.ssh}; not from there to the {end}", remedy)
        if not address:
            return passed("a Unix socket: nothing leaves this machine")
        if ip_address(address).is_loopback:
            return passed("not encrypted; nothing leaves this machine")
        return warning(f"rows travel to {address} without encryption", remedy)
    if mode == "verify-full":
        return passed(f"{version}, the server's certificate and its name are checked")
    has_authority = "sslrootcert" in parameters or LIBPQ_ROOT_CERTIFICATE.expanduser().exists()
    if mode == "verify-ca" or (mode == "require" and has_authority):
        return passed(f"{version}, the server's certificate is checked; that it was made for this host is not")
    return warning(
        f"{version}, but the server's certificate is not checked: what can redirect the connection can pose as "
        f"the {end}, read the rows and try to get the password",
        remedy,
    )


@item("source-version", "The source's version is supported", ("source",))
def source_version(checkup: Checkup) -> Finding:
    """10 to 18; a newer one may have things we do not know."""
    return judge_version(checkup.source, "source")


@item("destination-version", "The destination's version is supported and not older than the source's", BOTH)
def destination_version(checkup: Checkup) -> Finding:
    """Definitions are carried upward only; rows may go to an older server, as those of a reverse task do."""
    finding = judge_version(checkup.destination, "destination")
    carries = checkup.synchronizes("schema") or checkup.spec.advanced.ddl == "follow"
    if finding.verdict != "failed" and carries and major(checkup.destination) < major(checkup.source):
        return failed(
            f"the destination is PostgreSQL {major(checkup.destination)}, older than the source with "
            f"{major(checkup.source)}: it may not understand the source's definitions",
            "use a destination of the same version or a newer one",
        )
    return finding


def judge_version(connection: Connection, end: End) -> Finding:
    """Whether we know the server's major version."""
    version = major(connection)
    if version < OLDEST:
        return failed(
            f"the {end} is PostgreSQL {version}: logical replication, which changes come by, came with {OLDEST}",
            f"upgrade the {end} to {OLDEST} or later",
        )
    if version > NEWEST:
        return warning(f"the {end} is PostgreSQL {version}, which is newer than what was tested ({NEWEST})")
    return passed(f"PostgreSQL {version}")


@item("different-databases", "Source and destination are different databases", BOTH)
def different_databases(checkup: Checkup) -> Finding:
    """A database synchronized with itself would chase its own changes."""
    if database_identity(checkup.source) == database_identity(checkup.destination):
        return failed("both ends are the same database", "correct the destination's host, port or database")
    return passed()


@item("writable", "Both ends are primaries that take writes", BOTH)
def writable(checkup: Checkup) -> Finding:
    """A publication cannot be created on a standby, and rows cannot be written to one."""
    for end in BOTH:
        finding = judge_primary(checkup.session(end), end)
        if finding.verdict == "failed":
            return finding
    return passed()


def judge_primary(connection: Connection, end: End) -> Finding:
    """Whether the server takes writes."""
    if is_standby(connection):
        return failed(f"the {end} is a standby", "give the primary's address")
    return passed()


@item("encoding", "Text keeps its characters", BOTH)
def encoding(checkup: Checkup) -> Finding:
    """SQL_ASCII holds any bytes, and a narrower encoding cannot hold all characters."""
    source, destination = (read_encoding(checkup.session(end)) for end in BOTH)
    if source == "SQL_ASCII" != destination:
        return warning(
            "the source's encoding is SQL_ASCII: bytes that are not UTF-8 will be refused by the destination",
            "make sure that the source holds UTF-8 only, or use a destination with SQL_ASCII",
        )
    if destination not in ("UTF8", source):
        return warning(f"the destination's encoding {destination} cannot hold every character of {source}")
    return passed(f"{source} to {destination}")


@item("collation", "Text is sorted alike at both ends", BOTH)
def collation(checkup: Checkup) -> Finding:
    """Another order changes what applications see of ORDER BY and of ranges; no value changes."""
    source, destination = read_locale(checkup.source), read_locale(checkup.destination)
    if source.describe() == destination.describe():
        return passed(source.describe())
    return warning(
        f"text is sorted by {source.describe()} at the source and by {destination.describe()} at the destination",
        "where that matters, create the destination's database again, as the source has it",
        create_statement(checkup.destination.info.dbname, checkup.spec.destination.user, source),
    )


@item("wal-level", "The source writes WAL for logical replication", ("source",), run_by="administrator")
def wal_level(checkup: Checkup) -> Finding:
    """wal_level = logical; from 19 on replica is enough, because the first logical slot turns logical decoding on."""
    return judge_wal_level(*read_wal_level(checkup.source))


def judge_wal_level(level: str, effective: str | None) -> Finding:
    """Whether a slot can be created; `effective` is None before 19, which has no such parameter.

    >>> judge_wal_level("replica", None).verdict, judge_wal_level("logical", None).verdict
    ('failed', 'passed')
    >>> [judge_wal_level(level, level).verdict for level in ("minimal", "replica", "logical")]
    ['failed', 'passed', 'passed']
    >>> judge_wal_level("replica", "replica").message
    'wal_level is replica, and logical decoding is turned on by the first slot'
    """
    if level == "logical" or effective == "logical":
        return passed()
    if level == "replica" and effective is not None:
        return passed("wal_level is replica, and logical decoding is turned on by the first slot")
    return failed(
        f"wal_level is {level}",
        "set wal_level = logical at the source (a parameter of the instance on managed servers) and restart it",
        "ALTER SYSTEM SET wal_level = logical",
    )


@item("slots-and-senders", "A replication slot and WAL senders are free", ("source",), run_by="administrator")
def slots_and_senders(checkup: Checkup) -> Finding:
    """One slot for the task, one for a moment when a table is copied again."""
    room = read_replication_room(checkup.source)
    own = 1 if checkup.state.slot is not None else 0
    # Its own slot is read by a sender, or has one reserved.
    slots, senders, others = room.slots - own, room.senders + room.reserved - own, max(0, room.reserved - own)
    free_slots, free_senders = room.max_slots - slots, room.max_senders - senders
    facts = f"{free_slots} of {room.max_slots} slots and {free_senders} of {room.max_senders} WAL senders are free"
    if others:
        facts += f"; {counted(others, 'sender is', 'senders are')} kept for tasks that are paused"
    needed = {
        "max_replication_slots": (room.max_slots, slots + SLOTS_USED),
        "max_wal_senders": (room.max_senders, senders + SENDERS_USED),
    }
    statements = [f"ALTER SYSTEM SET {name} = {least}" for name, (given, least) in needed.items() if least > given]
    remedy = "set what is in use plus what this task takes, and restart the source; or drop slots that are not used"
    if free_slots < 1 or free_senders < SENDERS_USED:
        return failed(facts, remedy, statements)
    if statements:
        message = facts + ": a table that has to be copied again needs a second slot for a moment"
        return warning(message, remedy, statements)
    return passed(facts)


@item("replication-right", "The source's account may replicate", ("source",), run_by="administrator")
def replication_right(checkup: Checkup) -> Finding:
    """Found out by logging in for replication, which also shows a missing line in pg_hba.conf."""
    user = checkup.source.info.user
    try:
        checkup.context.connect("source", "precheck", replication=True).close()
    except EndpointError as error:
        if HBA_REFUSAL.search(error.detail):
            return failed(f"{user} cannot open a replication session: {error.detail}", error.remedy)
        return failed(
            f"{user} cannot open a replication session: {error.detail}",
            "give the account the right to replicate (on managed servers by the provider's replication role)",
            f"ALTER ROLE {quote(user)} REPLICATION",
        )
    return passed()


@item("long-transactions", "No transaction keeps the replication slot waiting", ("source",))
def long_transactions(checkup: Checkup) -> Finding:
    """A slot is ready when every transaction that ran at its creation has ended."""
    found = read_transactions(checkup.source, older_than_seconds=LONG_TRANSACTION_SECONDS)
    if found:
        return warning(
            "the start will wait for " + "; ".join(map(_described, found[:3])),
            "wait for them to end: the start does, for as long as they take; or end them",
            [f"SELECT pg_terminate_backend({one.pid})" for one in found[:3] if one.pid],
        )
    return passed()


def _described(transaction: OpenTransaction) -> str:
    """Who it is, and what it runs or has run last, without values."""
    words = shorten(one_line(without_literals(transaction.text)), STATEMENT_COLUMNS) if transaction.pid else ""
    return f"{transaction}: {words}" if words else str(transaction)


ITEMS = (
    source_connectivity,
    destination_connectivity,
    source_encryption,
    destination_encryption,
    source_version,
    destination_version,
    different_databases,
    writable,
    encoding,
    collation,
    wal_level,
    slots_and_senders,
    replication_right,
    long_transactions,
)
