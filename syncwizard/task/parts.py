"""What events are made of beside names and numbers."""

import msgspec

from syncwizard.errors import End
from syncwizard.task.names import TableName


class TableToCopy(msgspec.Struct, frozen=True, kw_only=True):
    """A table of a resynchronization, with the source's estimates."""

    table: TableName
    rows: int
    bytes: int


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
