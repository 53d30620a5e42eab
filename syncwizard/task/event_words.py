"""Words of events and of what they leave in a state, where more than the sentence of one event has them."""

from collections.abc import Mapping, Sequence

from syncwizard.remedies import without_then
from syncwizard.task.events import (
    CopyBesideBegun,
    CopyBesideEnded,
    CopyBesideEvent,
    CopyBesideOrdered,
    DefinitionMissing,
    Failure,
    TableSetAside,
)
from syncwizard.task.facts import describe_failure
from syncwizard.task.row_facts import ChangedRule
from syncwizard.task.state import MissingDefinition, TaskState
from syncwizard.task.text import counted, listed, local_time

# A kind of changes beside insert, update, delete and truncate: they came, and were not applied.
HELD_BACK = "held back"
# Kinds of counts beside those of changes that were applied: changes of operations that a table does not take, and rows
# for which a script failed.
LEFT_OUT = "left_out"
DEAD_LETTERS = "dead_letters"


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
    >>> describe_aside(TableSetAside(table=TableName("kb", "tags"), reason="its rows were rewritten", redefined=True))
    'kb.tags: its rows were rewritten; the task copies it again by itself'
    """
    state = f", SQLSTATE {event.sqlstate}" if event.sqlstate else ""
    text = f"{event.table}: {event.reason}" + (f" ({event.detail}{state})" if event.detail else "")
    if event.is_coming:
        return f"{text}; the task copies it again by itself"
    return f"{text}; not copied again by itself: {event.by_hand}" if event.by_hand else text


def describe_copy_beside(event: CopyBesideEvent) -> str:
    """What becomes of tables that another task copies.

    >>> from uuid import UUID
    >>> describe_copy_beside(CopyBesideBegun(task=UUID(int=1), name="kb-beside"))
    'task kb-beside copies the tables, while the changes of the others go on'
    >>> describe_copy_beside(CopyBesideEnded(reason="connection refused", again=True))
    'the copy beside the changes came to nothing, and begins again: connection refused'
    """
    if isinstance(event, CopyBesideOrdered):
        tables = listed([str(each.table) for each in event.order.tables])
        return f"to be copied again beside the changes of the other tables: {tables}"
    if isinstance(event, CopyBesideBegun):
        return f"task {event.name} copies the tables, while the changes of the others go on"
    if isinstance(event, CopyBesideEnded) and event.reason:
        then = "begins again" if event.again else "the changes wait for a copy"
        return f"the copy beside the changes came to nothing, and {then}: {event.reason}"
    if isinstance(event, CopyBesideEnded) and event.held:
        return "the changes have waited for the copy"
    return "the copy beside the changes is done"


def describe_beside(state: TaskState) -> str:
    """That another task copies tables for this one; empty where none does."""
    if state.beside is None or state.beside.held:
        return ""
    tables = counted(len(state.beside.order.tables), "table")
    by = f"task {state.beside.name}" if state.beside.name else "another task"
    return f"{by} copies {tables}, while the changes of the others go on"


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


def describe_retrying(until: float, failure: Failure, window_of: str = "") -> str:
    """What is tried again, until when (seconds since the epoch), by which task's window where it is another one's, and
    what can be done meanwhile."""
    meanwhile = str(without_then(failure.remedy)) or "correct the cause meanwhile, or pause the task"
    whose = f" ({describe_window_of(window_of)})" if window_of else ""
    return f"error, retrying until {local_time(until)}{whose}: {describe_failure(failure)}; {meanwhile}"


def describe_window_of(task: str) -> str:
    """
    >>> describe_window_of("reports")
    'the window of task reports, which shares an end'
    """
    return f"the window of task {task}, which shares an end"


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
