"""A switchover as data: what is ordered, its steps, the fence at the source, and the facts of its way."""

import uuid
from typing import Literal, get_args

import msgspec

from syncwizard.task.facts import Event, Failure
from syncwizard.task.parts import Remainder

# In the order in which they are taken.
StepName = Literal["checks", "fence", "drain", "verification", "sequences", "definitions", "reverse", "proof", "open"]
STEPS: tuple[StepName, ...] = get_args(StepName)
# The database is read-only by default; rights are revoked; the applications were stopped by other means.
FenceMode = Literal["read-only", "revoke", "stopped"]
SwitchoverVerification = Literal["none", "counts", "rows"]
# Findings of the first step that may be accepted.
AcceptedCheck = Literal["missing-definitions", "latency", "sequences", "quarantine"]


class SwitchoverOrder(msgspec.Struct, frozen=True, kw_only=True):
    """How a task is to be switched over.

    - `fence`: how writes are kept out of the source; `roles`: those that lose their rights by `revoke`
    - `grace_seconds`: transactions that are open get so long before their sessions are ended
    - `longest_seconds`: without writes; then the switchover is undone
    - `verify`: how both ends are compared behind the fence
    - `offset`: added to the values of sequences
    - `reverse`: the task of the other direction is made before the destination takes writes
    - `rehearsal`: no write is kept out, and nothing is opened
    - `accepted`: findings that stand in the way no more
    """

    id: uuid.UUID
    fence: FenceMode = "read-only"
    roles: tuple[str, ...] = ()
    grace_seconds: float = 30.0
    longest_seconds: float = 600.0
    verify: SwitchoverVerification = "counts"
    offset: int = 0
    reverse: bool = True
    rehearsal: bool = False
    accepted: tuple[AcceptedCheck, ...] = ()


class Fence(msgspec.Struct, frozen=True, kw_only=True):
    """What keeps writes out of a database: the statements that raise it, and those that leave all as it was before.

    `after`: the server's clock before it was raised, in seconds since the epoch.
    """

    mode: FenceMode
    database: str
    statements: tuple[str, ...] = ()
    undo: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    after: float = 0.0


class SwitchoverEvent(Event, frozen=True, kw_only=True):
    """Base of the facts of a switchover; `id` is that of its order."""

    id: uuid.UUID


class SwitchoverStarted(SwitchoverEvent, frozen=True, kw_only=True, tag=True):
    """A switchover began."""

    order: SwitchoverOrder


class SwitchoverStepStarted(SwitchoverEvent, frozen=True, kw_only=True, tag=True):
    """A step began, or begins again after an interruption."""

    step: StepName


class SwitchoverStepFinished(SwitchoverEvent, frozen=True, kw_only=True, tag=True):
    """A step is done, in so many seconds; `summary` says with what result."""

    step: StepName
    summary: str
    seconds: float


class FenceRaising(SwitchoverEvent, frozen=True, kw_only=True, tag=True):
    """The source is about to be fenced: written before anything changes there."""

    fence: Fence


class DestinationChanging(SwitchoverEvent, frozen=True, kw_only=True, tag=True):
    """Definitions of the destination are about to change; `undo` has the statements that change them back, each
    whole."""

    undo: list[str]


class ReverseCreating(SwitchoverEvent, frozen=True, kw_only=True, tag=True):
    """The task of the other direction is about to be made, with this id and name."""

    task: uuid.UUID
    name: str


class SwitchoverUndone(SwitchoverEvent, frozen=True, kw_only=True, tag=True):
    """The switchover ended before its last step, and writes may go to the source again. `failure`: why, None where it
    was asked for. `seconds`: how long writes were kept out, None where they were not. `left_over`: what could not be
    changed back at the destination."""

    failure: Failure | None = None
    seconds: float | None = None
    left_over: tuple[Remainder, ...] = ()


class UndoFailed(SwitchoverEvent, frozen=True, kw_only=True, tag=True):
    """The switchover ended before its last step, and the source is fenced still. `failure`: why it could not be undone;
    `first`: why it ended, None where that was asked for."""

    failure: Failure
    first: Failure | None = None


class SwitchoverFinished(SwitchoverEvent, frozen=True, kw_only=True, tag=True):
    """The destination takes the writes from here on. All that was committed at the source before `lsn` is there;
    writes were kept out for so many `seconds`."""

    lsn: str
    seconds: float


class SwitchoverRehearsed(SwitchoverEvent, frozen=True, kw_only=True, tag=True):
    """A rehearsal came to its end: writes would be kept out for about so many `seconds`, and longer by what `waits`
    has, which a fence or the slot of the reverse task would have to wait for."""

    seconds: float
    waits: tuple[str, ...] = ()


class SlotDropped(SwitchoverEvent, frozen=True, kw_only=True, tag=True):
    """The slot of the task that was switched over is gone from its source."""

    name: str


AnySwitchoverEvent = (
    SwitchoverStarted
    | SwitchoverStepStarted
    | SwitchoverStepFinished
    | FenceRaising
    | DestinationChanging
    | ReverseCreating
    | SwitchoverUndone
    | UndoFailed
    | SwitchoverFinished
    | SwitchoverRehearsed
    | SlotDropped
)


class FenceInherited(Event, frozen=True, kw_only=True, tag=True):
    """The destination of a reverse task is fenced since its writes moved to the source: written before the first start
    of the task, whose own switchover takes the fence away."""

    fence: Fence


class SwitchoverStep(msgspec.Struct, frozen=True, kw_only=True):
    """One step; `seconds` is None until it is done. Seconds since the epoch."""

    name: StepName
    started_at: float
    seconds: float | None = None
    summary: str = ""


class Switchover(msgspec.Struct, frozen=True, kw_only=True):
    """The latest switchover of a task. Times are seconds since the epoch.

    - `fence`: what keeps writes out of the source now, since `fenced_at`; it stays when the switchover is finished
    - `reverse`: the task of the other direction, with its name
    - `undo`: statements that change the destination's definitions back
    - `ended_at`: None while it goes on, or was interrupted; `finished`, `undone` or neither say how it ended
    - `seconds`: how long writes were kept out, or would be by a rehearsal; `waits`: what it would have to wait for
    """

    order: SwitchoverOrder
    started_at: float
    ended_at: float | None = None
    steps: tuple[SwitchoverStep, ...] = ()
    fence: Fence | None = None
    fenced_at: float | None = None
    undo: tuple[str, ...] = ()
    reverse: uuid.UUID | None = None
    reverse_name: str = ""
    failure: Failure | None = None
    undone: bool = False
    finished: bool = False
    lsn: str = ""
    seconds: float | None = None
    waits: tuple[str, ...] = ()
    left_over: tuple[Remainder, ...] = ()

    @property
    def opening(self) -> bool:
        """Whether the last step was begun, from which on the destination may have taken writes."""
        return any(each.name == STEPS[-1] for each in self.steps)

    @property
    def pending(self) -> bool:
        """Whether it is at work or was interrupted, or its fence could not be lifted."""
        return not self.finished and not self.undone and not (self.order.rehearsal and self.ended_at is not None)


def connection_string(host: str, port: int | None, database: str | None) -> str:
    """What an application connects to, without account and password.

    >>> connection_string("db2", 5432, "kb"), connection_string("/run/pg", None, "kb")
    ('host=db2 port=5432 dbname=kb', 'host=/run/pg dbname=kb')
    """
    parts = {"host": host, "port": port, "dbname": database}
    return " ".join(f"{name}={_quoted(str(value))}" for name, value in parts.items() if value)


def _quoted(value: str) -> str:
    if value and not set(value) & set(" '\\"):
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
