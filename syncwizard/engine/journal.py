"""The journal of a task: every event, durable before anything follows from it. Written by the engine alone.

Beside the events stands a snapshot of the state that they make, so that a journal of weeks is opened as fast as one of
minutes. It is written again when what came after it has grown, and made anew where another code made it.
"""

import logging
import shutil
import sqlite3
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec

from syncwizard.engine.journal_layout import Figures, check_version, migrate, transaction
from syncwizard.errors import Cancelled, JournalFailed
from syncwizard.remedies import to_do
from syncwizard.task.earlier import decode_event
from syncwizard.task.events import Entry, Event
from syncwizard.task.layered import plain
from syncwizard.task.redaction import Redactor, with_texts
from syncwizard.task.reducer import reduce
from syncwizard.task.state import TaskState
from syncwizard.task.state_version import state_version

log = logging.getLogger(__name__)

FILE_NAME = "journal.db"

_APPEND = "INSERT INTO events (sequence, at, event) VALUES (?, ?, ?)"
_REPLACE = "DELETE FROM events WHERE sequence = ?"
_READ = "SELECT sequence, at, event FROM events WHERE sequence > ? ORDER BY sequence LIMIT ?"
_LAST = "SELECT sequence, at, event FROM events ORDER BY sequence DESC LIMIT ?"
_SNAPSHOT = "SELECT state FROM snapshots WHERE version = ? ORDER BY sequence DESC LIMIT 1"
_KEEP_SNAPSHOT = "INSERT OR REPLACE INTO snapshots (sequence, version, state) VALUES (?, ?, ?)"
_FORGET_SNAPSHOTS = "DELETE FROM snapshots WHERE sequence <> ?"

# A reader waits for a checkpoint at most so long.
_BUSY_SECONDS = 5.0
# SQLite names the lack of space by several codes; with less than this its log cannot grow.
_ROOM_BYTES = 64 * 1024
# Events after a snapshot are this much at most, or as much as the snapshot: 20 ms to read.
_TAIL_BYTES = 256 * 1024
# So much at a time wherever all events are wanted, in bytes of their text: its objects take 15 times as much.
PAGE_BYTES = 1024 * 1024
# As far back as the last ones go at most.
LAST_BYTES = 2 * 1024 * 1024
_ALL = -1

_encoder = msgspec.json.Encoder(enc_hook=plain)
_state_decoder = msgspec.json.Decoder(TaskState)

Listener = Callable[[Entry, TaskState], None]


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What a journal says: the state, and the event that it ends with."""

    state: TaskState
    last: Entry | None = None


class Journal:
    """Appends events and keeps the state they make; any thread may append."""

    def __init__(
        self,
        path: Path,
        task_id: uuid.UUID | None = None,
        name: str = "",
        clock: Callable[[], float] = time.time,
        secrets: Collection[str] = (),
    ) -> None:
        """Opens, creates or migrates the journal and reads its state. `path` is the database file, `clock` tells the
        seconds since the epoch, `secrets` never get into it. Raises JournalFailed."""
        self._redact = Redactor(secrets).known
        self._clock = clock
        self._path = path
        self._lock = threading.Lock()
        self._listeners: list[Listener] = []
        self._closed = False
        self._figures = Figures()
        with _explained(path):
            self._connection = sqlite3.connect(
                path, isolation_level=None, check_same_thread=False, timeout=_BUSY_SECONDS
            )
            self._connection.execute("PRAGMA journal_mode = WAL")
            # FULL: a commit survives the machine's loss of power, as the events it stands for did.
            self._connection.execute("PRAGMA synchronous = FULL")
            migrate(self._connection, path)
            reading = _Reading(self._connection, task_id, name)
            for entry in reading.entries():
                self._figures.note(entry.sequence, entry.at, type(entry.event).__name__)
            self._state = reading.state
            self._snapshot_bytes, self._tail_bytes = reading.snapshot_bytes, reading.tail_bytes
        self._keep_snapshot()

    @property
    def state(self) -> TaskState:
        """The state after the last event."""
        return self._state

    def listen(self, listener: Listener) -> None:
        """Calls `listener` after each event, in order, in the thread that appended it; it must not wait."""
        with self._lock:
            self._listeners.append(listener)

    def append(self, *events: Event) -> int:
        """Writes the events, all of them or none, and returns the last sequence number once they are durable; raises
        JournalFailed, and Cancelled after `close`: the engine ends, and what a stage that was left behind has to say is
        not waited for.

        Figures take the place of those of the same hour.
        """
        with self._lock:
            if self._closed:
                raise Cancelled
            at, first = self._clock(), self._state.sequence + 1
            known = [with_texts(event, self._redact) for event in events]
            entries = [
                Entry(sequence=sequence, at=at, event=event)  # type: ignore[arg-type]
                for sequence, event in enumerate(known, first)
            ]
            rows = [(entry.sequence, at, _encoder.encode(entry.event)) for entry in entries]
            replaced = [(old,) for event in known if (old := self._figures.replaced(at, event)) is not None]
            with _explained(self._path):
                self._write(rows, replaced)
            for entry, (_, _, text) in zip(entries, rows, strict=True):
                self._figures.note(entry.sequence, at, type(entry.event).__name__)
                self._state = reduce(self._state, at, entry.sequence, entry.event)
                self._tail_bytes += len(text)
                for listener in self._listeners:
                    listener(entry, self._state)
            self._keep_snapshot()
            return self._state.sequence

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._closed = True
            self._connection.close()

    def _write(self, rows: Sequence[tuple[int, float, bytes]], replaced: Sequence[tuple[int]]) -> None:
        if len(rows) == 1 and not replaced:
            self._connection.execute(_APPEND, rows[0])
            return
        # One flush for all of them.
        with transaction(self._connection):
            self._connection.executemany(_APPEND, rows)
            self._connection.executemany(_REPLACE, replaced)

    def _keep_snapshot(self) -> None:
        """Writes the state where the events since the last time have grown; without room for it they do alone."""
        if self._tail_bytes <= max(_TAIL_BYTES, self._snapshot_bytes):
            return
        text = _encoder.encode(self._state)
        self._snapshot_bytes, self._tail_bytes = len(text), 0
        try:
            with transaction(self._connection):
                self._connection.execute(_KEEP_SNAPSHOT, (self._state.sequence, state_version(), text))
                self._connection.execute(_FORGET_SNAPSHOTS, (self._state.sequence,))
        except sqlite3.DatabaseError as error:
            log.warning("the state could not be kept beside the events: %s", error)


class _Reading:
    """Makes the state of a journal from its snapshot and the events after it, within the caller's transaction."""

    def __init__(self, connection: sqlite3.Connection, task_id: uuid.UUID | None, name: str) -> None:
        self._connection = connection
        state, self.snapshot_bytes = _read_snapshot(connection)
        self.state = msgspec.structs.replace(state, id=task_id, name=name)
        self.tail_bytes = 0

    def entries(self) -> Iterator[Entry]:
        """The events after the snapshot, each after it became part of the state."""
        for sequence, at, text in self._connection.execute(_READ, (self.state.sequence, _ALL)):
            entry = Entry(sequence=sequence, at=at, event=decode_event(text))
            self.tail_bytes += len(text)
            self.state = reduce(self.state, at, sequence, entry.event)
            yield entry


def read_journal(path: Path, task_id: uuid.UUID | None = None, name: str = "") -> Kept:
    """The state of a task and its last event, read while an engine may be writing; raises JournalFailed."""
    with _opened_to_read(path) as connection:
        if connection is None:
            return Kept(state=TaskState(id=task_id, name=name))
        reading = _Reading(connection, task_id, name)
        last = deque(reading.entries(), maxlen=1) or list(_rows(connection, _LAST, 1))
        return Kept(state=reading.state, last=last[0] if last else None)


def read_state(path: Path, task_id: uuid.UUID | None = None, name: str = "") -> TaskState:
    """The state of a task, read while an engine may be writing; raises JournalFailed."""
    return read_journal(path, task_id, name).state


def read_entries(path: Path, after: int = 0) -> list[Entry]:
    """All entries after the sequence number, read while an engine may be writing; none without a journal.

    Raises JournalFailed.
    """
    return list(iterate_entries(path, after))


def read_page(path: Path, after: int = 0) -> list[Entry]:
    """The next entries after the sequence number, as many as are handled at a time; raises JournalFailed."""
    with _opened_to_read(path) as connection:
        return [] if connection is None else list(_rows(connection, _READ, after, _ALL, most=PAGE_BYTES))


def read_last_entries(path: Path, number: int) -> list[Entry]:
    """The last entries, in the order in which they happened, fewer where they are large; raises JournalFailed."""
    with _opened_to_read(path) as connection:
        return [] if connection is None else list(_rows(connection, _LAST, number, most=LAST_BYTES))[::-1]


def iterate_entries(path: Path, after: int = 0) -> Iterator[Entry]:
    """All entries after the sequence number, a page at a time: a journal of years fits. Raises JournalFailed."""
    while page := read_page(path, after):
        yield from page
        after = page[-1].sequence


def is_full(folder: Path) -> bool:
    """Whether the disk with the folder has no room for a journal to grow."""
    return shutil.disk_usage(folder).free < _ROOM_BYTES


@contextmanager
def _opened_to_read(path: Path) -> Iterator[sqlite3.Connection | None]:
    """The journal as it is at one moment; None where there is none, or one without a table."""
    if not path.exists():
        yield None
        return
    uri = f"{path.absolute().as_uri()}?mode=ro"
    with (
        _explained(path),
        closing(sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)) as connection,
    ):
        check_version(connection, path)
        connection.execute("BEGIN")
        # An engine that was killed in its first moments has left a file without a table.
        yield connection if _has_table(connection, "events") else None


def _has_table(connection: sqlite3.Connection, name: str) -> bool:
    found = connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (name,))
    return found.fetchone() is not None


def _read_snapshot(connection: sqlite3.Connection) -> tuple[TaskState, int]:
    """The state of the snapshot and its size in bytes; an empty state where there is none of this very code."""
    if _has_table(connection, "snapshots"):
        row = connection.execute(_SNAPSHOT, (state_version(),)).fetchone()
        if row is not None:
            try:
                return _state_decoder.decode(row[0]), len(row[0])
            except msgspec.DecodeError:
                log.warning("the snapshot of the task's state cannot be read; all events are read instead")
    return TaskState(), 0


def _rows(connection: sqlite3.Connection, statement: str, *values: int, most: int = 0) -> Iterator[Entry]:
    """The entries that a statement finds, at least one of them and then up to `most` bytes of text."""
    size = 0
    for sequence, at, text in connection.execute(statement, values):
        yield Entry(sequence=sequence, at=at, event=decode_event(text))
        size += len(text)
        if size >= most:
            return


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turns SQLite's errors, and entries that cannot be read, into JournalFailed, which says what to do."""
    try:
        yield
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise JournalFailed(
            "the task's journal has an entry that this version cannot read",
            where=str(path),
            detail=str(error),
            remedy="use the version that wrote it",
        ) from error
    except sqlite3.DatabaseError as error:
        # Errors of the module itself, such as the use of a closed connection, have no code of SQLite's.
        code = getattr(error, "sqlite_errorcode", None)
        if code == sqlite3.SQLITE_FULL or is_full(path.parent):
            title, remedy = f"no space left in {path.parent}", to_do("make room there", then="resume")
            raise JournalFailed(title, detail=str(error), remedy=remedy) from error
        raise JournalFailed(
            "the task's journal cannot be used",
            where=str(path),
            detail=str(error),
            remedy=f"look at {path.parent} and its permissions",
        ) from error
