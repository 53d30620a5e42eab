"""Copies one chunk of a table: bytes in, bytes out, no value decoded (rules 10 and 11)."""

import select
import time
from collections.abc import Callable, Collection, Sequence

import msgspec
import psycopg
from psycopg import pq, sql

from syncwizard.postgres.dialect import features
from syncwizard.postgres.relay import Relay
from syncwizard.postgres.session.connection import Connection, predicate, quoted
from syncwizard.postgres.session.encoding import spelled
from syncwizard.postgres.wire import COPY_BLOCK_BYTES, Wire
from syncwizard.rows.changes import Projected
from syncwizard.rows.projection import Output
from syncwizard.task.names import TableName
from syncwizard.throttling import Pace

REPORT_SECONDS = 0.5
# As much as a socket and a block hold, some times over; more would only be memory.
READ_AHEAD_BYTES = 2 * 1024 * 1024


class ChunkRange(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a table: heap pages from `first_page` up to, not including, `end_page`; None: to the end.

    `oid` is the source table's; its `columns` go into the `target_columns`, in this order; `binary` chooses the COPY
    format. `keep_existing`: rows whose key the target has are left as they are there. `condition`: a predicate of the
    source's catalogue that the rows have to meet. `projected`: what selects rows and makes the target's columns;
    `dead_letters`: rows for which that fails are set aside. `row`: the place of the only row that is meant.
    """

    source: TableName
    target: TableName
    oid: int
    columns: tuple[str, ...]
    target_columns: tuple[str, ...]
    binary: bool
    first_page: int
    end_page: int | None
    keep_existing: bool = False
    condition: str = ""
    projected: Projected | None = None
    row: str = ""
    dead_letters: bool = False


class Copied(msgspec.Struct, frozen=True, kw_only=True):
    """What one chunk amounted to; `dead_letters`: rows of it that were set aside."""

    rows: int
    bytes: int
    dead_letters: int = 0


def begin_snapshot(source: Connection, snapshot: str, lock_milliseconds: int = 0) -> None:
    """Opens a transaction that sees what the exported snapshot sees, and waits for each lock so long at most, or as
    long as it takes."""
    source.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    source.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(sql.Literal(snapshot)))
    if lock_milliseconds:
        source.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(lock_milliseconds)))


def copy_out_statement(chunk: ChunkRange, *, keeps_lock: bool = True) -> sql.Composed:
    """The COPY at the source; `keeps_lock`: that of a table keeps its lock to the end of the transaction there, as that
    of a query does at every server.

    >>> part = ChunkRange(source=TableName("s", "t"), target=TableName("s", "t"), oid=1, columns=("a",),
    ...                   target_columns=("a",), binary=True, first_page=8, end_page=16)
    >>> copy_out_statement(part).as_string()
    'COPY (SELECT "a" FROM ONLY "s"."t" WHERE ctid >= \\'(8,0)\\' AND ctid < \\'(16,0)\\') TO STDOUT (FORMAT binary)'
    """
    if chunk.projected is not None:
        return _projected_copy(chunk, chunk.projected)
    table = quoted(chunk.source.schema, chunk.source.name)
    options = sql.SQL("(FORMAT binary)" if chunk.binary else "(FORMAT text)")
    bounds = row_bounds(chunk)
    if not bounds and keeps_lock:
        return sql.SQL("COPY {}{} TO STDOUT {}").format(table, _column_list(chunk.columns), options)
    where = sql.SQL(" WHERE {}").format(sql.SQL(bounds)) if bounds else sql.SQL("")
    return sql.SQL("COPY (SELECT {} FROM ONLY {}{}) TO STDOUT {}").format(
        _columns(chunk.columns), table, where, options
    )


def row_bounds(chunk: ChunkRange) -> str:
    """The predicate of a chunk's rows; empty for all."""
    if chunk.row:
        return f"ctid = '{chunk.row}'"
    bounds = []
    if chunk.first_page or chunk.end_page is not None:
        bounds.append(f"ctid >= '({chunk.first_page},0)'")
    if chunk.end_page is not None:
        bounds.append(f"ctid < '({chunk.end_page},0)'")
    if chunk.condition:
        bounds.append(predicate(chunk.condition).as_string(None))
    return " AND ".join(bounds)


def _projected_copy(chunk: ChunkRange, projected: Projected) -> sql.Composed:
    projection = projected.projection
    table = quoted(chunk.source.schema, chunk.source.name).as_string(None)
    values = [
        f"({output.sql})::{kind}" if casts_at_source(output, kind) else output.sql
        for output, kind in zip(projection.outputs, projected.types, strict=True)
    ]
    rows = projection.over(projection.base_at_source(f"ONLY {table}", row_bounds(chunk)))
    options = sql.SQL("(FORMAT binary)" if chunk.binary else "(FORMAT text)")
    # Texts of the checked script: literals and quoted names, nothing that its author typed as SQL.
    return sql.SQL("COPY (SELECT {} FROM {}) TO STDOUT {}").format(sql.SQL(", ".join(values)), sql.SQL(rows), options)


def casts_at_source(output: Output, kind: str) -> bool:
    """Whether a value is brought into the destination's type at the source, as an assignment would: what is computed,
    into types that every server has. What goes as it is arrives as it is."""
    return output.source is None and ("." not in kind or kind == output.type.name)


STAGING = sql.Identifier("pg_temp", "syncwizard_copy")


def copy_in_statement(chunk: ChunkRange) -> sql.Composed:
    """The COPY at the destination."""
    return sql.SQL("COPY {}{} FROM STDIN {}").format(
        STAGING if chunk.keep_existing else quoted(chunk.target.schema, chunk.target.name),
        _column_list(chunk.target_columns),
        sql.SQL("(FORMAT binary)" if chunk.binary else "(FORMAT text)"),
    )


def copy_chunk(
    source: Connection,
    destination: Connection,
    chunk: ChunkRange,
    report: Callable[[int, int], None],
    *,
    plain: bool,
    pace: Pace | None = None,
) -> Copied:
    """Moves the chunk inside the transactions that are open at both ends; its rows are those that went in.

    `plain`: neither session is encrypted. `pace`: what the copy is held to.

    `report(rows, bytes)` is called about twice a second. Raises psycopg errors of either end.
    """
    if chunk.keep_existing:
        _create_staging(destination, chunk)
    report = _now_and_then(report)
    if pace is not None:
        pace.query()
    statement = copy_out_statement(chunk, keeps_lock=features(source).lock_of_copy)
    ways = spelled(statement, source), spelled(copy_in_statement(chunk), destination)
    if plain:
        rows, size = Relay(source, destination, pace).run(*ways, report)
    else:
        rows, size = _copy_by_libpq(source, destination, ways, report, pace)
    if chunk.keep_existing:
        rows = _insert_missing(destination, chunk)
    return Copied(rows=rows, bytes=size)


def _now_and_then(report: Callable[[int, int], None]) -> Callable[[int, int], None]:
    reported_at = time.monotonic()

    def report_if_due(rows: int, size: int) -> None:
        nonlocal reported_at
        now = time.monotonic()
        if now - reported_at > REPORT_SECONDS:
            reported_at = now
            report(rows, size)

    return report_if_due


def _copy_by_libpq(
    source: Connection,
    destination: Connection,
    ways: tuple[bytes, bytes],
    report: Callable[[int, int], None],
    pace: Pace | None,
) -> tuple[int, int]:
    """Rows that went in, and bytes; `ways`: the COPY out and the COPY in."""
    reader = Wire(source)
    writer = Wire(destination)
    # The source first: where the table is gone there, the destination's transaction is still in order.
    reader.begin_copy_out(ways[0])
    writer.begin_copy_in(ways[1])
    size = pump(reader.pgconn, writer, report, pace)
    try:
        reader.end_copy_out()
    except psycopg.Error:
        # Otherwise the destination would go on waiting for rows.
        writer.give_up_copy()
        raise
    return writer.end_copy(), size


def _create_staging(destination: Connection, chunk: ChunkRange) -> None:
    if chunk.dead_letters:
        # The part of the chunk before this one had it, too.
        destination.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(STAGING))
    statement = sql.SQL("CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA").format(
        STAGING, _columns(chunk.target_columns), quoted(chunk.target.schema, chunk.target.name)
    )
    destination.execute(spelled(statement, destination))


def _insert_missing(destination: Connection, chunk: ChunkRange) -> int:
    columns = _columns(chunk.target_columns)
    statement = sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {} ON CONFLICT DO NOTHING").format(
        quoted(chunk.target.schema, chunk.target.name), columns, columns, STAGING
    )
    return destination.execute(spelled(statement, destination)).rowcount


def _column_list(columns: Sequence[str]) -> sql.Composable:
    """The columns in parentheses; nothing for a table without any, which COPY takes as it is."""
    return sql.SQL(" ({})").format(_columns(columns)) if columns else sql.SQL("")


def _columns(columns: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))


def pump(source: "pq.abc.PGconn", writer: Wire, report: Callable[[int, int], None], pace: Pace | None = None) -> int:
    """Moves CopyData messages until the source has no more; bytes moved.

    Messages are joined into blocks: a put_copy_data a row costs twice the time. While the destination is busy with
    one block the next ones are read, up to a limit, so that neither server waits for the other's round.
    """
    readable = select.poll()
    readable.register(source.socket, select.POLLIN)
    either = select.poll()
    either.register(source.socket, select.POLLIN)
    either.register(writer.pgconn.socket, select.POLLOUT)
    get_copy_data = source.get_copy_data
    block = bytearray()
    total = rows = 0
    unsent = False
    full = COPY_BLOCK_BYTES
    if pace is not None:
        pace.begin()
        full = pace.step(0, 0, COPY_BLOCK_BYTES)
    while True:
        size, view = get_copy_data(1)
        if size > 0:
            block += view
            rows += 1
            if len(block) < full:
                continue
            if unsent and (unsent := writer.try_flush()) and len(block) < READ_AHEAD_BYTES:
                continue
            total += len(block)
            unsent = writer.put_soon(block)
            block.clear()
            report(rows, total)
            if pace is not None:
                full = pace.step(rows, total, COPY_BLOCK_BYTES)
        elif size == 0:
            if unsent:
                either.poll()
                unsent = writer.try_flush()
            else:
                readable.poll()
            source.consume_input()
        else:
            break
    if block:
        total += len(block)
        writer.put(block)
        if pace is not None:
            pace.step(rows, total, COPY_BLOCK_BYTES)
    return total


def are_current(source: Connection, oids: Collection[int]) -> bool:
    """Whether the tables' storage is still the one the open snapshot sees (rule 11).

    To be called after the COPY and inside its transaction, whose lock keeps the storage from then on. After a
    rewrite an old snapshot reads an empty or partial table without any error.
    """
    row = source.execute(
        "SELECT count(*) FROM pg_catalog.pg_class c WHERE c.oid = ANY (%s::bigint[]::oid[])"
        " AND c.relfilenode = pg_catalog.pg_relation_filenode(c.oid)",
        (list(oids),),
    ).fetchone()
    return row is not None and row[0] == len(oids)


def has_read(source: Connection, oids: Collection[int]) -> bool:
    """Whether it was these relations that the COPYs read: under a name there may have been another one for a while.

    By the locks that the COPYs took, which their transaction holds.
    """
    row = source.execute(
        "SELECT count(DISTINCT relation) FROM pg_catalog.pg_locks WHERE locktype = 'relation'"
        " AND pid = pg_catalog.pg_backend_pid() AND relation = ANY (%s::bigint[]::oid[]) AND database ="
        " (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())",
        (list(oids),),
    ).fetchone()
    return row is not None and row[0] == len(oids)


def is_snapshot_lost(error: psycopg.Error) -> bool:
    """Whether SET TRANSACTION SNAPSHOT failed because the exporting session is gone."""
    return error.sqlstate in ("22023", "42704", "55000")
