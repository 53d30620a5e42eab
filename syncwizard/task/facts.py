"""What every event is made of: its base, and an error as data."""

import msgspec

from syncwizard.errors import End
from syncwizard.remedies import NOTHING, Remedy


class BlockedDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """A change of a definition that waits at its place, and everything behind it.

    - `ordinal`: its number at the source; `lsn`: of its commit there
    - `tag`, `role`, `statement`: the command as it ran; the statement is None where a function hid it
    - `table`: the destination's table or object, empty where that is not known
    - `statements`: what is run at the destination to follow it, as far as it can be followed
    - `consequences`: what is other at the destination once it is skipped; none where it cannot be skipped
    """

    ordinal: int
    lsn: str
    tag: str
    role: str
    statement: str | None
    table: str
    statements: list[str] = []
    consequences: list[str] = []


class RefusedChange(msgspec.Struct, frozen=True, kw_only=True):
    """A change of a row that the destination refuses: by the destination's columns what was sent of the row before and
    after, as texts; None is NULL, and what was not sent is not there. `lsn`: of its commit at the source.

    `digest`: of what was sent, by which a decision finds the change again; empty where an earlier version refused it.
    `source`: the source's table; `keys`: the row's key after the change, and before it where that was another one, by
    the source's columns. `columns`: those of the key at the destination.
    """

    kind: str
    table: str
    lsn: str
    old: dict[str, str | None] = {}
    new: dict[str, str | None] = {}
    digest: str = ""
    source: str = ""
    keys: list[dict[str, str | None]] = []
    columns: list[str] = []


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """An error as data: the fields of `SyncwizardError` and its exit code.

    `changes_missing`: tables have to be copied again; resuming would end the same way. `down`: the end that is out of
    reach, and `cause` why, in two or three words. `definition`: the change of a definition that is in the way,
    `change` that of a row.
    """

    title: str
    detail: str = ""
    where: str = ""
    remedy: Remedy = NOTHING
    sqlstate: str = ""
    exit_code: int = 1
    changes_missing: bool = False
    down: End | None = None
    cause: str = ""
    definition: BlockedDefinition | None = None
    change: RefusedChange | None = None


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event"):
    """Base of all facts."""


def describe_failure(failure: Failure) -> str:
    """The failure in one line.

    >>> describe_failure(Failure(title="lost", where="source", detail="server closed the connection"))
    'source: lost (server closed the connection)'
    """
    text = f"{failure.where}: {failure.title}" if failure.where else failure.title
    return f"{text} ({failure.detail})" if failure.detail else text
