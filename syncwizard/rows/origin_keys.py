"""The condition over its key by which the rows of a table are told from those of others that go to the same table of
the destination (DESIGN rule 22); pure.

It compares columns of the key with constants and does nothing else: then rows whose keys are equal for an index are
equal for it, and PostgreSQL's own planner can tell from constraints that it holds, and that two of them exclude each
other.
"""

from collections.abc import Collection, Mapping
from typing import Any

from syncwizard.rows.etl.tree import Place, ScriptError
from syncwizard.rows.where import Condition, parse_where
from syncwizard.structure.table import Table
from syncwizard.task.mapping import Mapping as NameMapping
from syncwizard.task.names import TableName

OPERATORS = frozenset(("=", "<>", "<", "<=", ">", ">="))
_PLAIN = "it compares columns of the key: tenant = 1, region IN ('eu', 'uk'), id >= 1 AND id < 1000"


def parse_origin_keys(text: str, table: TableName, columns: Mapping[str, str], key: Collection[str]) -> Condition:
    """Reads the condition; `columns`: the table's types by name; `key`: those that changes find their rows by.

    Raises ScriptError.

    >>> columns = {"tenant": "integer", "id": "bigint", "note": "text"}
    >>> table, key = TableName("s", "t"), ["tenant", "id"]
    >>> sorted(parse_origin_keys("tenant IN (1, 2) AND id > 5", table, columns, key).reads)
    ['id', 'tenant']
    >>> parse_origin_keys("note = 'x'", table, columns, key)
    Traceback (most recent call last):
    syncwizard.rows.etl.tree.ScriptError: line 1, column 1: origin_keys: note is not in the key of s.t (tenant, id)
    """
    condition = parse_where(text, table, columns)
    if condition.used.named:
        raise ScriptError("origin_keys has a cast to a type of users", Place(1, 1), _PLAIN)
    for name in sorted(condition.reads):
        if name not in key:
            has = f" ({', '.join(key)})" if key else ""
            raise ScriptError(f"origin_keys: {name} is not in the key of {table}{has}", Place(1, 1))
    _check(condition.tree.stmts[0].stmt.select_stmt.where_clause)
    return condition


def own_rows(text: str, table: Table, names: NameMapping, alias: str = "") -> str:
    """The condition over the columns of the destination's table, which may have an alias; it was checked before.

    Raises ScriptError.
    """
    condition = parse_where(text, table.name, {column.name: column.type.name for column in table.stored_columns})
    edited = names.edited(table.name, table.root)
    before = (alias,) if alias else ()
    return f"({condition.over({name: (*before, names.column(edited, name)) for name in condition.reads})})"


def guarded(condition: str, told: str) -> str:
    """True where the condition holds. Where not, an error of the server in which the literal `told` is read: such a row
    might have the key of another table's."""
    # The cast fails, and only for a row: of constants alone it would when it is planned.
    failing = f"({told} OPERATOR(pg_catalog.||) ({condition})::pg_catalog.text)"
    return f"CASE WHEN {condition} THEN true ELSE {failing}::pg_catalog.bool END"


def _check(node: Any) -> None:
    """Raises ScriptError for what is more than comparisons with constants."""
    import postgast.pg_query_pb2 as pb

    kind = node.WhichOneof("node")
    inner = getattr(node, kind)
    if kind == "bool_expr":
        for each in inner.args:
            _check(each)
        return
    if kind == "a_expr" and [part.string.sval for part in inner.name] != [] and inner.kind in _kinds(pb):
        sides = [inner.lexpr, inner.rexpr]
        named = {part.string.sval for part in inner.name} - {"BETWEEN", "NOT BETWEEN"}
        columns = [side for side in sides if side.WhichOneof("node") == "column_ref"]
        others = [side for side in sides if side.WhichOneof("node") != "column_ref"]
        if named <= OPERATORS and len(columns) == 1 and all(map(_constant, others)):
            return
    raise ScriptError("origin_keys is more than comparisons of the key with constants", Place(1, 1), _PLAIN)


def _kinds(pb: Any) -> tuple[int, ...]:
    return pb.AEXPR_OP, pb.AEXPR_IN, pb.AEXPR_BETWEEN, pb.AEXPR_NOT_BETWEEN


def _constant(node: Any) -> bool:
    kind = node.WhichOneof("node")
    if kind == "list":
        return all(map(_constant, node.list.items))
    if kind == "type_cast":
        return _constant(node.type_cast.arg)
    if kind == "a_expr":
        # A sign before a number.
        return not node.a_expr.HasField("lexpr") and _constant(node.a_expr.rexpr)
    return bool(kind == "a_const") and not node.a_const.isnull
