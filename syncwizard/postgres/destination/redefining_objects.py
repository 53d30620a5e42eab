"""Brings what is no table from one definition to the next: types, functions, views, sequences (rule 23)."""

import psycopg

from syncwizard.postgres.destination.definition_writer import REFUSED, DefinitionWriter
from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.session.encoding import codec_of
from syncwizard.postgres.session.trouble import is_connection_loss
from syncwizard.rows.changes import Command, Redefinition
from syncwizard.structure.consequences import of_object
from syncwizard.structure.following_objects import (
    NEEDED_BY_ROWS,
    DroppedObject,
    ObjectDefinition,
    enum_statements,
    parse_dropped_object,
    parse_object,
)
from syncwizard.task.mapping import Mapping
from syncwizard.task.names import TableName
from syncwizard.task.specification import TaskSpec

OBJECT, DROPPED_OBJECT = "object", "dropped object"


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
            self._try(redefinition, found.kind, found.table_name, [found.statement])
            return
        statements = self._statements(redefinition, found)
        if found.kind not in NEEDED_BY_ROWS:
            self._try(redefinition, found.kind, found.table_name, statements)
            return
        statements = self._there.run(redefinition, found.table_name, statements, of_object(found.table_name))
        self._there.note(redefinition, "object", found.table_name, statements)

    def _definition(self, command: Command) -> ObjectDefinition | DroppedObject | None:
        if command.definition is None:
            return None
        if command.kind == OBJECT:
            return parse_object(command.definition)
        return parse_dropped_object(command.definition) if command.kind == DROPPED_OBJECT else None

    def _statements(self, redefinition: Redefinition, wanted: ObjectDefinition) -> list[str]:
        if wanted.kind not in NEEDED_BY_ROWS:
            return wanted.create
        row = self._connection.execute(
            "SELECT t.typtype, ARRAY(SELECT e.enumlabel::text FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid"
            " ORDER BY e.enumsortorder)"
            " FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace"
            " WHERE n.nspname = %s AND t.typname = %s",
            (wanted.schema, wanted.name),
        ).fetchone()
        if row is None:
            return wanted.create
        if wanted.labels is None:
            # Changes of domains and of composite types are not followed: rows show whether the destination's will do.
            return []
        statements = enum_statements(wanted, row[1], redefinition.command.statement) if row[0] == "e" else None
        if statements is None and self._there.decision(redefinition) is not None:
            return []
        if statements is None:
            message = "the labels of the type are others at the destination, or in another order"
            raise self._there.failure(
                redefinition, str(wanted.table_name), message, REFUSED, consequences=of_object(wanted.table_name)
            )
        return statements

    def _try(self, redefinition: Redefinition, kind: str, name: TableName, statements: list[str]) -> None:
        """Runs what rows do not need; what is refused is noted with the server's message."""
        refused = sqlstate = ""
        try:
            with self._connection.transaction():
                self._connection.execute("SET LOCAL check_function_bodies = off")
                for statement in statements:
                    self._connection.execute(statement.encode(codec_of(self._connection)))
        except psycopg.Error as error:
            if is_connection_loss(error):
                raise
            refused, sqlstate = " ".join(str(error).split()), error.sqlstate or ""
        self._there.note(redefinition, "object", name, statements, object_kind=kind, refused=refused, sqlstate=sqlstate)
