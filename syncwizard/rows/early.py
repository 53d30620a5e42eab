"""Drops changes right behind the decoder whose rows surely fail the table's condition, before and after.

Only what a comparison of scalars decides without PostgreSQL: everything else is *open*, and a row of which the answer
is open travels. Values are in binary form, as pgoutput sends them.
"""

import datetime
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from struct import Struct
from typing import Any

from syncwizard.rows.changes import DELETE, INSERT, NULL, Route, Row, Value
from syncwizard.rows.tuples import both_rows, first_row
from syncwizard.rows.where import Condition
from syncwizard.structure.table import Column

# The answers of a condition for a row. A column that was not sent, or was not understood, leaves it open.
TRUE, FALSE, UNKNOWN, OPEN = 1, 0, 2, 3

Test = Callable[[Row], int]
# A value as something that can be compared with others of its column; None where that is not known.
Read = Callable[[bytes], Any]

_INT2, _INT4, _INT8 = (Struct(f">{letter}").unpack for letter in "hiq")
_NUMERIC = Struct(">HhHH").unpack_from
_GROUPS = Struct(">H").iter_unpack
_NEGATIVE = 0x4000
_EPOCH = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?)?")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


class _Kind:
    """How values of a type are read, and what a constant stands for; `ordered`: they compare as in the server."""

    def __init__(self, read: Read, constant: Callable[[str, str], Any], *, ordered: bool) -> None:
        self.read = read
        self.constant = constant
        self.ordered = ordered


def numeric(data: bytes) -> Decimal | None:
    """A numeric in binary form; None for NaN and the infinities.

    >>> numeric(bytes.fromhex("0003000100000003000109291770")), numeric(bytes.fromhex("0001ffff40000002000a"))
    (Decimal('12345.6000'), Decimal('-0.0010'))
    >>> numeric(bytes.fromhex("00000000c0000000"))
    """
    count, weight, sign, _ = _NUMERIC(data, 0)
    if sign not in (0, _NEGATIVE):
        return None
    digits = 0
    for (group,) in _GROUPS(data[8:]):
        digits = digits * 10000 + group
    # Made of its parts it is exact, whatever the precision of the context, and comparing is exact as well.
    return Decimal((int(sign == _NEGATIVE), tuple(map(int, str(digits))), 4 * (weight - count + 1)))


def _number(text: str, kind: str) -> Any:
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def _integer(text: str, kind: str) -> Any:
    return int(text) if re.fullmatch(r"-?\d+", text) else _number(text, kind) if kind == "number" else None


def _day(text: str, kind: str) -> Any:
    if kind != "text" or not _DAY.fullmatch(text):
        return None
    try:
        return (datetime.date.fromisoformat(text) - _EPOCH.date()).days
    except ValueError:
        return None


def _moment(text: str, kind: str) -> Any:
    if kind != "text" or not _MOMENT.fullmatch(text):
        return None
    try:
        moment = datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.UTC)
    except ValueError:
        return None
    return (moment - _EPOCH) // datetime.timedelta(microseconds=1)


def _truth(text: str, kind: str) -> Any:
    return {"true": True, "false": False}.get(text)


def _uuid(text: str, kind: str) -> Any:
    return bytes.fromhex(text.replace("-", "")) if kind == "text" and _UUID.fullmatch(text) else None


def _kind_of(column: Column, codec: str) -> _Kind | None:
    """How the values of a column are compared; None where they are not."""
    match column.type.name:
        case "smallint":
            return _Kind(lambda data: _INT2(data)[0], _integer, ordered=True)
        case "integer":
            return _Kind(lambda data: _INT4(data)[0], _integer, ordered=True)
        case "bigint":
            return _Kind(lambda data: _INT8(data)[0], _integer, ordered=True)
        case "numeric":
            return _Kind(numeric, _number, ordered=True)
        case "boolean":
            return _Kind(lambda data: data == b"\1", _truth, ordered=True)
        case "date":
            return _Kind(lambda data: _INT4(data)[0], _day, ordered=True)
        case "timestamp without time zone" | "timestamp with time zone":
            return _Kind(lambda data: _INT8(data)[0], _moment, ordered=True)
        case "uuid":
            return _Kind(lambda data: data, _uuid, ordered=True)
        case "text" | "character varying":
            # By bytes they are equal, and have no order.
            return _Kind(lambda data: data, _text(codec), ordered=False) if column.exact else None
    # An enumeration is sent by its label; its order is that of its definition.
    return _Kind(lambda data: data, _text(codec), ordered=False) if column.enumerated else None


def _text(codec: str) -> Callable[[str, str], Any]:
    def constant(text: str, kind: str) -> Any:
        try:
            return text.encode(codec) if kind == "text" else None
        except UnicodeEncodeError:
            return None

    return constant


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
        where = condition.tree.stmts[0].stmt.select_stmt.where_clause
        self._test = self._compile(where)

    @property
    def decides(self) -> bool:
        """Whether it can ever say more than that the answer is open."""
        return self._test is not _open

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

    # The condition as functions of a row --------------------------------------------------------------------------

    def _compile(self, node: Any) -> Test:
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
                    answer = TRUE if value[0] == "true" else FALSE
                    return lambda row: answer
        return _open

    def _joined(self, node: Any) -> Test:
        import postgast.pg_query_pb2 as pb

        tests = [self._compile(each) for each in node.args]
        if node.boolop == pb.NOT_EXPR:
            [test] = tests
            return _open if test is _open else lambda row: _NOT[test(row)]
        if all(test is _open for test in tests):
            return _open
        return _all(tests) if node.boolop == pb.AND_EXPR else _any(tests)

    def _null_test(self, node: Any) -> Test:
        import postgast.pg_query_pb2 as pb

        found = self._column(node.arg)
        if found is None:
            return _open
        at, _ = found
        null, other = (TRUE, FALSE) if node.nulltesttype == pb.IS_NULL else (FALSE, TRUE)

        def test(row: Row) -> int:
            value = row[at]
            return OPEN if value is None else null if value == NULL else other

        return test

    def _truth(self, node: Any) -> Test:
        """A boolean column by itself."""
        found = self._columns.get(node.fields[-1].string.sval) if len(node.fields) else None
        if found is None or found[1].type.name != "boolean":
            return _open
        at = found[0]

        def test(row: Row) -> int:
            value = row[at]
            return OPEN if value is None else UNKNOWN if value == NULL else TRUE if value[4:] == b"\1" else FALSE

        return test

    def _comparison(self, node: Any) -> Test:
        import postgast.pg_query_pb2 as pb

        operator = node.name[-1].string.sval if len(node.name) == 1 else ""
        if node.kind == pb.AEXPR_OP and operator in _COMPARISONS:
            left, right = self._column(node.lexpr), self._column(node.rexpr)
            if left is not None and right is None:
                return self._compared(left, operator, node.rexpr)
            if right is not None and left is None:
                return self._compared(right, _TURNED[operator], node.lexpr)
        if node.kind == pb.AEXPR_IN and (left := self._column(node.lexpr)) is not None:
            tests = [self._compared(left, operator, each) for each in node.rexpr.list.items]
            return _any(tests) if operator == "=" else _all(tests)
        if node.kind == pb.AEXPR_BETWEEN and (left := self._column(node.lexpr)) is not None:
            low, high = node.rexpr.list.items
            return _all([self._compared(left, ">=", low), self._compared(left, "<=", high)])
        return _open

    def _compared(self, column: tuple[int, _Kind | None], operator: str, other: Any) -> Test:
        at, kind = column
        constant = _constant(other)
        if kind is None or constant is None:
            return _open
        if constant[1] == "null":
            return lambda row: UNKNOWN
        wanted = kind.constant(*constant)
        if wanted is None or (operator not in ("=", "<>") and not kind.ordered):
            return _open
        read, compare = kind.read, _COMPARISONS[operator]

        def test(row: Row) -> int:
            value: Value = row[at]
            if value is None:
                return OPEN
            if value == NULL:
                return UNKNOWN
            known = read(bytes(value[4:]))
            if known is None:
                return OPEN
            return TRUE if compare(known, wanted) else FALSE

        return test

    def _column(self, node: Any) -> tuple[int, _Kind | None] | None:
        """The place of a column and how it is compared; None for anything else."""
        if node.WhichOneof("node") != "column_ref":
            return None
        found = self._columns.get(node.column_ref.fields[-1].string.sval)
        return None if found is None else (found[0], _kind_of(found[1], self._codec))


_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": lambda one, other: bool(one == other),
    "<>": lambda one, other: bool(one != other),
    "<": lambda one, other: bool(one < other),
    "<=": lambda one, other: bool(one <= other),
    ">": lambda one, other: bool(one > other),
    ">=": lambda one, other: bool(one >= other),
}
_TURNED = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_NOT = {TRUE: FALSE, FALSE: TRUE, UNKNOWN: UNKNOWN, OPEN: OPEN}


def _open(row: Row) -> int:
    return OPEN


def _all(tests: Sequence[Test]) -> Test:
    """AND. One that is false decides; an unknown one does as well where a filter is asked, but not below a NOT."""

    def test(row: Row) -> int:
        found = TRUE
        for each in tests:
            answer = each(row)
            if answer == FALSE:
                return FALSE
            if answer == OPEN or (answer == UNKNOWN and found == TRUE):
                found = answer
        return found

    return test


def _any(tests: Sequence[Test]) -> Test:
    """OR."""

    def test(row: Row) -> int:
        found = FALSE
        for each in tests:
            answer = each(row)
            if answer == TRUE:
                return TRUE
            if answer == OPEN or (answer == UNKNOWN and found == FALSE):
                found = answer
        return found

    return test


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
