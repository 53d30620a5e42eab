"""Lets partitioned tables of the destination change as those of the source (rule 23)."""

import re

import msgspec

from syncwizard.postgres.captured import Member
from syncwizard.postgres.destination.definition_writer import DefinitionWriter
from syncwizard.postgres.destination.redefining_members import CapturedTables
from syncwizard.postgres.destination.routes import RouteCompiler
from syncwizard.remedies import resync
from syncwizard.rows.changes import Command, Redefinition
from syncwizard.rows.following import follows
from syncwizard.structure.consequences import of_detached, of_dropped, of_partition
from syncwizard.structure.creating import attach_partition, create_partition, detach_partition
from syncwizard.structure.definition import Definition, Partition, parse_definition
from syncwizard.task.mapping import Mapping
from syncwizard.task.names import TableName, quote
from syncwizard.task.specification import TaskSpec

_CONCURRENTLY = re.compile(r"\b(CONCURRENTLY|FINALIZE)\b", re.IGNORECASE)


class PartitionRedefining:
    """Follows captured commands on partitions, over the apply session."""

    def __init__(
        self,
        spec: TaskSpec,
        mapping: Mapping,
        there: DefinitionWriter,
        routes: RouteCompiler,
        tables: CapturedTables,
    ) -> None:
        self._spec = spec
        self._mapping = mapping
        self._there = there
        self._routes = routes
        self._tables = tables

    def captured(self, command: Command) -> bool:
        """Whether the command concerns a tree of the task."""
        return self._grows(command) or self._may_shrink(command) or self.leaves(command)

    def redefine(self, redefinition: Redefinition) -> None:
        """Follows the command inside the open transaction. Raises DefinitionBlocked."""
        if redefinition.command.kind == "dropped":
            self._drop(redefinition)
        elif self.leaves(redefinition.command):
            self._detach(redefinition)
        else:
            self._create(redefinition)

    def leaves(self, command: Command) -> bool:
        """Whether a captured partition is one no more."""
        return command.kind == "detached" and self._routes.captures(command.relation)

    def _grows(self, command: Command) -> bool:
        """Whether a partition was created in a tree of the task, or a table from elsewhere attached to one."""
        if command.kind not in ("table", "entered") or command.tag != "CREATE TABLE" or command.definition is None:
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
        filled = command.kind == "entered"
        copied = "full" in self._spec.synchronization.types
        if not self._routes.captures(made.relation) and (copied or not filled):
            self._tables.enter_tree(Member(relation=made.relation, oid=None, table=source), made.partition.root)
        root = self._routes.name_of(made.partition.root)
        if filled and copied and root is not None and redefinition.final_lsn >= self._routes.pair_of(root):
            reason = f"partition {source} was attached with rows, which no change brings"
            self._tables.set_aside(root, reason, resync(self._spec.name, [root]))
        if above is None or above.kind != "p" or self._there.read(target) is not None:
            return
        wanted = [*self._there.missing_schema(target.schema), create_partition(made.partition, target, parent)]
        statements = self._there.run(redefinition, target, wanted, of_partition(target))
        self._tables.renew([source])
        self._there.note(redefinition, "changed", source, statements)

    def _detach(self, redefinition: Redefinition) -> None:
        """Lets the destination's partition leave its tree, too. It goes on as a table of its own where the task has a
        place for it; else it stays as it is."""
        command = redefinition.command
        assert command.definition is not None
        after = parse_definition(command.definition)
        before = self._routes.member(command.relation)
        assert before is not None
        source, target = TableName(after.schema, after.name), self._mapping.table(before.table)
        here = self._there.read(target)
        root = self._root(before, here)
        if root is None or not follows(self._spec, self._mapping, root):
            # An ordinary table that was altered beside, or one of a tree whose definition is not followed.
            return
        statements: list[str] = []
        if here is not None and here.partition is not None:
            parent = TableName(here.partition.schema, here.partition.parent)
            statements = self._there.run(
                redefinition, target, [detach_partition(target, parent)], of_detached(target, parent)
            )
        elif here is None:
            reason = f"partition {source} was detached, and its rows are still among those of the others"
            self._tables.set_aside(root, reason, resync(self._spec.name, [root]), names=[source])
        oid = command.joined.get(self._spec.slot, before.oid)
        if oid is None or source != before.table:
            self._tables.leave(command.relation, before.table, gone=False)
        else:
            self._tables.leave_tree(Member(relation=command.relation, oid=oid, table=source), redefinition.final_lsn)
            if here is not None and follows(self._spec, self._mapping, source):
                self._tables.now(after, source)
            if _CONCURRENTLY.search(command.statement or ""):
                # Its changes were in no publication while the command waited.
                reason = "it was detached CONCURRENTLY, and changes made to it meanwhile may be missing"
                self._tables.set_aside(source, reason, resync(self._spec.name, [source]))
        self._there.note(redefinition, "changed", source, statements)

    def _root(self, before: Member, here: Definition | None) -> TableName | None:
        """The topmost table of the tree that a captured table belongs to; None where it is no partition."""
        root = self._routes.root_of(before.relation)
        if root is not None and root != before.table:
            return root
        # A session that begins between the two commands finds it detached.
        above = here
        while above is not None and above.partition is not None:
            above = self._there.read(TableName(above.partition.schema, above.partition.parent))
        if above is None or above is here:
            return None
        return next(iter(self._routes.sources(TableName(above.schema, above.name))), None)

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
        here = self._there.read(target)
        there = here is not None and here.partition is not None and _is_within(here.partition, parent)
        wanted = [] if there else [attach_partition(after.partition, target, parent)]
        statements = self._there.run(redefinition, target, wanted, of_partition(target))
        self._tables.renew([source])
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
        if redefinition.final_lsn < self._routes.pair_of(roots[0]) and self._there.holds_rows(target):
            # Copied without it: what is there came under its name later.
            return
        statement = f"DROP TABLE {quote(target.schema)}.{quote(target.name)}"
        statements = self._there.run(redefinition, target, [statement], of_dropped(target))
        self._there.note(redefinition, "dropped", source, statements)


def _is_within(partition: Partition, parent: TableName) -> bool:
    """Whether it is a partition of that table."""
    return (partition.schema, partition.parent) == (parent.schema, parent.name)


def _dropped(definition: str) -> TableName:
    """The name of what was dropped."""
    schema, name = msgspec.json.decode(definition, type=tuple[str, str])
    return TableName(schema, name)
