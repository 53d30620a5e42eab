"""The sample database at the source: makes the tables of schema `kb`, loads the passages and builds the indexes."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any

import psycopg
from pgvector.psycopg import register_vector
from psycopg import sql
from psycopg.types.json import Jsonb

from syncwizard.demo.embeddings import embed
from syncwizard.demo.passages import Document, documents
from syncwizard.errors import UsageError

Session = psycopg.Connection[tuple[Any, ...]]

PASSAGES = 20_000
LOG_LINES = 2_000
TABLES = ("documents", "passages", "tags", "query_log")
# Twenty thousand vectors and their graph fit; less, and the build goes to disk and takes minutes.
BUILD_MEMORY = "256MB"
# The sample is the same every time, its timestamps included.
LOADED_AT = datetime(2024, 1, 1, tzinfo=UTC)

COLUMNS = {
    "documents": "id title path added_at",
    "passages": "id document_id position body embedding metadata created_at updated_at",
    "tags": "passage_id tag",
    "query_log": "asked_at question best_passage milliseconds",
}
TYPES = {
    "documents": "int8 text text timestamptz",
    "passages": "int8 int8 int4 text vector jsonb timestamptz timestamptz",
    "tags": "int8 text",
    "query_log": "timestamptz text int8 float4",
}


def load(session: Session, passages: int = PASSAGES) -> dict[str, int]:
    """Fills an empty database with about that many passages; returns the number of rows of each table.

    Raises UsageError when the standard library has no docstrings (some images strip them).
    """
    found = list(documents(passages))
    if not found:
        raise UsageError("this Python has no docstrings in its standard library", remedy="use another build of Python")
    session.execute("CREATE EXTENSION IF NOT EXISTS vector")
    register_vector(session)
    session.execute(_statements("tables.sql"))
    with session.transaction():
        counts = {
            "documents": _copy(session, "documents", _document_rows(found)),
            "passages": _copy(session, "passages", _passage_rows(found)),
            "tags": _copy(session, "tags", _tag_rows(found)),
            "query_log": _copy(session, "query_log", _log_rows(found)),
        }
        _advance_identities(session)
    return counts


def build_indexes(session: Session) -> None:
    """Creates the indexes, the HNSW graph among them, and gathers statistics."""
    session.execute(sql.SQL("SET maintenance_work_mem = {}").format(sql.Literal(BUILD_MEMORY)))
    session.execute(_statements("indexes.sql"))
    session.execute("RESET maintenance_work_mem")
    session.execute("ANALYZE")


def tags_of(subject: str, kind: str) -> list[str]:
    """What a passage is tagged with: its package and what it describes."""
    return list(dict.fromkeys([subject.split(".")[0].strip("_") or subject, kind]))


def _statements(name: str) -> sql.SQL:
    # SQL of the package's own files only, which is what LiteralString stands for.
    text: Any = resources.files("syncwizard.demo").joinpath("sql", name).read_text(encoding="utf-8")
    return sql.SQL(text)


def _copy(session: Session, table: str, rows: Iterator[tuple[Any, ...]]) -> int:
    columns = sql.SQL(", ").join(map(sql.Identifier, COLUMNS[table].split()))
    command = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(sql.Identifier("kb", table), columns)
    count = 0
    with session.cursor() as cursor, cursor.copy(command) as copy:
        copy.set_types(TYPES[table].split())
        for count, row in enumerate(rows, start=1):  # noqa: B007 (count is the answer)
            copy.write_row(row)
    return count


def _advance_identities(session: Session) -> None:
    for table in ("documents", "passages"):
        session.execute(
            sql.SQL("SELECT setval(pg_get_serial_sequence({name}, 'id'), (SELECT max(id) FROM {table}))").format(
                name=sql.Literal(f"kb.{table}"), table=sql.Identifier("kb", table)
            )
        )


def _document_rows(found: list[Document]) -> Iterator[tuple[Any, ...]]:
    for number, document in enumerate(found, start=1):
        yield number, document.title, document.path, LOADED_AT + timedelta(seconds=number)


def _passage_rows(found: list[Document]) -> Iterator[tuple[Any, ...]]:
    number = 0
    for document_number, document in enumerate(found, start=1):
        for position, passage in enumerate(document.passages, start=1):
            number += 1
            at = LOADED_AT + timedelta(milliseconds=number)
            metadata = Jsonb({"subject": passage.subject, "kind": passage.kind, "line": passage.line})
            yield number, document_number, position, passage.body, embed(passage.body), metadata, at, at


def _tag_rows(found: list[Document]) -> Iterator[tuple[Any, ...]]:
    number = 0
    for document in found:
        for passage in document.passages:
            number += 1
            for tag in tags_of(passage.subject, passage.kind):
                yield number, tag


def _log_rows(found: list[Document]) -> Iterator[tuple[Any, ...]]:
    bodies = [(number, passage) for number, passage in enumerate((p for d in found for p in d.passages), start=1)]
    step = max(1, len(bodies) // LOG_LINES)
    for number, passage in bodies[::step][:LOG_LINES]:
        yield LOADED_AT + timedelta(seconds=number), f"what does {passage.subject} do?", number, (number % 97) / 10
