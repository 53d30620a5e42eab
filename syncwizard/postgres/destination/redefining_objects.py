"""Brings what is no table from one definition to the next: types, functions, views, sequences, and who may do what with
them (rule 23)."""

from typing import LiteralString

import msgspec

from syncwizard.postgres.destination.definition_writer import REFUSED, DefinitionWriter
from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection, scalar
from syncwizard.rows.changes import Command, Redefinition
from syncwizard.structure.consequences import of_object
from syncwizard.structure.definition import Definition
from syncwizard.structure.following_objects import (
    NEEDED_BY_ROWS,
    DroppedObject,
    ObjectDefinition,
    composite_statements,
    domain_statements,
    enum_statements,
    parse_dropped_object,
    parse_object,
)
from syncwizard.structure.object_privileges import ObjectPrivileges, parse_privileges
from syncwizard.structure.renamed_objects import old_name, rename_statement, view_statements
from syncwizard.task.mapping import Mapping
from syncwizard.task.names import TableName, quote
from syncwizard.task.specification import TaskSpec

# The second of each are kinds that earlier versions do not know.
_MADE = ("object", "other object")
_DROPPED = ("dropped object", "dropped other object")
_PRIVILEGES = "privileges"
OBJECTS = (*_MADE, *_DROPPED, _PRIVILEGES)

# The ACL of an object at the destination by its name there, and its owner.
_ACL: dict[str, LiteralString] = {
    "ROUTINE": "SELECT proacl, proowner, 'f' FROM pg_catalog.pg_proc WHERE oid = pg_catalog.to_regprocedure(%(name)s)",
    "TABLE": "SELECT relacl, relowner, 'r' FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass(%(name)s)",
    "SEQUENCE": "SELECT relacl, relowner, 's' FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass(%(name)s)",
    "TYPE": "SELECT typacl, typowner, 'T' FROM pg_catalog.pg_type WHERE oid = pg_catalog.to_regtype(%(name)s)",
    "SCHEMA": "SELECT nspacl, nspowner, 'n' FROM pg_catalog.pg_namespace"
    " WHERE pg_catalog.quote_ident(nspname) = %(name)s",
}
_EXISTS: dict[str, LiteralString] = {
    "routine": "SELECT pg_catalog.to_regprocedure(%s) IS NOT NULL",
    "type": "SELECT pg_catalog.to_regtype(%s) IS NOT NULL",
    "relation": "SELECT pg_catalog.to_regclass(%s) IS NOT NULL",
}


class ObjectRedefining:
    """Follows captured commands on what is no table, over the apply session.

    Only in schemas that are selected whole, and where all names are the same at both ends: nothing says which names a
    function's text has.
    """

    def __init__(
        self,
        connection: Connection,
        spec: TaskSpec,
        mapping: Mapping,
        there: DefinitionWriter,
        known: dict[int, Definition],
    ) -> None:
        self._connection = connection
        self._there = there
        self._known = known
        whole = {entry.schema for entry in spec.objects if entry.whole}
        self._schemas = whole if mapping.same else set()

    def captured(self, command: Command) -> bool:
        """Whether the command is one of the task's."""
        found = self._definition(command)
        return found is not None and found.schema in self._schemas

    def redefine(self, redefinition: Redefinition) -> None:
        """Follows the command inside the open transaction. Raises ChangeFailed where rows need what is refused."""
        found = self._definition(redefinition.command)
        assert found is not None
        if isinstance(found, DroppedObject):
            self._there.attempt(redefinition, found.table_name, found.kind, [found.statement])
        elif isinstance(found, ObjectPrivileges):
            self._grant(redefinition, found)
        elif found.kind in NEEDED_BY_ROWS:
            self._change_type(redefinition, found)
        elif statements := self._statements(redefinition.command, found):
            self._there.attempt(redefinition, found.table_name, found.kind, statements)

    def _change_type(self, redefinition: Redefinition, wanted: ObjectDefinition) -> None:
        old = self._renamed(redefinition.command, wanted)
        renamed = []
        if old is not None:
            renamed = [rename_statement(wanted, old)]
            if self._there.decision(redefinition) is None:
                renamed = self._there.run(redefinition, wanted.table_name, renamed, of_object(wanted.table_name))
                self._rename_in_tables(old, wanted.table_name)
        statements = self._type_statements(redefinition, wanted)
        statements = self._there.run(redefinition, wanted.table_name, statements, of_object(wanted.table_name))
        self._there.note(redefinition, "object", wanted.table_name, [*renamed, *statements])

    def _rename_in_tables(self, old: TableName, new: TableName) -> None:
        """The tables that are known have the type under its new name."""
        name = "SELECT pg_catalog.format('%%I.%%I', %s::text, %s::text)"
        before, after = (str(scalar(self._connection, name, each.schema, each.name)) for each in (old, new))
        changed = []
        for relation, definition in self._known.items():
            columns = [
                msgspec.structs.replace(column, type=after + column.type.removeprefix(before))
                if column.type.removeprefix(before) in ("", "[]")
                else column
                for column in definition.columns
            ]
            if columns != definition.columns:
                self._known[relation] = msgspec.structs.replace(definition, columns=columns)
                changed.append(self._known[relation])
        if changed:
            self._there.store.note(changed)

    def _grant(self, redefinition: Redefinition, wanted: ObjectPrivileges) -> None:
        """What is granted to roles that the destination lacks is listed as missing."""
        rows = self._connection.execute(
            "SELECT rolname::text FROM pg_catalog.pg_roles WHERE rolname = ANY (%s::text[])", (sorted(wanted.roles),)
        )
        known = {role for (role,) in rows}
        found = self._connection.execute(
            "SELECT DISTINCT CASE l.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.pg_get_userbyid(l.grantee)::text END"
            f" FROM ({_ACL[wanted.of]}) AS o (acl, owner, letter),"
            ' pg_catalog.aclexplode(coalesce(o.acl, pg_catalog.acldefault(o.letter::"char", o.owner))) AS l'
            " WHERE l.grantee <> o.owner",
            {"name": wanted.identity},
        )
        here = [role for (role,) in found]
        self._there.attempt(redefinition, wanted.table_name, "privilege", wanted.statements(here, known))
        for role in sorted(wanted.roles - known):
            granted = wanted.statements([], {role})
            self._there.attempt(
                redefinition,
                wanted.table_name,
                "privilege",
                [text for text in granted if text.startswith("GRANT") and f" TO {quote(role)}" in text],
                object_name=f"{wanted.of.lower()} {wanted.identity} to {role}",
                reason=f"role {role} does not exist at the destination",
            )

    def _definition(self, command: Command) -> ObjectDefinition | DroppedObject | ObjectPrivileges | None:
        if command.definition is None:
            return None
        if command.kind == _PRIVILEGES:
            return parse_privileges(command.definition)
        if command.kind in _MADE:
            return parse_object(command.definition)
        return parse_dropped_object(command.definition) if command.kind in _DROPPED else None

    def _statements(self, command: Command, wanted: ObjectDefinition) -> list[str]:
        """Of what no row needs."""
        old = self._renamed(command, wanted)
        renamed = [rename_statement(wanted, old)] if old is not None else []
        if wanted.kind in ("materialized view", "index"):
            # What else is altered of them is not followed.
            return renamed or (wanted.create if command.tag.startswith("CREATE ") else [])
        if wanted.kind != "view" or wanted.columns is None:
            return [*renamed, *wanted.create]
        rows = self._connection.execute(
            "SELECT attname::text FROM pg_catalog.pg_attribute WHERE attnum > 0 AND NOT attisdropped"
            " AND attrelid = pg_catalog.to_regclass(pg_catalog.format('%%I.%%I', %s::text, %s::text)) ORDER BY attnum",
            ((old or wanted.table_name).schema, (old or wanted.table_name).name),
        )
        before, defaults = view_statements(wanted, [name for (name,) in rows])
        if command.tag.startswith("CREATE ") and all(default is None for _, default in wanted.columns):
            defaults = []
        return [*renamed, *before, *wanted.create, *defaults]

    def _renamed(self, command: Command, wanted: ObjectDefinition) -> TableName | None:
        """The old name of an object that the destination has under that."""
        old = old_name(wanted, command.statement)
        if old is None:
            return None
        name, kind = f"{quote(old.schema)}.{quote(old.name)}", "relation"
        if wanted.kind in ("function", "aggregate"):
            name, kind = f"{name}({wanted.arguments or ''})", "routine"
        elif wanted.kind in NEEDED_BY_ROWS:
            kind = "type"
        return old if scalar(self._connection, _EXISTS[kind], name) else None

    def _type_statements(self, redefinition: Redefinition, wanted: ObjectDefinition) -> list[str]:
        here = self._read(wanted)
        if here is None:
            return wanted.create
        statement = redefinition.command.statement
        statements: list[str] | None = None
        if wanted.labels is not None and here.labels is not None:
            statements = enum_statements(wanted, here.labels, statement)
        elif wanted.domain is not None and here.domain is not None:
            statements = domain_statements(wanted, here.domain)
        elif wanted.attributes is not None and here.attributes is not None:
            statements = composite_statements(wanted, here.attributes, statement)
        elif wanted.labels is None and wanted.domain is None and wanted.attributes is None:
            # An earlier version captured it, which says no more: rows show whether the destination's will do.
            statements = []
        if statements is None and self._there.decision(redefinition) is not None:
            return []
        if statements is None:
            message = "the type is another one at the destination, or its labels or attributes are in another order"
            raise self._there.failure(
                redefinition, str(wanted.table_name), message, REFUSED, consequences=of_object(wanted.table_name)
            )
        return statements

    def _read(self, wanted: ObjectDefinition) -> ObjectDefinition | None:
        """The destination's type of that name."""
        name = "SELECT pg_catalog.to_regtype(pg_catalog.format('%%I.%%I', %s::text, %s::text))::oid::bigint"
        found = scalar(self._connection, name, wanted.schema, wanted.name)
        if found is None:
            return None
        text = query("object_definition").replace(":class", "'pg_catalog.pg_type'::regclass")
        row = self._connection.execute(text.replace(":object", str(int(found))).encode()).fetchone()
        return None if row is None else parse_object(row[0])
