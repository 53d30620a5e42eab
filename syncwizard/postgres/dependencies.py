"""What tables need to exist: types, functions, sequences, collations, extensions, found through pg_depend."""

import msgspec

from syncwizard.postgres.connection import Connection
from syncwizard.postgres.queries import query
from syncwizard.postgres.selection import Selection
from syncwizard.structure.needs import Extension, FunctionName, Needs, ObjectName
from syncwizard.task.events import TableName
from syncwizard.task.specification import TaskSpec


class _Row(msgspec.Struct, frozen=True, array_like=True):
    kind: str
    schema: str
    name: str
    signature: list[str]


def read_needs(connection: Connection, spec: TaskSpec, selection: Selection) -> Needs:
    """Everything that the selected tables need, themselves included; with whole schemas, their sequences and types.

    Objects of extensions are not named: the extension is.
    """
    parameters = {
        "tables": [table.oid for table in selection.tables],
        "whole": [entry.schema for entry in spec.objects if entry.whole],
        "sequence_schemas": [entry.schema for entry in spec.objects for _ in entry.sequences],
        "sequence_names": [name for entry in spec.objects for name in entry.sequences],
    }
    rows = [msgspec.convert(row, _Row, strict=False) for row in connection.execute(query("dependencies"), parameters)]
    tables = {TableName(row.schema, row.name) for row in rows if row.kind == "table"}
    selected = {table.name for table in selection.tables}
    return Needs(
        tables=frozenset(selected),
        required_tables=frozenset(tables - selected),
        types=_named(rows, "type"),
        sequences=_named(rows, "sequence"),
        functions=frozenset(
            FunctionName(row.schema, row.name, tuple(row.signature)) for row in rows if row.kind == "function"
        ),
        others=frozenset(
            (row.kind, ObjectName(row.schema, row.name))
            for row in rows
            if row.kind not in ("table", "type", "sequence", "function", "extension")
        ),
        extensions=tuple(
            Extension(name=row.name, schema=row.schema, version=row.signature[0])
            # An extension has a higher OID than those it requires, which must be created first.
            for row in sorted((row for row in rows if row.kind == "extension"), key=lambda row: int(row.signature[1]))
        ),
    )


def read_relations(connection: Connection, schemas: list[str]) -> dict[TableName, str]:
    """Whatever pg_dump calls a table in the schemas, with its kind as in pg_class: r, p, v, m, f, S."""
    rows = connection.execute(query("relations"), (schemas,))
    return {TableName(schema, name): kind for schema, name, kind in rows}


def _named(rows: list[_Row], kind: str) -> frozenset[ObjectName]:
    return frozenset(ObjectName(row.schema, row.name) for row in rows if row.kind == kind)
