"""What is known of a task after its events: the one state that every face shows and every stage reads."""

import uuid
from collections.abc import Mapping
from typing import Literal

import msgspec

from syncwizard.remedies import NOTHING, Remedy
from syncwizard.task.events import (
    DefinitionDecided,
    Failure,
    Level,
    PartitionDetached,
    PrecheckItemFinished,
    PublicationCreated,
    Remainder,
    ReplicaIdentityChanging,
    ResyncRequested,
    SlotCreated,
    SlotMeasured,
    StageName,
    TableSetAside,
)
from syncwizard.task.names import TableName
from syncwizard.task.quarantine import Quarantined, RowDecided
from syncwizard.task.row_facts import RowFact
from syncwizard.task.switchover import Fence, Switchover
from syncwizard.task.verification import DefinitionDifference, TableVerification, Verdict, VerificationOrder

StateName = Literal[
    "not-started",
    "prechecking",
    "precheck-failed",
    "precheck-passed",
    "initializing",
    "synchronizing",
    "retrying",
    "paused",
    "switched",
    "modifying",
    "failed",
    "released",
]
StageStatus = Literal["waiting", "running", "done"]


class StageState(msgspec.Struct, frozen=True, kw_only=True):
    """One stage; times are seconds since the epoch."""

    status: StageStatus = "waiting"
    started_at: float | None = None
    finished_at: float | None = None
    summary: str = ""


class TableState(msgspec.Struct, frozen=True, kw_only=True):
    """The copy of one table. `dead_letters`: rows of it for which a script failed, as in TableCopied."""

    pair_lsn: str
    chunks: int
    estimated_rows: int
    estimated_bytes: int
    binary: bool
    copied: bool = False
    rows: int = 0
    bytes: int = 0
    seconds: float = 0.0
    restarts: int = 0
    dead_letters: int = 0


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """A remark kept with the state: the latest few."""

    at: float
    level: Level
    message: str
    remedy: Remedy = NOTHING


class MissingDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """A selected or needed definition that the destination does not have, as `DefinitionMissing` says it.

    `since`: seconds since the epoch, of the first time it was found missing.
    """

    kind: str
    name: str
    reason: str
    since: float
    sqlstate: str = ""
    statements: tuple[str, ...] = ()
    advice: str = ""
    postponed: bool = False

    def is_of(self, kind: str, name: str) -> bool:
        """Whether it is the definition of this kind and name."""
        return (self.kind, self.name) == (kind, name)


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """The latest comparison of both ends; `tables` has what was found by name, of the `total` to be compared.

    `definitions` of the source were compared, of which `differences` were found.
    `ended_at` is None while it goes on, or until an engine continues it. Seconds since the epoch.
    """

    order: VerificationOrder
    total: int
    started_at: float
    ended_at: float | None = None
    tables: Mapping[str, TableVerification] = {}
    definitions: int = 0
    differences: tuple[DefinitionDifference, ...] = ()
    failure: Failure | None = None
    stopped: bool = False

    def of(self, verdict: Verdict) -> list[TableVerification]:
        """The tables with this verdict."""
        return [each for each in self.tables.values() if each.verdict == verdict]


class Retrying(msgspec.Struct, frozen=True, kw_only=True):
    """Since when and until when trouble is retried, and which. Seconds since the epoch.

    `failure` is what is in the way now; `first` what it began with, where that was another one; `window_of` the task
    that shares an end and sets `until`, where it is another one.
    """

    since: float
    until: float
    failure: Failure
    first: Failure | None = None
    window_of: str = ""


class CopyBeside(msgspec.Struct, frozen=True, kw_only=True):
    """Tables that another task copies for this one: by which order, and how often such a task came to nothing; `task`
    and `name` of the one there is. `held`: there will be none, and the order is to be carried out without."""

    order: ResyncRequested
    task: uuid.UUID | None = None
    name: str = ""
    failures: int = 0
    held: bool = False


class TaskState(msgspec.Struct, frozen=True, kw_only=True):
    """Made by `reduce` from the journal and from nothing else.

    `missing_definitions`: those that are selected or needed and not at the destination.
    `planning`: tables are being planned for the copy, so that `tables` are not all of them.
    `followed`: the number of the last change of a definition that was followed; `decided`: what was decided about
    those that are not.
    `row_decided`: the latest decision about a change of a row that cannot be applied, until it is carried out;
    `quarantine`: such changes that were left out or edited, for ever; `quarantined`: the number of the last record.
    `resync`: the latest order to copy tables again. `copied_again`: by name, how often the engine has ordered that for
    a table, and when last. `dropped`: tables that left the task, because the source has them
    no more. `detached`: partitions whose rows the destination still has in their tree. `aside`: tables whose changes
    are not applied. `beside`: those of them that another task copies.
    `row_rules`: what is asked of rows, None before the capture, and where an older version has begun the task.
    `verification`: the latest comparison of both ends. `switchover`: the latest one.
    `inherited`: what keeps applications from writing to the destination of a reverse task.
    `engine_pid`: of the engine that reported its start and not its stop (it may have died since).
    """

    id: uuid.UUID | None = None
    name: str = ""
    state: StateName = "not-started"
    stages: dict[StageName, StageState] = {}
    precheck: tuple[PrecheckItemFinished, ...] = ()
    tables: Mapping[str, TableState] = {}
    planning: bool = False
    dropped: tuple[TableName, ...] = ()
    detached: tuple[PartitionDetached, ...] = ()
    aside: tuple[TableSetAside, ...] = ()
    followed: int = 0
    decided: tuple[DefinitionDecided, ...] = ()
    row_decided: RowDecided | None = None
    quarantine: tuple[Quarantined, ...] = ()
    quarantined: int = 0
    resync: ResyncRequested | None = None
    copied_again: Mapping[str, tuple[int, float]] = {}
    beside: CopyBeside | None = None
    identities: tuple[ReplicaIdentityChanging, ...] = ()
    heartbeat: bool = False
    publication: PublicationCreated | None = None
    row_rules: tuple[RowFact, ...] | None = None
    slot: SlotCreated | None = None
    # Of the source when the task's first slot was made there: a later one may be made after a failover.
    first_timeline: int | None = None
    slot_measured: SlotMeasured | None = None
    slot_measured_at: float = 0.0
    sync_point: str | None = None
    sync_point_passed: bool = False
    changes: dict[str, dict[str, int]] = {}
    transactions: int = 0
    applied_lsn: str | None = None
    retrying: Retrying | None = None
    failure: Failure | None = None
    missing_definitions: tuple[MissingDefinition, ...] = ()
    verification: Verification | None = None
    switchover: Switchover | None = None
    inherited: Fence | None = None
    notices: tuple[Notice, ...] = ()
    left_over: tuple[Remainder, ...] = ()
    engine_pid: int | None = None
    updated_at: float = 0.0
    sequence: int = 0

    @property
    def identities_before(self) -> tuple[ReplicaIdentityChanging, ...]:
        """What each table had before the task: the first fact counts, for a repeated run sees FULL of its own.

        Not looked for with each fact: there may be thousands of tables.
        """
        return tuple({each.table: each for each in reversed(self.identities)}.values())[::-1]

    @property
    def left_aside(self) -> tuple[TableSetAside, ...]:
        """The tables that are set aside and that no other task copies meanwhile."""
        if self.beside is None:
            return self.aside
        return tuple(each for each in self.aside if not each.names & self.beside.order.names)

    def finished(self, stage: StageName) -> bool:
        """Whether the stage is done for good."""
        found = self.stages.get(stage)
        return found is not None and found.status == "done"

    def table_name(self, text: str) -> TableName:
        """The name of a table of the task from its text: a schema may have a dot in it.

        >>> TaskState().table_name("kb.tags")
        TableName(schema='kb', name='tags')
        """
        published = self.publication.tables if self.publication is not None else []
        schema, _, name = text.partition(".")
        return next((table for table in published if str(table) == text), TableName(schema, name))

    def table(self, name: TableName) -> TableState | None:
        """The copy of the table, once planned."""
        return self.tables.get(str(name))
