"""Compares what two databases hold, table by table, without caring for the order of rows."""

from typing import NamedTuple

from psycopg import sql

from syncwizard.postgres.session.connection import SESSION_SETTINGS
from tests.support.pair import DatabasePair, Session

OURS = ("syncwizard", "dts_ddl", "pg_catalog", "information_schema")
OUR_TABLES = ("dts_postgres_heartbeat", "dts_ddl_command", "dts_postgres_captured")


_FIX = sql.SQL("SELECT {}").format(
    sql.SQL(", ").join([sql.SQL("pg_catalog.set_config(%s, %s, true)")] * len(SESSION_SETTINGS))
)


class Content(NamedTuple):
    """Number of rows, and a sum over hashes of the rows as text: equal for equal rows in any order."""

    rows: int
    hash: int


def tables(session: Session) -> list[tuple[str, str]]:
    """Schema and name of the user's tables, partitioned roots in place of their leaves."""
    found = session.execute(
        "SELECT n.nspname, c.relname FROM pg_catalog.pg_class c"
        " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname <> ALL (%s)"
        " AND n.nspname NOT LIKE 'pg\\_%%' AND c.relname <> ALL (%s) ORDER BY 1, 2",
        (list(OURS), list(OUR_TABLES)),
    ).fetchall()
    return [(str(schema), str(name)) for schema, name in found]


def content(session: Session, schema: str, table: str) -> Content:
    """The content of a table; columns in order of their names, so that the order of columns does not count."""
    columns = session.execute(
        # Floating-point numbers by their bytes: servers before 12 write them with more digits than they need.
        "SELECT attname, CASE WHEN atttypid IN (600, 603, 700, 701) THEN pg_catalog.format_type(atttypid, NULL) END"
        " FROM pg_catalog.pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
        ' AND NOT attisdropped ORDER BY attname::text COLLATE "C"',
        (sql.Identifier(schema, table).as_string(session),),
    ).fetchall()
    row = sql.SQL(", ").join(_value(name, kind) for name, kind in columns) if columns else sql.SQL("")
    query = sql.SQL(
        # Two hashes of 32 bits: PostgreSQL 10 has no longer one.
        "SELECT count(*), coalesce(sum(pg_catalog.hashtext(ROW({row})::text) * 4294967296::numeric"
        " + pg_catalog.hashtext('+' || ROW({row})::text)), 0) FROM {table} AS t"
    ).format(row=row, table=sql.Identifier(schema, table))
    with session.transaction():
        # In one round trip: there may be thousands of tables.
        session.execute(_FIX, [each for setting in SESSION_SETTINGS.items() for each in setting])
        found = session.execute(query).fetchone()
    assert found
    return Content(int(found[0]), int(found[1]))


_SENDERS = {"real": "float4send", "double precision": "float8send", "point": "point_send", "box": "box_send"}


def _value(name: str, kind: str | None) -> sql.Composable:
    column = sql.Identifier(name)
    return column if kind is None else sql.SQL("pg_catalog.{}({})").format(sql.Identifier(_SENDERS[kind]), column)


def contents(session: Session) -> dict[str, Content]:
    """The content of every table of the user."""
    return {f"{schema}.{name}": content(session, schema, name) for schema, name in tables(session)}


def assert_equal(pair: DatabasePair) -> dict[str, Content]:
    """Fails unless both ends have the same tables with the same rows; returns what they hold."""
    source, destination = contents(pair.source), contents(pair.destination)
    different = {
        name: (source.get(name), destination.get(name))
        for name in source.keys() | destination.keys()
        if source.get(name) != destination.get(name)
    }
    assert not different, f"source and destination differ: {different}"
    return source


def difference(pair: DatabasePair, schema: str, table: str, limit: int = 5) -> dict[str, list[str]]:
    """Some rows that only one end holds, as text: for the message of a failed test."""
    query = sql.SQL("SELECT t::text FROM {} AS t").format(sql.Identifier(schema, table))
    source = {row for (row,) in pair.source.execute(query)}
    destination = {row for (row,) in pair.destination.execute(query)}
    return {
        "only at the source": sorted(source - destination)[:limit],
        "only at the destination": sorted(destination - source)[:limit],
    }
