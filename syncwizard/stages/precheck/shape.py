"""Items about tables that the destination has already: same columns and types, and a key where rows are kept."""

from collections.abc import Collection

from syncwizard.postgres.catalog import Table
from syncwizard.postgres.connection import Connection
from syncwizard.postgres.destination.chunks import holding_rows
from syncwizard.postgres.queries import query
from syncwizard.stages.precheck.checkup import (
    BOTH,
    Checkup,
    Finding,
    failed,
    item,
    listed,
    must_be_accepted,
    passed,
    warning,
)
from syncwizard.stages.precheck.selection import OBJECTS
from syncwizard.structure.fitting import Fit, fit
from syncwizard.task.events import TableName


@item("table-shapes", "Tables that exist at the destination have the shape of the source's", BOTH, OBJECTS)
def table_shapes(checkup: Checkup) -> Finding:
    """Every column of the source is there and can be written; no other one must be filled; the types agree."""
    if checkup.captured and checkup.synchronizes("schema"):
        return passed("they are the task's own")
    pairs = _pairs(checkup)
    required = _columns_to_fill(checkup.destination, [target for _, target in pairs])
    wrong: list[str] = []
    differing: dict[Fit, list[str]] = {"exact": [], "refused": [], "changed": []}
    for table, target in pairs:
        wrong += _missing_columns(table, target, required.get(target.oid, ()))
        for outcome, columns in differing.items():
            columns += _columns_that_fit(table, target, outcome)
    if wrong:
        return failed(
            "rows would not fit: " + listed(wrong), "give the tables the columns that they have at the source"
        )
    notes = []
    if differing["exact"]:
        notes.append("values are carried as text and cast: " + listed(differing["exact"]))
    if differing["refused"]:
        notes.append("a value that does not fit stops the task: " + listed(differing["refused"]))
    keyless = [str(table.name) for table, target in pairs if has_key(table) and not has_target_key(table, target)]
    if keyless:
        notes.append("without the key that the source has, changes are applied row by row: " + listed(keyless))
    if differing["changed"]:
        notes.insert(0, "values will be rounded or lose a part without an error: " + listed(differing["changed"]))
        return must_be_accepted("; ".join(notes), "make the types the same, or accept this item if the loss is meant")
    if notes:
        return warning("; ".join(notes), "make types and keys the same where you can")
    return passed(f"{len(pairs)} tables compared")


def _pairs(checkup: Checkup) -> list[tuple[Table, Table]]:
    """The selected tables that hold rows, with what the destination has for each."""
    there = checkup.destination_tables
    found = [(table, there.get(table.name) or there.get(table.root)) for table in checkup.selection.copied]
    return [(table, target) for table, target in found if target is not None]


def _columns_to_fill(connection: Connection, tables: list[Table]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for oid, name in connection.execute(query("columns_to_fill"), ([table.oid for table in tables],)):
        found.setdefault(oid, []).append(name)
    return found


def _missing_columns(table: Table, target: Table, required: Collection[str]) -> list[str]:
    stored = {column.name for column in table.stored_columns}
    present = {column.name: column for column in target.columns}
    wrong = [f"{target.name}.{name} does not exist" for name in sorted(stored.difference(present))]
    wrong += [
        f"{target.name}.{name} is generated" for name in sorted(stored) if name in present and present[name].generated
    ]
    wrong += [
        f"{target.name}.{name} must be filled and is not at the source" for name in required if name not in stored
    ]
    return wrong


def _columns_that_fit(table: Table, target: Table, outcome: Fit) -> list[str]:
    """The columns whose types differ, with this outcome; a wider form of the same type is no difference."""
    types = {column.name: column.declared_type for column in target.columns}
    same = {(column.name, column.type_name) for column in target.columns} if outcome == "exact" else set()
    return [
        f"{target.name}.{column.name} ({column.declared_type} at the source, {types[column.name]} at the destination)"
        for column in table.stored_columns
        if column.name in types
        and types[column.name] != column.declared_type
        and (column.name, column.type_name) not in same
        and fit(column.declared_type, types[column.name]) == outcome
    ]


def has_key(table: Table) -> bool:
    """Whether rows of the source's table can be addressed by a key."""
    return table.apply_key(column.name for column in table.stored_columns) is not None


def has_target_key(table: Table, target: Table) -> bool:
    """Whether the destination's table has a key of columns that the source will send with old rows."""
    sent = table.identity_columns()
    return target.apply_key(sent if sent is not None else [column.name for column in table.stored_columns]) is not None


def why_not_kept(checkup: Checkup, name: TableName) -> str:
    """Why a table that holds rows cannot be copied into, with conflict mode `ignore`; empty when it can."""
    target = checkup.destination_tables[name]
    table = next(table for table in checkup.selection.tables if table.name == name)
    if table.partitioned or table.is_partition or target.partitioned:
        return f"{name} (partitioned)"
    if not has_target_key(table, target):
        return f"{name} (no key: rows that are there could not be told from new ones)"
    return ""


def filled_tables(checkup: Checkup) -> list[TableName]:
    """The tables that a copy would meet rows in."""
    if not checkup.synchronizes("full"):
        return []
    return sorted(holding_rows(checkup.destination, checkup.destination_tables))
