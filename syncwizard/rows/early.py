"""Drops changes right behind the decoder whose rows surely fail the table's condition, before and after.

Only what a comparison of scalars decides without PostgreSQL: everything else is *open*, and a row of which the answer
is open travels. Values are in binary form, as pgoutput sends them.
"""

from collections.abc import Sequence
from typing import Any

from syncwizard.rows.changes import DELETE, INSERT, Route, Row
from syncwizard.rows.early_parts import (
    FALSE,
    TRUE,
    UNDECIDED,
    UNKNOWN,
    Compared,
    Fixed,
    Not,
    NullTest,
    Part,
    depth,
    joined,
)
from syncwizard.rows.scalars import Kind, kind_of
from syncwizard.rows.tuples import both_rows, first_row
from syncwizard.rows.where import Condition
from syncwizard.structure.table import Column

_TURNED = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
# Compiled loops keep so many answers.
_MOST_DEPTH = 64
# What is nested deeper is left to PostgreSQL: a call of Python's for each level would meet its limit.
_DEEPEST = 200


class Early:
    """Whether a change of a route surely has no place at the destination, by the condition of its table."""

    def __init__(
        self, condition: Condition, columns: Sequence[Column | None], text: frozenset[int], codec: str
    ) -> None:
        """`columns`: those of the relation in its order; `text`: positions that come as text, which stay open."""
        self._columns = {
            column.name: (at, column) for at, column in enumerate(columns) if column is not None and at not in text
        }
        self._codec = codec
        self._part = self._surely(condition.tree.stmts[0].stmt.select_stmt.where_clause)
        self._test = self._part.test()

    @property
    def decides(self) -> bool:
        """Whether it can ever say more than that the answer is open."""
        return self._part != UNDECIDED

    @property
    def program(self) -> bytes | None:
        """The condition for compiled loops; None where it is beyond what they keep."""
        return self._part.program() if depth(self._part) <= _MOST_DEPTH else None

    def drops(self, kind: int, route: Route, frame: bytes) -> bool:
        """Whether the rows of an insert, update or delete fail, before and after."""
        if kind in (INSERT, DELETE):
            row = first_row(frame, route)
            return self._fails(row if kind == INSERT or route.full else _keyed(row, route))
        old, new = both_rows(frame, route)
        if old is None:
            # The key is as it was, and nothing else is known of the row before.
            return self._fails(_keyed(new, route)) if self._fails(new) else False
        if route.full:
            filled = tuple([before if value is None else value for value, before in zip(new, old, strict=True)])
            return self._fails(filled) and self._fails(old)
        return self._fails(new) and self._fails(_keyed(old, route))

    def _fails(self, row: Row) -> bool:
        return self._test(row) in (FALSE, UNKNOWN)

    # The condition in parts -----------------------------------------------------------------------------------------

    def _surely(self, node: Any) -> Part:
        try:
            part = self._compile(node)
            return part if depth(part) <= _DEEPEST else UNDECIDED
        except RecursionError:
            return UNDECIDED

    def _compile(self, node: Any) -> Part:
        kind = node.WhichOneof("node")
        inner = getattr(node, kind)
        match kind:
            case "bool_expr":
                return self._joined(inner)
            case "null_test":
                return self._null_test(inner)
            case "a_expr":
                return self._comparison(inner)
            case "column_ref":
                return self._truth(inner)
            case "a_const":
                value = _constant(node)
                if value is not None and value[1] == "boolean":
                    return Fixed(TRUE if value[0] == "true" else FALSE)
        return UNDECIDED

    def _joined(self, node: Any) -> Part:
        import postgast.pg_query_pb2 as pb

        parts = [self._compile(each) for each in node.args]
        if node.boolop == pb.NOT_EXPR:
            [part] = parts
            return part if part == UNDECIDED else Not(part)
        return joined(parts, every=node.boolop == pb.AND_EXPR)

    def _null_test(self, node: Any) -> Part:
        import postgast.pg_query_pb2 as pb

        found = self._column(node.arg)
        if found is None:
            return UNDECIDED
        null, other = (TRUE, FALSE) if node.nulltesttype == pb.IS_NULL else (FALSE, TRUE)
        return NullTest(found[0], null, other)

    def _truth(self, node: Any) -> Part:
        """A boolean column by itself."""
        found = self._columns.get(node.fields[-1].string.sval) if len(node.fields) else None
        if found is None or found[1].type.name != "boolean":
            return UNDECIDED
        kind = kind_of(found[1], self._codec)
        assert kind is not None
        return Compared(found[0], kind, "=", wanted=True)

    def _comparison(self, node: Any) -> Part:
        import postgast.pg_query_pb2 as pb

        operator = node.name[-1].string.sval if len(node.name) == 1 else ""
        if node.kind == pb.AEXPR_OP and operator in _TURNED:
            left, right = self._column(node.lexpr), self._column(node.rexpr)
            if left is not None and right is None:
                return _compared(left, operator, node.rexpr)
            if right is not None and left is None:
                return _compared(right, _TURNED[operator], node.lexpr)
        if node.kind == pb.AEXPR_IN and (left := self._column(node.lexpr)) is not None:
            return joined([_compared(left, operator, each) for each in node.rexpr.list.items], every=operator != "=")
        if node.kind == pb.AEXPR_BETWEEN and (left := self._column(node.lexpr)) is not None:
            low, high = node.rexpr.list.items
            return joined([_compared(left, ">=", low), _compared(left, "<=", high)], every=True)
        return UNDECIDED

    def _column(self, node: Any) -> tuple[int, Kind | None] | None:
        """The place of a column and how it is compared; None for anything else."""
        if node.WhichOneof("node") != "column_ref":
            return None
        found = self._columns.get(node.column_ref.fields[-1].string.sval)
        return None if found is None else (found[0], kind_of(found[1], self._codec))


def _compared(column: tuple[int, Kind | None], operator: str, other: Any) -> Part:
    at, kind = column
    constant = _constant(other)
    if kind is None or constant is None:
        return UNDECIDED
    if constant[1] == "null":
        return Fixed(UNKNOWN)
    wanted = kind.constant(*constant)
    if wanted is None or (operator not in ("=", "<>") and not kind.ordered):
        return UNDECIDED
    return Compared(at, kind, operator, wanted)


def _constant(node: Any) -> tuple[str, str] | None:
    """A literal: its text, and `number`, `text`, `boolean` or `null`."""
    kind = node.WhichOneof("node")
    if kind == "a_expr" and len(node.a_expr.name) == 1 and not node.a_expr.HasField("lexpr"):
        inner = _constant(node.a_expr.rexpr)
        if node.a_expr.name[0].string.sval != "-" or inner is None or inner[1] != "number":
            return None
        return f"-{inner[0]}", "number"
    if kind != "a_const":
        return None
    const = node.a_const
    if const.isnull:
        return "", "null"
    match const.WhichOneof("val"):
        case "ival":
            return str(const.ival.ival), "number"
        case "fval":
            return const.fval.fval, "number"
        case "sval":
            return const.sval.sval, "text"
        case "boolval":
            return ("true" if const.boolval.boolval else "false"), "boolean"
    return None


def _keyed(row: Row, route: Route) -> Row:
    """The values of the key alone: others of a delete, or of the row before an update, are not known."""
    identity = route.identity
    return tuple([value if at in identity else None for at, value in enumerate(row)])
