"""Describes each event in one line: for logs, `events` and the monitor."""

import functools
from collections.abc import Mapping, Sequence

from syncwizard.remedies import NOTHING, Remedy, without_statements, without_then
from syncwizard.task.ddl import describe_decision
from syncwizard.task.events import (
    ChangesApplied,
    DefinitionDecided,
    DefinitionFollowed,
    DefinitionMissing,
    DefinitionsRetried,
    DefinitionsVerified,
    EngineStarted,
    EngineStopped,
    Event,
    Failure,
    HeartbeatCreated,
    Noticed,
    PartitionDetached,
    PauseRequested,
    PrecheckFinished,
    PrecheckItemFinished,
    PublicationCreated,
    ReplicaIdentityChanging,
    ResyncRequested,
    RetryEnded,
    RetryStarted,
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
from syncwizard.task.row_facts import ChangedRule
from syncwizard.task.state import MissingDefinition
from syncwizard.task.switching import sentence_of
from syncwizard.task.switchover import FenceInherited, SwitchoverEvent, SwitchoverUndone, UndoFailed
from syncwizard.task.text import counted, describe_bytes, format_seconds, listed, local_time, one_line
from syncwizard.task.verification_words import describe_definitions_verified, describe_scope, describe_verified

# A kind of changes beside insert, update, delete and truncate: they came, and were not applied.
HELD_BACK = "held back"
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
        case Noticed() | TableSetAside():
            return event.remedy
        case TaskFailedEvent() | UndoFailed():
            return event.failure.remedy
        case _:
            return NOTHING


@functools.singledispatch
def _sentence(event: Event) -> str:
    return type(event).__name__


def describe_changed_rule(change: ChangedRule) -> str:
    """
    >>> describe_changed_rule(ChangedRule(kind="filter", change="removed", schema="s", table="t"))
    'filter of s.t removed'
    >>> describe_changed_rule(ChangedRule(kind="script", change="changed"))
    'script of all tables changed'
    """
    if change.kind == "errors":
        return "what becomes of rows for which a script fails changed"
    of = f"{change.schema}.{change.table}" if change.table else f"schema {change.schema}" if change.schema else ""
    return f"{change.kind} of {of or 'all tables'} {change.change}"


def describe_missing(missing: DefinitionMissing | MissingDefinition) -> str:
    """A missing definition with its reason.

    >>> describe_missing(DefinitionMissing(kind="view", name="public.a", reason="no such column", sqlstate="42703"))
    'view public.a (no such column, SQLSTATE 42703)'
    """
    state = f", SQLSTATE {missing.sqlstate}" if missing.sqlstate else ""
    return f"{missing.kind} {missing.name} ({missing.reason}{state})"


def describe_aside(event: TableSetAside) -> str:
    """A table that is set aside, with the reason.

    >>> from syncwizard.task.names import TableName
    >>> describe_aside(TableSetAside(table=TableName("kb", "tags"), reason="it was dropped and created anew"))
    'kb.tags: it was dropped and created anew'
    """
    state = f", SQLSTATE {event.sqlstate}" if event.sqlstate else ""
    return f"{event.table}: {event.reason}" + (f" ({event.detail}{state})" if event.detail else "")


def count_aside(aside: Sequence[TableSetAside]) -> str:
    """How many tables are set aside, as a heading.

    >>> from syncwizard.task.names import TableName
    >>> count_aside([TableSetAside(table=TableName("kb", "tags"), reason="")])
    '1 table is set aside: its changes are not applied'
    """
    verb, whose = ("is", "its") if len(aside) == 1 else ("are", "their")
    return f"{counted(len(aside), 'table')} {verb} set aside: {whose} changes are not applied"


def count_missing(missing: Sequence[MissingDefinition]) -> str:
    """How many definitions are missing, as a heading.

    >>> count_missing([MissingDefinition(kind="view", name="public.a", reason="", since=0.0)])
    '1 definition is missing at the destination'
    """
    verb = "is" if len(missing) == 1 else "are"
    return f"{counted(len(missing), 'definition')} {verb} missing at the destination"


def describe_retrying(until: float, failure: Failure) -> str:
    """What is tried again, until when (seconds since the epoch), and what can be done meanwhile."""
    meanwhile = str(without_then(failure.remedy)) or "correct the cause meanwhile, or pause the task"
    return f"error, retrying until {local_time(until)}: {describe_failure(failure)}; {meanwhile}"


# Kinds of counts beside those of changes that were applied: changes of operations that a table does not take, and rows
# for which a script failed.
LEFT_OUT = "left_out"
DEAD_LETTERS = "dead_letters"


def count_changes(tables: dict[str, dict[str, int]]) -> int:
    """All changes of all tables that were applied.

    >>> count_changes({"a.b": {"insert": 2, "delete": 1, "left_out": 5}})
    3
    """
    return sum(map(count_applied, tables.values()))


def counts_with_copy(changes: dict[str, dict[str, int]], copied: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """The counts by table, with the rows that the copy set aside among its dead letters.

    >>> counts_with_copy({"a.b": {"insert": 2, "dead_letters": 1}}, {"a.b": 3, "a.c": 0})
    {'a.b': {'insert': 2, 'dead_letters': 4}}
    """
    found = dict(changes)
    for name, number in copied.items():
        if number:
            own = found.get(name, {})
            found[name] = {**own, DEAD_LETTERS: own.get(DEAD_LETTERS, 0) + number}
    return found


def describe_dead_letters(number: int) -> str:
    """How many rows are set aside, and where.

    >>> describe_dead_letters(2)
    'a script failed for 2 rows: syncwizard.dead_letters at the destination has their keys and the reasons'
    """
    has = "has its key and the reason" if number == 1 else "has their keys and the reasons"
    return f"a script failed for {counted(number, 'row')}: syncwizard.dead_letters at the destination {has}"


def count_applied(counts: dict[str, int]) -> int:
    """The changes of one table that were applied."""
    return sum(number for kind, number in counts.items() if kind not in (LEFT_OUT, DEAD_LETTERS, HELD_BACK))


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
    return f"resynchronization requested: {tables}" + (", with a new slot" if event.whole else "")


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
    return f"{event.transactions:,} transactions with {changes:,} changes applied so far, up to {event.applied_lsn}"


@_sentence.register
def _(event: RetryStarted) -> str:
    return describe_retrying(event.until, event.failure)


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
