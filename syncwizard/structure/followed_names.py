"""What belongs to a table that has another name at the destination: its statements under the names there (rule 23).
Pure."""

from collections.abc import Iterable

import msgspec

from syncwizard.structure.definition import Attached, Definition
from syncwizard.structure.following import Misprinted, rewritten
from syncwizard.structure.needs import Needs
from syncwizard.structure.own_names import OwnNames
from syncwizard.structure.rewriting_definitions import DefinitionRewriter
from syncwizard.task.mapping import Mapping
from syncwizard.task.names import TableName


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
    """The definition with the destination's name, and what is attached under the names there. `tables`: those that are
    followed. What cannot be written so has no definition any more."""
    source = TableName(definition.schema, definition.name)
    target = mapping.table(source)
    followed = frozenset([source, *tables])
    names = FollowedNames(
        mapping=mapping,
        needs=Needs(tables=followed),
        schemas=frozenset(table.schema for table in followed),
    )
    columns = {source: tuple(column.name for column in definition.columns)}
    attached = definition.attached
    if attached is not None:
        attached = [_under(each, names, columns) for each in attached]
    return msgspec.structs.replace(definition, schema=target.schema, name=target.name, attached=attached)


def _under(each: Attached, names: FollowedNames, columns: dict[TableName, tuple[str, ...]]) -> Attached:
    import postgast

    try:
        definition, revoke = (
            rewritten(text, DefinitionRewriter(names, columns)) if text else ""
            for text in (each.definition, each.revoke)
        )
    except (postgast.PgQueryError, RecursionError, Misprinted):
        return msgspec.structs.replace(each, definition="", revoke="")
    return msgspec.structs.replace(each, definition=definition, revoke=revoke)
