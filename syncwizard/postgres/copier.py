"""Copies the chunks of a task, each in one transaction at either end (rules 3, 10 and 11)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import psycopg

from syncwizard.errors import EndpointError
from syncwizard.postgres.careful_copy import copy_around
from syncwizard.postgres.copying import (
    ChunkRange,
    Copied,
    begin_snapshot,
    copy_chunk,
    has_read,
    is_current,
    is_snapshot_lost,
)
from syncwizard.postgres.destination.destination import Destination
from syncwizard.postgres.session.connection import Connection, is_plain
from syncwizard.postgres.session.encoding import set_encoding, shared_encoding
from syncwizard.postgres.session.trouble import as_ours, translated
from syncwizard.throttling import Pace

RENAMED = "it was renamed at the source during the copy"
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


# What leaves both sessions in order, with nothing committed.
_ORDERLY = (ChunkBegunAgain, TableChanged, ChunkIsIn)


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
            if not has_read(self._source, part.oid):
                raise TableChanged(RENAMED)
            if not is_current(self._source, part.oid):
                raise TableChanged(REWRITTEN)
            copies.fill_chunk(part.source, generation, chunk, copied.rows, copied.bytes)
        return copied

    def _set_aside(self, part: ChunkRange, key: str | None, row: str | None, error: psycopg.Error) -> None:
        self._destination.dead_letters.add_copied(part.source, key, row, error)

    @contextmanager
    def _under_snapshot(self, part: ChunkRange) -> Iterator[None]:
        """The source's transaction. It is not left after an error: the source may be in the middle of its COPY then,
        and the process of this session ends anyway."""
        try:
            begin_snapshot(self._source, self._snapshot)
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
        except psycopg.errors.UndefinedTable as error:
            if not _failed(self._source):
                raise as_ours(error, "destination", doing) from error
            self._roll_back(doing)
            raise TableChanged(RENAMED) from error
        except psycopg.errors.UniqueViolation as error:
            self._roll_back(doing)
            if error.diag.schema_name != "syncwizard":
                raise as_ours(error, "destination", doing) from error
            raise ChunkIsIn(*copies.read_chunk(part.source, generation, chunk)) from error
        except psycopg.Error as error:
            raise as_ours(error, "source" if _failed(self._source) else "destination", doing) from error

    def _roll_back(self, doing: str) -> None:
        with translated("destination", doing):
            self._destination.connection.execute("ROLLBACK")


def _failed(connection: Connection) -> bool:
    """Whether it was this session whose statement failed or whose server went away."""
    return connection.broken or connection.info.transaction_status in (
        psycopg.pq.TransactionStatus.INERROR,
        psycopg.pq.TransactionStatus.UNKNOWN,
    )
