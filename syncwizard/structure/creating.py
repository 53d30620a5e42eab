"""A table that is created at the destination as a definition describes it (rule 23). Pure."""

from collections.abc import Callable, Sequence

import msgspec

from syncwizard.structure.compare import Step, compare
from syncwizard.structure.definition import ColumnDefinition, Definition, OwnedSequence, Partition
from syncwizard.structure.literals import literal
from syncwizard.task.names import ObjectName, TableName, quote

IDENTITY = {"a": "ALWAYS", "d": "BY DEFAULT"}

# The destination's name of a sequence that a column owns.
SequenceName = Callable[[OwnedSequence], ObjectName]


def create(
    definition: Definition, target: TableName, sequence_name: SequenceName, known: Sequence[TableName]
) -> list[Step]:
    """What makes the table, in the order in which it can be done. `target`: the destination's table; `known`: tables
    that have the same name at the destination."""
    table = f"{quote(target.schema)}.{quote(target.name)}"
    sequences = [(column, column.sequence) for column in definition.columns if column.sequence is not None]
    serial = [(column, sequence_name(sequence), sequence) for column, sequence in sequences if sequence.kind == "a"]
    statements = [f"CREATE SEQUENCE {_qualified(name)} AS {options(sequence)}" for _, name, sequence in serial]
    columns = ", ".join(_column(column, sequence_name) for column in definition.columns)
    by = f" PARTITION BY {definition.by}" if definition.by else ""
    statements.append(f"CREATE TABLE {table} ({columns}){by}")
    statements += [
        f"ALTER SEQUENCE {_qualified(name)} OWNED BY {table}.{quote(column.name)}" for column, name, _ in serial
    ]
    bare = msgspec.structs.replace(
        definition,
        columns=[msgspec.structs.replace(column, comment=None) for column in definition.columns],
        constraints=[],
        indexes=[],
        comment=None,
    )
    if (definition.schema, definition.name) == (target.schema, target.name):
        # A foreign key to itself.
        known = [*known, target]
    return [Step(statements=tuple(statements)), *compare(bare, definition, target, statement="", known=known)]


def create_partition(partition: Partition, target: TableName, parent: TableName) -> str:
    """What makes a partition; its columns, constraints and indexes are those of its parent."""
    by = f" PARTITION BY {partition.by}" if partition.by else ""
    return f"CREATE TABLE {_named(target)} PARTITION OF {_named(parent)} {partition.bound}{by}"


def detach_partition(target: TableName, parent: TableName) -> str:
    """What makes a partition a table of its own."""
    return f"ALTER TABLE {_named(parent)} DETACH PARTITION {_named(target)}"


def attach_partition(partition: Partition, target: TableName, parent: TableName) -> str:
    """What makes a table that exists a partition."""
    return f"ALTER TABLE {_named(parent)} ATTACH PARTITION {_named(target)} {partition.bound}"


def _named(table: TableName) -> str:
    return f"{quote(table.schema)}.{quote(table.name)}"


def options(sequence: OwnedSequence) -> str:
    """What its type and its options are, as SQL.

    >>> print(options(OwnedSequence(schema="public", name="s", kind="a", type="bigint", start=1, increment=1, minimum=1,
    ...     maximum=9, cache=1, cycle=True)))
    bigint START WITH 1 INCREMENT BY 1 MINVALUE 1 MAXVALUE 9 CACHE 1 CYCLE
    """
    return f"{sequence.type} {sequence.counting}"


def _column(column: ColumnDefinition, sequence_name: SequenceName) -> str:
    parts = [quote(column.name), column.type]
    if column.collation:
        parts.append(f"COLLATE {column.collation}")
    sequence = column.sequence
    if column.generated:
        parts.append(f"GENERATED ALWAYS AS ({column.default}) {'STORED' if column.generated == 's' else 'VIRTUAL'}")
    elif column.identity:
        own = ""
        if sequence is not None:
            own = f" (SEQUENCE NAME {_qualified(sequence_name(sequence))} {sequence.counting})"
        parts.append(f"GENERATED {IDENTITY[column.identity]} AS IDENTITY{own}")
    elif column.default is not None:
        serial = sequence is not None and sequence.kind == "a" and column.default.startswith("nextval(")
        parts.append(f"DEFAULT {_next_of(sequence_name(sequence)) if serial and sequence else column.default}")
    if column.not_null:
        parts.append("NOT NULL")
    return " ".join(parts)


def _next_of(name: ObjectName) -> str:
    return f"nextval({literal(_qualified(name))}::regclass)"


def _qualified(name: ObjectName) -> str:
    return f"{quote(name.schema)}.{quote(name.name)}"
