"""Reads the lines of test_decoding. Pure.

Names are written as SQL writes them and types stand in brackets behind them; values are literals with their quotes
doubled and nothing else escaped, so that a line has one meaning only, whatever names and values hold. Source of the
format: contrib/test_decoding/test_decoding.c, nearly the same from 9.4 on.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from syncwizard.errors import ProtocolError

_NAME = rb'(?:[a-z_][a-z0-9_]*+|"(?:[^"]|"")*+")'
_CHANGE = re.compile(rb"table (" + _NAME + rb"\." + _NAME + rb"): (INSERT|UPDATE|DELETE):").match
_TRUNCATE = re.compile(
    rb"table (" + _NAME + rb"\." + _NAME + rb"(?:, " + _NAME + rb"\." + _NAME + rb")*+): TRUNCATE:"
    rb"(?: \(no-flags\)|( restart_seqs)?( cascade)?)\Z"
).match
_TABLES = re.compile(_NAME + rb"\." + _NAME).findall
_QUALIFIED = re.compile(rb"(" + _NAME + rb")\.(" + _NAME + rb")\Z").match
# A name, its type, and a bare word, bits, a literal or a number.
_COLUMN = re.compile(
    rb" (" + _NAME + rb")\[((?:[^\"\[\]]++|\"(?:[^\"]|\"\")*+\"|\[\])*+)\]:"
    rb"(?:(null|unchanged-toast-datum|true|false)(?= |\Z)|B'([01]*+)'|'([^']*+(?:''[^']*+)*+)'|([^ ']++))"
).match
_BEGIN = re.compile(rb"BEGIN ([0-9]+)\Z").match
_COMMIT = re.compile(
    rb"COMMIT ([0-9]+) \(at ([0-9]+)-([0-9]{2})-([0-9]{2}) ([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,6}))?"
    rb"([+-])([0-9]{2})(?::([0-9]{2}))?(?::([0-9]{2}))?\)\Z"
).match
# Of columns: so many are kept without their quotes.
NAMES = 10_000
_OLD = b" old-key:"
_NEW = b" new-tuple:"
_NOTHING = b" (no-tuple-data)"
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


class Unchanged:
    """A value in TOAST that an UPDATE has left as it is: it is not in the stream."""


UNCHANGED: Final = Unchanged()
Text = bytes | None | Unchanged
Row = Mapping[bytes, Text]


def table_of(line: bytes) -> bytes | None:
    """The table of a change, as the line writes it; None for a line of another kind.

    >>> table_of(b'table public."Odd : INSERT:": DELETE: id[integer]:1')
    b'public."Odd : INSERT:"'
    """
    found = _CHANGE(line)
    return found[1] if found else None


def name_of(table: bytes) -> tuple[str, str]:
    """Schema and name of a table as a line writes it.

    >>> name_of(b'public."a "".b"')
    ('public', 'a ".b')
    """
    found = _QUALIFIED(table)
    if found is None:
        raise ProtocolError("a line of test_decoding without the name of a table")
    return _bare(found[1]).decode(), _bare(found[2]).decode()


@lru_cache(maxsize=NAMES)
def _bare(name: bytes) -> bytes:
    """The name without its quotes."""
    return name[1:-1].replace(b'""', b'"') if name.startswith(b'"') else name


def truncated(line: bytes) -> tuple[list[bytes], bool, bool] | None:
    """The tables of a TRUNCATE, whether it cascades, and whether it restarts sequences; None for another line.

    >>> truncated(b'table public.a, public."b, c": TRUNCATE: restart_seqs cascade')
    ([b'public.a', b'public."b, c"'], True, True)
    """
    found = _TRUNCATE(line)
    return (_TABLES(found[1]), found[3] is not None, found[2] is not None) if found else None


def begun(line: bytes) -> int | None:
    """The id of the transaction that begins; None for another line."""
    found = _BEGIN(line)
    return int(found[1]) if found else None


def committed(line: bytes) -> tuple[int, int] | None:
    """The id of the transaction that ends, and when it was committed in microseconds since 2000; None for another line.

    >>> committed(b"COMMIT 7 (at 2000-01-01 02:00:00.5+01:30)")
    (7, 1800500000)
    """
    found = _COMMIT(line)
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in found.group(2, 3, 4, 5, 6, 7))
    at = datetime(year, month, day, hour, minute, second, tzinfo=UTC) - _EPOCH
    zone = sum(int(part or 0) * size for part, size in zip(found.group(10, 11, 12), (3600, 60, 1), strict=True))
    seconds = at.days * 86_400 + at.seconds + (zone if found[9] == b"-" else -zone)
    return int(found[1]), seconds * 1_000_000 + int((found[8] or b"").ljust(6, b"0"))


def rows_of(line: bytes) -> tuple[bytes, Row | None, Row | None]:
    """The kind of a change (I, U, D), its old row or key without what is null, and its new row, by names of columns;
    None for a row that the line does not bring. Raises ProtocolError.

    >>> rows_of(b"table public.a: UPDATE: old-key: id[integer]:1 new-tuple: id[integer]:2 b[text]:'it''s' c[text]:null")
    (b'U', {b'id': b'1'}, {b'id': b'2', b'b': b"it's", b'c': None})
    """
    found = _CHANGE(line)
    if found is None:
        raise ProtocolError(f"a line of test_decoding that begins with {line[:20]!r}")
    kind, at, old = found[2][:1], found.end(), None
    if line.endswith(_NOTHING) and at + len(_NOTHING) == len(line):
        return kind, None, None
    if kind == b"D":
        return kind, _row(line, at), None
    if line.startswith(_OLD, at):
        old, at = _columns(line, at + len(_OLD))
        if not line.startswith(_NEW, at):
            raise ProtocolError("an update of test_decoding without its new row")
        at += len(_NEW)
    return kind, old, _row(line, at)


def _row(line: bytes, at: int) -> Row:
    row, end = _columns(line, at)
    if end != len(line):
        raise ProtocolError(f"a row of test_decoding that goes on with {line[end : end + 20]!r}")
    return row


def _columns(line: bytes, at: int) -> tuple[Row, int]:
    row: dict[bytes, Text] = {}
    while (found := _COLUMN(line, at)) is not None:
        quoted, _, word, bits, literal, number = found.groups()
        name = _bare(quoted)
        if word is None:
            row[name] = literal.replace(b"''", b"'") if literal is not None else bits if bits is not None else number
        elif word == b"null":
            row[name] = None
        elif word == b"unchanged-toast-datum":
            row[name] = UNCHANGED
        else:
            row[name] = word[:1]
        at = found.end()
    return row, at
