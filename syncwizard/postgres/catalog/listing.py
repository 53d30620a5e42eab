"""Lists what a source has that a task can select: four queries, whatever the number of objects."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import psycopg

from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection
from syncwizard.task.drafting.catalogue import (
    CatalogueNews,
    CatalogueObject,
    CataloguePart,
    CatalogueProgress,
    ColumnFacts,
    IndexFacts,
    RelationName,
    TableColumns,
    TableIndexes,
    Use,
)

# Some hundred kilobytes a frame, and progress that is seen to move.
PART = 2000
# A table whose exclusive lock was not there yet when the query looked for locks.
LOCK_TIMEOUT = "10s"
# A listing that was cancelled has lost its client: the server is to notice while it still computes.
CHECK_CLIENT = "1s"


def prepare_listing(connection: Connection) -> None:
    """Keeps a listing from waiting for locks, and from running on when its client is gone."""
    connection.execute("SELECT pg_catalog.set_config('lock_timeout', %s, false)", (LOCK_TIMEOUT,))
    with suppress(psycopg.errors.InvalidParameterValue):
        # Not every system can look after a client.
        connection.execute(
            "SELECT pg_catalog.set_config('client_connection_check_interval', %s, false)", (CHECK_CLIENT,)
        )


def read_catalogue(connection: Connection) -> Iterator[CatalogueNews]:
    """The catalogue in parts, with what is being done before each of its queries. Raises psycopg's errors."""
    yield CatalogueProgress(step="objects")
    rows = connection.execute(query("catalogue_objects")).fetchall()
    schemas = tuple(str(row[1]) for row in rows if row[0] == "schema")
    objects = [_object(row) for row in rows if row[0] != "schema"]
    yield CatalogueProgress(step="objects", total=len(objects))
    yield CataloguePart(schemas=schemas)
    for start in range(0, len(objects), PART):
        yield CataloguePart(objects=tuple(objects[start : start + PART]))
    columns = [_columns(row) for row in connection.execute(query("catalogue_columns"))]
    for start in range(0, len(columns), PART):
        yield CataloguePart(columns=tuple(columns[start : start + PART]))
    indexes = [_indexes(row) for row in connection.execute(query("catalogue_indexes"))]
    for start in range(0, len(indexes), PART):
        yield CataloguePart(indexes=tuple(indexes[start : start + PART]))
    yield CatalogueProgress(step="uses", total=len(objects))
    uses = [
        Use(kind, schema, name, RelationName(table_schema, table))
        for kind, schema, name, table_schema, table in connection.execute(query("catalogue_uses"))
    ]
    for start in range(0, len(uses), PART):
        yield CataloguePart(uses=tuple(uses[start : start + PART]))


def _object(row: tuple[Any, ...]) -> CatalogueObject:
    kind, schema, name, rows, size, vectors, keyless, partitioned, parent_schema, parent, obstacle, owner = row
    return CatalogueObject(
        kind=kind,
        schema=schema,
        name=name,
        rows=rows,
        bytes=size,
        vectors=tuple(vectors),
        keyless=keyless,
        partitioned=partitioned,
        parent=None if parent is None else RelationName(parent_schema, parent),
        obstacle=obstacle,
        owner=owner,
    )


def _columns(row: tuple[Any, ...]) -> TableColumns:
    schema, table, names, types, computed, of_key = row
    columns = tuple(map(ColumnFacts, names, types, computed, of_key))
    return TableColumns(RelationName(schema, table), columns)


def _indexes(row: tuple[Any, ...]) -> TableIndexes:
    schema, table, names, methods, columns, unique = row
    return TableIndexes(RelationName(schema, table), tuple(map(IndexFacts, names, methods, columns, unique)))
