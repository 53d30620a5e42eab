"""What a database says of names that are to change, and of columns that are left out."""

from collections.abc import Collection, Iterable

from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection
from syncwizard.task.names import FunctionName, ObjectName, TableName


def read_inheritance(connection: Connection, tables: Iterable[int]) -> dict[int, list[TableName]]:
    """The tables that others, by OID, inherit from; partitions left out."""
    found: dict[int, list[TableName]] = {}
    for oid, schema, name in connection.execute(query("inheritance"), (list(tables),)):
        found.setdefault(oid, []).append(TableName(schema, name))
    return found


def read_taken(connection: Connection, names: Collection[ObjectName]) -> list[ObjectName]:
    """Those of the names that a relation has, whatever its kind."""
    parameters = {"schemas": [name.schema for name in names], "names": [name.name for name in names]}
    return [ObjectName(*row) for row in connection.execute(query("names_taken"), parameters)]


def read_dependents(connection: Connection, columns: Collection[tuple[TableName, str]]) -> list[tuple[str, str, bool]]:
    """What needs some columns: its description, the column, and whether it is the table that cannot be without."""
    parameters = {
        "schemas": [table.schema for table, _ in columns],
        "names": [table.name for table, _ in columns],
        "columns": [column for _, column in columns],
    }
    return [
        (what, column, essential)
        for what, column, essential in connection.execute(query("column_dependents"), parameters)
    ]


def read_texts(
    connection: Connection, functions: Collection[FunctionName], tables: Iterable[int]
) -> list[tuple[str, str]]:
    """The texts of functions, and the arguments of triggers of tables, by OID, each with what it is of."""
    parameters = {
        "schemas": [function.schema for function in functions],
        "names": [function.name for function in functions],
        "tables": list(tables),
    }
    return [(what, text) for what, text in connection.execute(query("function_bodies"), parameters)]
