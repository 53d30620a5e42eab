"""Snapshots that several sessions share: exported by one, imported by others."""

from psycopg import sql

from syncwizard.postgres.session.connection import Connection, scalar


def export_snapshot(connection: Connection) -> str:
    """Opens a read-only transaction, and exports what it sees; others can import that until it ends."""
    connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    return str(scalar(connection, "SELECT pg_catalog.pg_export_snapshot()"))


def begin_snapshot(connection: Connection, snapshot: str) -> None:
    """Opens a read-only transaction that sees what the exported snapshot sees."""
    connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    connection.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(sql.Literal(snapshot)))
