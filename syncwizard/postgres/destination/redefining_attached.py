"""Brings what belongs to a table and no row needs from one definition to the next: triggers, rules, statistics,
privileges, storage (rule 23)."""

import msgspec

from syncwizard.postgres.destination.definition_writer import DefinitionWriter
from syncwizard.postgres.session.connection import Connection, scalar
from syncwizard.rows.changes import Redefinition
from syncwizard.structure.attached import attached_changes
from syncwizard.structure.definition import Definition
from syncwizard.structure.followed_names import under_names
from syncwizard.task.mapping import Mapping
from syncwizard.task.names import TableName


class AttachedRedefining:
    """Follows them over the apply session; what the destination refuses is noted, and the changes go on."""

    def __init__(
        self, connection: Connection, mapping: Mapping, known: dict[int, Definition], there: DefinitionWriter
    ) -> None:
        self._connection = connection
        self._mapping = mapping
        self._known = known
        self._there = there

    def redefine(self, redefinition: Redefinition, before: Definition, after: Definition, target: TableName) -> None:
        """From the one definition to the other, inside the open transaction, once columns are as they are to be."""
        if self._there.decision(redefinition) is not None:
            return
        table = TableName(after.schema, after.name)
        known = [TableName(each.schema, each.name) for each in self._known.values()]
        before, after = (under_names(each, self._mapping, known) for each in (before, after))
        for change in attached_changes(before, after, target, quiet=self._quiet(), roles=self._roles(before, after)):
            self._there.attempt(
                redefinition,
                table,
                change.kind,
                list(change.statements),
                object_name=change.name,
                reason=change.reason,
            )

    def make(self, redefinition: Redefinition, made: Definition, target: TableName) -> None:
        """All of a table that was just created."""
        bare = msgspec.structs.replace(made, columns=[], options=[], attached=[])
        self.redefine(redefinition, bare, made, target)

    def _quiet(self) -> bool:
        """Whether triggers do not fire while changes are applied."""
        role = "SELECT pg_catalog.current_setting('session_replication_role') = 'replica'"
        return bool(scalar(self._connection, role))

    def _roles(self, before: Definition, after: Definition) -> set[str]:
        wanted = {each.role for table in (before, after) for each in table.attached or () if each.role}
        if not wanted:
            return set()
        rows = self._connection.execute(
            "SELECT rolname::text FROM pg_catalog.pg_roles WHERE rolname = ANY (%s::text[])", (sorted(wanted),)
        )
        return {role for (role,) in rows}
