"""Watches the source beside the stream: beats the heart, verifies the publication, measures clock and slot (rule 5)."""

import threading
import time
from collections.abc import Callable, Iterable

import psycopg

from syncwizard.postgres.captured import HEARTBEAT_TABLE, Progress, is_ours
from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.session.locking import lock_holders
from syncwizard.postgres.session.trouble import as_ours
from syncwizard.postgres.source.continuity import HandedOver, check_publication, find_relations
from syncwizard.postgres.source.heartbeat import beat
from syncwizard.postgres.source.history import set_back
from syncwizard.postgres.source.lineage import Lineage
from syncwizard.postgres.source.members import Members
from syncwizard.postgres.source.receiver import Positions
from syncwizard.postgres.source.slot import current_lsn, measure_slot
from syncwizard.task.events import SlotMeasured
from syncwizard.task.lsn import format_lsn, parse_lsn
from syncwizard.task.names import TableName

BEAT_SECONDS = 1.0
# Figures of every second beat: older ones would be shown with their age.
SLOT_SECONDS = 1.5
PARTITIONS_SECONDS = 5.0


class SourceWatcher:
    """The thread's body. `on_beat` is called in the thread, `on_dropped` with the tables that were dropped, once
    what was committed before is durable at the destination, `on_changed` with what became of others, and `on_gone` at
    each beat with all that are dropped: their names may come back."""

    def __init__(
        self,
        connection: Connection,
        progress: Progress,
        members: Members,
        positions: Positions,
        on_beat: "Callable[[SourceWatcher], None]",
        on_dropped: Callable[[list[TableName]], None],
        on_changed: Callable[[Lineage], None],
        on_gone: Callable[[list[TableName]], None],
    ) -> None:
        self._on_beat = on_beat
        self._on_dropped = on_dropped
        self._on_changed = on_changed
        self._on_gone = on_gone
        self.connection = connection
        self._progress = progress
        self._members = members
        # Dropped tables that were not reported yet, with the position that has to be durable before.
        self._dropped: dict[TableName, int] = {}
        self._reported: set[TableName] = set()
        self._positions = positions
        self._stopped = False
        self._wake = threading.Event()
        self.source_lsn = ""
        self.source_at = 0.0
        # Who has locked the heartbeat's table, None while it can be written.
        self.lock_holders: str | None = None
        self.slot: SlotMeasured | None = None
        # In seconds since the epoch.
        self.slot_at = 0.0
        self._slot_due = self._partitions_due = 0.0
        self._answered_at = time.monotonic()

    @property
    def silent_seconds(self) -> float:
        """How long the source has not answered. For another thread: this one waits for the answer."""
        return time.monotonic() - self._answered_at

    def stop(self) -> None:
        """Ends `run` soon."""
        self._stopped = True
        self._wake.set()

    def look(self) -> None:
        """Does now what is due with the next heartbeat: what was committed before is verified after it."""
        self._wake.set()

    def run(self) -> None:
        """Watches until stopped. Raises SourceChanged, TaskFailed, HandedOver, or EndpointError when the source goes
        away.

        Losing this session must end the stream too: a source that shuts down waits for its walsender, which would
        wait for an acknowledgement that can no longer be verified.
        """
        while True:
            # Before it looks: what asks meanwhile may have committed something that it does not see any more.
            self._wake.clear()
            if self._stopped:
                return
            try:
                self._watch()
                self._answered_at = time.monotonic()
                self._on_beat(self)
            except psycopg.Error as error:
                raise as_ours(error, "source", "writing the heartbeat") from error
            self._wake.wait(BEAT_SECONDS)

    def _watch(self) -> None:
        durable = self._positions.durable
        # The position is read first: what was committed before it was decoded while the publication, found
        # unchanged after it, was ours.
        position = current_lsn(self.connection)
        if parse_lsn(position) < durable:
            raise set_back(
                self._progress,
                f"its WAL ends at {position}, the destination has its changes up to {format_lsn(durable)}",
            )
        found = check_publication(self.connection, self._progress, self._members.all)
        if found.handed_over is not None:
            raise HandedOver
        gone = [member.table for member in found.dropped if not is_ours(member.table)]
        self._note_dropped(gone)
        self._on_gone(gone)
        self._on_changed(self._members.look(self.connection))
        self._positions.verified = max(self._positions.verified, parse_lsn(position))
        self.source_lsn, self.source_at = position, time.time()
        self._beat()
        now = time.monotonic()
        if now >= self._slot_due:
            self._slot_due = now + SLOT_SECONDS
            self.slot, self.slot_at = measure_slot(self.connection, self._progress.slot), time.time()
        if now >= self._partitions_due:
            self._partitions_due = now + PARTITIONS_SECONDS
            self._look_for_partitions()
        self._report_dropped()

    def _beat(self) -> None:
        """Writes the heartbeat, unless its table is locked: others ask over this session, too, and must not wait."""
        try:
            self._positions.set_clock(lambda: beat(self.connection, self._progress.slot))
            self.lock_holders = None
        except psycopg.errors.LockNotAvailable:
            if self.lock_holders is None:
                self.lock_holders = lock_holders(self.connection, [TableName(*HEARTBEAT_TABLE)])

    def _look_for_partitions(self) -> None:
        """Partitions that their published root stands for leave no trace in the publication."""
        partitions = [member for member in self._members.all if member.oid is None]
        exist = find_relations(self.connection, [member.relation for member in partitions])
        self._note_dropped([member.table for member in partitions if member.relation not in exist])

    def _note_dropped(self, tables: Iterable[TableName]) -> None:
        new = [table for table in tables if table not in self._reported and table not in self._dropped]
        if new:
            # What was committed to them lies before this position.
            self._dropped |= dict.fromkeys(new, parse_lsn(current_lsn(self.connection)))

    def _report_dropped(self) -> None:
        over = [table for table, position in self._dropped.items() if self._positions.durable >= position]
        if over:
            self._on_dropped(over)
        for table in over:
            del self._dropped[table]
            self._reported.add(table)
