"""Which tables are copied under which pair, and which of their chunks are in (rules 3, 10)."""

import uuid
from collections.abc import Iterable, Mapping, Sequence

import msgspec
import psycopg
from psycopg import sql

from syncwizard.postgres.destination.dead_letters import DeadLetters
from syncwizard.postgres.destination.quarantine import Quarantine
from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection, predicate, quoted
from syncwizard.rows.changes import Beat
from syncwizard.task.lsn import parse_lsn
from syncwizard.task.names import TableName

NO_CONDITIONS: Mapping[TableName, str] = {}


class TableCopy(msgspec.Struct, frozen=True, kw_only=True):
    """A table's copy as the destination records it. Chunk `n` covers `chunk_pages` heap pages from
    `n * chunk_pages` on, the last one everything after. `done` are the chunks that are in, with rows and bytes.

    `beat`: the heartbeat that was written after the snapshot of a pair that is later than the task's slot.
    A `kept` table held rows before us, which stay. It is one chunk: part of a copy could not be kept apart from them.
    """

    table: TableName
    generation: int
    pair_lsn: str
    chunks: int
    chunk_pages: int
    kept: bool = False
    done: dict[int, tuple[int, int]] = {}
    beat: Beat | None = None

    @property
    def complete(self) -> bool:
        """Whether every chunk is in."""
        return len(self.done) == self.chunks


class Copies:
    """The copies of one task's tables."""

    def __init__(self, connection: Connection, task_id: uuid.UUID) -> None:
        self._connection = connection
        self._task_id = task_id

    def read(self) -> dict[TableName, TableCopy]:
        """All copies of the task, finished or not."""
        done: dict[tuple[str, str, int], dict[int, tuple[int, int]]] = {}
        for schema, name, generation, chunk, rows, size in self._connection.execute(
            "SELECT schema_name, table_name, generation, chunk, rows, bytes FROM syncwizard.chunks WHERE task_id = %s",
            (self._task_id,),
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
            for schema, name, generation, pair_lsn, chunks, chunk_pages, kept in self._connection.execute(
                "SELECT schema_name, table_name, generation, pair_lsn::text, chunks, chunk_pages, kept"
                " FROM syncwizard.tables WHERE task_id = %s",
                (self._task_id,),
            )
        }

    def read_pairs(self) -> dict[TableName, int]:
        """The pair LSN of every table of the task; beyond every position for one whose copy was never finished."""
        return {
            TableName(schema, name): parse_lsn(lsn)
            for schema, name, lsn in self._connection.execute(query("pairs"), (self._task_id,))
        }

    def begin(
        self,
        copies: Iterable[TableCopy],
        truncate: Iterable[TableName],
        conditions: Mapping[TableName, str] = NO_CONDITIONS,
    ) -> None:
        """Records new generations and empties what former ones left, in one transaction.

        Waits for a chunk in doubt of the former generation: its transaction holds the table's row. `truncate` names
        destination tables that hold rows of ours alone, but for those of `conditions`: of these only the rows that
        meet the predicate are removed.
        """
        copies = list(copies)
        with self._connection.transaction():
            for copy in copies:
                self._connection.execute(
                    query("copy_begin"),
                    {
                        "task_id": self._task_id,
                        "schema": copy.table.schema,
                        "name": copy.table.name,
                        "generation": copy.generation,
                        "lsn": copy.pair_lsn,
                        "chunks": copy.chunks,
                        "pages": copy.chunk_pages,
                        "kept": copy.kept,
                        "beat": copy.beat.number if copy.beat else None,
                        "beat_at": copy.beat.at if copy.beat else None,
                    },
                )
                self._forget_chunks(copy.table)
                DeadLetters(self._connection, self._task_id).forget(copy.table)
            # One that is kept keeps the rows that it has.
            Quarantine(self._connection, self._task_id).settle_copied([each.table for each in copies if not each.kept])
            emptied = list(truncate)
            names = [quoted(table.schema, table.name) for table in emptied if not conditions.get(table)]
            if names:
                self._empty(names)
            for table in emptied:
                if condition := conditions.get(table):
                    name = quoted(table.schema, table.name)
                    self._connection.execute(sql.SQL("DELETE FROM ONLY {} WHERE {}").format(name, predicate(condition)))

    def empty(self, table: TableName, pair_lsn: str) -> None:
        """Records a table that came without rows: all of its changes from the position on are in the stream. In the
        caller's transaction."""
        known = self.read().get(table)
        generation = known.generation + 1 if known is not None else 1
        self.begin([TableCopy(table=table, generation=generation, pair_lsn=pair_lsn, chunks=1, chunk_pages=1)], [])
        if not self.claim_chunk(table, generation, 0):
            raise AssertionError(f"the copy of {table} has passed within its transaction")
        self.fill_chunk(table, generation, 0, 0, 0)

    def forget(self, table: TableName) -> None:
        """The table is none of the task's any more. In the caller's transaction."""
        self._forget_chunks(table)
        self._connection.execute(
            "DELETE FROM syncwizard.tables WHERE task_id = %s AND schema_name = %s AND table_name = %s",
            (self._task_id, table.schema, table.name),
        )

    def rename(self, before: TableName, now: TableName) -> None:
        """A table has another name at the source. In the caller's transaction."""
        for table in ("tables", "chunks", "dead_letters", "quarantine"):
            name = sql.Identifier("syncwizard", table)
            values = {"id": self._task_id, "old": [before.schema, before.name], "new": [now.schema, now.name]}
            condition = sql.SQL("task_id = %(id)s AND ARRAY[schema_name, table_name] = %(new)s::text[]")
            if table in ("tables", "chunks"):
                # What a table had that was dropped under that name.
                self._connection.execute(sql.SQL("DELETE FROM {} WHERE ").format(name) + condition, values)
            self._connection.execute(
                sql.SQL(
                    "UPDATE {} SET schema_name = (%(new)s::text[])[1], table_name = (%(new)s::text[])[2]"
                    " WHERE task_id = %(id)s AND ARRAY[schema_name, table_name] = %(old)s::text[]"
                ).format(name),
                values,
            )

    def abandon(self, tables: Iterable[TableName]) -> None:
        """Gives up the copies of tables that are gone at the source: their changes are not applied either."""
        with self._connection.transaction():
            for table in tables:
                values = {"task_id": self._task_id, "schema": table.schema, "name": table.name}
                self._connection.execute(query("copy_abandon"), values)
                self._forget_chunks(table)

    def restart(self, tables: Iterable[TableName], *, forget_pairs: bool) -> None:
        """Makes tables unfinished that were copied before; their rows go when their next copy begins.

        Waits for a chunk of the former copy that is in doubt, and shuts out later ones. `forget_pairs`: positions of
        all tables mean nothing any more, because the stream begins anew, perhaps at another server.
        In the caller's transaction.
        """
        if forget_pairs:
            self._connection.execute(
                "UPDATE syncwizard.tables SET pair_lsn = '0/0', pair_beat = NULL, pair_beat_at = NULL"
                " WHERE task_id = %s",
                (self._task_id,),
            )
        for table in tables:
            # Without its pair: a new one at the same position must not pass for the former.
            self._connection.execute(
                "UPDATE syncwizard.tables"
                " SET generation = generation + 1, pair_lsn = '0/0', pair_beat = NULL, pair_beat_at = NULL"
                " WHERE task_id = %s AND schema_name = %s AND table_name = %s",
                (self._task_id, table.schema, table.name),
            )
            self._forget_chunks(table)

    def _forget_chunks(self, table: TableName) -> None:
        self._connection.execute(
            "DELETE FROM syncwizard.chunks WHERE task_id = %s AND schema_name = %s AND table_name = %s",
            (self._task_id, table.schema, table.name),
        )

    def _empty(self, names: list[sql.Identifier]) -> None:
        """Removes the rows of tables; foreign keys to them do not matter, because the session fires no triggers."""
        try:
            with self._connection.transaction():
                self._connection.execute(sql.SQL("TRUNCATE ONLY {}").format(sql.SQL(", ONLY ").join(names)))
        except psycopg.errors.FeatureNotSupported:
            # A table that we do not empty references one of them. TRUNCATE would refuse even if it were empty.
            for name in names:
                self._connection.execute(sql.SQL("DELETE FROM ONLY {}").format(name))

    def claim_whole(self, copies: Sequence[tuple[TableName, int]]) -> bool:
        """As `claim_chunk` for tables of one chunk each, given with their generations: all of them, or False."""
        return self._connection.execute(query("chunks_claim"), self._named(copies)).rowcount == len(copies)

    def fill_whole(self, copies: Sequence[tuple[TableName, int]], copied: Sequence[tuple[int, int]]) -> None:
        """Completes what `claim_whole` claimed with rows and bytes of each."""
        figures = {"rows": [rows for rows, _ in copied], "bytes": [size for _, size in copied]}
        self._connection.execute(query("chunks_fill"), self._named(copies) | figures)

    def _named(self, copies: Sequence[tuple[TableName, int]]) -> dict[str, object]:
        return {
            "task_id": self._task_id,
            "schemas": [table.schema for table, _ in copies],
            "names": [table.name for table, _ in copies],
            "generations": [generation for _, generation in copies],
        }

    def claim_chunk(self, table: TableName, generation: int, chunk: int) -> bool:
        """Inserts the chunk's completion row, in the transaction that will hold its rows.

        False when the generation has passed. Raises psycopg's UniqueViolation when the chunk is in already (a commit
        in doubt of a worker that died is waited for).
        """
        return (
            self._connection.execute(
                query("chunk_claim"),
                {
                    "task_id": self._task_id,
                    "schema": table.schema,
                    "name": table.name,
                    "generation": generation,
                    "chunk": chunk,
                },
            ).rowcount
            == 1
        )

    def claim_again(self, table: TableName, generation: int, chunk: int) -> bool | None:
        """As `claim_chunk`; None where it is in already, and the transaction has to end."""
        try:
            return self.claim_chunk(table, generation, chunk)
        except psycopg.errors.UniqueViolation:
            return None

    def fill_chunk(self, table: TableName, generation: int, chunk: int, rows: int, size: int) -> None:
        """Completes the claimed row with what was copied."""
        self._connection.execute(
            "UPDATE syncwizard.chunks SET rows = %s, bytes = %s WHERE task_id = %s AND schema_name = %s"
            " AND table_name = %s AND generation = %s AND chunk = %s",
            (rows, size, self._task_id, table.schema, table.name, generation, chunk),
        )

    def read_chunk(self, table: TableName, generation: int, chunk: int) -> tuple[int, int]:
        """Rows and bytes of a chunk that is in."""
        row = self._connection.execute(
            "SELECT rows, bytes FROM syncwizard.chunks WHERE task_id = %s AND schema_name = %s"
            " AND table_name = %s AND generation = %s AND chunk = %s",
            (self._task_id, table.schema, table.name, generation, chunk),
        ).fetchone()
        return (0, 0) if row is None else (row[0], row[1])
