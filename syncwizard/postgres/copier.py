"""Copies the chunks of a task, each in one transaction at either end (rules 3, 10 and 11)."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import psycopg

from syncwizard.errors import End, EndpointError
from syncwizard.postgres.careful_copy import copy_around
from syncwizard.postgres.copying import (
    ChunkRange,
    Copied,
    are_current,
    begin_snapshot,
    copy_chunk,
    has_read,
    is_snapshot_lost,
)
from syncwizard.postgres.destination.destination import Destination
from syncwizard.postgres.session.connection import Connection, is_plain
from syncwizard.postgres.session.encoding import set_encoding, shared_encoding
from syncwizard.postgres.session.trouble import as_ours, translated
from syncwizard.task.names import TableName
from syncwizard.task.text import counted
from syncwizard.throttling import Pace

RENAMED = "it was renamed at the source during the copy"
REDEFINED = "a column of it was dropped or renamed at the source during the copy"
REWRITTEN = "it was rewritten at the source during the copy (rewrite, VACUUM FULL, TRUNCATE)"


class ChunkBegunAgain(Exception):
    """The chunk is of a generation that has passed: the table's copy was begun again."""


class TableChanged(Exception):
    """The table is not what it was when its copy began, so the copy has to begin again."""


class ChunkIsIn(Exception):
    """A worker that died has committed the chunk, with so many rows and bytes."""

    def __init__(self, rows: int, size: int) -> None:
        super().__init__(rows, size)
        self.rows = rows
        self.size = size


class CopiesApart(Exception):
    """Tables cannot be copied in one transaction: something is on the way of one of them."""


# What leaves both sessions in order, with nothing committed.
_ORDERLY = (ChunkBegunAgain, TableChanged, ChunkIsIn, CopiesApart)
# Shorter than the server's deadlock_timeout of 1 s: where sessions of the source's users and ours wait for each other,
# ours gives way.
SHORT_LOCK_MILLISECONDS = 500


class Copier:
    """Copies over two sessions, of which it is the only user, under an exported snapshot of the source."""

    def __init__(self, source: Connection, destination: Destination, snapshot: str, pace: Pace | None = None) -> None:
        """Prepares the sessions; `pace` is what the copies are held to. Raises EndpointError, TaskFailed."""
        self._source = source
        self._destination = destination
        self._snapshot = snapshot
        self._pace = pace
        with translated("destination", "preparing to write"):
            destination.prepare_writing()
            plain = is_plain(destination.connection)
        with translated("source", "preparing to read"):
            self._plain = plain and is_plain(source)
            set_encoding(shared_encoding(source, destination.connection), source, destination.connection)

    def copy(self, part: ChunkRange, generation: int, chunk: int, report: Callable[[int, int], None]) -> Copied:
        """Copies one chunk and its completion row; `report(rows, bytes)` is called about twice a second.

        Raises ChunkBegunAgain, TableChanged, ChunkIsIn, after which another chunk can be copied; EndpointError when an
        end fails, TaskFailed when it refuses.
        """
        copies = self._destination.copies
        with self._under_snapshot(part), self._claimed(part, generation, chunk):
            if part.dead_letters:
                copied = copy_around(
                    self._source,
                    self._destination.connection,
                    part,
                    report,
                    partial(self._set_aside, part),
                    self._pace,
                )
            else:
                copied = copy_chunk(
                    self._source, self._destination.connection, part, report, plain=self._plain, pace=self._pace
                )
            self._check([part.oid])
            copies.fill_chunk(part.source, generation, chunk, copied.rows, copied.bytes)
        return copied

    def copy_together(self, parts: Sequence[ChunkRange], generations: Sequence[int]) -> list[Copied]:
        """Copies whole tables with their completion rows, all of them or none, given with their generations.

        Raises CopiesApart where one of them is not what it should be or is locked, after which they can be copied one
        by one; EndpointError when an end fails, TaskFailed when it refuses, which may be about one of them alone.
        """
        named = [(part.source, generation) for part, generation in zip(parts, generations, strict=True)]
        try:
            with self._under_snapshot(parts[0], SHORT_LOCK_MILLISECONDS), self._claimed_together(named):
                copied = [self._copy_one(part) for part in parts]
                self._check([part.oid for part in parts])
                self._destination.copies.fill_whole(named, [(each.rows, each.bytes) for each in copied])
        except _ORDERLY as reason:
            raise CopiesApart from reason
        return copied

    def _copy_one(self, part: ChunkRange) -> Copied:
        try:
            return copy_chunk(
                self._source, self._destination.connection, part, _ignore, plain=self._plain, pace=self._pace
            )
        except (
            psycopg.errors.LockNotAvailable,
            psycopg.errors.UndefinedTable,
            psycopg.errors.UndefinedColumn,
        ) as error:
            # Before the COPY began at either end.
            if not _failed(self._source):
                raise as_ours(error, "destination", f"copying {part.source}") from error
            raise CopiesApart from error
        except psycopg.Error as error:
            end: End = "source" if _failed(self._source) else "destination"
            raise as_ours(error, end, f"copying {part.source}") from error

    def _check(self, oids: Sequence[int]) -> None:
        """Raises TableChanged where it was not these tables, or not all of their rows, that were read (rule 11)."""
        if not has_read(self._source, oids):
            raise TableChanged(RENAMED)
        if not are_current(self._source, oids):
            raise TableChanged(REWRITTEN)

    def _set_aside(self, part: ChunkRange, key: str | None, row: str | None, error: psycopg.Error) -> None:
        self._destination.dead_letters.add_copied(part.source, key, row, error)

    @contextmanager
    def _under_snapshot(self, part: ChunkRange, lock_milliseconds: int = 0) -> Iterator[None]:
        """The source's transaction, with a limit to the wait for each lock. It is not left after an error: the source
        may be in the middle of its COPY then, and the process of this session ends anyway."""
        try:
            begin_snapshot(self._source, self._snapshot, lock_milliseconds)
        except psycopg.Error as error:
            if not is_snapshot_lost(error):
                raise as_ours(error, "source", f"copying {part.source}") from error
            raise EndpointError(
                "the exported snapshot of the copy no longer exists",
                end="source",
                transient=True,
                detail=" ".join(str(error).split()),
            ) from error
        try:
            yield
        except _ORDERLY:
            self._leave_snapshot()
            raise
        self._leave_snapshot()

    def _leave_snapshot(self) -> None:
        with translated("source", "leaving the snapshot"):
            self._source.execute("ROLLBACK")

    @contextmanager
    def _claimed(self, part: ChunkRange, generation: int, chunk: int) -> Iterator[None]:
        """The destination's transaction, with the chunk's completion row claimed in it."""
        copies, connection = self._destination.copies, self._destination.connection
        doing = f"copying {part.source}"
        try:
            connection.execute("BEGIN")
            if not copies.claim_chunk(part.source, generation, chunk):
                raise ChunkBegunAgain("its copy was begun again")
            yield
            connection.execute("COMMIT")
        except _ORDERLY:
            self._roll_back(doing)
            raise
        except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn) as error:
            if not _failed(self._source):
                raise as_ours(error, "destination", doing) from error
            self._roll_back(doing)
            renamed = isinstance(error, psycopg.errors.UndefinedTable)
            raise TableChanged(RENAMED if renamed else REDEFINED) from error
        except psycopg.errors.UniqueViolation as error:
            self._roll_back(doing)
            if error.diag.schema_name != "syncwizard":
                raise as_ours(error, "destination", doing) from error
            raise ChunkIsIn(*copies.read_chunk(part.source, generation, chunk)) from error
        except psycopg.Error as error:
            raise as_ours(error, "source" if _failed(self._source) else "destination", doing) from error

    @contextmanager
    def _claimed_together(self, copies: Sequence[tuple[TableName, int]]) -> Iterator[None]:
        """The destination's transaction, with the completion rows of whole tables claimed in it."""
        doing = f"copying {counted(len(copies), 'table')}"
        try:
            with translated("destination", doing):
                self._destination.connection.execute("BEGIN")
                try:
                    claimed = self._destination.copies.claim_whole(copies)
                except psycopg.errors.UniqueViolation as error:
                    raise CopiesApart from error
            if not claimed:
                raise ChunkBegunAgain("its copy was begun again")
            yield
            with translated("destination", doing):
                self._destination.connection.execute("COMMIT")
        except _ORDERLY:
            self._roll_back(doing)
            raise

    def _roll_back(self, doing: str) -> None:
        with translated("destination", doing):
            self._destination.connection.execute("ROLLBACK")


def _ignore(rows: int, size: int) -> None:
    """Small tables are done at once."""


def _failed(connection: Connection) -> bool:
    """Whether it was this session whose statement failed or whose server went away."""
    return connection.broken or connection.info.transaction_status in (
        psycopg.pq.TransactionStatus.INERROR,
        psycopg.pq.TransactionStatus.UNKNOWN,
    )
