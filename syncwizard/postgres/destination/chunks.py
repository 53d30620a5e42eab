"""Which tables are copied under which pair, and which of their chunks are in (rules 3, 10)."""

import uuid
from collections.abc import Iterable, Mapping

import msgspec
import psycopg
from psycopg import sql

from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection, predicate, quoted
from syncwizard.task.lsn import parse_lsn
from syncwizard.task.names import TableName

# Each takes a lock and a piece of the plan.
TABLES_A_STATEMENT = 200
NO_CONDITIONS: Mapping[TableName, str] = {}


class TableCopy(msgspec.Struct, frozen=True, kw_only=True):
    """A table's copy as the destination records it. Chunk `n` covers `chunk_pages` heap pages from
    `n * chunk_pages` on, the last one everything after. `done` are the chunks that are in, with rows and bytes.

    A `kept` table held rows before us, which stay. It is one chunk: part of a copy could not be told from them.
    """

    table: TableName
    generation: int
    pair_lsn: str
    chunks: int
    chunk_pages: int
    kept: bool = False
    done: dict[int, tuple[int, int]] = {}

    @property
    def complete(self) -> bool:
        """Whether every chunk is in."""
        return len(self.done) == self.chunks


def read_copies(connection: Connection, task_id: uuid.UUID) -> dict[TableName, TableCopy]:
    """All copies of the task, finished or not."""
    done: dict[tuple[str, str, int], dict[int, tuple[int, int]]] = {}
    for schema, name, generation, chunk, rows, size in connection.execute(
        "SELECT schema_name, table_name, generation, chunk, rows, bytes FROM syncwizard.chunks WHERE task_id = %s",
        (task_id,),
    ):
        done.setdefault((schema, name, generation), {})[chunk] = (rows, size)
    return {
        TableName(schema, name): TableCopy(
            table=TableName(schema, name),
            generation=generation,
            pair_lsn=pair_lsn,
            chunks=chunks,
            chunk_pages=chunk_pages,
            kept=kept,
            done=done.get((schema, name, generation), {}),
        )
        for schema, name, generation, pair_lsn, chunks, chunk_pages, kept in connection.execute(
            "SELECT schema_name, table_name, generation, pair_lsn::text, chunks, chunk_pages, kept"
            " FROM syncwizard.tables WHERE task_id = %s",
            (task_id,),
        )
    }


def read_pairs(connection: Connection, task_id: uuid.UUID) -> dict[TableName, int]:
    """The pair LSN of every table of the task; beyond every position for one whose copy was never finished."""
    return {
        TableName(schema, name): parse_lsn(lsn) for schema, name, lsn in connection.execute(query("pairs"), (task_id,))
    }


def begin_copies(
    connection: Connection,
    task_id: uuid.UUID,
    copies: Iterable[TableCopy],
    truncate: Iterable[TableName],
    conditions: Mapping[TableName, str] = NO_CONDITIONS,
) -> None:
    """Records new generations and empties what former ones left, in one transaction.

    Waits for a chunk in doubt of the former generation: its transaction holds the table's row. `truncate` names
    destination tables that hold rows of ours and no others, but for those of `conditions`: of these only the rows that
    meet the predicate are removed.
    """
    with connection.transaction():
        for copy in copies:
            connection.execute(
                query("copy_begin"),
                {
                    "task_id": task_id,
                    "schema": copy.table.schema,
                    "name": copy.table.name,
                    "generation": copy.generation,
                    "lsn": copy.pair_lsn,
                    "chunks": copy.chunks,
                    "pages": copy.chunk_pages,
                    "kept": copy.kept,
                },
            )
            _forget_chunks(connection, task_id, copy.table)
        emptied = list(truncate)
        names = [quoted(table.schema, table.name) for table in emptied if not conditions.get(table)]
        if names:
            _empty(connection, names)
        for table in emptied:
            if condition := conditions.get(table):
                name = quoted(table.schema, table.name)
                connection.execute(sql.SQL("DELETE FROM ONLY {} WHERE {}").format(name, predicate(condition)))


def abandon_copies(connection: Connection, task_id: uuid.UUID, tables: Iterable[TableName]) -> None:
    """Gives up the copies of tables that are gone at the source: their changes are not applied either."""
    with connection.transaction():
        for table in tables:
            values = {"task_id": task_id, "schema": table.schema, "name": table.name}
            connection.execute(query("copy_abandon"), values)
            _forget_chunks(connection, task_id, table)


def restart_copies(
    connection: Connection, task_id: uuid.UUID, tables: Iterable[TableName], *, forget_pairs: bool
) -> None:
    """Makes tables unfinished that were copied before; their rows go when their next copy begins.

    Waits for a chunk of the former copy that is in doubt, and shuts out later ones. `forget_pairs`: positions of all
    tables mean nothing any more, because the stream begins anew, perhaps at another server.
    In the caller's transaction.
    """
    if forget_pairs:
        connection.execute("UPDATE syncwizard.tables SET pair_lsn = '0/0' WHERE task_id = %s", (task_id,))
    for table in tables:
        # Without its pair: a new one at the same position must not pass for the former.
        connection.execute(
            "UPDATE syncwizard.tables SET generation = generation + 1, pair_lsn = '0/0'"
            " WHERE task_id = %s AND schema_name = %s AND table_name = %s",
            (task_id, table.schema, table.name),
        )
        _forget_chunks(connection, task_id, table)


def _forget_chunks(connection: Connection, task_id: uuid.UUID, table: TableName) -> None:
    connection.execute(
        "DELETE FROM syncwizard.chunks WHERE task_id = %s AND schema_name = %s AND table_name = %s",
        (task_id, table.schema, table.name),
    )


def _empty(connection: Connection, names: list[sql.Identifier]) -> None:
    """Removes the rows of tables; foreign keys to them do not matter, because the session's triggers are quiet."""
    try:
        with connection.transaction():
            connection.execute(sql.SQL("TRUNCATE ONLY {}").format(sql.SQL(", ONLY ").join(names)))
    except psycopg.errors.FeatureNotSupported:
        # A table that we do not empty references one of them. TRUNCATE would refuse even if it were empty.
        for name in names:
            connection.execute(sql.SQL("DELETE FROM ONLY {}").format(name))


def holding_rows(
    connection: Connection, tables: Iterable[TableName], conditions: Mapping[TableName, str] = NO_CONDITIONS
) -> set[TableName]:
    """Those of the destination's tables that have any row, of some only such as meet the predicate of `conditions`; a
    statement for many of them."""
    wanted = list(tables)
    found: set[TableName] = set()
    for begin in range(0, len(wanted), TABLES_A_STATEMENT):
        some = wanted[begin : begin + TABLES_A_STATEMENT]
        looks = [
            sql.SQL("SELECT {} WHERE EXISTS (SELECT FROM {} WHERE {})").format(
                sql.Literal(number), quoted(table.schema, table.name), predicate(conditions.get(table) or "true")
            )
            for number, table in enumerate(some)
        ]
        found.update(some[number] for (number,) in connection.execute(sql.SQL(" UNION ALL ").join(looks)))
    return found


def claim_chunk(connection: Connection, task_id: uuid.UUID, table: TableName, generation: int, chunk: int) -> bool:
    """Inserts the chunk's completion row, in the transaction that will hold its rows.

    False when the generation has passed. Raises psycopg's UniqueViolation when the chunk is in already (a commit
    in doubt of a worker that died is waited for).
    """
    return (
        connection.execute(
            query("chunk_claim"),
            {
                "task_id": task_id,
                "schema": table.schema,
                "name": table.name,
                "generation": generation,
                "chunk": chunk,
            },
        ).rowcount
        == 1
    )


def fill_chunk(
    connection: Connection, task_id: uuid.UUID, table: TableName, generation: int, chunk: int, rows: int, size: int
) -> None:
    """Completes the claimed row with what was copied."""
    connection.execute(
        "UPDATE syncwizard.chunks SET rows = %s, bytes = %s WHERE task_id = %s AND schema_name = %s"
        " AND table_name = %s AND generation = %s AND chunk = %s",
        (rows, size, task_id, table.schema, table.name, generation, chunk),
    )


def read_chunk(
    connection: Connection, task_id: uuid.UUID, table: TableName, generation: int, chunk: int
) -> tuple[int, int]:
    """Rows and bytes of a chunk that is in."""
    row = connection.execute(
        "SELECT rows, bytes FROM syncwizard.chunks WHERE task_id = %s AND schema_name = %s"
        " AND table_name = %s AND generation = %s AND chunk = %s",
        (task_id, table.schema, table.name, generation, chunk),
    ).fetchone()
    return (0, 0) if row is None else (row[0], row[1])
