"""Brings what is no table from one definition to the next: types, functions, views, sequences (rule 23)."""

from syncwizard.postgres.destination.definition_writer import REFUSED, DefinitionWriter
from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection, scalar
from syncwizard.rows.changes import Command, Redefinition
from syncwizard.structure.consequences import of_object
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
from syncwizard.task.mapping import Mapping
from syncwizard.task.specification import TaskSpec

# The second of each are kinds that earlier versions do not know.
_MADE = ("object", "other object")
_DROPPED = ("dropped object", "dropped other object")
OBJECTS = (*_MADE, *_DROPPED)


class ObjectRedefining:
    """Follows captured commands on what is no table, over the apply session.

    Only in schemas that are selected whole, and where all names are the same at both ends: nothing says which names a
    function's text has.
    """

    def __init__(self, connection: Connection, spec: TaskSpec, mapping: Mapping, there: DefinitionWriter) -> None:
        self._connection = connection
        self._there = there
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
            return
        statements = self._statements(redefinition, found)
        if found.kind not in NEEDED_BY_ROWS:
            self._there.attempt(redefinition, found.table_name, found.kind, statements)
            return
        statements = self._there.run(redefinition, found.table_name, statements, of_object(found.table_name))
        self._there.note(redefinition, "object", found.table_name, statements)

    def _definition(self, command: Command) -> ObjectDefinition | DroppedObject | None:
        if command.definition is None:
            return None
        if command.kind in _MADE:
            return parse_object(command.definition)
        return parse_dropped_object(command.definition) if command.kind in _DROPPED else None

    def _statements(self, redefinition: Redefinition, wanted: ObjectDefinition) -> list[str]:
        if wanted.kind not in NEEDED_BY_ROWS:
            return wanted.create
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
