"""Definitions of the source's tables: as its catalogue has them, and as the last captured command left them."""

from collections.abc import Iterable, Sequence

from psycopg import sql

from syncwizard.postgres.dialect import for_server
from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.snapshots import begin_snapshot
from syncwizard.postgres.source.ddl import is_intact
from syncwizard.structure.definition import Definition, parse_definition, same_columns

# Commands with the definition of a table.
OF_TABLES = ("table", "entered", "detached")
# At what differs, while definitions change.
LOOKS = 3


def read_definitions(connection: Connection, relations: Sequence[int], snapshot: str) -> dict[int, Definition]:
    """Those of the tables, by OID, as the snapshot sees them."""
    begin_snapshot(connection, snapshot)
    found = _read(connection, relations)
    connection.execute("ROLLBACK")
    return found


def read_by_now(connection: Connection, relations: Sequence[int]) -> dict[int, Definition]:
    """Those of the tables that exist, by OID, as they are by now."""
    return _read(connection, relations) if relations else {}


def read_definition(connection: Connection, relation: int) -> Definition | None:
    """That of a table by now, by OID; None when it is gone."""
    return _read(connection, [relation]).get(relation)


def last_captured(connection: Connection, relations: Sequence[int]) -> dict[int, Definition]:
    """What the last captured command on each of the tables left."""
    rows = connection.execute(
        "SELECT DISTINCT ON (relation) relation, definition FROM public.dts_ddl_command"
        " WHERE relation = ANY (%s) AND kind = ANY (%s) ORDER BY relation, ordinal DESC",
        (list(relations), list(OF_TABLES)),
    )
    return {relation: parse_definition(text) for relation, text in rows if text is not None}


def captured_all(connection: Connection, relations: Iterable[int]) -> set[int]:
    """Those of the tables whose last captured command left their columns as they are now: everything that happened to
    their definitions is in the stream."""
    wanted, found = set(relations), set[int]()
    if not wanted or not is_intact(connection):
        return found
    # The catalogue is read a moment later than the commands: one that ends in between looks as if it was not captured.
    for _ in range(LOOKS):
        found |= _captured(connection, sorted(wanted - found))
        if found == wanted:
            break
    return found


def _captured(connection: Connection, wanted: Sequence[int]) -> set[int]:
    rows = connection.execute(
        "SELECT DISTINCT ON (relation) relation, definition, dts_ddl.definition(relation::oid)"
        " FROM public.dts_ddl_command WHERE relation = ANY (%s) AND kind = ANY (%s) ORDER BY relation, ordinal DESC",
        (list(wanted), list(OF_TABLES)),
    )
    return {
        relation
        for relation, last, now in rows
        if last is not None and now is not None and same_columns(parse_definition(last), parse_definition(now))
    }


def _read(connection: Connection, relations: Sequence[int]) -> dict[int, Definition]:
    text = sql.SQL(for_server(connection, query("table_definition")).replace(":relation", "r.oid::oid"))
    listed = sql.SQL(", ").join(map(sql.Literal, map(int, relations)))
    # Not as a parameter: the text has signs of percent of its own.
    statement = sql.SQL("SELECT r.oid, ({}) FROM unnest(ARRAY[{}]::bigint[]) AS r (oid)").format(text, listed)
    rows = connection.execute(statement.as_bytes(connection))
    return {relation: parse_definition(found) for relation, found in rows if found is not None}
