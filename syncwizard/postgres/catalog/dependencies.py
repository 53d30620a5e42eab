"""What is selected beside tables, and what all of it needs to exist, found through pg_depend."""

from collections.abc import Collection

import msgspec

from syncwizard.postgres.catalog.selection import Selection
from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection
from syncwizard.structure.casts import Cast
from syncwizard.structure.checks import LateCheck
from syncwizard.structure.needs import Extension, LeftOutObject, Needs, TablePart
from syncwizard.task.mapping import Mapping
from syncwizard.task.names import FunctionName, ObjectName, TableName
from syncwizard.task.specification import TaskSpec


class _Row(msgspec.Struct, frozen=True, array_like=True):
    kind: str
    schema: str
    name: str
    signature: list[str]
    why: str | None
    tried: bool | None

    @property
    def left_out(self) -> bool:
        return self.why is not None and not self.tried


VIEWS = ("view", "materialized view")
OWN_SETS = ("table", "type", "sequence", "function", "extension", *VIEWS, "rule", "trigger")


def read_needs(connection: Connection, spec: TaskSpec, selection: Selection) -> Needs:
    """Everything that the selected tables and objects need, themselves included; with whole schemas, all that is there.

    Objects of extensions are not named: the extension is.
    """
    named = [(kind, entry.schema, name) for entry in spec.objects for kind, name in entry.named]
    excluded = [(entry.schema, name) for entry in spec.objects for name in entry.exclude]
    left_out_columns = _read_left_out_columns(connection, Mapping.of(spec))
    columns = [(table, column) for table, names in left_out_columns.items() for column in names]
    parameters = {
        "column_schemas": [table.schema for table, _ in columns],
        "column_tables": [table.name for table, _ in columns],
        "column_names": [column for _, column in columns],
        "tables": [table.oid for table in selection.tables],
        "whole": [entry.schema for entry in spec.objects if entry.whole],
        "named_kinds": [kind for kind, _, _ in named],
        "named_schemas": [schema for _, schema, _ in named],
        "named_names": [name for _, _, name in named],
        "excluded_schemas": [schema for schema, _ in excluded],
        "excluded_names": [name for _, name in excluded],
    }
    found = [msgspec.convert(row, _Row, strict=False) for row in connection.execute(query("dependencies"), parameters)]
    rows = [row for row in found if not row.left_out]
    tables = {TableName(row.schema, row.name) for row in rows if row.kind == "table"}
    views = {TableName(row.schema, row.name) for row in rows if row.kind in VIEWS}
    # What an extension makes comes with it, and no statement of the plan makes it.
    selected = {table.name for table in selection.tables if not table.extension}
    made = {table.name for table in selection.tables if table.extension}
    sequences = _named(rows, "sequence")
    return Needs(
        tables=frozenset(selected),
        required_tables=frozenset(tables - selected),
        types=_named(rows, "type"),
        sequences=sequences,
        sequence_owners=_read_sequence_owners(connection, sequences),
        left_out_columns=left_out_columns,
        functions=frozenset(
            FunctionName(row.schema, row.name, tuple(row.signature)) for row in rows if row.kind == "function"
        ),
        others=frozenset((row.kind, ObjectName(row.schema, row.name)) for row in rows if row.kind not in OWN_SETS),
        extensions=tuple(
            Extension(name=row.name, schema=row.schema, version=row.signature[0], required=row.signature[2] == "true")
            # An extension has a higher OID than those it requires, which must be created first.
            for row in sorted((row for row in rows if row.kind == "extension"), key=lambda row: int(row.signature[1]))
        ),
        views=_named(rows, "view") | _named(rows, "materialized view"),
        populated=_named([row for row in rows if row.signature == ["true"]], "materialized view"),
        parts=_read_parts(connection, selected | tables | views),
        late_checks=_read_late_checks(connection, selected | tables),
        left_out=tuple(sorted({_doubtful(row) for row in found if row.left_out}, key=str)),
        extension_tables=frozenset(made.union(selection.of_extensions)),
        tried=tuple(sorted({_doubtful(row) for row in rows if row.tried}, key=str)),
    )


def _doubtful(row: _Row) -> LeftOutObject:
    of_table = row.kind in ("rule", "trigger")
    table = TableName(row.schema, row.signature[0]) if of_table else None
    signature = tuple(row.signature) if row.kind == "function" else None
    return LeftOutObject(row.kind, ObjectName(row.schema, row.name), table, row.why or "", signature)


def _read_parts(connection: Connection, relations: Collection[TableName]) -> frozenset[TablePart]:
    """What the relations have that statements of their own make."""
    parameters = {"schemas": [name.schema for name in relations], "names": [name.name for name in relations]}
    rows = connection.execute(query("table_parts"), parameters)
    return frozenset(
        TablePart(kind, ObjectName(schema, name), TableName(schema, relation), why or "")
        for kind, schema, name, relation, why in rows
    )


def _read_sequence_owners(connection: Connection, names: Collection[ObjectName]) -> dict[ObjectName, TableName]:
    parameters = {"schemas": [name.schema for name in names], "names": [name.name for name in names]}
    rows = connection.execute(query("sequence_owners"), parameters)
    return {ObjectName(schema, name): TableName(*owner) for schema, name, *owner in rows}


def _read_left_out_columns(connection: Connection, mapping: Mapping) -> dict[TableName, frozenset[str]]:
    """The columns that do not travel, with what the server computes from them."""
    given = [(table, column) for table, columns in mapping.left_out.items() for column in columns]
    if not given:
        return {}
    parameters = {
        "schemas": [table.schema for table, _ in given],
        "names": [table.name for table, _ in given],
        "columns": [column for _, column in given],
    }
    found: dict[TableName, set[str]] = {}
    for schema, name, column in connection.execute(query("left_out_columns"), parameters):
        found.setdefault(TableName(schema, name), set()).add(column)
    return {table: frozenset(columns) for table, columns in found.items()}


def _read_late_checks(connection: Connection, tables: Collection[TableName]) -> tuple[LateCheck, ...]:
    parameters = {"schemas": [name.schema for name in tables], "names": [name.name for name in tables]}
    return tuple(
        LateCheck(
            table=TableName(schema, table), name=name, definition=definition, expression=expression, inherited=inherited
        )
        for schema, table, name, definition, expression, inherited in connection.execute(
            query("late_checks"), parameters
        )
    )


def read_casts(connection: Connection, whole: Collection[str]) -> list[Cast]:
    """The user's casts of types or with functions of the schemas."""
    return [
        Cast(
            name,
            text,
            tuple(ObjectName(*parts) for parts in types),
            None if function is None else FunctionName(function[0], function[1], tuple(arguments)),
        )
        for name, text, types, function, arguments in connection.execute(query("casts"), {"whole": list(whole)})
    ]


def read_relations(connection: Connection, schemas: list[str]) -> dict[TableName, str]:
    """Whatever pg_dump calls a table in the schemas, with its kind as in pg_class: r, p, v, m, f, S."""
    rows = connection.execute(query("relations"), (schemas,))
    return {TableName(schema, name): kind for schema, name, kind in rows}


def _named(rows: list[_Row], kind: str) -> frozenset[ObjectName]:
    return frozenset(ObjectName(row.schema, row.name) for row in rows if row.kind == kind)
