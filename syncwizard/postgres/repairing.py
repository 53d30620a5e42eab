"""Writes rows of the source at the destination in place of those that differ, by their keys (rule 25)."""

from collections.abc import Iterable

import msgspec
from psycopg import sql

from syncwizard.postgres.copying import pump
from syncwizard.postgres.destination.destination import Destination
from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection, quoted
from syncwizard.postgres.session.encoding import spelled
from syncwizard.postgres.wire import Wire
from syncwizard.task.lsn import parse_lsn
from syncwizard.task.names import TableName


class KeyColumn(msgspec.Struct, frozen=True, kw_only=True):
    """A column of the key at one end: `type_name` for a cast of its text, `equal` the operator of its index."""

    name: str
    type_name: str
    equal: str


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A relation at one end: its columns that are copied, in the order of the other end's, and its key."""

    relation: TableName
    columns: tuple[str, ...]
    key: tuple[KeyColumn, ...]


def read_equalities(connection: Connection, schemas: Iterable[str]) -> dict[int, list[str]]:
    """The equality operators of the unique indexes of some schemas, by the index, in the order of its columns."""
    return dict(connection.execute(query("catalog_key_operators"), (sorted(schemas), None)).fetchall())


class Overtaken(Exception):
    """The destination is further than the snapshot that its rows would be repaired from."""


def hold_position(destination: Destination, lsn: str) -> None:
    """Locks the task's progress until the end of the open transaction, so that no batch is committed before it.

    Raises Overtaken where one was that is not in the source's snapshot of `lsn`.
    """
    applied = destination.ledger.lock_applied()
    if applied is None or parse_lsn(applied) > parse_lsn(lsn):
        raise Overtaken


def delete_rows(connection: Connection, place: Place, keys: list[tuple[str, ...]]) -> int:
    """Deletes the rows of these keys; how many there were."""
    return connection.execute(
        sql.SQL("DELETE FROM {} AS t USING {} WHERE {}").format(
            quoted(place.relation.schema, place.relation.name), *_keyed(place, keys)
        )
    ).rowcount


def copy_rows(
    source: Connection, destination: Connection, here: Place, there: Place, keys: list[tuple[str, ...]], *, binary: bool
) -> int:
    """Copies the rows of these keys that the source has; how many."""
    form = sql.SQL("(FORMAT binary)" if binary else "(FORMAT text)")
    out = sql.SQL("COPY (SELECT {} FROM ONLY {} AS t, {} WHERE {}) TO STDOUT {}").format(
        sql.SQL(", ").join(sql.Identifier("t", name) for name in here.columns),
        quoted(here.relation.schema, here.relation.name),
        *_keyed(here, keys),
        form,
    )
    into = sql.SQL("COPY {} ({}) FROM STDIN {}").format(
        quoted(there.relation.schema, there.relation.name),
        sql.SQL(", ").join(map(sql.Identifier, there.columns)),
        form,
    )
    reader, writer = Wire(source), Wire(destination)
    reader.begin_copy_out(spelled(out, source))
    writer.begin_copy_in(spelled(into, destination))
    pump(reader.pgconn, writer, lambda rows, size: None)
    reader.end_copy_out()
    return writer.end_copy()


def _keyed(place: Place, keys: list[tuple[str, ...]]) -> tuple[sql.Composed, sql.Composed]:
    """The keys as an item of FROM, and the condition that a row has one of them."""
    arrays = [sql.SQL("{}::text[]").format(sql.Literal([key[at] for key in keys])) for at in range(len(place.key))]
    names = [sql.Identifier(f"k{at}") for at in range(len(place.key))]
    item = sql.SQL("unnest({}) AS k ({})").format(sql.SQL(", ").join(arrays), sql.SQL(", ").join(names))
    conditions = [
        sql.SQL("{} {} k.{}::{}").format(
            sql.Identifier("t", column.name),
            sql.SQL(column.equal),  # type: ignore[arg-type, unused-ignore]
            name,
            sql.SQL(column.type_name),  # type: ignore[arg-type, unused-ignore]
        )
        for column, name in zip(place.key, names, strict=True)
    ]
    return item, sql.SQL(" AND ").join(conditions)
