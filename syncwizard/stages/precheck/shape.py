"""What tables are like that the destination has already: same columns and types, and a key where rows are kept."""

from collections.abc import Collection

import msgspec

from syncwizard.postgres.catalog.objects import read_columns_to_fill
from syncwizard.postgres.source.identity import has_usable_identity
from syncwizard.rows.projected_routing import as_expected
from syncwizard.stages.precheck.checkup import Checkup
from syncwizard.stages.precheck.registry import (
    BOTH,
    Fact,
    Finding,
    failed,
    item,
    must_be_accepted,
    naming,
    passed,
    warning,
)
from syncwizard.stages.precheck.row_rules import ROW_RULES
from syncwizard.stages.precheck.selection import OBJECTS
from syncwizard.stages.targets import Targets
from syncwizard.structure.fitting import Fit, fit
from syncwizard.structure.renames import renamed
from syncwizard.structure.table import Column, Index, Table, apply_key
from syncwizard.task.names import TableName


@item(
    "table-shapes", "Tables that exist at the destination have the shape of the source's", BOTH, (*OBJECTS, *ROW_RULES)
)
def table_shapes(checkup: Checkup) -> Finding:
    """Every column of the source is there and can be written; no other one must be filled; the types agree."""
    if checkup.captured and checkup.synchronizes("schema"):
        return passed("they are the task's own")
    pairs = paired(checkup)
    required = read_columns_to_fill(checkup.destination, [target.oid for _, target in pairs])
    wrong: list[str] = []
    differing: dict[Fit, list[str]] = {"exact": [], "refused": [], "changed": []}
    for table, target in pairs:
        wrong += _missing_columns(table, target, required.get(target.oid, ()))
        for outcome, columns in differing.items():
            columns += _columns_that_fit(table, target, outcome)
    if wrong:
        return failed(naming("rows would not fit: ", wrong), "give the tables the columns that they have at the source")
    unfilled = [name for table, target in pairs for name in _left_empty(table, target)]
    lost, noted = _losses(differing["changed"], unfilled), _notes(differing["exact"], differing["refused"])
    if lost:
        return must_be_accepted(
            lost + noted,
            "make types and generated columns the same, or accept this item if the loss is meant",
        )
    if noted:
        return warning(noted, "make the types the same where you can")
    return passed(f"{len(pairs)} tables compared")


def _losses(changed: list[str], unfilled: list[str]) -> list[Fact]:
    """What would not be kept, without an error."""
    parts = []
    if changed:
        parts.append(naming("values will be rounded, lose a part or mean something else without an error: ", changed))
    if unfilled:
        parts.append(naming("generated at the source alone, so that nothing fills them: ", unfilled))
    return parts


def _notes(exact: list[str], refused: list[str]) -> list[Fact]:
    """What is kept, or stops the task."""
    parts = []
    if exact:
        parts.append(naming("values are carried as text and cast: ", exact))
    if refused:
        # Assigned to a shorter type, a text loses the spaces at its end without an error, and nothing else.
        texts = any("character varying(" in column for column in refused)
        but = ", but for spaces at the end of a text, which are cut" if texts else ""
        parts.append(naming(f"a value that does not fit stops the task{but}: ", refused))
    return parts


def paired(checkup: Checkup) -> list[tuple[Table, Table]]:
    """The selected tables that hold rows, in the names they get there, with what the destination has for each."""
    found = [(renamed(table, checkup.mapping), checkup.target_of(table)) for table in checkup.selection.copied]
    return [(table, target) for table, target in found if target is not None]


def _expected(table: Table, checkup: Checkup) -> Table:
    """The table as its rows will be there, with what a script makes of its columns."""
    rule = checkup.rules.get(table.name)
    expected = renamed(table, checkup.mapping)
    if rule is None:
        return expected
    written = as_expected(table, rule.projection)
    return msgspec.structs.replace(expected, columns=written.columns, unique_indexes=written.unique_indexes)


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


def _left_empty(table: Table, target: Table) -> list[str]:
    """The destination's columns whose values the source computes and does not send."""
    plain = {column.name for column in target.columns if not column.generated}
    return [f"{target.name}.{column.name}" for column in table.columns if column.generated and column.name in plain]


def _columns_that_fit(table: Table, target: Table, outcome: Fit) -> list[str]:
    """The columns whose types differ, with this outcome; a wider form of the same type is no difference."""
    there = {column.name: column for column in target.columns}
    return [
        f"{target.name}.{column.name} ({_difference(column, there[column.name])})"
        for column in table.stored_columns
        if column.name in there and outcome_of(column, there[column.name]) == outcome
    ]


def outcome_of(column: Column, other: Column) -> Fit | None:
    """What becomes of the column's values in another one; None when they stay as they are."""
    if column.declared_type != other.declared_type:
        found = fit(column.declared_type, other.declared_type)
        return None if found == "exact" and column.type == other.type else found
    # A domain, range or composite of the same name that is built otherwise.
    return "changed" if column.type != other.type else None


def _difference(column: Column, other: Column) -> str:
    here, there = column.declared_type, other.declared_type
    if here == there:
        here, there = str(column.type), str(other.type)
    return f"{here} at the source, {there} at the destination"


def has_key(table: Table) -> bool:
    """Whether rows of the source's table can be addressed by a key."""
    return bool(table.keys(column.name for column in table.stored_columns))


def target_key(table: Table, target: Table) -> Index | None:
    """The destination's key over columns that the source will send with old rows."""
    return apply_key(table, target, sent_columns(table))


def sent_columns(table: Table) -> Collection[str]:
    """The columns that will come with old rows: all of them where capture has to set FULL."""
    identity = table.identity_columns()
    if identity is not None and has_usable_identity(table):
        return identity
    return [column.name for column in table.stored_columns]


def why_not_kept(checkup: Checkup, name: TableName) -> str:
    """Why a table that holds rows cannot be copied into, with conflict mode `ignore`; empty when it can."""
    target = checkup.destination_tables[name]
    expected = (renamed(table, checkup.mapping) for table in checkup.selection.tables)
    table = next(table for table in expected if table.name == name)
    if table.partitioned or table.is_partition or target.partitioned:
        return f"{name} (partitioned)"
    if target_key(table, target) is None:
        return f"{name} (no key: rows that are there cannot be distinguished from new ones)"
    return ""


def filled_tables(checkup: Checkup) -> list[TableName]:
    """The tables that a copy would meet rows in."""
    if not checkup.synchronizes("full"):
        return []
    there = checkup.destination_tables
    conditions = Targets(there.values(), checkup.mapping, source_database=checkup.source.info.dbname).conditions(
        checkup.selection.copied
    )
    return sorted(checkup.there.tables.holding_rows(there, conditions))


ITEMS = (table_shapes,)
