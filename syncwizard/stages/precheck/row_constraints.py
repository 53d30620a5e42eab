"""Constraints that hold at the source, and need not for the rows that a task selects, changes or merges."""

from collections.abc import Iterator

from syncwizard.postgres.catalog.constraints import ForeignKey, read_foreign_keys, read_keeping_apart
from syncwizard.rows.origin_keys import parse_origin_keys
from syncwizard.rows.projection import Projection
from syncwizard.stages.precheck.checkup import Checkup
from syncwizard.stages.precheck.names import NAMES
from syncwizard.stages.precheck.registry import BOTH, Finding, item, must_be_accepted, naming, passed, warning
from syncwizard.stages.precheck.row_rules import ROW_RULES
from syncwizard.stages.precheck.selection import OBJECTS
from syncwizard.structure.merging import merged
from syncwizard.structure.table import Table
from syncwizard.task.mapping import Mapping
from syncwizard.task.names import TableName

WITHOUT = "a definition that rows do not meet is left out, reported as missing, and can be tried again later"


@item("row-constraints", "Constraints hold for the rows that are synchronized", BOTH, (*OBJECTS, *ROW_RULES, *NAMES))
def row_constraints(checkup: Checkup) -> Finding:
    """Foreign keys to rows that a filter leaves out, unique columns that a script computes, and what keeps the rows of
    merged tables apart."""
    if meeting := list(_meeting(checkup)):
        return must_be_accepted(
            naming("rows of merged tables may meet, and the second one would stop the task: ", meeting),
            "drop these at the destination, or let them contain what tells the tables apart",
        )
    if not checkup.synchronizes("schema"):
        return passed()
    doubtful = [*_foreign_keys(checkup), *_unique(checkup)]
    if not doubtful:
        return passed()
    return warning(naming("rows at the destination may not meet these: ", doubtful), WITHOUT)


def _foreign_keys(checkup: Checkup) -> Iterator[str]:
    rules = {name: rule.projection for name, rule in checkup.rules.items()}
    if not rules:
        return
    tables = {table.oid: table for table in checkup.selection.tables}
    for key in read_foreign_keys(checkup.source, tables):
        table, other = tables.get(key.table), tables.get(key.other)
        if table is None or other is None:
            # It is left out with the table that it refers to.
            continue
        own, there = rules.get(table.name), rules.get(other.name)
        if why := _missing(key, own, there, other.name) or _changed(key, (table, own), (other, there), checkup.mapping):
            yield f"foreign key {key.name} of {table.name} to {other.name}: {why}"


def _missing(key: ForeignKey, own: Projection | None, other: Projection | None, name: TableName) -> str:
    """Why rows that the key refers to may be missing; empty where they cannot be."""
    if other is not None and other.kept is not True and not _alike(key, own, other):
        how = f"the filter ({other.where})" if other.where else "the script"
        return f"{how} of {name} leaves out rows that may be referred to"
    if other is not None and (missing := sorted({"insert", "update"} - other.operations)):
        return f"{' and '.join(missing)} of {name} {'are' if len(missing) > 1 else 'is'} not applied"
    if own is not None and "delete" not in own.operations and (other is None or "delete" in other.operations):
        return f"rows that are deleted in {name} may still be referred to, because deletes are not applied here"
    return ""


Side = tuple[Table, Projection | None]


def _changed(key: ForeignKey, own: Side, other: Side, mapping: Mapping) -> str:
    """What a script computes of the key's columns, at either side."""
    for (table, projection), columns in ((own, key.columns), (other, key.referenced)):
        if projection is not None and (computed := _computed(table, projection, mapping).intersection(columns)):
            return f"the script of {table.name} computes {', '.join(sorted(computed))}"
    return ""


def _alike(key: ForeignKey, own: Projection | None, other: Projection) -> bool:
    """Whether what refers to a row passes the same condition, over columns of the key of the same names."""
    same = {name for name, there in zip(key.columns, key.referenced, strict=True) if name == there}
    return own is not None and bool(other.where) and own.where == other.where and other.decides <= same


def _computed(table: Table, projection: Projection, mapping: Mapping) -> set[str]:
    """Columns of the source whose values are others at the destination."""
    edited = mapping.edited(table.name, table.root)
    same = {output.source for output in projection.outputs}
    written = {output.name for output in projection.outputs}
    return {name for name in projection.columns if name not in same and mapping.column(edited, name) in written}


def _unique(checkup: Checkup) -> Iterator[str]:
    for table in checkup.selection.tables:
        rule = checkup.rules.get(table.name)
        if rule is None or not rule.projection.changes_values:
            continue
        computed = _computed(table, rule.projection, checkup.mapping)
        for index in table.unique_indexes:
            if some := [name for name in index.columns if name in computed]:
                yield f"unique index {index.name} of {table.name}: the script computes {', '.join(some)}"


def _meeting(checkup: Checkup) -> Iterator[str]:
    """What compares rows of merged tables by other columns than those that tell them apart."""
    mapping = checkup.mapping
    together = merged(checkup.selection.tables, mapping)
    if not together:
        return
    there = {table.oid: name for name in together if (table := checkup.destination_tables.get(name)) is not None}
    for each in read_keeping_apart(checkup.destination, there):
        target = there[each.table]
        for table in together[target]:
            deciding = _deciding(table, checkup)
            if not deciding or not deciding <= set(each.columns):
                by = ", ".join(sorted(deciding))
                yield f"{each.name} of {target}, which does not contain {by}"
                break


def _deciding(table: Table, checkup: Checkup) -> set[str]:
    """The destination's columns by which the rows of a merged table are told from others."""
    mapping = checkup.mapping
    if (origin := mapping.origins.get(table.name)) is not None:
        return {origin}
    columns = {column.name: column.type.name for column in table.stored_columns}
    keys = parse_origin_keys(mapping.origin_keys[table.name], table.name, columns, columns)
    return {mapping.column(table.name, name) for name in keys.reads}


ITEMS = (row_constraints,)
