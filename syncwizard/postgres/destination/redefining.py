"""Brings tables of the destination from one definition to the next, in the transaction of the rows around (rule 23)."""

import uuid
from collections.abc import Sequence

from syncwizard.postgres.destination.definition_writer import DefinitionWriter
from syncwizard.postgres.destination.redefining_members import Captured, CapturedTables, Look
from syncwizard.postgres.destination.redefining_objects import OBJECTS, ObjectRedefining
from syncwizard.postgres.destination.redefining_partitions import PartitionRedefining
from syncwizard.postgres.destination.redefining_tables import TableRedefining, copied_again, is_index
from syncwizard.postgres.destination.routes import RouteCompiler
from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.session.encoding import codec_of
from syncwizard.remedies import resync
from syncwizard.rows.changes import Command, Redefinition
from syncwizard.rows.commands import parse_command
from syncwizard.structure.consequences import of_unknown
from syncwizard.structure.definition import Definition
from syncwizard.task.events import DefinitionDecided, DefinitionFollowed, TableSetAside
from syncwizard.task.mapping import Mapping as NameMapping
from syncwizard.task.names import TableName
from syncwizard.task.specification import TaskSpec


class Redefining:
    """Follows captured commands over the apply session.

    - `known`: the followed tables by OID, as the destination has them; kept up to date.
    - `routes`: of the same session; `look`: at tables of the source as they are now.
    - `members`: what the session compares with the source; `decided`: what runs in place of what would follow.
    """

    def __init__(
        self,
        connection: Connection,
        task_id: uuid.UUID,
        spec: TaskSpec,
        known: dict[int, Definition],
        mapping: NameMapping,
        routes: RouteCompiler,
        look: Look,
        members: Captured,
        decided: Sequence[DefinitionDecided] = (),
    ) -> None:
        self._connection = connection
        self._spec = spec
        self._there = DefinitionWriter(connection, task_id, decided)
        self._ignored = 0
        self._tables = CapturedTables(connection, task_id, known, routes, look, members)
        self._objects = ObjectRedefining(connection, spec, mapping, self._there, known)
        self._partitions = PartitionRedefining(spec, mapping, self._there, routes, self._tables)
        self._one = TableRedefining(connection, spec, mapping, self._there, routes, self._tables, self._partitions)
        self._known = known
        self._mapping = mapping
        self._routes = routes

    def captured(self, frame: bytes, final_lsn: int) -> Redefinition | None:
        """What a captured command means for the task; None for one that concerns none of its tables.

        In the receiver's thread, which waits while another command is followed.
        """
        command = parse_command(frame, codec_of(self._connection))
        if self._concerns(command):
            return Redefinition(command=command, final_lsn=final_lsn)
        self._ignored += 1
        return None

    def ignored(self) -> int:
        """How many commands have come that concern none of its tables, or one that is not followed."""
        return self._ignored

    def _concerns(self, command: Command) -> bool:
        if command.kind in OBJECTS:
            return self._objects.captured(command)
        return (
            command.kind == "failed"
            or self._before(command) is not None
            or self._joins(command)
            or self._partitions.captured(command)
        )

    def redefine(self, redefinition: Redefinition) -> None:
        """Follows a command inside the open transaction. Raises ChangeFailed that names what cannot be, or what the
        destination refuses."""
        command = redefinition.command
        before = self._before(command)
        if command.kind == "failed":
            self._fail(redefinition)
        elif command.kind == "unclear" and before is not None:
            self._ask(redefinition, before)
        elif command.kind in OBJECTS:
            self._objects.redefine(redefinition)
        elif before is None and self._joins(command) and not self._partitions.leaves(command):
            self._one.create(redefinition)
        elif before is None:
            self._partitions.redefine(redefinition)
        elif command.kind == "dropped":
            self._one.drop(redefinition, before)
        else:
            self._one.change(redefinition, before)
        redefinition.done.set()

    def committed(self) -> list[DefinitionFollowed]:
        """What was followed since the last time, once its transaction is durable."""
        return self._there.committed()

    def _joins(self, command: Command) -> bool:
        return command.kind in ("table", "entered", "detached") and self._spec.slot in command.joined

    def _before(self, command: Command) -> Definition | None:
        if command.kind != "index":
            return self._known.get(command.relation)
        of = (each for each in self._known.values() if any(is_index(part, each, command) for part in each.indexes))
        return next(of, None)

    def _fail(self, redefinition: Redefinition) -> None:
        """Of what could not be captured nothing is known: it takes a decision."""
        command, decision = redefinition.command, self._there.decision(redefinition)
        if decision is None:
            message = f"it could not be captured: {command.definition}"
            raise self._there.failure(redefinition, "", message, _NOT_CAPTURED, consequences=of_unknown())
        nothing = TableName("", "")
        statements = self._there.run(redefinition, nothing, [], of_unknown())
        self._there.note(redefinition, "object", nothing, statements)

    def _ask(self, redefinition: Redefinition, before: Definition) -> None:
        """Of a description that can have come about in more than one way: it takes a decision, or the table as it is at
        the source."""
        source, message = TableName(before.schema, before.name), redefinition.command.definition
        target = self._mapping.table(source)
        if self._there.decision(redefinition) is None:
            raise self._there.failure(redefinition, str(target), message or "", copied_again(source))
        statements = self._there.run(redefinition, target, [])
        self._tables.renew_all(before.relation, source)
        self._there.note(redefinition, "changed", source, statements)

    def set_aside(self) -> list[TableSetAside]:
        """The tables that were set aside since the last time, once that is durable."""
        return self._tables.held()


_NOT_CAPTURED = resync(everything=True)
