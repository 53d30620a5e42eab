"""The one error tree. Each error says what happened, where, the server's words, what to do next, and its exit code.

SyncwizardError            1
├── UsageError             2   wrong arguments, refused requests
│   └── TaskFileError      2   a mistake in a task file, with file and path
├── PrecheckNotPassed      3
├── EndpointError          4   an end cannot be reached, logged in to, or lost the connection
│   └── ProtocolError      4   the source sent what its protocol does not allow: the session ends, another is tried
├── NotDelivered           4   a receiver of alerts cannot be reached, or refuses one
├── DifferencesFound       5
├── TimedOut               6
├── LeftOver               7   the task is released, and something of it is still at an end
├── TaskFailed             1   the task cannot continue without intervention
│   ├── SourceChanged      1   slot, publication or server are not the ones this task knows
│   │   └── ChangesMissing 1   and what the stream lost cannot come back: tables have to be copied again
│   ├── LayoutNewer        1   what a newer version keeps at the destination cannot be used by this one
│   ├── ChangeFailed       1   changes of the stream cannot be applied, as things are
│   └── JournalFailed      1   the task's journal cannot be written or read
├── Fenced                 1   another engine works on this task
└── Cancelled              1   pause was asked for: not a failure
"""

from typing import ClassVar, Literal

from syncwizard.remedies import NOTHING, Remedy, as_remedy

End = Literal["source", "destination"]
# SQLSTATE classes of lost connections, shutdown and crash recovery; without one it was libpq that failed.
CONNECTION_STATES = ("08", "57P")


class SyncwizardError(Exception):
    """Something went wrong, and this says what, where, why and what to do.

    `title` is one sentence without a full stop's worth of context; `detail` the server's own words;
    `where` the end, table or file; `remedy` what to do, where a text is one step; `sqlstate` five characters where a
    server refused something.
    """

    exit_code: ClassVar[int] = 1

    def __init__(
        self,
        title: str,
        *,
        detail: str = "",
        where: str = "",
        remedy: Remedy | str = NOTHING,
        sqlstate: str = "",
    ) -> None:
        super().__init__(title)
        self.title = title
        self.detail = detail
        self.where = where
        self.remedy = as_remedy(remedy)
        self.sqlstate = sqlstate

    def __str__(self) -> str:
        text = f"{self.where}: {self.title}" if self.where else self.title
        if self.detail:
            text += f" ({self.detail})"
        return text


class UsageError(SyncwizardError):
    """Wrong arguments, or a request that is refused in the task's present state."""

    exit_code = 2


class TaskFileError(UsageError):
    """A mistake in a task file; `where` is the file, with line or path."""


class PrecheckNotPassed(SyncwizardError):
    """Items of the precheck block the start."""

    exit_code = 3


class EndpointError(SyncwizardError):
    """An end cannot be reached or logged in to, or its connection was lost.

    `transient` tells whether trying again may help: a refused connection may, a wrong password will not. `cause` is
    why, in two or three words of ours, where the server's or the driver's are known.
    """

    exit_code = 4

    def __init__(
        self,
        title: str,
        *,
        end: End,
        transient: bool,
        detail: str = "",
        where: str = "",
        remedy: Remedy | str = NOTHING,
        sqlstate: str = "",
        cause: str = "",
    ) -> None:
        super().__init__(title, detail=detail, where=where or end, remedy=remedy, sqlstate=sqlstate)
        self.end = end
        self.transient = transient
        self.cause = cause

    @property
    def lost(self) -> bool:
        """Whether the end is out of reach for now, as opposed to one that answers and lacks something."""
        return self.transient and (not self.sqlstate or self.sqlstate.startswith(CONNECTION_STATES))


class ProtocolError(EndpointError):
    """The source sent a message that its protocol does not allow; what it means cannot be known, so nothing of it is
    used. Another session may be in order: a proxy, or the network, may have been the cause."""

    def __init__(self, what: str) -> None:
        super().__init__(
            "the source sent a message that the protocol does not allow", end="source", transient=True, detail=what
        )


class NotDelivered(SyncwizardError):
    """A receiver of alerts could not be reached, or refused one; no part of the words is secret."""

    exit_code = 4


class DifferencesFound(SyncwizardError):
    """Source and destination differ."""

    exit_code = 5


class TimedOut(SyncwizardError):
    """A wait ended without what it was for."""

    exit_code = 6


class LeftOver(SyncwizardError):
    """The task is released, but not all that it made could be removed: statements are left to be run by hand."""

    exit_code = 7


class TaskFailed(SyncwizardError):
    """The task cannot continue without intervention."""


class SourceChanged(TaskFailed):
    """The slot, the publication or the server is not the one this task knows: changes may be missing."""


class ChangesMissing(SourceChanged):
    """Changes were lost on their way: only a copy of the tables brings the destination in step again, and resuming
    would end the same way."""


class LayoutNewer(TaskFailed):
    """A newer version of syncwizard keeps the destination's schema `syncwizard` in a layout unknown to this one."""


class ChangeFailed(TaskFailed):
    """Changes of the stream cannot be applied: an end refuses one, has no place for it, or refuses what applying takes.
    Nothing after it was applied either; the end may be put right while it is tried again."""


class JournalFailed(TaskFailed):
    """The journal of a task cannot be written or read: its disk is full, or not as it was."""


class Fenced(SyncwizardError):
    """Another engine has taken over this task; this one must stop."""


class Cancelled(SyncwizardError):
    """A pause was asked for."""

    def __init__(self) -> None:
        super().__init__("paused")
