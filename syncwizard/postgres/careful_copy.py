"""Copies a chunk around rows for which a script fails: by halves, down to the row, in the transactions of the chunk."""

from collections.abc import Callable, Iterator

import msgspec
import psycopg
from psycopg import sql

from syncwizard.errors import TaskFailed
from syncwizard.postgres.copying import ChunkRange, Copied, copy_chunk, row_bounds
from syncwizard.postgres.destination.dead_letters import MOST_A_CHUNK, is_of_a_row, shown
from syncwizard.postgres.session.connection import Connection, quoted, scalar
from syncwizard.rows.projection import Projection
from syncwizard.throttling import Pace

# Called with the key and the row as JSON, and why it failed.
SetAside = Callable[[str | None, str | None, psycopg.Error], None]


def copy_around(
    source: Connection,
    destination: Connection,
    chunk: ChunkRange,
    report: Callable[[int, int], None],
    set_aside: SetAside,
    pace: Pace | None = None,
) -> Copied:
    """As `copy_chunk`, with each row that fails set aside. Raises TaskFailed for too many of them."""
    copier = _Around(source, destination, report, set_aside, pace)
    return copier.copy(chunk)


def find_failing(source: Connection, chunk: ChunkRange) -> tuple[str, str] | None:
    """A row of the chunk for which the script fails now: its key as JSON, and which part of the task it is; None where
    none does. Evaluates at the source alone, in transactions that change nothing."""
    assert chunk.projected is not None
    projection = chunk.projected.projection
    part: ChunkRange | None = chunk if _fails(source, chunk) is not None else None
    while part is not None:
        if part.row:
            key, _ = _described(source, part, projection)
            return key or "", _where(source, part, projection)
        # None fails by itself where it was changed meanwhile.
        part = next((each for each in _split(source, part) if _fails(source, each) is not None), None)
    return None


class _Around:
    def __init__(
        self,
        source: Connection,
        destination: Connection,
        report: Callable[[int, int], None],
        set_aside: SetAside,
        pace: Pace | None,
    ) -> None:
        self._source = source
        self._destination = destination
        self._report = report
        self._set_aside = set_aside
        self._pace = pace
        self._failed = 0

    def copy(self, chunk: ChunkRange) -> Copied:
        for end in (self._source, self._destination):
            end.execute("SAVEPOINT syncwizard_rows")
        try:
            copied = copy_chunk(self._source, self._destination, chunk, self._report, plain=False, pace=self._pace)
        except psycopg.Error as error:
            if not is_of_a_row(error):
                raise
            for end in (self._source, self._destination):
                end.execute("ROLLBACK TO SAVEPOINT syncwizard_rows")
            if chunk.row:
                self._put_aside(chunk, error)
                return Copied(rows=0, bytes=0, dead_letters=1)
        else:
            return copied
        parts = [self.copy(part) for part in _split(self._source, chunk)]
        return Copied(
            rows=sum(part.rows for part in parts),
            bytes=sum(part.bytes for part in parts),
            dead_letters=sum(part.dead_letters for part in parts),
        )

    def _put_aside(self, chunk: ChunkRange, error: psycopg.Error) -> None:
        self._failed += 1
        if self._failed > MOST_A_CHUNK:
            raise TaskFailed(
                f"the script of {chunk.source} fails for more than {MOST_A_CHUNK:,} rows of a part of it",
                where=f"source {chunk.source}",
                detail=" ".join(str(error).split()),
                remedy="correct the script in the task file",
            ) from error
        assert chunk.projected is not None
        key, row = _described(self._source, chunk, chunk.projected.projection)
        self._set_aside(key, row, error)


def _split(source: Connection, chunk: ChunkRange) -> Iterator[ChunkRange]:
    """Its pages in halves, or the rows of its only page."""
    end = chunk.end_page
    if end is None:
        pages = scalar(
            source,
            "SELECT pg_catalog.pg_relation_size(%s::bigint::oid) / pg_catalog.current_setting('block_size')::bigint",
            chunk.oid,
        )
        end = max(int(pages), chunk.first_page + 1)
    if end - chunk.first_page > 1:
        middle = (chunk.first_page + end) // 2
        yield msgspec.structs.replace(chunk, end_page=middle)
        yield msgspec.structs.replace(chunk, first_page=middle)
        return
    table = quoted(chunk.source.schema, chunk.source.name)
    bounds = row_bounds(msgspec.structs.replace(chunk, end_page=end)) or "true"
    rows = source.execute(sql.SQL("SELECT ctid::text FROM ONLY {} WHERE {}").format(table, sql.SQL(bounds))).fetchall()
    for (place,) in rows:
        yield msgspec.structs.replace(chunk, row=place)


def _base(chunk: ChunkRange, projection: Projection) -> str:
    table = quoted(chunk.source.schema, chunk.source.name).as_string(None)
    return projection.base_at_source(f"ONLY {table}", row_bounds(chunk))


def _described(source: Connection, chunk: ChunkRange, projection: Projection) -> tuple[str | None, str | None]:
    """Key and row as JSON."""
    key, row = shown(projection, "b")
    text = sql.SQL(f"SELECT ({key})::text, ({row})::text FROM ({_base(chunk, projection)}) AS b")
    found = source.execute(text).fetchone()
    return (None, None) if found is None else (found[0], found[1])


def _fails(source: Connection, chunk: ChunkRange) -> psycopg.Error | None:
    """Why the rows cannot be evaluated, None where they can."""
    assert chunk.projected is not None
    projection = chunk.projected.projection
    values = ", ".join(f"({output.sql})::text" for output in projection.outputs) or "NULL"
    rows = projection.over(_base(chunk, projection))
    return _tried(source, f"SELECT pg_catalog.count(v) FROM (SELECT ROW({values})::text AS v FROM {rows}) AS x")


def _where(source: Connection, chunk: ChunkRange, projection: Projection) -> str:
    base = _base(chunk, projection)
    for where, expression, levels in projection.expressions():
        text = f"SELECT ({expression})::text FROM {projection.over(base, levels)}"
        if _tried(source, text) is not None:
            return where
    return ""


def _tried(source: Connection, text: str) -> psycopg.Error | None:
    try:
        with source.transaction():
            source.execute(sql.SQL(text))
    except psycopg.Error as error:
        if not is_of_a_row(error):
            raise
        return error
    return None
