"""Names out of the trees of PostgreSQL's parser."""

from typing import Any

from syncwizard.task.names import ObjectName, TableName


def strings(items: Any) -> list[str]:
    """The parts of a qualified name."""
    return [item.string.sval for item in items if item.HasField("string")]


def object_name(items: Any) -> ObjectName:
    """A name given as a list of parts; a schema is always there, because pg_dump empties the search path."""
    *before, name = strings(items) or [""]
    return ObjectName(before[-1] if before else "pg_catalog", name)


def table_name(relation: Any) -> TableName:
    """The table that a RangeVar means."""
    return TableName(relation.schemaname, relation.relname)


def relation_name(relation: Any) -> ObjectName:
    """The relation that a RangeVar means, as any object."""
    return ObjectName(relation.schemaname, relation.relname)


def type_text(type_name: Any) -> str:
    """A type as `schema.name`, with `[]` for an array: how `Needs` writes arguments."""
    name = object_name(type_name.names)
    return f"{name}[]" if type_name.array_bounds else str(name)
