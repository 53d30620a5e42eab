"""The fence around a database that is left: what raises it and undoes it, and the sessions that are in its way.

`read-only` makes it the default of the database that transactions are read-only. A session that began before has the
default from before, so sessions of others are ended; one that sets the default back for itself writes still, which is
found out afterwards by what comes in the stream. `revoke` takes the rights themselves, of the roles that are named.
"""

from collections.abc import Sequence

import msgspec
from psycopg import sql

from syncwizard.errors import UsageError
from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection, quoted, scalar
from syncwizard.remedies import to_do
from syncwizard.task.names import TableName
from syncwizard.task.switchover import Fence, FenceMode
from syncwizard.task.text import listed

DEFAULT = sql.SQL("default_transaction_read_only")


class OtherSession(msgspec.Struct, frozen=True, kw_only=True):
    """A session of another account or program. `since`, `transaction_since`: by the server's clock, in seconds since
    the epoch, None where there is none or our account may not see it. `busy`: it is not known to be idle."""

    pid: int
    user: str
    application: str
    since: float | None
    busy: bool
    transaction_since: float | None

    def __str__(self) -> str:
        return f"process {self.pid} of {self.user}" + (f" ({self.application})" if self.application else "")


def prepare_fence(connection: Connection, mode: FenceMode, roles: Sequence[str], tables: Sequence[TableName]) -> Fence:
    """The fence of the session's database as it would be raised now; nothing changes.

    Raises UsageError where the account lacks a right, with the statements that give it, or a role cannot be kept out.
    """
    database = connection.info.dbname
    if mode == "stopped":
        return Fence(mode=mode, database=database)
    may_alter, may_end, owner, before = connection.execute(query("fence_rights")).fetchone() or (False, False, "", None)
    name, user = sql.Identifier(database), sql.Identifier(connection.info.user)
    lacking = []
    if mode == "read-only" and not may_alter:
        lacking.append(sql.SQL("GRANT {} TO {}").format(sql.Identifier(owner), user))
    if not may_end:
        lacking.append(sql.SQL("GRANT pg_signal_backend TO {}").format(user))
    if lacking:
        raise UsageError(
            f"{connection.info.user} may not fence the database {database}",
            where="source",
            detail="it takes a member of the role that owns the database, and the right to end sessions of others",
            remedy=to_do(
                "have a superuser grant the rights",
                statements=[each.as_string(connection) for each in lacking],
                then="run again",
                otherwise=to_do("stop the applications, and switch over with --writes-stopped"),
            ),
        )
    if mode == "revoke":
        return _revoking(connection, roles, tables)
    raising = sql.SQL("ALTER DATABASE {} SET {} = on").format(name, DEFAULT)
    undo = sql.SQL("ALTER DATABASE {} RESET {}").format(name, DEFAULT)
    if before is not None:
        undo = sql.SQL("ALTER DATABASE {} SET {} = {}").format(name, DEFAULT, sql.Literal(before))
    texts = [each.as_string(connection) for each in (raising, undo)]
    clock = server_clock(connection)
    return Fence(mode=mode, database=database, statements=(texts[0],), undo=(texts[1],), after=clock)


class ReadOnly(msgspec.Struct, frozen=True, kw_only=True):
    """A database that is read-only by default: what takes that away, and whether the account may."""

    database: str
    statement: str
    may_alter: bool


def read_only_by_default(connection: Connection) -> ReadOnly | None:
    """That of the session, where its database is so."""
    row = connection.execute(query("fence_rights")).fetchone()
    if row is None or row[3] not in ("on", "true", "yes", "1"):
        return None
    statement = sql.SQL("ALTER DATABASE {} RESET {}").format(sql.Identifier(connection.info.dbname), DEFAULT)
    return ReadOnly(database=connection.info.dbname, statement=statement.as_string(connection), may_alter=bool(row[0]))


def _revoking(connection: Connection, roles: Sequence[str], tables: Sequence[TableName]) -> Fence:
    rows = connection.execute(query("grants_to_write"), _of(tables, roles)).fetchall()
    raising, undo = [], []
    for schema, table, column, role, right, grantable in rows:
        what = sql.SQL(right) if column is None else sql.SQL("{} ({})").format(sql.SQL(right), sql.Identifier(column))
        parts = {"what": what, "table": quoted(schema, table), "role": sql.Identifier(role)}
        option = sql.SQL(" WITH GRANT OPTION" if grantable else "")
        raising.append(sql.SQL("REVOKE {what} ON {table} FROM {role}").format(**parts).as_string(connection))
        undo.append(sql.SQL("GRANT {what} ON {table} TO {role}{option}").format(option=option, **parts))
    return Fence(
        mode="revoke",
        database=connection.info.dbname,
        statements=tuple(raising),
        undo=tuple(each.as_string(connection) for each in undo),
        roles=tuple(roles),
    )


def roles_that_write(connection: Connection, roles: Sequence[str], tables: Sequence[TableName]) -> list[str]:
    """Those of the roles that may write to one of the tables, whatever gives them the right, each with that table."""
    rows = connection.execute(query("roles_that_write"), _of(tables, roles))
    return [f"{role} (to {table})" if table else f"{role} (there is no such role)" for role, table in rows]


def _of(tables: Sequence[TableName], roles: Sequence[str]) -> dict[str, list[str]]:
    return {
        "schemas": [table.schema for table in tables],
        "names": [table.name for table in tables],
        "roles": list(roles),
    }


def run_statements(connection: Connection, statements: Sequence[str]) -> None:
    """Runs them all in one transaction, or none."""
    with connection.transaction():
        for statement in statements:
            connection.execute(statement.encode())


def other_sessions(connection: Connection, short_id: str) -> list[OtherSession]:
    """Sessions in the database that are not those of the task with this short id."""
    return [
        OtherSession(
            pid=pid, user=user, application=application, since=since, busy=busy, transaction_since=transaction_since
        )
        for pid, user, application, since, busy, transaction_since in connection.execute(
            query("other_sessions"), {"ours": f"syncwizard {short_id} "}
        )
    ]


def end_session(connection: Connection, session: OtherSession) -> None:
    """Asks the server to end a session; it may take a moment to go. Raises psycopg's InsufficientPrivilege."""
    connection.execute("SELECT pg_catalog.pg_terminate_backend(%s)", (session.pid,))


def server_clock(connection: Connection) -> float:
    """The server's clock, in seconds since the epoch."""
    return float(scalar(connection, "SELECT pg_catalog.date_part('epoch', pg_catalog.clock_timestamp())"))


def writing_elsewhere(connection: Connection, short_id: str, mode: FenceMode) -> list[str]:
    """What would write to the database behind such a fence, a line each."""
    values = {"ours": f"syncwizard {short_id} ", "defaults": mode == "read-only"}
    found: dict[str, list[str]] = {}
    for kind, name in connection.execute(query("writing_elsewhere"), values):
        found.setdefault(kind, []).append(name)
    return [f"{kind} {listed(names)}" for kind, names in found.items()]
