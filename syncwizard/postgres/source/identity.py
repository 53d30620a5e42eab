"""Replica identities: which tables could not publish an UPDATE, and FULL for those, set and taken back (rule 6)."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import LiteralString

import msgspec
from psycopg import sql

from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection, quoted
from syncwizard.postgres.session.locking import Wait, with_short_locks
from syncwizard.postgres.source.listed import is_listed, listed_elsewhere, note_on_list, notes_of_others
from syncwizard.rows.projection import RowRule, needs_full
from syncwizard.structure.table import Table
from syncwizard.task.events import ReplicaIdentityChanging
from syncwizard.task.names import TableName


class CurrentIdentity(msgspec.Struct, frozen=True):
    """`identity` as in pg_class.relreplident; `index` is the chosen one for 'i'."""

    identity: str
    index: str | None


def has_usable_identity(table: Table) -> bool:
    """Whether the table's own replica identity lets it publish UPDATE and DELETE on every server version.

    A deferrable primary key is none. A key with a generated column is not sent whole up to 17, and refused by 18.
    """
    columns = table.identity_columns()
    if columns is None:
        return False
    return columns.issubset(column.name for column in table.stored_columns)


def why_unusable(table: Table) -> str:
    """The reason, to be read after the table's name."""
    primary = [index for index in table.unique_indexes if index.primary]
    if table.replica_identity == "n":
        return "has REPLICA IDENTITY NOTHING"
    if table.replica_identity == "i":
        return "has lost the index of its replica identity, or it contains a generated column"
    if not primary:
        return "has no primary key"
    if primary[0].temporal:
        return "has only a primary key WITHOUT OVERLAPS"
    return "has only a deferrable primary key" if not primary[0].immediate else "has a generated column in its key"


def why_full(table: Table, rule: RowRule | None) -> str:
    """Why the table's old rows have to come whole, to be read after its name; empty where they need not: for its own
    sake, or for a filter or script (rules 6 and 20)."""
    if not has_usable_identity(table):
        return why_unusable(table)
    if rule is None:
        return ""
    keys = table.keys(column.name for column in table.columns)
    if not keys:
        return "has no key, and its rows are selected or changed by all of their values"
    return needs_full(rule.projection, table, table.identity_columns() or ())


def expected_keys(tables: Iterable[Table]) -> dict[TableName, str]:
    """The index of each source table that will address its rows at the destination (DESIGN rule 8), where it has one.

    Counted with the identity that capture sets: a table without a usable one will send whole rows.
    """
    keys = {}
    for table in tables:
        stored = frozenset(column.name for column in table.stored_columns)
        # A partitioned parent sends nothing itself; its leaves decide which columns come.
        whole = table.partitioned or not has_usable_identity(table)
        found = table.keys(stored if whole else table.identity_columns() or stored)
        if found and stored.issuperset(found[0].columns):
            keys[table.name] = found[0].name
    return keys


def read_identity(connection: Connection, table: TableName) -> CurrentIdentity | None:
    """The replica identity now; None when the table is gone."""
    row = connection.execute(query("replica_identity"), (table.schema, table.name)).fetchone()
    return None if row is None else CurrentIdentity(row[0], row[1])


# Capture and release change identities that several tasks share: one at a time, from the first look to the note.
_LOCK: LiteralString = "SELECT pg_catalog.pg_advisory_lock(pg_catalog.hashtext('syncwizard identities'))"
_UNLOCK: LiteralString = "SELECT pg_catalog.pg_advisory_unlock(pg_catalog.hashtext('syncwizard identities'))"


@contextmanager
def identities_held(connection: Connection) -> Iterator[None]:
    """Keeps other tasks of this source from changing replica identities inside the block."""
    connection.execute(_LOCK)
    try:
        yield
    finally:
        if not connection.closed and not connection.broken:
            connection.execute(_UNLOCK)


def note_identities(connection: Connection, publication: str, changes: Iterable[ReplicaIdentityChanging]) -> None:
    """Writes on the task's publication what its tables had before, for a task that comes after and outlives it."""
    changes = list(changes)
    text = msgspec.json.encode(changes).decode()
    if is_listed(connection, publication):
        note_on_list(connection, publication, text, [change.table for change in changes])
        return
    connection.execute(
        sql.SQL("COMMENT ON PUBLICATION {} IS {}").format(sql.Identifier(publication), sql.Literal(text))
    )


def noted_identities(connection: Connection, publication: str) -> dict[TableName, ReplicaIdentityChanging]:
    """What the publications of other tasks note: tables with FULL that is not the user's, and what they had."""
    found = {}
    noted = connection.execute(query("noted_identities"), (publication,)).fetchall()
    for text in [*(text for (text,) in noted), *notes_of_others(connection, publication)]:
        for change in msgspec.json.decode(text, type=list[ReplicaIdentityChanging]):
            found[change.table] = change
    return found


def published_elsewhere(connection: Connection, table: TableName, publication: str) -> list[str]:
    """The other publications that carry UPDATE or DELETE of the table, which would fail without FULL, and other tasks
    that read its rows without one."""
    found = connection.execute(query("published_elsewhere"), (table.schema, table.name, publication)).fetchall()
    return [*(str(name) for (name,) in found), *listed_elsewhere(connection, table, publication)]


def set_full(connection: Connection, table: TableName, wait: Wait) -> None:
    """REPLICA IDENTITY FULL, under a short lock timeout, tried several times; `wait(seconds)` between.

    Raises TaskFailed naming the sessions that hold the table.
    """
    statement = sql.SQL("ALTER TABLE {} REPLICA IDENTITY FULL").format(quoted(table.schema, table.name))
    with_short_locks(connection, [table], statement, wait)


def restore(connection: Connection, change: ReplicaIdentityChanging, wait: Wait) -> bool:
    """Puts back what the table had before us, if it still has what we set; True if it was changed.

    Raises TaskFailed when the lock cannot be had.
    """
    current = read_identity(connection, change.table)
    if current is None or current.identity != "f":
        return False
    with_short_locks(connection, [change.table], restore_statement(change), wait)
    return True


def restore_statement(change: ReplicaIdentityChanging) -> sql.Composed:
    """The statement that puts the former replica identity back."""
    former: dict[str, sql.Composable] = {
        "d": sql.SQL("DEFAULT"),
        "n": sql.SQL("NOTHING"),
        "f": sql.SQL("FULL"),
        "i": sql.SQL("USING INDEX {}").format(sql.Identifier(change.index or "")),
    }
    # An index that was lost already before us cannot be named again: NOTHING is what it had come to mean.
    chosen = former["n"] if change.previous == "i" and not change.index else former[change.previous]
    return sql.SQL("ALTER TABLE {} REPLICA IDENTITY {}").format(quoted(change.table.schema, change.table.name), chosen)
