"""Asks the servers' planners whether merged tables keep their keys apart (DESIGN rule 22): from the constraints of each
of them that its condition holds, and from the conditions that no row meets two of them."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

from psycopg import sql

from syncwizard.postgres.catalog.row_rules import key_of
from syncwizard.postgres.session.connection import Connection, quoted
from syncwizard.rows.etl.tree import ScriptError
from syncwizard.rows.origin_keys import own_rows, parse_origin_keys
from syncwizard.structure.table import Table
from syncwizard.task.mapping import Mapping
from syncwizard.task.names import TableName, quote


def apart_problems(
    source: Connection, destination: Connection, target: TableName, tables: Sequence[Table], mapping: Mapping
) -> Iterator[str]:
    """Why rows of the tables, which all go to the target, could have one key there; none where they cannot."""
    sound = []
    for table in tables:
        if problem := _unfit(source, table, mapping):
            yield problem
        else:
            sound.append(table)
    conditions = {table.name: own_rows(mapping.origin_keys[table.name], table, mapping) for table in sound}
    for one, other in combinations(conditions, 2):
        if not _excluded(destination, target, f"{conditions[one]} AND {conditions[other]}"):
            yield (
                f"rows of {one} and {other} could have one key in {target}: {mapping.origin_keys[one]} and"
                f" {mapping.origin_keys[other]} do not exclude each other"
            )


def _unfit(source: Connection, table: Table, mapping: Mapping) -> str:
    """Why the condition of a table cannot be used."""
    text = mapping.origin_keys[table.name]
    columns = {column.name: column.type.name for column in table.stored_columns}
    try:
        condition = parse_origin_keys(text, table.name, columns, key_of(table))
    except ScriptError as error:
        return f"origin_keys of {table.name}: {error}"
    bare = condition.over({name: (name,) for name in condition.reads})
    if _excluded(source, table.name, f"NOT ({bare})"):
        return ""
    found = " AND ".join(_checks(source, table))
    has = f"; its constraints are {found}" if found else ""
    return (
        f"nothing keeps rows out of {table.name} that do not meet its origin_keys, {text}{has}: add a constraint at the"
        f" source, ALTER TABLE {quote(table.name.schema)}.{quote(table.name.name)} ADD CHECK ({text})"
    )


def _excluded(end: Connection, table: TableName, condition: str) -> bool:
    """Whether the planner knows that no row meets the condition."""
    with end.transaction():
        end.execute("SET LOCAL constraint_exclusion = on")
        statement = sql.SQL("EXPLAIN (FORMAT JSON) SELECT FROM {} WHERE {}").format(
            quoted(table.schema, table.name), sql.SQL(condition)
        )
        row: Any = end.execute(statement).fetchone()
    plan = row[0][0]["Plan"]
    return plan["Node Type"] == "Result" and plan.get("One-Time Filter") == "false" and "Plans" not in plan


def _checks(source: Connection, table: Table) -> list[str]:
    rows = source.execute(
        "SELECT pg_catalog.pg_get_constraintdef(oid) FROM pg_catalog.pg_constraint"
        " WHERE conrelid = %s::oid AND contype = 'c' ORDER BY conname",
        (table.oid,),
    )
    return [text for (text,) in rows]
