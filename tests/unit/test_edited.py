"""A change with other values is decoded to these, and to all others as they came."""

from struct import pack

import pytest

from syncwizard.rows.changes import INSERT, NULL, UPDATE, Change, Route, RouteColumn, Value
from syncwizard.rows.edited import with_values
from syncwizard.rows.tuples import MESSAGE_AT, decoded
from syncwizard.task.names import TableName

NAMES = ("id", "v", "n")


def route(*, text: bool) -> Route:
    table = TableName("public", "t")
    columns = tuple(RouteColumn(source=name, name=name, type_name="pg_catalog.text") for name in NAMES)
    return Route(source=table, target=table, columns=columns, key=(0,), text=frozenset(range(3) if text else ()))


def value(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def sent(row: tuple[Value, ...], form: bytes) -> bytes:
    parts = [pack(">h", len(row))]
    for each in row:
        parts.append(b"u" if each is None else b"n" if each == NULL else form + bytes(each))
    return b"".join(parts)


def change(kind: int, *tuples: tuple[bytes, tuple[Value, ...]], text: bool) -> Change:
    form = b"t" if text else b"b"
    body = b"".join(mark + sent(row, form) for mark, row in tuples)
    return kind, route(text=text), b"w" + bytes(MESSAGE_AT - 1) + bytes([kind]) + bytes(4) + body


NEW = (value(b"1"), None, value(b"long"))
OLD = (value(b"0"), NULL, NULL)


@pytest.mark.parametrize("text", [True, False])
def test_given_values_take_the_place_of_those_that_were_sent(text: bool) -> None:
    values = {2: value(b"x" * 300)}
    for mark in (b"K", b"O"):
        given = change(UPDATE, (mark, OLD), (b"N", NEW), text=text)
        assert decoded(with_values(given, values))[2:] == (OLD, (value(b"1"), None, value(b"x" * 300)))
    given = change(UPDATE, (b"N", NEW), text=text)
    assert decoded(with_values(given, {2: NULL}))[2:] == (None, (value(b"1"), None, NULL))
    given = change(INSERT, (b"N", (value(b"1"), NULL, value(b""))), text=text)
    assert decoded(with_values(given, {1: value(b"a")}))[2:] == (None, (value(b"1"), value(b"a"), value(b"")))
    assert with_values(given, {})[2] == given[2]
