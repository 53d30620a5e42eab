"""The logical replication slot: created with an exported snapshot, inspected, compared, dropped."""

from typing import Any, LiteralString

import msgspec
import psycopg
from psycopg import errors, sql

from syncwizard.errors import EndpointError
from syncwizard.postgres.captured import CreatedSlot, SystemIdentity
from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection, scalar
from syncwizard.postgres.session.ending import end_backends
from syncwizard.task.events import SlotMeasured
from syncwizard.task.parts import SlotLife
from syncwizard.task.specification import Decoding

# The version from which on standbys can keep a logical slot.
FAILOVER_SLOTS = 170000
# To load a plugin takes some.
PROBE_MILLISECONDS = 1_000


class SlotReader(msgspec.Struct, frozen=True, kw_only=True):
    """The session that reads a slot. `address` is empty on a Unix socket, and where our role may not see it."""

    pid: int
    application: str
    user: str
    address: str

    def __str__(self) -> str:
        name = f" ({self.application})" if self.application else ""
        return f"process {self.pid}{name} of {self.user}" + (f" from {self.address}" if self.address else "")


class SlotStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A row of pg_replication_slots. `retained_bytes`: WAL held back for it; `wal_status` and `safe_bytes` (more may
    be written before it is lost, None without a limit) as the server says. `life`: what else may end it."""

    name: str
    plugin: str
    database: str
    active_pid: int | None
    confirmed_flush_lsn: str | None
    restart_lsn: str | None
    wal_status: str | None
    safe_bytes: int | None
    retained_bytes: int
    life: SlotLife = SlotLife()


def identify(holder: Connection) -> SystemIdentity:
    """IDENTIFY_SYSTEM on a replication session."""
    row = _only(holder.execute("IDENTIFY_SYSTEM").fetchone())
    return SystemIdentity(system_identifier=row[0], timeline=int(row[1]), flushed_lsn=row[2], database=row[3])


def create_slot(
    holder: Connection,
    name: str,
    *,
    temporary: bool = False,
    failover: bool = False,
    plugin: Decoding = "pgoutput",
) -> CreatedSlot:
    """Creates the slot on a replication session and exports its snapshot, which lives until the session's next
    command or its end. Waits for the transactions now running at the source to end. `failover`: standbys keep a copy
    of it, where the server can have that."""
    # Before 15 the options are bare keywords (protocol-replication.html, CREATE_REPLICATION_SLOT).
    option: LiteralString = "(SNAPSHOT 'export')" if holder.info.server_version >= 150000 else "EXPORT_SNAPSHOT"
    if failover and holder.info.server_version >= FAILOVER_SLOTS:
        option = "(SNAPSHOT 'export', FAILOVER)"
    row = _only(
        holder.execute(
            sql.SQL("CREATE_REPLICATION_SLOT {}{} LOGICAL {} " + option).format(
                sql.Identifier(name), sql.SQL(" TEMPORARY" if temporary else ""), sql.Identifier(plugin)
            )
        ).fetchone()
    )
    return CreatedSlot(name=row[0], lsn=row[1], snapshot=row[2])


def why_not_decoded(connection: Connection, plugin: Decoding) -> str:
    """What the server says where it does not have the output plugin; empty where it does. By a slot of this session's,
    which waits for running transactions once the plugin is loaded: not for long here."""
    name = f"dts_probe_{connection.info.backend_pid}"
    try:
        with connection.transaction():
            connection.execute(sql.SQL("SET LOCAL statement_timeout = {}").format(sql.Literal(PROBE_MILLISECONDS)))
            connection.execute("SELECT pg_catalog.pg_create_logical_replication_slot(%s, %s, true)", (name, plugin))
        connection.execute("SELECT pg_catalog.pg_drop_replication_slot(%s)", (name,))
    except (errors.QueryCanceled, errors.ConfigurationLimitExceeded):
        # That there is no room for a slot is another item's.
        return ""
    except psycopg.Error as error:
        return " ".join(str(error).split())
    return ""


def snapshot_lives(connection: Connection, snapshot: str) -> bool:
    """Whether the exported snapshot can still be used: the session that exported it may be gone."""
    try:
        with connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            connection.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(sql.Literal(snapshot)))
    except (errors.InvalidParameterValue, errors.UndefinedObject):
        return False
    return True


def drop_slot(connection: Connection, name: str) -> bool:
    """Drops the slot if it exists, ending a walsender that still reads it; True if there was one.

    Raises psycopg's ObjectInUse while it is being read.
    """
    row = connection.execute(
        "SELECT active_pid FROM pg_catalog.pg_replication_slots WHERE slot_name = %s", (name,)
    ).fetchone()
    if row is None:
        return False
    if row[0] is not None:
        # The slot is in use until the walsender has gone.
        end_backends(connection, row)
    connection.execute("SELECT pg_catalog.pg_drop_replication_slot(%s)", (name,))
    return True


def end_temporary(connection: Connection, name: str) -> None:
    """Ends the session that a temporary slot belongs to, and the slot with it, if there is one of that name."""
    rows = connection.execute(
        "SELECT active_pid FROM pg_catalog.pg_replication_slots WHERE slot_name = %s AND temporary", (name,)
    )
    end_backends(connection, [pid for (pid,) in rows if pid is not None])


def slot_exists(connection: Connection, name: str) -> bool:
    """Whether there is a slot of that name; also on a standby."""
    text = "SELECT EXISTS (SELECT FROM pg_catalog.pg_replication_slots WHERE slot_name = %s)"
    return bool(scalar(connection, text, name))


def slot_status(connection: Connection, name: str) -> SlotStatus | None:
    """What the server says of the slot; None when there is none of that name."""
    row = connection.execute(query("slot_status"), (name,)).fetchone()
    if row is None:
        return None
    return SlotStatus(
        name=row[0],
        plugin=row[1] or "",
        database=row[2] or "",
        active_pid=row[3],
        confirmed_flush_lsn=row[4],
        restart_lsn=row[5],
        wal_status=row[6],
        safe_bytes=row[7],
        retained_bytes=row[8],
        life=SlotLife(
            invalidation=row[9] or "",
            conflicting=row[10],
            failover=row[11],
            synced=row[12],
            # A slot that is read is not idle, whenever that was.
            idle_seconds=row[13] if row[3] is None else None,
            idle_timeout_seconds=row[14] or None,
            inactive_since=row[15] if row[3] is None else None,
            reader=str(reader_of(row[3], *row[16:19])) if row[3] is not None else "",
        ),
    )


def find_reader(connection: Connection, pid: int) -> SlotReader | None:
    """Who the process is; None when it has ended."""
    row = connection.execute(
        "SELECT application_name, usename, client_addr::text FROM pg_catalog.pg_stat_activity WHERE pid = %s", (pid,)
    ).fetchone()
    return None if row is None else reader_of(pid, *row)


def reader_of(pid: int, application: str | None, user: str | None, address: str | None) -> SlotReader:
    """The session, as far as our role may see it."""
    return SlotReader(pid=pid, application=application or "", user=user or "", address=address or "")


def end_reader(connection: Connection, slot: str, pid: int) -> SlotReader | None:
    """Ends the process that reads the slot; None when it has ended by itself. Raises EndpointError where the account
    may not."""
    reader = find_reader(connection, pid)
    if reader is None:
        return None
    try:
        end_backends(connection, [pid])
    except errors.InsufficientPrivilege as error:
        raise EndpointError(
            f"another session reads slot {slot}: {reader}",
            end="source",
            transient=True,
            detail=" ".join(str(error).split()),
            remedy=f"end it at the source, because what it confirms is lost: SELECT pg_terminate_backend({pid})",
            sqlstate="55006",
        ) from error
    return reader


def wal_directory_bytes(connection: Connection) -> int | None:
    """The size of pg_wal; None for an account without the rights of pg_monitor."""
    if not scalar(connection, "SELECT pg_catalog.has_function_privilege('pg_catalog.pg_ls_waldir()', 'EXECUTE')"):
        return None
    return int(scalar(connection, "SELECT coalesce(sum(size), 0) FROM pg_catalog.pg_ls_waldir()"))


def measure_slot(connection: Connection, name: str) -> SlotMeasured:
    """What the slot holds back, and what threatens it."""
    status = slot_status(connection, name)
    if status is None:
        return SlotMeasured(exists=False, retained_bytes=0, wal_status="", source_lsn=current_lsn(connection))
    return SlotMeasured(
        retained_bytes=status.retained_bytes,
        wal_status=status.wal_status or "",
        safe_bytes=status.safe_bytes,
        directory_bytes=wal_directory_bytes(connection),
        source_lsn=current_lsn(connection),
        life=status.life,
    )


def current_lsn(connection: Connection) -> str:
    """The source's insert position: everything committed so far ends at or before it."""
    return str(scalar(connection, "SELECT pg_catalog.pg_current_wal_insert_lsn()::text"))


def current_timeline(connection: Connection) -> int:
    """The timeline that the server writes; for a primary."""
    text = "SELECT left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 8)"
    return int(str(scalar(connection, text)), 16)


def _only(row: tuple[Any, ...] | None) -> tuple[Any, ...]:
    if row is None:
        raise RuntimeError("the server answered a replication command without a row")
    return row
