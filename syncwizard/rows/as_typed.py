"""Checks of a filter and of scripts while they are typed, over the columns that a listing of the source knows. Pure.

What the catalogues of both ends alone know, such as whether a function is immutable, is the precheck's.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from syncwizard.rows.etl.parsing import parse
from syncwizard.rows.etl.steps import compile_scripts
from syncwizard.rows.etl.tree import ScriptError
from syncwizard.rows.etl.types import type_of
from syncwizard.rows.origin_keys import parse_origin_keys
from syncwizard.rows.where import parse_where
from syncwizard.task.drafting.catalogue import ColumnFacts
from syncwizard.task.drafting.table_edit import MISSING
from syncwizard.task.names import TableName

_MODIFIERS = re.compile(r"\([^)]*\)")


class TableShape(msgspec.Struct, frozen=True, kw_only=True):
    """A table as a check needs it: the types of its columns by name, with or without modifiers, and its key."""

    name: TableName
    columns: Mapping[str, str]
    key: Sequence[str] = ()


def shape_of(table: TableName, columns: Collection[ColumnFacts]) -> TableShape:
    """The table for a check of a filter or script."""
    stored = [each for each in columns if not each.computed and each.type != MISSING]
    return TableShape(
        name=table,
        columns={each.name: each.type for each in stored},
        key=[each.name for each in stored if each.of_key],
    )


def filter_problem(text: str, table: TableShape) -> str:
    """What is wrong with a condition, with line and column; empty where nothing is, or where there is none.

    >>> orders = TableShape(name=TableName("s", "orders"), columns={"id": "bigint", "region": "text"}, key=["id"])
    >>> filter_problem("regio = 'us'", orders)
    'line 1, column 1: column regio is not in s.orders: did you mean `region`?'
    >>> filter_problem("region = 'us'", orders)
    ''
    """
    if not text.strip():
        return ""
    try:
        parse_where(text, table.name, table.columns)
    except ScriptError as error:
        return str(error)
    return ""


def origin_keys_problem(text: str, table: TableShape) -> str:
    """What is wrong with a condition that tells the table's keys from those of others, as for a filter.

    >>> orders = TableShape(name=TableName("s", "orders"), columns={"id": "bigint", "region": "text"}, key=["id"])
    >>> origin_keys_problem("region = 'us'", orders)
    'line 1, column 1: origin_keys: region is not in the key of s.orders (id)'
    """
    try:
        parse_origin_keys(text, table.name, table.columns, table.key)
    except ScriptError as error:
        return str(error)
    return ""


def script_problem(text: str, tables: Iterable[TableShape], database: str = "") -> str:
    """What is wrong with a script for these tables, each for itself; without tables its form alone is looked at.

    >>> orders = TableShape(name=TableName("s", "orders"), columns={"id": "int", "price": "numeric(8,2)"}, key=["id"])
    >>> script_problem('e_sett(`price`, 1)', [])
    ''
    >>> script_problem('e_sett(`price`, 1)', [orders])
    's.orders: line 1, column 1: there is no step e_sett: did you mean `e_set`?'
    """
    if not text.strip():
        return ""
    try:
        script = parse(text)
    except ScriptError as error:
        return str(error)
    for table in tables:
        types = {name: type_of(_MODIFIERS.sub("", type)) for name, type in table.columns.items()}
        constants = {"__DB__": database, "__SCHEMA__": table.name.schema, "__TB__": table.name.name}
        try:
            compile_scripts([script], types, table.key, constants, str(table.name))
        except ScriptError as error:
            return f"{table.name}: {error}"
    return ""
