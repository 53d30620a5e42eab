"""What the engine and its apply child say to each other."""

import uuid

import msgspec

from syncwizard.postgres.source.lineage import Detached, Doubt
from syncwizard.task.events import (
    ChangeQuarantined,
    DefinitionDecided,
    DefinitionFollowed,
    QuarantineFollowed,
    RowDecided,
    TableSetAside,
)
from syncwizard.task.figures.sample import Sample
from syncwizard.task.handover import Handover
from syncwizard.task.names import TableName
from syncwizard.task.specification import TaskSpec


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """`stop_at`: end after this position is applied (an LSN), None: go on until stopped.

    `sync_point`: the newest pair; rows missing before it are looked up at the source (rule 9). `owner`: that of the
    engine's context. `folder`: where the limits of the task are; empty for none. `decided`: about changes of
    definitions that wait; `row_decided`: about the change of a row that cannot be applied.
    """

    spec: TaskSpec
    secrets: Handover
    owner: int
    sync_point: str
    stop_at: str | None = None
    folder: str = ""
    decided: tuple[DefinitionDecided, ...] = ()
    row_decided: RowDecided | None = None

    @property
    def task_id(self) -> uuid.UUID:
        """The task's id; every task that runs has one."""
        if self.spec.id is None:
            raise ValueError("the task has no id yet")
        return self.spec.id


class Stop(msgspec.Struct, frozen=True, tag=True):
    """Ends the child after the batch at hand."""


class Hold(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Commits nothing at or beyond `limit` (an LSN; 0/0: nothing more), and answers with Held once all before is."""

    limit: str = "0/0"


class LetGo(msgspec.Struct, frozen=True, tag=True):
    """The stream goes on."""


class Look(msgspec.Struct, frozen=True, tag=True):
    """The source is looked at now, not at the next heartbeat: somewhere a command waits for what is acknowledged."""


class Figures(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Now and then, and after the last batch before it gets quiet; counters are totals of this child."""

    sample: Sample


class Reached(msgspec.Struct, frozen=True, tag=True):
    """`stop_at` is applied."""

    applied_lsn: str


class Stopped(msgspec.Struct, frozen=True, tag=True):
    """The child ends as ordered."""


class Recovered(msgspec.Struct, frozen=True, tag=True):
    """The child goes on in a more careful way; which, and why. `doubtful`: what it could not compare may be wrong."""

    reason: str
    doubtful: bool = False


class Intruded(msgspec.Struct, frozen=True, tag=True):
    """Another session read the slot and was ended; which."""

    reader: str


class Uncaptured(msgspec.Struct, frozen=True, tag=True):
    """Tables that belong to the task's selection and are not published: created after the start, or no
    partition any more."""

    tables: list[TableName]


class Attached(msgspec.Struct, frozen=True, tag=True):
    """Tables that became partitions of published tables with rows in them, which never were in the stream."""

    tables: list[TableName]


class Dropped(msgspec.Struct, frozen=True, tag=True):
    """Tables that are gone at the source; what was committed to them before is durable at the destination.

    `again`: they were made anew meanwhile, and set aside.
    """

    tables: list[TableName]
    again: bool = False


class Changed(msgspec.Struct, frozen=True, tag=True):
    """What became of captured relations without harm to the stream: partitions that left their tree, and what may have
    made rows differ."""

    detached: tuple[Detached, ...]
    doubts: tuple[Doubt, ...]


class SetAside(msgspec.Struct, frozen=True, tag=True):
    """Tables that the destination has as set aside now."""

    found: list[TableSetAside]


class Redefined(msgspec.Struct, frozen=True, tag=True):
    """A change of a definition that is durable at the destination."""

    what: DefinitionFollowed


class Quarantined(msgspec.Struct, frozen=True, tag=True):
    """Changes of rows that are durable in the destination's quarantine, in the order of their numbers."""

    found: list[ChangeQuarantined | QuarantineFollowed]


class Held(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Everything before `limit` is durable at the destination, up to `applied_lsn`, and nothing beyond."""

    limit: str
    applied_lsn: str


class HoldEnded(msgspec.Struct, frozen=True, tag=True):
    """The stream goes on unasked: its session ended, or it was held for too long."""


ToChild = Stop | Hold | LetGo | Look
FromChild = (
    Held
    | HoldEnded
    | Figures
    | Reached
    | Stopped
    | Recovered
    | Redefined
    | Quarantined
    | Intruded
    | Uncaptured
    | Attached
    | Dropped
    | Changed
    | SetAside
)
