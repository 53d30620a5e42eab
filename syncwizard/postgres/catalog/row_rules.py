"""What a task's filters, scripts and operations are for the tables of an end: read, checked against the catalogue, and
written as SQL for the end where PostgreSQL evaluates it."""

from collections.abc import Iterable, Sequence

import msgspec

from syncwizard.errors import TaskFailed
from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection
from syncwizard.remedies import to_do
from syncwizard.rows.etl.tree import ScriptError
from syncwizard.rows.projection import RowRule, TaskWishes, Wishes, make_projection
from syncwizard.rows.type_names import TypeName, named_type
from syncwizard.rows.where import Condition, Names, Used, parse_where
from syncwizard.structure.table import Table
from syncwizard.task.mapping import Mapping
from syncwizard.task.names import ObjectName, TableName
from syncwizard.task.specification import TaskSpec


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A table with what the task asks of its rows; `condition` is its `where`, read."""

    table: Table
    wishes: Wishes
    condition: Condition | None


def read_rules(
    end: Connection,
    source_database: str,
    selected: Iterable[Table],
    spec: TaskSpec,
    mapping: Mapping,
    *,
    there: bool = False,
) -> dict[TableName, RowRule]:
    """The rules of the tables that have any, as `end` evaluates them; tables are by the source's names.

    `there`: the end is the destination.

    Raises TaskFailed that names table and mistake.
    """
    wishes = TaskWishes(spec)
    if wishes.plain and not mapping.merges:
        return {}
    asked: list[Asked] = []
    for table in selected:
        own = wishes.of(table.name, table.root)
        if not own.plain or mapping.merged(mapping.edited(table.name, table.root)):
            try:
                asked.append(ask(table, own))
            except ScriptError as error:
                raise refused(table.name, error) from error
    names = names_there(end, asked, mapping) if there else names_of(end, asked)
    rules = {}
    for each in asked:
        try:
            rule = make_rule(each, names, mapping, source_database)
        except ScriptError as error:
            raise refused(each.table.name, error) from error
        if rule is not None:
            rules[each.table.name] = rule
    return rules


def ask(table: Table, wishes: Wishes) -> Asked:
    """Reads the condition. Raises ScriptError."""
    columns = {column.name: column.type.name for column in table.stored_columns}
    condition = None if wishes.where is None else parse_where(wishes.where, table.name, columns)
    return Asked(table=table, wishes=wishes, condition=condition)


def make_rule(asked: Asked, names: Names, mapping: Mapping, source_database: str) -> RowRule | None:
    """The rule of a table. Raises ScriptError."""
    projection = make_projection(
        asked.table,
        asked.wishes,
        asked.condition,
        mapping=mapping,
        names=names,
        key=key_of(asked.table),
        database=source_database,
    )
    return None if projection is None else RowRule(projection=projection, condition=asked.condition)


def key_of(table: Table) -> tuple[str, ...]:
    """The source's columns that its rows are found by, empty for a keyless table."""
    keys = table.keys(column.name for column in table.columns)
    return keys[0].columns if keys else ()


def names_of(end: Connection, asked: Iterable[Asked]) -> Names:
    """Where the names of the tables' conditions are that extensions bring."""
    return read_names(end, (each.condition.used for each in asked if each.condition is not None))


def names_there(destination: Connection, asked: Sequence[Asked], mapping: Mapping) -> Names:
    """The same at the destination, with what users' types of columns and conditions are called there. Those that an
    extension brings are where it has put them."""
    types = {
        name
        for each in asked
        for name in (
            *(named_type(column.type.name) for column in each.table.stored_columns),
            *(each.condition.used.named if each.condition is not None else ()),
        )
        if name is not None
    }
    brought = read_names(destination, [Used(types=frozenset(name.name for name in types))]).types
    moved = {
        name: TypeName(brought[name.name], name.name) if name.name in brought else _type_there(mapping, name)
        for name in types
    }
    names = names_of(destination, asked)
    return msgspec.structs.replace(names, moved={name: new for name, new in moved.items() if name != new})


def _type_there(mapping: Mapping, name: TypeName) -> TypeName:
    target = mapping.object(ObjectName(name.schema, name.name))
    return TypeName(target.schema, target.name)


def read_names(end: Connection, used: Iterable[Used]) -> Names:
    """Where the names of conditions are that extensions bring."""
    every = list(used)
    wanted = {
        "functions": sorted(
            {name for each in every for name in (*each.functions, *(name for _, name in each.qualified))}
        ),
        "operators": sorted({name for each in every for name in each.operators}),
        "types": sorted({name for each in every for name in each.types}),
    }
    if not any(wanted.values()):
        return Names()
    found: dict[str, dict[str, str]] = {"function": {}, "operator": {}, "type": {}}
    for kind, name, schema in end.execute(query("extension_names"), wanted):
        found[kind][name] = schema
    return Names(found["function"], found["operator"], found["type"])


def refused(table: TableName, error: ScriptError) -> TaskFailed:
    """The mistake as an error of the task."""
    return TaskFailed(
        f"the filter or script of {table} cannot be used: {error}",
        where="source",
        remedy=to_do("correct it in the task file", then="resume"),
    )
