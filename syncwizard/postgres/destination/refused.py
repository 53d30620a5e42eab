"""Reads a change that was refused as texts: values come in binary form, which the destination knows how to print."""

import psycopg
from psycopg import pq

from syncwizard.postgres.session.connection import Connection
from syncwizard.rows.changes import KIND_NAMES, NULL, Decoded, Route, Row
from syncwizard.task.facts import RefusedChange

# A value that is longer is cut: the journal is no place for documents.
MOST_CHARACTERS = 10_000


def describe_change(connection: Connection, change: Decoded, lsn: str) -> RefusedChange:
    """All that was sent of the change, in a session without an open transaction. What the destination cannot print is
    shown as bytes."""
    kind, route, old, new = change
    return RefusedChange(
        kind=KIND_NAMES[kind],
        table=str(route.target),
        lsn=lsn,
        old=_texts(connection, route, old) if old is not None else {},
        new=_texts(connection, route, new) if new is not None else {},
    )


def _texts(connection: Connection, route: Route, row: Row) -> dict[str, str | None]:
    texts: dict[str, str | None] = {}
    for at, (column, value) in enumerate(zip(route.columns, row, strict=True)):
        if value is None:
            # Unchanged, and not sent.
            continue
        if bytes(value) == NULL:
            texts[column.name] = None
        else:
            text = _text(connection, bytes(value[4:]), column.type_name, binary=at not in route.text)
            texts[column.name] = text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}…"
    return texts


def _text(connection: Connection, value: bytes, type_name: str, *, binary: bool) -> str:
    if not binary:
        return value.decode(errors="replace")
    try:
        result = connection.pgconn.exec_params(
            f"SELECT pg_catalog.format('%s', $1::{type_name})".encode(), [value], None, [pq.Format.BINARY], 0
        )
    except psycopg.Error:
        return "\\x" + value.hex()
    found = result.get_value(0, 0) if result.status == pq.ExecStatus.TUPLES_OK else None
    return "\\x" + value.hex() if found is None else found.decode(errors="replace")
