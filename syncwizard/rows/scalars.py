"""Values in binary form as something that can be compared: which types are, how their values are read, and what the
literals of a condition stand for."""

import datetime
import re
from collections.abc import Callable
from decimal import Decimal
from struct import Struct
from typing import Any

import msgspec

from syncwizard.structure.table import Column

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


class Kind(msgspec.Struct, frozen=True):
    """How values of a type are read, and what a constant stands for, of its text and its sort of literal (`number`,
    `text`, `boolean`); None where only the server knows. `ordered`: they compare as in the server. `form`: how compiled
    loops read them: big-endian integers of 2, 4 or 8 bytes, a truth (`?`), a numeric (`n`), plain bytes (`=`)."""

    read: Read
    constant: Callable[[str, str], Any]
    ordered: bool
    form: str


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


def kind_of(column: Column, codec: str) -> Kind | None:
    """How the values of a column are compared; None where they are not."""
    match column.type.name:
        case "smallint":
            return Kind(lambda data: _INT2(data)[0], _integer, ordered=True, form="2")
        case "integer":
            return Kind(lambda data: _INT4(data)[0], _integer, ordered=True, form="4")
        case "bigint":
            return Kind(lambda data: _INT8(data)[0], _integer, ordered=True, form="8")
        case "numeric":
            return Kind(numeric, _number, ordered=True, form="n")
        case "boolean":
            return Kind(lambda data: data == b"\1", _truth, ordered=True, form="?")
        case "date":
            return Kind(lambda data: _INT4(data)[0], _day, ordered=True, form="4")
        case "timestamp without time zone" | "timestamp with time zone":
            return Kind(lambda data: _INT8(data)[0], _moment, ordered=True, form="8")
        case "uuid":
            return Kind(lambda data: data, _uuid, ordered=True, form="=")
        case "text" | "character varying":
            # By bytes they are equal, and have no order.
            return Kind(lambda data: data, _text(codec), ordered=False, form="=") if column.exact else None
    # An enumeration is sent by its label; its order is that of its definition.
    return Kind(lambda data: data, _text(codec), ordered=False, form="=") if column.enumerated else None


def _text(codec: str) -> Callable[[str, str], Any]:
    def constant(text: str, kind: str) -> Any:
        try:
            return text.encode(codec) if kind == "text" else None
        except UnicodeEncodeError:
            return None

    return constant


def numeric_bytes(value: Decimal) -> bytes:
    """The binary form of a number, in groups of four decimal digits; its scale is left at 0.

    >>> numeric(numeric_bytes(Decimal("-12345.6"))), numeric(numeric_bytes(Decimal(0)))
    (Decimal('-12345.6000'), Decimal('0'))
    """
    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    text = "".join(map(str, digits)) + "0" * (exponent % 4)
    exponent -= exponent % 4
    text = text.zfill(-(-len(text) // 4) * 4)
    groups = [int(text[at : at + 4]) for at in range(0, len(text), 4)]
    weight = len(groups) - 1 + exponent // 4
    return Struct(f">HhHH{len(groups)}H").pack(len(groups), weight, _NEGATIVE if sign else 0, 0, *groups)
