"""What events are made of beside names and numbers."""

import msgspec

from syncwizard.errors import End
from syncwizard.task.names import TableName


class TableToCopy(msgspec.Struct, frozen=True, kw_only=True):
    """A table of a resynchronization, with the source's estimates."""

    table: TableName
    rows: int
    bytes: int


class SlotLife(msgspec.Struct, frozen=True, kw_only=True):
    """What a server says of the life of a slot beside its WAL; None where its version does not say it.

    - `invalidation`: why the server has ended it, empty while it lives; `conflicting`: recovery has.
    - `failover`: standbys are to keep it; `synced`: this is such a copy of a primary's.
    - `idle_seconds`: since it was read last, None while it is read; `idle_timeout_seconds`: how long it may be idle;
      `inactive_since`: when it was read last, in seconds since the epoch, None while it is read.
    - `reader`: the session that reads it, empty where none does.
    """

    invalidation: str = ""
    conflicting: bool | None = None
    failover: bool | None = None
    synced: bool | None = None
    idle_seconds: int | None = None
    idle_timeout_seconds: int | None = None
    inactive_since: float | None = None
    reader: str = ""

    @property
    def left_seconds(self) -> int | None:
        """How long it may still be idle; None where it is read, or there is no limit."""
        if self.idle_seconds is None or self.idle_timeout_seconds is None:
            return None
        return max(0, self.idle_timeout_seconds - self.idle_seconds)


class SequenceValue(msgspec.Struct, frozen=True, kw_only=True):
    """The last value of a sequence at both ends; None where it is missing or may not be read."""

    sequence: TableName
    source: int | None
    destination: int | None


class Remainder(msgspec.Struct, frozen=True, kw_only=True):
    """What a release could not remove: the statements that do, each whole, and the `end` they are run at, None where
    an earlier version kept the statement alone. `note` says when they may be run."""

    statements: tuple[str, ...]
    end: End | None = None
    note: str = ""
