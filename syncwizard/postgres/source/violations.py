"""Queries that show the rows of the source by which a constraint of its own does not hold."""

from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection
from syncwizard.task.names import TableName

# An index in which rows are missing, or too many, must not answer what is in its table.
WITHOUT_INDEXES = "SET enable_indexscan = off; SET enable_indexonlyscan = off; SET enable_bitmapscan = off; "


def orphans_query(source: Connection, table: TableName, name: str) -> str:
    """What shows the rows whose foreign key meets no row; empty where the source has no such key."""
    return _one(source, "rows_of_orphans", table, name)


def check_query(source: Connection, table: TableName, name: str) -> str:
    """What shows the rows that a CHECK does not allow; empty where the source has no such CHECK."""
    return _one(source, "rows_of_check", table, name)


def duplicates_query(source: Connection, table: TableName, name: str) -> str:
    """What shows the keys that occur more than once under a unique index; empty where the source has no such index."""
    found = _one(source, "rows_of_duplicates", table, name)
    return WITHOUT_INDEXES + found if found else ""


def _one(source: Connection, statement: str, table: TableName, name: str) -> str:
    parameters = {"schema": table.schema, "table": table.name, "name": name}
    row = source.execute(query(statement), parameters).fetchone()
    return str(row[0]) if row is not None and row[0] is not None else ""
