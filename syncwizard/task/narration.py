"""Describes each event in one line: for logs, `events` and the monitor."""

import functools

from syncwizard.remedies import NOTHING, Remedy, without_statements
from syncwizard.task.ddl import describe_decision
from syncwizard.task.event_words import (
    count_changes,
    describe_aside,
    describe_changed_rule,
    describe_copy_beside,
    describe_dead_letters,
    describe_missing,
    describe_retrying,
)
from syncwizard.task.events import (
    ChangeQuarantined,
    ChangesApplied,
    CopyBesideEvent,
    DefinitionDecided,
    DefinitionFollowed,
    DefinitionMissing,
    DefinitionsRetried,
    DefinitionsVerified,
    EngineStarted,
    EngineStopped,
    Event,
    HeartbeatCreated,
    Noticed,
    PartitionDetached,
    PauseRequested,
    PrecheckFinished,
    PrecheckItemFinished,
    PublicationCreated,
    QuarantineFollowed,
    QuarantineSettled,
    ReplicaIdentityChanging,
    ResyncRequested,
    RetryEnded,
    RetryStarted,
    RowDecided,
    RowRulesChanged,
    SequencesSet,
    SlotCreated,
    SlotMeasured,
    StageFinished,
    StageStarted,
    StatementFinished,
    StatementSkipped,
    SyncPointPassed,
    SyncPointSet,
    TableCopied,
    TableDropped,
    TablePlanned,
    TableRepaired,
    TableRestarted,
    TableSetAside,
    TableVerified,
    TaskFailedEvent,
    TaskPaused,
    TaskReleased,
    VerificationFinished,
    VerificationStarted,
)
from syncwizard.task.facts import describe_failure
from syncwizard.task.quarantine import describe_quarantined, describe_row_decision
from syncwizard.task.switching import sentence_of
from syncwizard.task.switchover import FenceInherited, SwitchoverEvent, SwitchoverUndone, UndoFailed
from syncwizard.task.text import counted, describe_bytes, format_seconds, listed, one_line
from syncwizard.task.verification_words import describe_definitions_verified, describe_scope, describe_verified

# Of rules that changed.
CHANGES_NAMED = 5


def narrate(event: Event) -> str:
    """The event in one line, whatever the names in it are.

    >>> narrate(StageStarted(stage="full"))
    'stage full started'
    """
    return one_line(_with_remedy(_sentence(event), _remedy_of(event)))


def _remedy_of(event: Event) -> Remedy:
    match event:
        case PrecheckItemFinished():
            # Statements may be many, and stand with the item.
            return without_statements(event.remedy)
        case TableSetAside() if event.is_coming:
            return NOTHING
        case Noticed() | TableSetAside():
            return event.remedy
        case TaskFailedEvent() | UndoFailed():
            return event.failure.remedy
        case _:
            return NOTHING


@functools.singledispatch
def _sentence(event: Event) -> str:
    return type(event).__name__


def _with_remedy(text: str, remedy: Remedy) -> str:
    return f"{text}; {remedy}" if remedy else text


@_sentence.register
def _(event: EngineStarted) -> str:
    return f"engine started: process {event.pid}, version {event.version}"


@_sentence.register
def _(event: EngineStopped) -> str:
    return f"engine stopped: {event.reason}"


@_sentence.register
def _(event: StageStarted) -> str:
    return f"stage {event.stage} started"


@_sentence.register
def _(event: StageFinished) -> str:
    return f"stage {event.stage} finished" + (f": {event.summary}" if event.summary else "")


@_sentence.register
def _(event: PrecheckItemFinished) -> str:
    verdict = "warning, accepted" if event.ignored else event.verdict
    text = f"precheck {event.item}: {verdict}"
    return f"{text}: {event.message}" if event.message else text


@_sentence.register
def _(event: PrecheckFinished) -> str:
    return "the precheck passed" if event.passed else "the precheck did not pass"


@_sentence.register
def _(event: ReplicaIdentityChanging) -> str:
    return f"changing the replica identity of {event.table} to FULL (was {event.index or event.previous!r})"


@_sentence.register
def _(event: HeartbeatCreated) -> str:
    return "heartbeat created at the source"


@_sentence.register
def _(event: PublicationCreated) -> str:
    if event.listed:
        return f"list of {counted(len(event.members), 'table')} made at the source"
    return f"publication {event.name} created, with {counted(len(event.members), 'member')}"


@_sentence.register
def _(event: RowRulesChanged) -> str:
    listed = [describe_changed_rule(change) for change in event.changes]
    more = f" and {len(listed) - CHANGES_NAMED:,} more" if len(listed) > CHANGES_NAMED else ""
    return f"{', '.join(listed[:CHANGES_NAMED])}{more}: for what follows, rows that are there stay as they are"


@_sentence.register
def _(event: SlotCreated) -> str:
    return f"replication slot {event.name} created at {event.lsn}"


@_sentence.register
def _(event: SlotMeasured) -> str:
    if not event.exists:
        return "the source does not have the replication slot any more"
    return f"the slot holds {describe_bytes(event.retained_bytes)} of WAL at the source ({event.wal_status})"


@_sentence.register
def _(event: TablePlanned) -> str:
    size = describe_bytes(event.estimated_bytes)
    chunks = counted(event.chunks, "chunk")
    return f"{event.table} planned: about {event.estimated_rows:,} rows, {size}, {chunks}"


@_sentence.register
def _(event: TableCopied) -> str:
    took = format_seconds(event.seconds)
    text = f"{event.table} copied: {event.rows:,} rows, {describe_bytes(event.bytes)} in {took}"
    return f"{text}; {describe_dead_letters(event.dead_letters)}" if event.dead_letters else text


@_sentence.register
def _(event: TableRestarted) -> str:
    return f"copying {event.table} again: {event.reason}"


@_sentence.register
def _(event: ResyncRequested) -> str:
    if event.modifies:
        parts = ("added", event.added), ("removed", event.removed)
        changed = [f"{what} {listed(map(str, names))}" for what, names in parts if names]
        return f"modification requested: {'; '.join(changed)}"
    tables = ", ".join(str(each.table) for each in event.tables) or "no table"
    if event.automatic:
        return f"copied again without an order: {tables} ({'; '.join(event.reasons)})"
    return f"resynchronization requested: {tables}" + (", with a new slot" if event.whole else "")


@_sentence.register
def _(event: CopyBesideEvent) -> str:
    return describe_copy_beside(event)


@_sentence.register
def _(event: TableDropped) -> str:
    kept = "its copy stays" if event.copied else "its incomplete copy stays"
    dropped = "created anew and dropped again" if event.again else "dropped"
    return f"{event.table} was {dropped} at the source: {kept} at the destination as it is"


@_sentence.register
def _(event: DefinitionFollowed) -> str:
    if event.refused:
        what = f"{event.object_kind} {event.object_name}" if event.object_name else str(event.table)
        return f"{event.tag} on {what} could not be followed: {event.refused}"
    if event.decided:
        by = f", as {event.by} decided" if event.by else ""
        done = f"was skipped{by}" if event.decided == "skip" else f"was followed by other statements{by}"
        return f"{event.tag} on {event.table} {done}" + (f": {'; '.join(event.statements)}" if event.statements else "")
    what = f"{event.tag} on {event.table} was followed"
    if event.kind == "dropped" and not event.statements:
        return f"{event.table} was dropped at the source: its copy stays at the destination as it is"
    if not event.statements:
        return what
    more = len(event.statements) - 1
    return f"{what}: {event.statements[0]}{f' and {more} more' if more else ''}"


@_sentence.register
def _(event: DefinitionDecided) -> str:
    return describe_decision(event)


@_sentence.register
def _(event: RowDecided) -> str:
    return describe_row_decision(event)


@_sentence.register
def _(event: ChangeQuarantined) -> str:
    return describe_quarantined(event)


@_sentence.register
def _(event: QuarantineFollowed) -> str:
    return (
        f"{counted(event.changes, 'later change')} of a row of {event.table} in quarantine could not be applied"
        f" either, and went there too (record {event.follows})"
    )


@_sentence.register
def _(event: QuarantineSettled) -> str:
    records = ", ".join(map(str, event.numbers))
    why = "both ends have the same rows again" if event.reason == "equal" else "the table was copied again"
    return f"quarantine of {event.table} settled, {why}: record {records}"


@_sentence.register
def _(event: PartitionDetached) -> str:
    tree = str(event.root) if event.root else "its tree"
    lasting = "" if event.captured else ", and changes to it are not captured any more"
    return f"{event.table} was detached from {tree} at the source: its rows stay in {tree} at the destination{lasting}"


@_sentence.register
def _(event: TableSetAside) -> str:
    return f"set aside, changes are not applied: {describe_aside(event)}"


@_sentence.register
def _(event: SyncPointSet) -> str:
    return f"sync point set to {event.lsn}"


@_sentence.register
def _(event: SyncPointPassed) -> str:
    return f"sync point {event.lsn} passed: the destination is consistent"


@_sentence.register
def _(event: StatementFinished) -> str:
    kind = event.kind.removesuffix(" validation")
    return f"{kind} {event.name} {'created' if kind == event.kind else 'validated'} in {format_seconds(event.seconds)}"


@_sentence.register
def _(event: StatementSkipped) -> str:
    return f"{event.kind} {event.name} left out: {event.reason}"


@_sentence.register
def _(event: DefinitionMissing) -> str:
    return f"missing at the destination: {describe_missing(event)}" + (f"; {event.advice}" if event.advice else "")


@_sentence.register
def _(event: DefinitionsRetried) -> str:
    return f"{counted(event.created, 'missing definition')} created, {event.refused:,} refused again"


@_sentence.register
def _(event: SequencesSet) -> str:
    text = f"{event.count:,} sequences set to the source's values"
    return text + (f"; not set: {', '.join(event.problems)}" if event.problems else "")


@_sentence.register
def _(event: VerificationStarted) -> str:
    if event.order.mode == "schema":
        return "verification begins: definitions"
    return f"verification begins: {counted(len(event.tables), 'table')}, {describe_scope(event.order)}"


@_sentence.register
def _(event: TableVerified) -> str:
    return describe_verified(event.found)


@_sentence.register
def _(event: DefinitionsVerified) -> str:
    return describe_definitions_verified(event.compared, len(event.differences))


@_sentence.register
def _(event: TableRepaired) -> str:
    deleted = f", {counted(event.deleted, 'row')} deleted" if event.deleted else ""
    return f"{event.table} is repaired: {counted(event.written, 'row')} written{deleted}"


@_sentence.register
def _(event: VerificationFinished) -> str:
    if event.failure is not None:
        return f"verification ended early: {describe_failure(event.failure)}"
    return "verification was stopped" if event.stopped else "verification is done"


@_sentence.register
def _(event: SwitchoverEvent) -> str:
    text = sentence_of(event)
    failure = event.failure if isinstance(event, SwitchoverUndone | UndoFailed) else None
    return f"{text}: {describe_failure(failure)}" if failure is not None else text


@_sentence.register
def _(event: FenceInherited) -> str:
    return f"database {event.fence.database} of the destination is fenced until this task is switched over"


@_sentence.register
def _(event: ChangesApplied) -> str:
    changes = count_changes(event.tables)
    done = f"{counted(event.transactions, 'transaction')} with {counted(changes, 'change')} applied so far"
    return f"{done}, up to {event.applied_lsn}"


@_sentence.register
def _(event: RetryStarted) -> str:
    return describe_retrying(event.until, event.failure, event.window_of)


@_sentence.register
def _(event: RetryEnded) -> str:
    return "recovered: the retry succeeded"


@_sentence.register
def _(event: PauseRequested) -> str:
    return "pause requested"


@_sentence.register
def _(event: TaskPaused) -> str:
    return "paused: all connections are closed, the replication slot stays"


@_sentence.register
def _(event: TaskFailedEvent) -> str:
    return f"failed: {describe_failure(event.failure)}"


@_sentence.register
def _(event: TaskReleased) -> str:
    return (
        f"released, with {counted(len(event.left_over), 'object')} left over"
        if event.left_over
        else "released, with nothing left over"
    )


@_sentence.register
def _(event: Noticed) -> str:
    return f"{event.level}: {event.message}"
