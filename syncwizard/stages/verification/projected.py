"""What is compared of a table whose rows are selected or changed on their way: what the source's projection gives,
against what the destination holds."""

from collections.abc import Mapping

from syncwizard.postgres.comparing import Reading, image
from syncwizard.rows.etl.tree import ScriptError
from syncwizard.rows.projection import EVERY_OPERATION, Output, Projection, check_destination
from syncwizard.structure.table import Column, Table
from syncwizard.task.names import quote

Senders = Mapping[tuple[int, str], str]


class NotComparable(Exception):
    """Why both ends cannot be compared."""


def readings(
    projection: Projection, source: Table, target: Table, ours: Senders, theirs: Senders, own: str
) -> tuple[Reading, Reading]:
    """Of the source and of the destination; `own`: which rows there are those of the source's table, where others are
    beside them. Raises NotComparable."""
    left_out = EVERY_OPERATION - projection.operations - {"ddl"}
    if left_out:
        raise NotComparable(f"changes of some kinds are left out ({', '.join(sorted(left_out))})")
    if projection.stamps or projection.stable:
        raise NotComparable("its script depends on the change or the time, not on the row alone")
    try:
        check_destination(projection, target)
    except ScriptError as error:
        raise NotComparable(str(error)) from error
    here = {column.name: column for column in source.columns}
    there = {column.name: column for column in target.columns}
    chosen = [(output, there[output.name]) for output in projection.outputs]
    binary = {
        output.name: (ours[source.oid, output.source], theirs[target.oid, output.name])
        for output, column in chosen
        if output.source is not None
        and _same(here[output.source], column)
        and (source.oid, output.source) in ours
        and (target.oid, output.name) in theirs
    }
    key = _key(projection, target)
    values = ", ".join(f"{_value(output, column)} AS {quote(output.name)}" for output, column in chosen)
    relation = f"ONLY {quote(source.name.schema)}.{quote(source.name.name)}"
    names = [output.name for output in projection.outputs]
    return (
        Reading(
            relation=source.name,
            oid=source.oid,
            columns=tuple(names),
            images=tuple(image(name, binary[name][0] if name in binary else None) for name in names),
            key=tuple(image(name, binary[name][0] if name in binary else None) for name in key),
            key_columns=key,
            rows=f"(SELECT {values} FROM {projection.over(projection.base_at_source(relation, source.condition))})",
        ),
        Reading(
            relation=target.name,
            oid=target.oid,
            columns=tuple(names),
            images=tuple(image(name, binary[name][1] if name in binary else None) for name in names),
            key=tuple(image(name, binary[name][1] if name in binary else None) for name in key),
            key_columns=key,
            condition=own or target.condition,
        ),
    )


def _same(here: Column, there: Column) -> bool:
    return here.type == there.type and not here.textual


def _value(output: Output, column: Column) -> str:
    """As the destination's column takes it: what is computed may be rounded or padded there."""
    if output.source is not None or "." in column.declared_type:
        return output.sql
    return f"({output.sql})::{column.declared_type}"


def _key(projection: Projection, target: Table) -> tuple[str, ...]:
    """The destination's columns that name a row and come unchanged; empty where there are none."""
    unchanged = {output.name for output in projection.outputs if output.source is not None}
    return next((index.columns for index in target.keys(unchanged)), ())
