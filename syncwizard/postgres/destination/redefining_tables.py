"""Brings single tables of the destination from one definition to the next: created, dropped, renamed, changed (rule
23)."""

from collections.abc import Sequence

import msgspec

from syncwizard.errors import TaskFailed
from syncwizard.postgres.captured import Member
from syncwizard.postgres.destination.definition_writer import REFUSED, DefinitionWriter
from syncwizard.postgres.destination.redefining_attached import AttachedRedefining
from syncwizard.postgres.destination.redefining_members import CapturedTables
from syncwizard.postgres.destination.redefining_partitions import PartitionRedefining
from syncwizard.postgres.destination.routes import RouteCompiler
from syncwizard.postgres.session.connection import Connection
from syncwizard.remedies import Remedy, or_else, resync, to_do
from syncwizard.rows.changes import Command, Redefinition
from syncwizard.rows.following import treated_alike
from syncwizard.structure.compare import Step, compare
from syncwizard.structure.consequences import of_changed, of_dropped
from syncwizard.structure.creating import create
from syncwizard.structure.definition import (
    ColumnDefinition,
    Definition,
    OwnedSequence,
    Part,
    parse_definition,
    with_names_of_parts,
)
from syncwizard.structure.followed_names import MisnamedDefinition, under_names
from syncwizard.task.mapping import Mapping as NameMapping
from syncwizard.task.names import ObjectName, TableName, quote
from syncwizard.task.specification import TaskSpec


class TableRedefining:
    """Follows captured commands on tables, over the apply session. Each raises ChangeFailed that names what cannot be
    followed, or what the destination refuses."""

    def __init__(
        self,
        connection: Connection,
        spec: TaskSpec,
        mapping: NameMapping,
        there: DefinitionWriter,
        routes: RouteCompiler,
        tables: CapturedTables,
        partitions: PartitionRedefining,
    ) -> None:
        self._spec = spec
        self._mapping = mapping
        self._there = there
        self._routes = routes
        self._tables = tables
        self._partitions = partitions
        self._attached = AttachedRedefining(connection, mapping, tables.known, there)

    def create(self, redefinition: Redefinition) -> None:
        """A table has come under the selection."""
        command = redefinition.command
        assert command.definition is not None
        made = parse_definition(command.definition)
        source = TableName(made.schema, made.name)
        if redefinition.final_lsn < self._routes.pair_of(source):
            # It was copied since.
            return
        target = self._mapping.table(source)
        member = Member(relation=made.relation, oid=command.joined[self._spec.slot], table=source)
        if self._routes.is_aside(source):
            # Another table had the name, and what is at the destination is of that one: a copy brings this one's.
            self._tables.enter_aside(member, redefinition.final_lsn)
            self._there.note(redefinition, "changed", source, [])
            return
        # What it holds by now is in no stream.
        filled = command.kind != "table"
        if filled and "full" not in self._spec.synchronization.types and self._there.decision(redefinition) is None:
            message = "the table came with rows, and this task copies none"
            raise self._there.failure(redefinition, str(target), message, _FILLED)
        others = [name for name in self._routes.sources(target) if name != source]
        if others:
            message = f"rows of {others[0]} go to that table already"
            raise self._there.failure(redefinition, str(target), message, _TAKEN)
        statements: list[str] = []
        if not self._takes(redefinition, target, made):
            steps = create(
                self._localized(redefinition, made, source),
                target,
                lambda owned: self._sequence(owned, source),
                self._targets(),
            )
            statements = self._there.missing_schema(target.schema)
            statements += self._statements(redefinition, source, target, steps)
        statements = self._there.run(redefinition, target, statements)
        if self._there.decision(redefinition) is not None and not self._takes(redefinition, target, made):
            message = "the destination has no table of that name still"
            raise self._there.failure(redefinition, str(target), message, REFUSED, statements=statements)
        self._attached.make(redefinition, made, target)
        self._tables.enter(member, redefinition.final_lsn)
        self._tables.now(made, source)
        self._there.note(redefinition, "created", source, statements)
        if filled and "full" in self._spec.synchronization.types:
            reason = "it came under the selection with rows, which no change brings"
            self._tables.set_aside(source, reason, resync(self._spec.name, [source]))

    def drop(self, redefinition: Redefinition, before: Definition) -> None:
        """A followed table is gone."""
        source = TableName(before.schema, before.name)
        target = self._mapping.table(source)
        statements: list[str] = []
        if self._spec.advanced.dropped_tables == "drop" and self._there.read(target) is not None:
            statements = [f"DROP TABLE {quote(target.schema)}.{quote(target.name)}"]
        statements = self._there.run(redefinition, target, statements, of_dropped(target))
        self._tables.leave(before.relation, source, gone=True)
        self._there.note(redefinition, "dropped", source, statements)

    def change(self, redefinition: Redefinition, before: Definition) -> None:
        """A followed table has another definition."""
        after = self._after(redefinition.command, before)
        if after.partition is not None and self._partitions.attach(redefinition, after):
            self._tables.forget_definition(after.relation)
            return
        source, now = TableName(before.schema, before.name), TableName(after.schema, after.name)
        if now != source and self._leaves(redefinition, source, now):
            return
        old, target = self._mapping.table(source), self._mapping.table(now)
        wanted = self._localized(redefinition, after, now)
        if redefinition.command.kind == "described" and now == source and self._has(target, wanted):
            # It was brought in step by hand.
            self._tables.now(after, now)
            return
        statements = self._renaming(redefinition, source, now) if now != source else []
        self._refuse_crossing(redefinition, before, after)
        named = self._localized(redefinition, before, source)
        named = msgspec.structs.replace(named, schema=target.schema, name=target.name)
        # One whose name does not change may stay as it is; rows would look for another one under its new name.
        consequences = of_changed(named, wanted, target) if now == source else []
        # Its copy came with these columns; what else belongs to the table did not.
        copied = redefinition.final_lsn < self._routes.pair_of(source) and self._has(old, wanted)
        if copied:
            named = msgspec.structs.replace(named, columns=_as_copied(named, wanted))
        named = self._as_made(old, named, wanted, moved=now != source)
        statement = redefinition.command.statement
        steps = compare(named, wanted, target, statement=statement, known=self._targets())
        if not copied:
            if now == source and self._values_alone(redefinition, target, steps):
                statements = self._there.alter(redefinition, target, steps, consequences)
                reason = "; ".join(step.problem.message for step in steps if step.problem is not None)
                self._tables.set_aside(source, reason, resync(self._spec.name, [source]))
            else:
                statements += self._statements(redefinition, now, target, steps, statements, consequences)
                statements = self._there.run(redefinition, target, statements, consequences)
        else:
            statements = self._there.run(redefinition, target, statements, consequences)
            self._attempt(redefinition, now, steps)
        if now != source:
            self._tables.rename(before.relation, source, now)
        self._attached.redefine(redefinition, before, after, target)
        self._route(redefinition, after, now)
        if statements or now != source or self._there.decision(redefinition) is not None:
            self._there.note(
                redefinition,
                "changed" if now == source else "renamed",
                source,
                statements,
                now if now != source else None,
            )

    def _as_made(self, target: TableName, named: Definition, wanted: Definition, *, moved: bool) -> Definition:
        """The definition with the constraints and indexes that the destination has. While a task begins some are not
        made yet: those that change meanwhile, or whose table was `moved`, are made as they are by now."""
        here = self._there.read(target)
        if here is None:
            return named
        there, now = _parts(here), {part.oid: part for part in _parts(wanted).values()}
        known = {part.oid for part in _parts(named).values()}

        def stays(part: Part) -> bool:
            unchanged = not moved and now.get(part.oid) == part
            return part.name in there or unchanged or part.oid not in now

        def came(part: Part) -> bool:
            return part.oid not in known and part.name in there and there[part.name].definition == part.definition

        return msgspec.structs.replace(
            named,
            constraints=[*filter(stays, named.constraints), *filter(came, wanted.constraints)],
            indexes=[*filter(stays, named.indexes), *filter(came, wanted.indexes)],
        )

    def _attempt(self, redefinition: Redefinition, table: TableName, steps: list[Step]) -> None:
        """What belongs to a table that was copied after the command: its rows are of later, and need not allow it."""
        if self._there.decision(redefinition) is not None:
            return
        for step in steps:
            reason = step.problem.message if step.problem is not None else ""
            self._there.attempt(redefinition, table, "definition", list(step.statements), reason=reason)

    def _route(self, redefinition: Redefinition, after: Definition, now: TableName) -> None:
        """Lets rows go to the table as it is by now, or sets it aside where what the task asks of them needs more of
        old rows than comes."""
        try:
            self._tables.now(after, now)
        except TaskFailed as error:
            message = f"{error.title}: {error.detail}" if error.detail else error.title
            target = str(self._mapping.table(now))
            raise self._there.failure(redefinition, target, message, error.remedy) from error
        if (why := self._routes.lacks_old_rows(now)) and "full" in self._spec.synchronization.types:
            # The copy begins by having them sent.
            self._tables.set_aside(now, f"it {why}", resync(self._spec.name, [now]))

    def _refuse_crossing(self, redefinition: Redefinition, before: Definition, after: Definition) -> None:
        """A column that is left out stays out, and one that is not has its values at the destination."""
        source, now = TableName(before.schema, before.name), TableName(after.schema, after.name)
        was = {column.number: column.name for column in before.columns}
        for column in after.columns:
            old = was.get(column.number)
            if old is None or self._mapping.travels(source, old) == self._mapping.travels(now, column.name):
                continue
            message = f"column {old} is named {column.name} now, and one of these is left out (exclude_columns)"
            raise self._there.failure(redefinition, str(self._mapping.table(now)), message, _CROSSING)

    def _values_alone(self, redefinition: Redefinition, target: TableName, steps: list[Step]) -> bool:
        """Whether nothing but values of rows is in the way, which a copy of the table brings."""
        if self._there.decision(redefinition) is not None or "full" not in self._spec.synchronization.types:
            return False
        here = self._there.read(target)
        problems = [step.problem for step in steps if step.problem is not None and not step.problem.settled(here)]
        return bool(problems) and all(problem.values for problem in problems)

    def _goes_on(self, source: TableName, now: TableName) -> bool:
        """Whether the task has a place for a table under the name, and treats it there as before."""
        selected = self._spec.selects_table(now.schema, now.name)
        return selected and treated_alike(self._spec, self._mapping, source, now)

    def _leaves(self, redefinition: Redefinition, source: TableName, now: TableName) -> bool:
        """Sets a table aside whose name is none of the task's any more; False where it goes on, or where nothing can
        be copied later."""
        if self._goes_on(source, now) or "full" not in self._spec.synchronization.types:
            return False
        self._tables.set_aside(
            source,
            _named_otherwise("it", now, selected=self._spec.selects_table(now.schema, now.name)),
            or_else(resync(self._spec.name, [source], "name it as before"), resync(self._spec.name)),
            names=[now],
            redefined=False,
        )
        self._tables.forget_definition(redefinition.command.relation)
        self._there.note(redefinition, "changed", source, [])
        return True

    def _renaming(self, redefinition: Redefinition, source: TableName, now: TableName) -> list[str]:
        """What lets the destination's table follow its name."""
        if not self._goes_on(source, now):
            selected = self._spec.selects_table(now.schema, now.name)
            message = _named_otherwise(str(source), now, selected=selected)
            raise self._there.failure(redefinition, str(self._mapping.table(source)), message, copied_again(source))
        old, new = self._mapping.table(source), self._mapping.table(now)
        statements = []
        if old.schema != new.schema:
            statements += self._there.missing_schema(new.schema)
            statements.append(f"ALTER TABLE {quote(old.schema)}.{quote(old.name)} SET SCHEMA {quote(new.schema)}")
        if old.name != new.name:
            statements.append(f"ALTER TABLE {quote(new.schema)}.{quote(old.name)} RENAME TO {quote(new.name)}")
        return statements

    # The destination --------------------------------------------------------------------------------------------------

    def _takes(self, redefinition: Redefinition, target: TableName, made: Definition) -> bool:
        """Whether the destination has a table for the one that was created: with its columns, and without rows."""
        here = self._there.read(target)
        if here is None:
            return False
        wanted = self._localized(redefinition, made, TableName(made.schema, made.name))
        if self._there.holds_rows(target) or not _same_columns(here, wanted):
            message = "the destination has another table of that name, or one that holds rows"
            raise self._there.failure(redefinition, str(target), message, _TAKEN)
        return True

    def _sequence(self, owned: OwnedSequence, table: TableName) -> ObjectName:
        return self._mapping.sequence(ObjectName(owned.schema, owned.name), table)

    def _localized(self, redefinition: Redefinition, definition: Definition, source: TableName) -> Definition:
        """Under the names of the destination, those of indexes and constraints, too."""
        try:
            named = under_names(definition, self._mapping, self._routes.selected())
        except MisnamedDefinition as error:
            message = f"its definition cannot be written with the destination's names: {error}"
            raise self._there.failure(redefinition, str(self._mapping.table(source)), message, REFUSED) from error
        return with_names_of_parts(named, lambda name: self._mapping.index(source, name).name)

    def _targets(self) -> list[TableName]:
        """The destination's tables that a foreign key may reference."""
        return [self._mapping.table(name) for name in self._routes.selected()]

    def _after(self, command: Command, before: Definition) -> Definition:
        if command.kind == "index":
            indexes = [part for part in before.indexes if not is_index(part, before, command)]
            return msgspec.structs.replace(before, indexes=indexes)
        assert command.definition is not None
        return parse_definition(command.definition)

    def _statements(
        self,
        redefinition: Redefinition,
        source: TableName,
        target: TableName,
        steps: list[Step],
        before: Sequence[str] = (),
        consequences: Sequence[str] = (),
    ) -> list[str]:
        """Those of the steps. Raises DefinitionBlocked for what is in the way, unless that was decided; `before`: the
        statements that come first."""
        statements = [statement for step in steps for statement in step.statements]
        if self._there.decision(redefinition) is not None:
            return statements
        here = self._there.read(target)
        for problem in (step.problem for step in steps if step.problem is not None):
            if not problem.settled(here):
                raise self._there.failure(
                    redefinition,
                    str(target),
                    problem.message,
                    copied_again(source) if not problem.part else REFUSED,
                    statements=[*before, *statements],
                    consequences=consequences,
                )
        return statements

    def _has(self, target: TableName, after: Definition) -> bool:
        """Whether the destination's table has the columns of a definition: its copy came with them."""
        here = self._there.read(target)
        if here is None or self._routes.evaluates(TableName(after.schema, after.name)):
            return here is not None and {each.name for each in here.columns} >= {each.name for each in after.columns}
        return _same_columns(here, after)


def _as_copied(named: Definition, wanted: Definition) -> list[ColumnDefinition]:
    """The columns that a copy came with: those of the new definition, with the attributes of before where they were
    there."""
    was = {(column.number, column.name, column.type): column for column in named.columns}
    return [was.get((column.number, column.name, column.type), column) for column in wanted.columns]


def _parts(definition: Definition) -> dict[str, Part]:
    return {part.name: part for part in [*definition.constraints, *definition.indexes]}


def is_index(part: Part, table: Definition, command: Command) -> bool:
    """Whether the index is the one that was dropped. By its name, too: REINDEX CONCURRENTLY gives it another OID, which
    older servers do not capture."""
    if part.oid == command.relation:
        return True
    return command.definition is not None and msgspec.json.decode(command.definition) == [table.schema, part.name]


def _same_columns(one: Definition, other: Definition) -> bool:
    return {(column.name, column.type) for column in one.columns} == {
        (column.name, column.type) for column in other.columns
    }


def copied_again(source: TableName) -> Remedy:
    """What helps where a copy has to come of the table as it is."""
    return resync("", [source], "let the table at the destination have the columns and types that it has at the source")


def _named_otherwise(what: str, now: TableName, *, selected: bool) -> str:
    how = "which this task treats in another way" if selected else "which is no table of this task"
    return f"{what} is named {now} now, {how}"


_CROSSING = to_do("name the column as before, or modify the task so that it is left out, or not, under both names")
_TAKEN = to_do("give the destination's table another name, or drop it if it is not needed", then="resume")
_FILLED = to_do(
    "have its rows at the destination, or take them out of the source's table before it comes under the selection"
)
