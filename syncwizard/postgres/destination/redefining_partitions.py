"""Lets partitioned tables of the destination change as those of the source (rule 23)."""

from collections.abc import Callable

import msgspec

from syncwizard.postgres.destination.definition_writer import DefinitionWriter
from syncwizard.postgres.destination.routes import RouteCompiler
from syncwizard.rows.changes import Command, Redefinition
from syncwizard.structure.consequences import of_dropped, of_partition
from syncwizard.structure.creating import attach_partition, create_partition
from syncwizard.structure.definition import Definition, parse_definition
from syncwizard.structure.table import Table
from syncwizard.task.mapping import Mapping
from syncwizard.task.names import TableName, quote
from syncwizard.task.specification import TaskSpec


class PartitionRedefining:
    """Follows captured commands on partitions, over the apply session."""

    def __init__(
        self,
        spec: TaskSpec,
        mapping: Mapping,
        there: DefinitionWriter,
        routes: RouteCompiler,
        look: Callable[[TableName], Table | None],
    ) -> None:
        self._spec = spec
        self._mapping = mapping
        self._there = there
        self._routes = routes
        self._look = look

    def captured(self, command: Command) -> bool:
        """Whether the command concerns a tree of the task."""
        return self._grows(command) or self._may_shrink(command)

    def redefine(self, redefinition: Redefinition) -> None:
        """Follows the command inside the open transaction. Raises DefinitionBlocked."""
        if redefinition.command.kind == "dropped":
            self._drop(redefinition)
        else:
            self._create(redefinition)

    def _grows(self, command: Command) -> bool:
        """Whether a partition was created in a tree of the task."""
        if command.kind != "table" or command.tag != "CREATE TABLE" or command.definition is None:
            return False
        partition = parse_definition(command.definition).partition
        return partition is not None and self._routes.captures(partition.root)

    def _may_shrink(self, command: Command) -> bool:
        """Whether a table was dropped that can have been a partition of the task."""
        return (
            command.kind == "dropped"
            and self._spec.advanced.dropped_tables == "drop"
            and command.definition is not None
        )

    def _create(self, redefinition: Redefinition) -> None:
        """Lets the destination's tree grow alike; where a plain table takes the rows of all, nothing is to be done."""
        command = redefinition.command
        assert command.definition is not None
        made = parse_definition(command.definition)
        assert made.partition is not None
        source = TableName(made.schema, made.name)
        target = self._mapping.table(source)
        parent = self._mapping.table(TableName(made.partition.schema, made.partition.parent))
        above = self._there.read(parent)
        if above is None or above.kind != "p" or self._there.read(target) is not None:
            return
        statement = create_partition(made.partition, target, parent)
        statements = self._there.run(redefinition, target, [statement], of_partition(target))
        self._routes.renew(source, self._look(source))
        self._there.note(redefinition, "changed", source, statements)

    def attach(self, redefinition: Redefinition, after: Definition) -> bool:
        """Lets a table of the destination become a partition, too; whether there is a partitioned one to take it. From
        then on it is followed no more."""
        assert after.partition is not None
        source = TableName(after.schema, after.name)
        target = self._mapping.table(source)
        parent = self._mapping.table(TableName(after.partition.schema, after.partition.parent))
        above = self._there.read(parent)
        if above is None or above.kind != "p":
            return False
        statement = attach_partition(after.partition, target, parent)
        statements = self._there.run(redefinition, target, [statement], of_partition(target))
        self._routes.renew(source, self._look(source))
        self._there.note(redefinition, "changed", source, statements)
        return True

    def _drop(self, redefinition: Redefinition) -> None:
        """Drops what the destination's tree has for it; where a plain table has the rows of all, they stay."""
        definition = redefinition.command.definition
        assert definition is not None
        source = _dropped(definition)
        target = self._mapping.table(source)
        above = here = self._there.read(target)
        while above is not None and above.partition is not None:
            above = self._there.read(TableName(above.partition.schema, above.partition.parent))
        roots = [] if above is None else self._routes.sources(TableName(above.schema, above.name))
        if here is None or above is here or len(roots) != 1:
            if self._routes.captures_name(source):
                self._there.note(redefinition, "dropped", source, [])
            return
        if redefinition.final_lsn < self._routes.pair_of(roots[0]):
            # Copied without it.
            return
        statement = f"DROP TABLE {quote(target.schema)}.{quote(target.name)}"
        statements = self._there.run(redefinition, target, [statement], of_dropped(target))
        self._there.note(redefinition, "dropped", source, statements)


def _dropped(definition: str) -> TableName:
    """The name of what was dropped."""
    schema, name = msgspec.json.decode(definition, type=tuple[str, str])
    return TableName(schema, name)
