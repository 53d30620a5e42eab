"""What every event is made of: its base, and an error as data."""

import msgspec

from syncwizard.errors import End
from syncwizard.remedies import NOTHING, Remedy


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """An error as data: the fields of `SyncwizardError` and its exit code.

    `changes_missing`: tables have to be copied again; resuming would end the same way. `down`: the end that is out of
    reach, and `cause` why, in two or three words.
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


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event"):
    """Base of all facts."""
