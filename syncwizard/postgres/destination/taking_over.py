"""What another task of ours has copied and kept in step becomes this task's, at the position where that one stands.

One transaction: while it holds the other task's row no commit of that task is under way, so that its position says
exactly which changes the rows have; and with the row goes what would let it commit another one (rules 3 and 10).
"""

import uuid
from collections.abc import Callable, Iterable
from typing import NamedTuple

from syncwizard.postgres.captured import Member
from syncwizard.postgres.destination.aside import Aside
from syncwizard.postgres.destination.chunks import Copies, TableCopy
from syncwizard.postgres.destination.progress import Ledger
from syncwizard.postgres.destination.quarantine import Quarantine
from syncwizard.postgres.session.connection import Connection
from syncwizard.rows.changes import Beat
from syncwizard.task.lsn import parse_lsn
from syncwizard.task.names import TableName


class Taken(NamedTuple):
    """`lsn`: the position of what was taken over; None where nothing was, and `reason` then says why, unless the other
    task is still on its way. `filled`: the tables of it that hold rows themselves."""

    lsn: str | None
    reason: str = ""
    filled: tuple[TableName, ...] = ()


class TakingOver:
    """Between the task of the session and the `other` one."""

    def __init__(self, connection: Connection, task_id: uuid.UUID, other: uuid.UUID) -> None:
        self._connection = connection
        self._own = Copies(connection, task_id)
        self._other = other
        self._ledger = Ledger(connection, other)
        self._copies = Copies(connection, other)

    def members(self) -> list[Member]:
        """What the other task captures, as it was when it began to."""
        return self._ledger.read_members()

    def position(self) -> int | None:
        """How far the other task is; None where the destination knows nothing of it."""
        found = self._ledger.applied_lsn()
        return None if found is None else parse_lsn(found)

    def take(
        self,
        tables: Iterable[TableName],
        at_least: int,
        unchanged: Callable[[], bool],
        beat: Callable[[], Beat],
    ) -> Taken:
        """Takes the tables over once the other task has applied all before `at_least`.

        `unchanged`: asked once the position stands, whether the tables are at the source what they were when the other
        task began; `beat` writes a heartbeat after that position. The other task can commit nothing any more then.
        """
        with self._connection.transaction():
            lsn = self._ledger.lock_applied()
            if lsn is None:
                return Taken(None, "the destination knows nothing of it any more")
            if parse_lsn(lsn) < at_least:
                return Taken(None)
            names = list(tables)
            copies = self._copies.read()
            if reason := self._why_not(names, copies):
                return Taken(None, reason)
            if not unchanged():
                return Taken(None, "definitions of its tables have changed at the source")
            written = beat()
            known = self._own.read()
            for name in names:
                self._write(copies[name], known.get(name), lsn, written)
            self._ledger.forget()
        return Taken(lsn, filled=tuple(name for name in names if copies[name].chunks))

    def end(self) -> bool:
        """Lets the other task commit nothing any more, in the caller's transaction; False while it is at work."""
        if not self._ledger.lock():
            return False
        self._ledger.forget()
        return True

    def _why_not(self, names: Iterable[TableName], copies: dict[TableName, TableCopy]) -> str:
        lacking = [name for name in names if name not in copies or not copies[name].complete]
        if lacking:
            return f"{lacking[0]} is not copied"
        if aside := Aside(self._connection, self._other).read():
            return f"{aside[0].table}: {aside[0].reason}"
        if quarantined := Quarantine(self._connection, self._other).open_tables():
            return f"changes of {min(quarantined)} are quarantined"
        return ""

    def _write(self, copy: TableCopy, own: TableCopy | None, lsn: str, beat: Beat) -> None:
        """The table as copied whole under the position, in one chunk; a partitioned one has none."""
        generation = own.generation + 1 if own is not None else 1
        chunks = 1 if copy.chunks else 0
        taken = TableCopy(
            table=copy.table, generation=generation, pair_lsn=lsn, chunks=chunks, chunk_pages=1, beat=beat
        )
        self._own.begin([taken], [])
        if not chunks:
            return
        if not self._own.claim_chunk(copy.table, generation, 0):
            raise AssertionError(f"the copy of {copy.table} has passed within its transaction")
        rows, size = (sum(figures) for figures in zip(*copy.done.values(), strict=True))
        self._own.fill_chunk(copy.table, generation, 0, rows, size)
