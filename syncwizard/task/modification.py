"""Other objects for a task that was begun: the part of a specification that is new, and an order in words."""

from collections.abc import Collection, Iterable

import msgspec

from syncwizard.task.events import ResyncRequested
from syncwizard.task.names import TableName
from syncwizard.task.objects import SchemaObjects, TableObject
from syncwizard.task.specification import TaskSpec
from syncwizard.task.text import counted, describe_bytes, listed


def of_tables(spec: TaskSpec, tables: Iterable[TableName], schemas: Collection[str] = ()) -> TaskSpec:
    """The same task for these tables alone, and for `schemas` as they are selected.

    >>> from syncwizard.task.specification import Endpoint
    >>> whole = TaskSpec(name="t", source=Endpoint(), destination=Endpoint(), objects=[SchemaObjects(schema="kb")])
    >>> [own.table for own in of_tables(whole, [TableName("kb", "tags")]).objects[0].tables]
    ['tags']
    """
    wanted: dict[str, list[str]] = {}
    for table in tables:
        wanted.setdefault(table.schema, []).append(table.name)
    objects = [
        entry if entry.schema in schemas else _only(entry, wanted[entry.schema])
        for entry in spec.objects
        if entry.schema in schemas or entry.schema in wanted
    ]
    return msgspec.structs.replace(spec, objects=objects)


def _only(entry: SchemaObjects, names: Iterable[str]) -> SchemaObjects:
    own = {table.table: table for table in entry.described}
    return SchemaObjects(
        schema=entry.schema,
        name=entry.name,
        operations=entry.operations,
        rename=entry.rename,
        tables=[own.get(name, TableObject(table=name)) for name in names],
    )


def describe_modification(order: ResyncRequested) -> list[str]:
    """What the order changes, in sentences."""
    lines = []
    if order.added:
        added = set(order.added)
        tables = [each for each in order.tables if each.table in added]
        rows, size = sum(each.rows for each in tables), sum(each.bytes for each in tables)
        about = f"{counted(len(order.added), 'table')}, about {rows:,} rows, {describe_bytes(size)}"
        lines.append(f"added: {listed(map(str, order.added))} ({about})")
    if order.removed:
        lines.append(
            f"removed: {listed(map(str, order.removed))} ({counted(len(order.removed), 'table')}): what is at the"
            " destination stays as it is"
        )
    return lines
