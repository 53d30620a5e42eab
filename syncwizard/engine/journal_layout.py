"""The layout of a journal's file: its version, the migrations to it, and which events later ones replace.

The version is SQLite's `user_version`. 0.1 left version 1, the table of events alone. Migrations run when an engine,
or whatever else holds the task's lock, opens the journal; readers take every layout up to the newest as it is.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from syncwizard.errors import JournalFailed
from syncwizard.task.events import ChangesApplied, Event, SlotMeasured

# `at` is seconds since the epoch.
_EVENTS = "CREATE TABLE IF NOT EXISTS events (sequence INTEGER PRIMARY KEY, at REAL NOT NULL, event BLOB NOT NULL)"
# At most one row: the state after the event `sequence`, made by the code `version`.
_SNAPSHOTS = "CREATE TABLE snapshots (sequence INTEGER PRIMARY KEY, version TEXT NOT NULL, state BLOB NOT NULL)"

# Of the figures of an hour the last ones are kept: a busy task of 200 tables wrote 220 MB of them in four weeks.
FIGURES_SECONDS = 3600.0
_KINDS: tuple[type[Event], ...] = (ChangesApplied, SlotMeasured)


class Figures:
    """The last figures of each kind that a journal has, for those that may take their place."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[int, float]] = {}

    def replaced(self, at: float, event: Event) -> int | None:
        """The sequence number of the event that this one, which happened at `at`, makes useless."""
        if not isinstance(event, _KINDS) or (isinstance(event, ChangesApplied) and not event.applied_lsn):
            return None
        return self.replaced_by(at, type(event).__name__)

    def replaced_by(self, at: float, kind: str) -> int | None:
        """The same for an event of a kind that says all that one before it did."""
        sequence, before = self._last.get(kind, (None, 0.0))
        return sequence if before // FIGURES_SECONDS == at // FIGURES_SECONDS else None

    def note(self, sequence: int, at: float, kind: str) -> None:
        """The journal has an event of this kind."""
        self._last[kind] = (sequence, at)


def check_version(connection: sqlite3.Connection, path: Path) -> int:
    """The version of the file's layout, 0 of a new one. Raises JournalFailed for a newer one than ours."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > NEWEST:
        raise JournalFailed(
            "the task's journal was written by a newer version of syncwizard",
            where=str(path),
            detail=f"it has layout {version}, and this version knows layouts up to {NEWEST}",
            remedy="use that version for this task",
        )
    return int(version)


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Brings the file to the newest layout, in one transaction. Raises JournalFailed for a newer one."""
    found = check_version(connection, path)
    if found == NEWEST:
        return
    with transaction(connection):
        for migration in _MIGRATIONS[found:]:
            migration(connection)
        connection.execute(f"PRAGMA user_version = {NEWEST}")
    if found:
        # What was removed makes room in the file for what comes; the disk gets it back but once.
        connection.execute("VACUUM")


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All that is written in the block, or nothing of it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        # SQLite has rolled back by itself where the disk is full.
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _create_events(connection: sqlite3.Connection) -> None:
    connection.execute(_EVENTS)


def _keep_snapshots(connection: sqlite3.Connection) -> None:
    connection.execute(_SNAPSHOTS)
    figures = Figures()
    useless = []
    for sequence, at, text in connection.execute("SELECT sequence, at, event FROM events ORDER BY sequence"):
        kind = next((kind.__name__ for kind in _KINDS if text.startswith(_beginning(kind))), None)
        if kind is None:
            continue
        # Without a position it does not say all that the one before it did.
        replaced = None if b'"applied_lsn":""' in text[-64:] else figures.replaced_by(at, kind)
        if replaced is not None:
            useless.append((replaced,))
        figures.note(sequence, at, kind)
    connection.executemany("DELETE FROM events WHERE sequence = ?", useless)


def _beginning(kind: type[Event]) -> bytes:
    """How the text of an event of the kind begins."""
    return f'{{"event":"{kind.__struct_config__.tag}"'.encode()


# Each takes the layout of the version before it to its own.
_MIGRATIONS: tuple[Callable[[sqlite3.Connection], None], ...] = (_create_events, _keep_snapshots)
NEWEST = len(_MIGRATIONS)
