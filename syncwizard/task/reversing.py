"""The task of the other direction: both ends swapped, names inverted, incremental only. Pure."""

import uuid
from collections import defaultdict
from collections.abc import Iterable

import msgspec

from syncwizard.task.mapping import Mapping
from syncwizard.task.monitoring import Metrics
from syncwizard.task.names import TableName
from syncwizard.task.objects import SchemaObjects, TableObject
from syncwizard.task.specification import Synchronization, TaskSpec
from syncwizard.task.validation import NAME_CHARACTERS, find_problems

SUFFIX = "-reverse"
replace = msgspec.structs.replace


def reverse_name(name: str) -> str:
    """What the task of the other direction is called; that of a reverse task has the first one's name again.

    >>> reverse_name("kb"), reverse_name("kb-reverse")
    ('kb-reverse', 'kb')
    """
    if name.endswith(SUFFIX) and name != SUFFIX:
        return name.removesuffix(SUFFIX)
    return name[: NAME_CHARACTERS - len(SUFFIX)] + SUFFIX


def reasons_against(spec: TaskSpec) -> list[str]:
    """Why rows of the destination cannot go back into the tables they came from; nothing where they can."""
    found = []
    if spec.advanced.etl is not None:
        found.append("a script changes every row")
    if spec.synchronization.capitalization != "source":
        found.append("the capitalization of names is changed")
    for entry in spec.objects:
        if entry.operations is not None:
            found.append(f"not all operations of schema {entry.schema} are applied")
        for table in entry.described:
            name = f"{entry.schema}.{table.table}"
            for given, what in (
                (table.where, "has a filter"),
                (table.etl, "has a script"),
                (table.operations, "does not take all operations"),
                (table.exclude_columns, "leaves out columns"),
                (table.merges, "is merged with others"),
            ):
                if given:
                    found.append(f"{name} {what}")
    return found


def reversed_spec(spec: TaskSpec, tables: Iterable[TableName]) -> TaskSpec:
    """The task of the other direction, with an id of its own; `tables` are the source's. Raises ValueError with the
    reasons against it.

    >>> from syncwizard.task.specification import Endpoint
    >>> entry = SchemaObjects(schema="s", name="d", overrides=[TableObject(table="t", name="u", columns={"a": "b"})])
    >>> spec = TaskSpec(name="n", source=Endpoint(database="x"), destination=Endpoint(database="y"), objects=[entry])
    >>> back = reversed_spec(spec, [TableName("s", "t"), TableName("s", "v")])
    >>> back.source.database, back.destination.database, [(each.schema, each.name) for each in back.objects]
    ('y', 'x', [('d', 's')])
    >>> [(each.table, each.name, each.columns) for each in back.objects[0].tables]
    [('u', 't', {'b': 'a'}), ('v', 'v', {})]
    """
    against = reasons_against(spec)
    if not against and not Mapping.of(spec).same:
        objects, against = _inverted(spec, tables)
    else:
        objects = spec.objects
    if against:
        raise ValueError("; ".join(against))
    found = replace(
        spec,
        id=uuid.uuid4(),
        name=reverse_name(spec.name),
        source=spec.destination,
        destination=spec.source,
        synchronization=Synchronization(types=["incremental"]),
        objects=objects,
        # File and port belong to the task that is left; definitions of a newer server may mean nothing to an older; and
        # the account that has written these tables may publish them.
        advanced=replace(spec.advanced, metrics=Metrics(), ddl="off", decoding="pgoutput"),
    )
    if problems := find_problems(found):
        raise ValueError("; ".join(problem.message for problem in problems))
    return found


def _inverted(spec: TaskSpec, tables: Iterable[TableName]) -> tuple[list[SchemaObjects], list[str]]:
    """Every table by its name at the destination; and the reasons against it."""
    mapping = Mapping.of(spec)
    entries: dict[str, list[TableObject]] = defaultdict(list)
    schemas: dict[str, set[str]] = defaultdict(set)
    for name in tables:
        there = mapping.table(name)
        columns = {new: own for own, new in mapping.columns.get(name, {}).items() if own != new}
        entries[there.schema].append(TableObject(table=there.name, name=name.name, columns=columns))
        schemas[there.schema].add(name.schema)
    against = [
        f"several schemas go into {there}: {', '.join(sorted(own))}" for there, own in schemas.items() if len(own) > 1
    ]
    objects = [
        SchemaObjects(schema=there, name=next(iter(schemas[there])), tables=described)
        for there, described in entries.items()
    ]
    return objects, against
