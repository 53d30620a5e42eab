"""A followed table under the names that it, its columns and what belongs to it have at the destination (rule 23).
Pure."""

from collections.abc import Callable, Iterable, Iterator

import msgspec

from syncwizard.structure.definition import Attached, ColumnDefinition, Definition, Part
from syncwizard.structure.following import Misprinted, rewritten
from syncwizard.structure.needs import Needs
from syncwizard.structure.own_names import LeftOutColumn, OwnNames
from syncwizard.structure.rewriting_definitions import DefinitionRewriter
from syncwizard.task.mapping import Mapping
from syncwizard.task.names import TableName, quote


class FollowedNames(OwnNames, frozen=True, kw_only=True, dict=True):
    """The names of followed tables, and of functions and types in schemas of the task."""

    schemas: frozenset[str] = frozenset()

    def type(self, schema: str, name: str) -> tuple[str, str]:
        """A type in a schema of the task has its name there."""
        return (self.mapping.schema(schema) if schema in self.schemas else schema), name

    def function(self, schema: str, name: str) -> tuple[str, str]:
        """A function in a schema of the task, too."""
        return self.type(schema, name)


def under_names(definition: Definition, mapping: Mapping, tables: Iterable[TableName]) -> Definition:
    """The definition as the destination has it: under the names there, without columns that do not travel and what
    needs one. `tables`: those that are followed. What is attached and cannot be written so has no definition any more.

    Raises MisnamedDefinition for what rows need and cannot be written so.
    """
    if mapping.same:
        return definition
    return _Renaming(definition, mapping, tables).renamed()


class MisnamedDefinition(Exception):
    """A text of a definition cannot be written with the destination's names."""


class _Renaming:
    def __init__(self, definition: Definition, mapping: Mapping, tables: Iterable[TableName]) -> None:
        self._definition = definition
        self._mapping = mapping
        self._source = source = TableName(definition.schema, definition.name)
        self._followed = frozenset([source, *tables])
        self._names = FollowedNames(
            mapping=mapping,
            needs=Needs(tables=self._followed),
            schemas=frozenset(table.schema for table in self._followed),
        )
        self._columns = {source: tuple(column.name for column in definition.columns)}
        self._table = f"{quote(source.schema)}.{quote(source.name)}"

    def renamed(self) -> Definition:
        definition, target = self._definition, self._mapping.table(self._source)
        columns = [found for column in definition.columns if (found := self._column(column)) is not None]
        numbers = {column.number for column in columns}
        attached = definition.attached
        return msgspec.structs.replace(
            definition,
            schema=target.schema,
            name=target.name,
            columns=columns,
            constraints=self._parts(definition.constraints, numbers, self._constraint),
            indexes=self._parts(definition.indexes, numbers, self._index),
            attached=None if attached is None else list(self._attached(attached)),
        )

    def _column(self, column: ColumnDefinition) -> ColumnDefinition | None:
        """None for one that does not travel, or is generated of one that does not."""
        if not self._mapping.travels(self._source, column.name):
            return None
        default = column.default
        if default is not None:
            check = f"ALTER TABLE {self._table} ADD CONSTRAINT x CHECK ("
            try:
                text = self._rewritten(f"{check}{default})")
            except LeftOutColumn:
                return None
            if not text.startswith(check):
                default = text.partition(" CHECK (")[2].removesuffix(")")
        name = self._mapping.column(self._source, column.name)
        return msgspec.structs.replace(column, name=name, default=default, type=self._type(column.type))

    def _type(self, text: str) -> str:
        if "." not in text:
            return text
        before = f"ALTER TABLE {self._table} ADD COLUMN x "
        found = self._rewritten(before + text)
        return text if found.startswith(before) else found.partition(" ADD COLUMN x ")[2]

    def _parts(self, parts: Iterable[Part], numbers: set[int], write: Callable[[Part], Part]) -> list[Part]:
        found = []
        for part in parts:
            if any(number > 0 and number not in numbers for number in part.columns):
                continue
            try:
                found.append(write(part))
            except LeftOutColumn:
                continue
        return found

    def _constraint(self, part: Part) -> Part:
        before = f"ALTER TABLE {self._table} ADD CONSTRAINT x "
        text = self._rewritten(before + part.definition)
        references = part.references
        if references is not None and TableName(*references) in self._followed:
            there = self._mapping.table(TableName(*references))
            references = [there.schema, there.name]
        definition = part.definition if text.startswith(before) else text.partition(" ADD CONSTRAINT x ")[2]
        return msgspec.structs.replace(part, definition=definition, references=references)

    def _index(self, part: Part) -> Part:
        unique = "UNIQUE " if part.definition.startswith("UNIQUE ") else ""
        before = f"CREATE {unique}INDEX x ON {self._table} USING "
        text = self._rewritten(before + part.definition.removeprefix("UNIQUE "))
        if text.startswith(before):
            return part
        return msgspec.structs.replace(part, definition=unique + text.partition(" USING ")[2])

    def _attached(self, attached: Iterable[Attached]) -> Iterator[Attached]:
        for each in attached:
            try:
                definition, revoke = (self._rewritten(text) if text else "" for text in (each.definition, each.revoke))
            except LeftOutColumn:
                continue
            except MisnamedDefinition:
                definition = revoke = ""
            yield msgspec.structs.replace(each, definition=definition, revoke=revoke)

    def _rewritten(self, text: str) -> str:
        import postgast

        try:
            return rewritten(text, DefinitionRewriter(self._names, self._columns))
        except (postgast.PgQueryError, RecursionError, Misprinted) as error:
            raise MisnamedDefinition(str(error)) from error
