"""Facts in the life of a task, in the past tense. The journal keeps them; `reduce` makes the state of them.

Positions (`lsn`) are PostgreSQL's text form; times are seconds since the epoch and belong to the journal entry,
not to the event. Metrics are not facts: see `task.sample`.
"""

import hashlib
from typing import Literal

import msgspec

from syncwizard.errors import End
from syncwizard.remedies import NOTHING, Remedy
from syncwizard.task.ddl import DefinitionDecided as DefinitionDecided
from syncwizard.task.facts import BlockedDefinition as BlockedDefinition
from syncwizard.task.facts import Event as Event
from syncwizard.task.facts import Failure as Failure
from syncwizard.task.names import TableName
from syncwizard.task.parts import Remainder as Remainder
from syncwizard.task.parts import SequenceValue as SequenceValue
from syncwizard.task.parts import SlotLife as SlotLife
from syncwizard.task.parts import TableToCopy as TableToCopy
from syncwizard.task.quarantine import ChangeQuarantined as ChangeQuarantined
from syncwizard.task.quarantine import QuarantineFollowed as QuarantineFollowed
from syncwizard.task.quarantine import QuarantineSettled as QuarantineSettled
from syncwizard.task.quarantine import RowDecided as RowDecided
from syncwizard.task.row_facts import ChangedRule, RowFact
from syncwizard.task.stages import StageName as StageName
from syncwizard.task.switchover import AnySwitchoverEvent, FenceInherited
from syncwizard.task.table_events import CopyBesideBegun as CopyBesideBegun
from syncwizard.task.table_events import CopyBesideEnded as CopyBesideEnded
from syncwizard.task.table_events import CopyBesideEvent as CopyBesideEvent
from syncwizard.task.table_events import CopyBesideOrdered as CopyBesideOrdered
from syncwizard.task.table_events import DefinitionFollowed as DefinitionFollowed
from syncwizard.task.table_events import PartitionDetached as PartitionDetached
from syncwizard.task.table_events import ResyncRequested as ResyncRequested
from syncwizard.task.table_events import TableCopied as TableCopied
from syncwizard.task.table_events import TableDropped as TableDropped
from syncwizard.task.table_events import TablePlanned as TablePlanned
from syncwizard.task.table_events import TableRestarted as TableRestarted
from syncwizard.task.table_events import TableSetAside as TableSetAside
from syncwizard.task.verification import DefinitionsVerified as DefinitionsVerified
from syncwizard.task.verification import TableRepaired as TableRepaired
from syncwizard.task.verification import TableVerified as TableVerified
from syncwizard.task.verification import VerificationFinished as VerificationFinished
from syncwizard.task.verification import VerificationStarted as VerificationStarted

# Who runs the statements of a precheck item.
RunBy = Literal["account", "administrator"]
Verdict = Literal["passed", "warning", "failed"]
Level = Literal["info", "warning", "error"]


class EngineStarted(Event, frozen=True, kw_only=True, tag=True):
    """An engine process took the task."""

    pid: int
    version: str


class EngineStopped(Event, frozen=True, kw_only=True, tag=True):
    """The engine ended in an orderly way; without this fact it died."""

    reason: str


class StageStarted(Event, frozen=True, kw_only=True, tag=True):
    """A stage began (again)."""

    stage: StageName


class StageFinished(Event, frozen=True, kw_only=True, tag=True):
    """A stage is done and will not run again."""

    stage: StageName
    summary: str = ""


class PrecheckItemFinished(Event, frozen=True, kw_only=True, tag=True):
    """One check has its verdict. `ignorable`: a warning that the user may accept by its `item` name.

    `sql_end`: where the remedy's statements are to be run, None where no session of a task can. `run_by`: who runs
    them; an administrator gives what the task's account cannot give itself. `objects`: a line for each object the
    message is about.
    """

    item: str
    title: str
    verdict: Verdict
    message: str = ""
    remedy: Remedy = NOTHING
    sql_end: End | None = None
    ignorable: bool = False
    ignored: bool = False
    objects: list[str] = []
    run_by: RunBy = "account"

    @property
    def detail(self) -> str:
        """Stands for what the message is about: another one where that has changed."""
        return hashlib.sha256("\n".join([self.message, *self.objects]).encode()).hexdigest()[:16]

    @property
    def blocks(self) -> bool:
        """Whether the task cannot start because of this item: it failed, or its warning wants to be accepted."""
        return self.verdict == "failed" or (self.verdict == "warning" and self.ignorable and not self.ignored)


class PrecheckFinished(Event, frozen=True, kw_only=True, tag=True):
    """All checks ran."""

    passed: bool


class ReplicaIdentityChanging(Event, frozen=True, kw_only=True, tag=True):
    """We are about to set REPLICA IDENTITY FULL; `previous` is 'd', 'n', 'i' (as in pg_class), `index` for 'i'.

    Written before the change, so that release can restore it whatever happened in between.
    """

    table: TableName
    previous: str
    index: str | None = None


class HeartbeatCreated(Event, frozen=True, kw_only=True, tag=True):
    """The heartbeat table at the source carries a row of this task."""


class PublicationCreated(Event, frozen=True, kw_only=True, tag=True):
    """The publication exists; its OID and its members' OIDs are compared ever after. `mapping`: the names that the task
    gives at the destination, as `Mapping.facts`; `rules`: what it asks of rows; None from versions that did not keep
    them. `listed`: it is no publication, but a list of ours with its tables."""

    name: str
    oid: int
    members: list[int]
    tables: list[TableName]
    mapping: list[tuple[str, ...]] | None = None
    rules: list[RowFact] | None = None
    listed: bool = False


class RowRulesChanged(Event, frozen=True, kw_only=True, tag=True):
    """Filters, scripts or operations are others than in the run before: `rules` are all that are in force from here on,
    for what follows; rows that are there stay as they are."""

    rules: list[RowFact]
    changes: list[ChangedRule]


class SlotCreated(Event, frozen=True, kw_only=True, tag=True):
    """The slot exists: every commit from `lsn` on will be streamed."""

    name: str
    lsn: str
    system_identifier: str
    timeline: int


class SlotMeasured(Event, frozen=True, kw_only=True, tag=True):
    """The WAL that the slot holds back at the source, when that stood at `source_lsn`; kept now and then.

    `wal_status` as in pg_replication_slots. `safe_bytes` more may be written before the slot is lost, None where
    max_slot_wal_keep_size sets no limit; `directory_bytes`: all of pg_wal, None without the right to see it.
    `exists`: False where the source has no such slot, which holds nothing then. `life`: what else may end it.
    """

    retained_bytes: int
    wal_status: str
    source_lsn: str
    safe_bytes: int | None = None
    directory_bytes: int | None = None
    exists: bool = True
    life: SlotLife = SlotLife()


class SyncPointSet(Event, frozen=True, kw_only=True, tag=True):
    """The newest pair: once the stream has passed it, all tables are of one moment."""

    lsn: str


class SyncPointPassed(Event, frozen=True, kw_only=True, tag=True):
    """The destination is consistent from here on."""

    lsn: str


class StatementFinished(Event, frozen=True, kw_only=True, tag=True):
    """A definition was created at the destination."""

    kind: str
    name: str
    seconds: float


class StatementSkipped(Event, frozen=True, kw_only=True, tag=True):
    """A definition was left out on purpose: the task excludes it, or the source has it no more."""

    kind: str
    name: str
    reason: str


class DefinitionMissing(Event, frozen=True, kw_only=True, tag=True):
    """A definition that is selected or needed is not at the destination; `kind` and `name` tell it from others.

    `reason` is ours, or the server's message with its `sqlstate`; `advice` says what is known to help. `statements`
    make it, in their order; there are none where pg_dump wrote none. `postponed`: it was dropped by the task, which
    makes it again by itself. A later StatementFinished or StatementSkipped of the same kind and name ends it.
    """

    kind: str
    name: str
    reason: str
    sqlstate: str = ""
    statements: list[str] = []
    advice: str = ""
    postponed: bool = False


class DefinitionsRetried(Event, frozen=True, kw_only=True, tag=True):
    """Missing definitions were tried again by order: `created` and `refused` tell how many."""

    created: int
    refused: int


class SequencesSet(Event, frozen=True, kw_only=True, tag=True):
    """`count` sequences of the destination were moved forward. `values` is empty in the journal."""

    count: int
    values: list[SequenceValue] = []
    problems: list[str] = []


class ChangesApplied(Event, frozen=True, kw_only=True, tag=True):
    """Running totals of changes per table: {table: {insert: n, …}}; written now and then.

    They were applied, but for those of the kind `held back`, whose table was set aside. The journal keeps the last ones
    of an hour.
    """

    tables: dict[str, dict[str, int]]
    transactions: int
    applied_lsn: str


class RetryStarted(Event, frozen=True, kw_only=True, tag=True):
    """Trouble that may pass: tried again until `until` (seconds since the epoch). `window_of`: the task that shares an
    end and whose window this is; empty where it is the task's own."""

    failure: Failure
    since: float
    until: float
    window_of: str = ""


class RetryEnded(Event, frozen=True, kw_only=True, tag=True):
    """The trouble passed."""


class PauseRequested(Event, frozen=True, kw_only=True, tag=True):
    """The task was asked to pause."""


class TaskPaused(Event, frozen=True, kw_only=True, tag=True):
    """Every connection is closed; the slot stays."""


class TaskFailedEvent(Event, frozen=True, kw_only=True, tag="TaskFailed"):
    """The task stopped and needs intervention."""

    failure: Failure


class TaskReleased(Event, frozen=True, kw_only=True, tag=True):
    """Everything we created is gone, except what `left_over` lists."""

    left_over: list[Remainder] = []


class Noticed(Event, frozen=True, kw_only=True, tag=True):
    """Something worth knowing that changes no state."""

    level: Level
    message: str
    remedy: Remedy = NOTHING


AnyEvent = (
    EngineStarted
    | EngineStopped
    | StageStarted
    | StageFinished
    | PrecheckItemFinished
    | PrecheckFinished
    | ReplicaIdentityChanging
    | HeartbeatCreated
    | PublicationCreated
    | RowRulesChanged
    | SlotCreated
    | SlotMeasured
    | TablePlanned
    | TableCopied
    | TableRestarted
    | ResyncRequested
    | CopyBesideOrdered
    | CopyBesideBegun
    | CopyBesideEnded
    | TableDropped
    | DefinitionFollowed
    | DefinitionDecided
    | RowDecided
    | ChangeQuarantined
    | QuarantineFollowed
    | QuarantineSettled
    | PartitionDetached
    | TableSetAside
    | SyncPointSet
    | SyncPointPassed
    | StatementFinished
    | StatementSkipped
    | DefinitionMissing
    | DefinitionsRetried
    | SequencesSet
    | VerificationStarted
    | TableVerified
    | DefinitionsVerified
    | TableRepaired
    | VerificationFinished
    | AnySwitchoverEvent
    | FenceInherited
    | ChangesApplied
    | RetryStarted
    | RetryEnded
    | PauseRequested
    | TaskPaused
    | TaskFailedEvent
    | TaskReleased
    | Noticed
)


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A fact as the journal keeps it: its number (from 1, growing) and when (seconds since the epoch).

    Numbers are missing where figures of the same hour took the place of earlier ones.
    """

    sequence: int
    at: float
    event: AnyEvent
