"""Facts in the life of a task, in the past tense. The journal keeps them; `reduce` makes the state of them.

Positions (`lsn`) are PostgreSQL's text form; times are seconds since the epoch and belong to the journal entry,
not to the event. Metrics are not facts: see `task.sample`.
"""

import hashlib
import uuid
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
from syncwizard.task.row_facts import ChangedRule, RowFact
from syncwizard.task.stages import StageName as StageName
from syncwizard.task.switchover import AnySwitchoverEvent, FenceInherited
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
    them."""

    name: str
    oid: int
    members: list[int]
    tables: list[TableName]
    mapping: list[tuple[str, ...]] | None = None
    rules: list[RowFact] | None = None


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


class TablePlanned(Event, frozen=True, kw_only=True, tag=True):
    """A table's copy was planned under the pair (`pair_lsn`, snapshot). `more`: others are planned after it."""

    table: TableName
    pair_lsn: str
    chunks: int
    estimated_rows: int
    estimated_bytes: int
    binary: bool
    more: bool = False


class TableCopied(Event, frozen=True, kw_only=True, tag=True):
    """All chunks of the table are committed at the destination. `dead_letters`: rows of it that are set aside there,
    because a script failed for them; they are not among the rows."""

    table: TableName
    rows: int
    bytes: int
    seconds: float
    dead_letters: int = 0


class TableRestarted(Event, frozen=True, kw_only=True, tag=True):
    """The copy of a table begins again, under a new pair."""

    table: TableName
    reason: str


class ResyncRequested(Event, frozen=True, kw_only=True, tag=True):
    """An order to empty tables at the destination and to copy them again; `id` tells the order from others.

    `whole`: all of the stream is doubtful, so that slot and publication are made anew. `reasons` say what was found.
    `added`: those of the tables that the task did not have, `removed`: those that leave it, where the objects of the
    task were modified; `schemas` are new as a whole; `mapping` has the names at the destination from then on.
    `heals`: tables are not emptied; what differs is written. `gap_bytes`: the WAL that the source wrote since the
    destination's position, None where that is not known; `index_bytes`: of the tables' indexes at the destination.
    """

    id: uuid.UUID
    tables: list[TableToCopy]
    whole: bool
    reasons: list[str] = []
    added: list[TableName] = []
    removed: list[TableName] = []
    schemas: list[str] = []
    mapping: list[tuple[str, ...]] | None = None
    heals: bool = False
    gap_bytes: int | None = None
    index_bytes: int = 0

    @property
    def modifies(self) -> bool:
        """Whether other tables belong to the task from here on."""
        return bool(self.added or self.removed)


class TableDropped(Event, frozen=True, kw_only=True, tag=True):
    """The table is gone at the source. What was committed before was applied; its copy stays at the destination.

    `copied` is False where the table went before its copy was complete: the destination has a part of it at most.
    `again`: so is the one that was made anew under its name, which was set aside.
    """

    table: TableName
    copied: bool = True
    again: bool = False


class DefinitionFollowed(Event, frozen=True, kw_only=True, tag=True):
    """A change of a definition at the source was made at the destination, at its place among the rows.

    - `number`: from the destination, growing; `lsn`: of the commit at the source
    - `kind`: what became of the table; `table`: its name at the source before, `renamed` its name from then on
    - `tag`, `role`, `statement`: the command as it ran there; the statement is None where a function hid it
    - `statements`: what ran at the destination; none where there was nothing to do, or a dropped table stays there
    - `object_kind`: of what is no table, where `kind` is object, and `object_name` where the table alone does not say
      which; `refused`: why the destination did not take it
    - `ordinal`: its number at the source; `decided`, `by`: where the statements are not those that follow it
    """

    number: int = 0
    lsn: str
    kind: Literal["created", "dropped", "renamed", "changed", "object"]
    table: TableName
    renamed: TableName | None = None
    tag: str
    role: str = ""
    statement: str | None = None
    statements: list[str] = []
    object_kind: str = ""
    object_name: str = ""
    refused: str = ""
    sqlstate: str = ""
    ordinal: int = 0
    decided: Literal["", "run", "skip"] = ""
    by: str = ""


class PartitionDetached(Event, frozen=True, kw_only=True, tag=True):
    """A captured partition is in its tree no more. Its rows stay in the tree of the destination as they were.

    `root` is the tree's name, None where that is gone. `captured`: its changes still come.
    """

    table: TableName
    root: TableName | None = None
    captured: bool = False
    remedy: Remedy = NOTHING


class TableSetAside(Event, frozen=True, kw_only=True, tag=True):
    """Changes of the table are not applied any more, while the task goes on with the others, until it is copied again.

    `tables`: its partitions, where it is a partitioned one. `reason` is ours; `detail` the server's message with its
    `sqlstate`, `statement` what it refused, where it did; `query` shows the rows at the source that are in the way.
    `anew`: the table was dropped, and the source has another one under its name. `redefined`: its definition goes on
    being followed, and a copy of its rows is all that is missing.
    """

    table: TableName
    tables: list[TableName] = []
    reason: str
    detail: str = ""
    sqlstate: str = ""
    statement: str = ""
    query: str = ""
    remedy: Remedy = NOTHING
    anew: bool = False
    redefined: bool = False

    @property
    def names(self) -> frozenset[TableName]:
        """Every name under which changes of it come."""
        return frozenset([self.table, *self.tables])


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
    make it, in their order; there are none where pg_dump wrote none. A later StatementFinished or StatementSkipped of
    the same kind and name ends it.
    """

    kind: str
    name: str
    reason: str
    sqlstate: str = ""
    statements: list[str] = []
    advice: str = ""


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
    """Trouble that may pass: tried again until `until` (seconds since the epoch)."""

    failure: Failure
    since: float
    until: float


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
    | TableDropped
    | DefinitionFollowed
    | DefinitionDecided
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
