"""What a database has beside tables: schemas, objects by kind and name, extensions, functions, columns of a kind."""

from collections.abc import Collection, Iterable

import msgspec

from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection, scalar
from syncwizard.task.names import FunctionName, TableName

# By pg_class.relkind.
RELATION_KINDS = {
    "r": "table",
    "p": "table",
    "f": "table",
    "S": "sequence",
    "v": "view",
    "m": "materialized view",
}


class ExtensionState(msgspec.Struct, frozen=True):
    """An extension that the server has: the version it would install, and that of the database with its schema, None
    where it is not installed. `may_create`: the account may install it."""

    default_version: str
    installed_version: str | None
    schema: str | None
    may_create: bool


def read_schemas(connection: Connection) -> list[str]:
    """The names of all schemas."""
    return [name for (name,) in connection.execute("SELECT nspname FROM pg_catalog.pg_namespace")]


def has_schema(connection: Connection, name: str) -> bool:
    """Whether the schema exists."""
    return scalar(connection, "SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = %s", name) is not None


def read_selectable(connection: Connection, schema: str) -> set[tuple[str, str]]:
    """Kind and name of each object of the schema that a task can select by name."""
    relations = connection.execute(query("relations"), ([schema],))
    found = {(RELATION_KINDS[kind], name) for _, name, kind in relations}
    return found | {(kind, name) for kind, name in connection.execute(query("names_of_kinds"), {"schema": schema})}


def read_extension(connection: Connection, name: str) -> ExtensionState | None:
    """The state of an extension; None where the server does not have it."""
    row = connection.execute(query("extension_state"), {"name": name}).fetchone()
    return None if row is None else ExtensionState(*row)


def read_extensions(connection: Connection) -> set[str]:
    """The names of the extensions that are installed in the database."""
    return {name for (name,) in connection.execute("SELECT extname FROM pg_catalog.pg_extension")}


def read_not_carried(connection: Connection, tables: Iterable[int], whole: Iterable[str]) -> list[tuple[str, str]]:
    """Kind and name of what belongs to the tables, given by OID, or to whole schemas, and is not created elsewhere."""
    rows = connection.execute(query("not_carried"), {"tables": list(tables), "whole": list(whole)})
    return [(kind, name) for kind, name in rows]


def read_special_functions(connection: Connection, functions: Collection[FunctionName]) -> list[tuple[str, str]]:
    """Those of the functions in the languages `c` and `internal`, or SECURITY DEFINER (empty), by name."""
    wanted = sorted({(function.schema, function.name) for function in functions})
    parameters = {"schemas": [schema for schema, _ in wanted], "names": [name for _, name in wanted]}
    return [(name, language) for name, language in connection.execute(query("function_traits"), parameters)]


def read_xml_columns(connection: Connection, tables: Iterable[int]) -> list[str]:
    """`schema.table.column` of each stored column of the tables, given by OID, that can hold XML."""
    rows = connection.execute(query("xml_columns"), (list(tables),))
    return [f"{schema}.{table}.{column}" for schema, table, column in rows]


def read_columns_to_fill(connection: Connection, tables: Iterable[int]) -> dict[int, list[str]]:
    """By the table's OID, the columns that every inserted row must give a value for."""
    found: dict[int, list[str]] = {}
    for oid, name in connection.execute(query("columns_to_fill"), (list(tables),)):
        found.setdefault(oid, []).append(name)
    return found


class Unvalidated(msgspec.Struct, frozen=True):
    """A foreign key (`foreign`) or CHECK that was never checked for the rows that were there."""

    table: TableName
    name: str
    foreign: bool


class VectorIndexFacts(msgspec.Struct, frozen=True, kw_only=True):
    """An index of pgvector. `rows`: of its table, estimated; `type_name` and `dimensions` are the column's, empty and
    below 1 where it has none."""

    name: str
    definition: str
    rows: int
    type_name: str
    dimensions: int


def read_vector_indexes(connection: Connection, tables: Iterable[int]) -> list[VectorIndexFacts]:
    """Those of the tables, given by OID."""
    rows = connection.execute(query("vector_indexes"), {"oids": list(tables)})
    return [
        VectorIndexFacts(name=name, definition=definition, rows=count, type_name=type_name, dimensions=dimensions)
        for name, definition, count, type_name, dimensions in rows
    ]


class Sizes(msgspec.Struct, frozen=True):
    """How large tables are together: rows as the statistics have them, bytes of the rows, bytes of the indexes."""

    rows: int
    row_bytes: int
    index_bytes: int


def read_sizes(connection: Connection, tables: Iterable[int]) -> Sizes:
    """Those of the tables, given by OID."""
    [row] = connection.execute(query("sizes"), {"oids": list(tables)}).fetchall()
    return Sizes(*row)


def read_unvalidated(connection: Connection, tables: Iterable[int]) -> list[Unvalidated]:
    """The foreign keys and CHECKs of the tables, given by OID, that rows may violate."""
    rows = connection.execute(query("unvalidated"), {"oids": list(tables)})
    return [Unvalidated(TableName(schema, table), name, foreign) for schema, table, name, foreign in rows]


def read_wide_rows(connection: Connection, tables: Iterable[int], least: int) -> dict[str, int]:
    """Those of the tables, given by OID, whose rows have so many bytes on the average, with the bytes."""
    return dict(connection.execute(query("wide_rows"), {"oids": list(tables), "least": least}).fetchall())
