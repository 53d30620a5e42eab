"""Which tables have their definitions followed: those that go to one table of the destination. Pure."""

from collections import Counter
from collections.abc import Sequence

import msgspec

from syncwizard.rows.projection import TaskWishes
from syncwizard.structure.table import Table
from syncwizard.task.mapping import Mapping
from syncwizard.task.names import TableName
from syncwizard.task.objects import SchemaObjects
from syncwizard.task.specification import TaskSpec

# No table has it: what a schema's entry asks of tables that it does not name.
_ANY = ""


class Joining(msgspec.Struct, frozen=True, kw_only=True):
    """Which tables of a schema join the task when they are created: all without `names` where `whole`, else those."""

    schema: str
    whole: bool
    names: list[str]


def followable(spec: TaskSpec, mapping: Mapping, tables: Sequence[Table]) -> list[Table]:
    """The selected tables whose definitions are followed: whose operations have `ddl`, and which share no table of the
    destination with others. A partitioned table stands for its partitions."""
    wishes = TaskWishes(spec)
    targets = Counter(mapping.table(table.name) for table in tables)
    return [
        table
        for table in tables
        if not table.is_partition
        and wishes.of(table.name, table.root).followed
        and targets[mapping.table(table.name)] == 1
        and not mapping.merged(table.name)
    ]


def follows(spec: TaskSpec, mapping: Mapping, name: TableName) -> bool:
    """Whether rows of a table of the name, selected or not, would go to one of the destination as they are."""
    return TaskWishes(spec).of(name, name).plain and not mapping.merged(name)


def treated_alike(spec: TaskSpec, mapping: Mapping, one: TableName, other: TableName) -> bool:
    """Whether a table would be treated the same under both names: what is asked of its rows, and of its columns."""
    wishes = TaskWishes(spec)
    return (
        wishes.of(one, one) == wishes.of(other, other)
        and mapping.columns.get(one) == mapping.columns.get(other)
        and mapping.left_out.get(one) == mapping.left_out.get(other)
        and not mapping.merged(one)
        and not mapping.merged(other)
    )


def joining(spec: TaskSpec, mapping: Mapping) -> list[Joining]:
    """Which tables join the task when they are created."""
    found = [_joining(spec, mapping, entry) for entry in spec.objects]
    return [each for each in found if each.whole or each.names]


def _joining(spec: TaskSpec, mapping: Mapping, entry: SchemaObjects) -> Joining:
    own = {table.table: follows(spec, mapping, TableName(entry.schema, table.table)) for table in entry.described}
    if not entry.whole:
        return Joining(schema=entry.schema, whole=False, names=[name for name, plain in own.items() if plain])
    if not follows(spec, mapping, TableName(entry.schema, _ANY)):
        names = [name for name, plain in own.items() if plain and name not in entry.exclude]
        return Joining(schema=entry.schema, whole=False, names=names)
    names = [*entry.exclude, *(name for name, plain in own.items() if not plain)]
    return Joining(schema=entry.schema, whole=True, names=names)
