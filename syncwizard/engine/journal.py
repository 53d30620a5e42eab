"""The journal of a task: every event, durable before anything follows from it. Written by the engine alone."""

import shutil
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec

from syncwizard.errors import Cancelled, JournalFailed
from syncwizard.task.events import AnyEvent, Entry, Event
from syncwizard.task.redaction import Redactor, with_texts
from syncwizard.task.reducer import reduce, replay
from syncwizard.task.state import TaskState

FILE_NAME = "journal.db"
SCHEMA_VERSION = 1

# `at` is seconds since the epoch.
_CREATE = "CREATE TABLE IF NOT EXISTS events (sequence INTEGER PRIMARY KEY, at REAL NOT NULL, event BLOB NOT NULL)"
_APPEND = "INSERT INTO events (sequence, at, event) VALUES (?, ?, ?)"
_READ = "SELECT sequence, at, event FROM events WHERE sequence > ? ORDER BY sequence"

# A reader waits for a checkpoint at most so long.
_BUSY_SECONDS = 5.0
# SQLite names the lack of space by several codes; with less than this its log cannot grow.
_ROOM_BYTES = 64 * 1024

_encoder = msgspec.json.Encoder()
_decoder: "msgspec.json.Decoder[AnyEvent]" = msgspec.json.Decoder(AnyEvent)

Listener = Callable[[Entry, TaskState], None]


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
        """Opens or creates the journal and replays it. `path` is the database file, `clock` tells the seconds since
        the epoch, `secrets` never get into it. Raises JournalFailed."""
        self._redact = Redactor(secrets).known
        self._clock = clock
        self._path = path
        self._lock = threading.Lock()
        self._listeners: list[Listener] = []
        self._closed = False
        with _explained(path):
            self._connection = sqlite3.connect(
                path, isolation_level=None, check_same_thread=False, timeout=_BUSY_SECONDS
            )
            self._connection.execute("PRAGMA journal_mode = WAL")
            # FULL: a commit survives the machine's loss of power, as the events it stands for did.
            self._connection.execute("PRAGMA synchronous = FULL")
            _check_version(self._connection, path)
            self._connection.execute(_CREATE)
            self._connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            self._state = replay(_entries(self._connection, 0), task_id, name)

    @property
    def state(self) -> TaskState:
        """The state after the last event."""
        return self._state

    def listen(self, listener: Listener) -> None:
        """Calls `listener` after each event, in order, in the thread that appended it; it must not wait."""
        with self._lock:
            self._listeners.append(listener)

    def append(self, event: Event) -> int:
        """Writes the event and returns its sequence number once it is durable; raises JournalFailed, and Cancelled
        after `close`: the engine ends, and what a stage that was left behind has to say is not waited for."""
        with self._lock:
            if self._closed:
                raise Cancelled
            event = with_texts(event, self._redact)
            entry = Entry(sequence=self._state.sequence + 1, at=self._clock(), event=event)  # type: ignore[arg-type]
            with _explained(self._path):
                self._connection.execute(_APPEND, (entry.sequence, entry.at, _encoder.encode(event)))
            self._state = reduce(self._state, entry.at, entry.sequence, event)
            for listener in self._listeners:
                listener(entry, self._state)
            return entry.sequence

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._closed = True
            self._connection.close()


def read_entries(path: Path, after: int = 0) -> list[Entry]:
    """The entries after the sequence number, read while an engine may be writing; none without a journal.

    Raises JournalFailed.
    """
    if not path.exists():
        return []
    with _explained(path), closing(_open_to_read(path)) as connection:
        _check_version(connection, path)
        try:
            return list(_entries(connection, after))
        except sqlite3.OperationalError as error:
            # An engine that was killed in its first moments has left a file without a table.
            if "no such table" in str(error):
                return []
            raise


def _open_to_read(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=_BUSY_SECONDS)


def is_full(folder: Path) -> bool:
    """Whether the disk with the folder has no room for a journal to grow."""
    return shutil.disk_usage(folder).free < _ROOM_BYTES


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turns SQLite's errors, and entries that cannot be read, into JournalFailed, which names the way on."""
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
            title, remedy = f"no space left in {path.parent}", "make room there, then run `syncwizard resume`"
            raise JournalFailed(title, detail=str(error), remedy=remedy) from error
        remedy = f"look at {path.parent} and its rights"
        raise JournalFailed(
            "the task's journal cannot be used", where=str(path), detail=str(error), remedy=remedy
        ) from error


def _entries(connection: sqlite3.Connection, after: int) -> Iterator[Entry]:
    for sequence, at, event in connection.execute(_READ, (after,)):
        yield Entry(sequence=sequence, at=at, event=_decoder.decode(event))


def _check_version(connection: sqlite3.Connection, path: Path) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > SCHEMA_VERSION:
        raise JournalFailed(
            "the task's journal was written by a newer version of syncwizard",
            where=str(path),
            remedy="use that version for this task",
        )
