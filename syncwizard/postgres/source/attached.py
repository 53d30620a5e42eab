"""Partitions that were attached after the start with rows in them: those rows never were in the stream.

A partition that is created as one begins empty, and so does most often a table that is created to be attached.
"""

from collections.abc import Container
from typing import NamedTuple

import psycopg
from psycopg import sql

from syncwizard.postgres.captured import Member
from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection, quoted
from syncwizard.postgres.source.publication import read_publication
from syncwizard.task.names import TableName

# Rows that were there before are at the table's beginning; what came later need not be read to find them.
PAGES = 64
# The table may be locked; we can look again.
PATIENCE_MILLISECONDS = 500


class Partition(NamedTuple):
    """A leaf, and when it became one: a transaction's id, and the number of its command."""

    relation: int
    table: TableName
    transaction: str
    command: int

    def member(self) -> Member:
        """As what is captured."""
        return Member(relation=self.relation, oid=None, table=self.table)


def new_partitions(connection: Connection, publication: str, known: Container[int]) -> list[Partition]:
    """The partitions that a published table stands for and that are not among the known ones, by OID."""
    found = read_publication(connection, publication)
    members = found.members if found is not None else []
    new = {member.relation: member.table for member in members if member.oid is None and member.relation not in known}
    if not new:
        return []
    rows = connection.execute(query("partitions_attached"), (list(new),)).fetchall()
    return [Partition(relation, new[relation], transaction, command) for relation, transaction, command in rows]


def brought_rows(connection: Connection, partition: Partition) -> bool | None:
    """Whether it has rows that were in it before; None when that cannot be seen now. A session of its own is needed."""
    statement = sql.SQL(
        "SELECT EXISTS (SELECT FROM ONLY {} WHERE ctid < {}"
        " AND (pg_catalog.age(xmin) > pg_catalog.age({}::pg_catalog.xid)"
        " OR xmin::pg_catalog.text = {} AND cmin::pg_catalog.text::bigint < {}))"
    ).format(
        quoted(partition.table.schema, partition.table.name),
        sql.Literal(f"({PAGES},0)"),
        sql.Literal(partition.transaction),
        sql.Literal(partition.transaction),
        sql.Literal(partition.command),
    )
    try:
        connection.execute(sql.SQL("SET lock_timeout = {}").format(sql.Literal(PATIENCE_MILLISECONDS)))
        row = connection.execute(statement).fetchone()
    except (psycopg.errors.LockNotAvailable, psycopg.errors.UndefinedTable, psycopg.errors.InsufficientPrivilege):
        return None
    return row is not None and bool(row[0])
