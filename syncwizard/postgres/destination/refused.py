"""Reads a change that was refused as texts: values come in binary form, which the destination knows how to print.

In a transaction, behind the savepoint of `sender.py`: what cannot be printed fails the statement, and no more.
"""

import hashlib

import psycopg
from psycopg import pq

from syncwizard.postgres.destination.sender import SAVEPOINT
from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.session.encoding import codec_of
from syncwizard.rows.changes import KIND_NAMES, NULL, Change, Decoded, Route, Row
from syncwizard.rows.tuples import MESSAGE_AT, decoded
from syncwizard.task.facts import RefusedChange

# A value that is longer is cut: the journal is no place for documents.
MOST_CHARACTERS = 10_000


def digest_of(change: Change) -> str:
    """What a change is found again by, among those of its commit: of its message, as it comes in the stream."""
    return hashlib.sha256(change[2][MESSAGE_AT:]).hexdigest()


def describe_change(
    connection: Connection, change: Change, lsn: str, most: int | None = MOST_CHARACTERS
) -> RefusedChange:
    """All that was sent of the change; what the destination cannot print is shown as bytes. A value with more than
    `most` characters is cut."""
    kind, route, old, new = known = decoded(change)
    return RefusedChange(
        kind=KIND_NAMES[kind],
        table=str(route.target),
        lsn=lsn,
        old=_texts(connection, route, old, most) if old is not None else {},
        new=_texts(connection, route, new, most) if new is not None else {},
        digest=digest_of(change),
        source=str(route.source),
        # The whole of a row that has no key is no key for a journal.
        keys=_keys(connection, known) if route.key or most is None else [],
        columns=[route.columns[at].name for at in route.key],
    )


def bound_text(connection: Connection, route: Route, at: int, text: str | None) -> bytes:
    """A text as a value of a column of the route, in the form in which it arrives, with its length in front.

    Raises the psycopg error of a text that is no value of the column's type.
    """
    if text is None:
        return NULL
    value = text.encode(codec_of(connection))
    if at not in route.text:
        statement = f"SELECT $1::{route.columns[at].type_name}".encode(codec_of(connection))
        result = connection.pgconn.exec_params(statement, [value], None, None, pq.Format.BINARY)
        if result.status != pq.ExecStatus.TUPLES_OK:
            raise psycopg.errors.error_from_result(result, codec_of(connection))
        found = result.get_value(0, 0)
        if found is None:
            return NULL
        value = found
    return len(value).to_bytes(4, "big") + value


def _keys(connection: Connection, change: Decoded) -> list[dict[str, str | None]]:
    """The key after the change, and the one before it where that is another; all that was sent where there is none."""
    _, route, old, new = change
    positions = route.key or tuple(range(len(route.columns)))
    found: list[dict[str, str | None]] = []
    for row in (new, old):
        if row is None:
            continue
        filled = row if old is None else [value if value is not None else old[at] for at, value in enumerate(row)]
        key = {route.columns[at].source: _shown(connection, route, at, filled[at]) for at in positions}
        if key not in found:
            found.append(key)
    return found


def _texts(connection: Connection, route: Route, row: Row, most: int | None) -> dict[str, str | None]:
    texts: dict[str, str | None] = {}
    for at, value in enumerate(row):
        # Unchanged, and not sent.
        if value is not None:
            text = _shown(connection, route, at, value)
            cut = text is not None and most is not None and len(text) > most
            texts[route.columns[at].name] = f"{text[:most]}…" if cut and text is not None else text
    return texts


def _shown(connection: Connection, route: Route, at: int, value: bytes | memoryview | None) -> str | None:
    if value is None or bytes(value) == NULL:
        return None
    return _text(connection, bytes(value[4:]), route.columns[at].type_name, binary=at not in route.text)


def _text(connection: Connection, value: bytes, type_name: str, *, binary: bool) -> str:
    codec = codec_of(connection)
    if not binary:
        return value.decode(codec, errors="replace")
    try:
        result = connection.pgconn.exec_params(
            f"SELECT pg_catalog.format('%s', $1::{type_name})".encode(codec), [value], None, [pq.Format.BINARY], 0
        )
    except psycopg.Error:
        return "\\x" + value.hex()
    found = result.get_value(0, 0) if result.status == pq.ExecStatus.TUPLES_OK else None
    if connection.pgconn.transaction_status == pq.TransactionStatus.INERROR:
        connection.pgconn.exec_(b"ROLLBACK TO " + SAVEPOINT)
    return "\\x" + value.hex() if found is None else found.decode(codec, errors="replace")
