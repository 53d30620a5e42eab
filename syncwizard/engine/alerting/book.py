"""What is remembered of a task's alerts between engines and checks: a file in its folder, for its owner alone.

The engine writes it while it has the task, `alerts check` where there is no engine; how long a task is silenced is a
file of its own, which the command writes and the others read.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from syncwizard.engine.alerting.alert import Alert
from syncwizard.engine.alerting.receivers import ReceiverName
from syncwizard.engine.alerting.rules import Alarm, Growth, RuleName
from syncwizard.task.file import replace_text

FILE_NAME = "alerts.json"
SILENCE_FILE = "alerts-silence.json"
LOCK_FILE = "alerts.lock"
# Far more than anyone reads; of more the oldest are left out.
UNDELIVERED = 100


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong, and what each receiver has not taken yet, oldest first."""

    alarms: dict[RuleName, Alarm] = {}
    growth: Growth | None = None
    undelivered: dict[ReceiverName, list[Alert]] = {}


class Silence(msgspec.Struct, frozen=True, kw_only=True):
    """No alert is sent before `until`, in seconds since the epoch."""

    until: float


def read_book(folder: Path) -> Book:
    """What is remembered; nothing where that cannot be read."""
    try:
        return msgspec.json.decode((folder / FILE_NAME).read_bytes(), type=Book)
    except (OSError, msgspec.MsgspecError):
        # Alerts that are sent twice are better than an engine without any.
        return Book()


def write_book(folder: Path, book: Book) -> None:
    """Keeps it, replaced in one step; raises OSError."""
    replace_text(folder / FILE_NAME, msgspec.json.encode(book).decode())


def silenced_until(folder: Path) -> float:
    """Until when the task is silenced, in seconds since the epoch; 0 where it is not."""
    try:
        return msgspec.json.decode((folder / SILENCE_FILE).read_bytes(), type=Silence).until
    except (OSError, msgspec.MsgspecError):
        return 0.0


def silence(folder: Path, until: float) -> None:
    """Silences the task; 0: no longer. Raises OSError."""
    replace_text(folder / SILENCE_FILE, msgspec.json.encode(Silence(until=until)).decode())


@contextlib.contextmanager
def held(folder: Path) -> Iterator[bool]:
    """Whether the book is ours for the block: of two checks at once one has it, and the other nothing to do."""
    descriptor = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)
