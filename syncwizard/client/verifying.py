"""Has a running engine verify, and shows what a verification found."""

from collections.abc import Callable

from syncwizard.client.tasks import StoredTask
from syncwizard.client.waiting import connect
from syncwizard.engine.protocol import Happened
from syncwizard.errors import UsageError
from syncwizard.remedies import Remedy
from syncwizard.task.events import (
    DefinitionsVerified,
    Event,
    TableRepaired,
    TableVerified,
    VerificationFinished,
    VerificationStarted,
)
from syncwizard.task.facts import describe_failure
from syncwizard.task.state import Verification
from syncwizard.task.text import counted, format_seconds, format_table
from syncwizard.task.verification import WHOLE, RowDifference, TableVerification, VectorNorms, VerificationOrder
from syncwizard.task.verification_words import describe_definitions_verified

ROWS_SHOWN = 10
REPORTED = (VerificationStarted, DefinitionsVerified, TableVerified, TableRepaired, VerificationFinished)
HEADER = ("TABLE", "RESULT", "SOURCE", "DESTINATION", "CHANGED", "MISSING", "EXTRA", "TIME")


def verify(task: StoredTask, order: VerificationOrder, watcher: Callable[[Event], None]) -> Verification:
    """Has the task's engine compare both ends, and waits for the end.

    Raises UsageError where no engine runs or it refuses; EngineGone where it ends before.
    """
    _check_running(task)
    with connect(task) as connection:
        connection.subscribe(task.read_state().sequence)
        connection.command("verify", verification=order)
        while True:
            frame = connection.receive(None)
            if not isinstance(frame, Happened):
                continue
            event = frame.entry.event
            if isinstance(
                event, VerificationStarted | DefinitionsVerified | TableVerified | TableRepaired | VerificationFinished
            ):
                watcher(event)
            found = connection.state.verification
            ended = isinstance(event, VerificationFinished) and event.id == order.id
            if ended and found is not None and found.order.id == order.id:
                return found


def begin(task: StoredTask, order: VerificationOrder) -> None:
    """Has the task's engine compare both ends, and does not wait. Raises UsageError as `verify`, EngineGone."""
    _check_running(task)
    with connect(task) as connection:
        connection.command("verify", verification=order)


def stop(task: StoredTask) -> None:
    """Ends the verification that is at work. Raises UsageError where no engine runs."""
    _check_running(task)
    with connect(task) as connection:
        connection.command("stop-verification")


def _check_running(task: StoredTask) -> None:
    if task.find_engine() is None:
        raise UsageError(
            "the task is not running, and both ends can be brought to one commit only while it is",
            where=task.label,
            remedy=Remedy(then="resume", task=task.label),
        )


def describe(found: Verification) -> str:
    """What was found, for people: a line for each table, those that differ first and with their rows."""
    if found.order.mode == "schema":
        return _definitions(found)
    if found.order.mode == "vectors":
        return _searches(found)
    tables = sorted(found.tables.values(), key=lambda each: (VERDICT_ORDER[each.verdict], str(each.table)))
    rows = [_line(each) for each in tables]
    parts = [format_table(HEADER, rows, right=range(2, len(HEADER)))]
    for table in tables:
        if table.rows:
            parts.append(_rows_of(table))
        elif table.reason:
            parts.append(f"{table.table} could not be compared: {table.reason}")
        if words := quarantine_words(table):
            parts.append(words)
    parts.append(summary_of(found))
    if found.order.sample < WHOLE:
        parts.append(f"a sample of {found.order.sample} % was compared, and says nothing of the other rows")
    return "\n".join(parts)


SEARCHED = ("INDEX", "K", "SEARCHES", "SOURCE", "DESTINATION", "SAME EXACT", "SET AT DESTINATION")


def _searches(found: Verification) -> str:
    """A line for each vector index, with what to do where one is worse; norms where they differ."""
    lines, more = [], []
    for table in sorted(found.tables.values(), key=lambda each: str(each.table)):
        if table.reason:
            more.append(f"{table.table} could not be compared: {table.reason}")
        for each in table.vectors:
            name = each.source_index or each.destination_index or ""
            setting = f"{each.setting} {each.destination_value}" if each.destination_value else ""
            recalls = [describe_recall(each.source_recall), describe_recall(each.destination_recall)]
            same = f"{each.same_neighbours:,}"
            lines.append([name, str(each.k), f"{each.queries:,}", *recalls, same, setting])
            if not each.source_norms.same_as(each.destination_norms):
                more += [f"{name}: other values", *map(_norms, (each.source_norms, each.destination_norms))]
            if each.worse:
                more += [f"{name} finds less at the destination; there:", *(f"  {text};" for text in each.statements)]
    return "\n".join([format_table(SEARCHED, lines, right=range(1, 6)), *more, summary_of(found)])


def describe_recall(recall: float | None) -> str:
    """A share of the exact neighbours, in percent."""
    return "no index" if recall is None else f"{100 * recall:.1f} %"


def _norms(found: VectorNorms) -> str:
    norms = ", ".join("–" if each is None else f"{each:.6g}" for each in (found.least, found.mean, found.greatest))
    dimensions = f"{found.least_dimensions or '–'} to {found.most_dimensions or '–'}"
    return f"  {found.rows:,} rows, {found.nulls:,} NULL, {found.zeros:,} zero; dimensions {dimensions}; norms {norms}"


def _definitions(found: Verification) -> str:
    """What differs between the definitions of both ends."""
    lines = []
    for each in found.differences:
        if each.destination is None:
            lines.append(f"{each.kind} {each.name}: only at the source")
        elif each.source is None:
            lines.append(f"{each.kind} {each.name}: only at the destination")
        else:
            lines += [
                f"{each.kind} {each.name}:",
                f"  source       {each.source}",
                f"  destination  {each.destination}",
            ]
    lines.append(describe_definitions_verified(found.definitions, len(found.differences)))
    if found.failure is not None:
        lines.append(f"ended early: {describe_failure(found.failure)}")
    return "\n".join(lines)


VERDICT_ORDER = {"different": 0, "unverified": 1, "equal": 2}


def _line(found: TableVerification) -> list[str]:
    if found.verdict == "unverified":
        return [str(found.table), "not compared", "", "", "", "", "", ""]
    more = "+" if found.more else ""
    counts = [found.changed, found.only_source, found.only_destination]
    return [
        str(found.table),
        found.verdict,
        f"{found.source_rows:,}",
        f"{found.destination_rows:,}",
        *(f"{count:,}{more}" for count in counts),
        format_seconds(found.seconds),
    ]


def _rows_of(found: TableVerification) -> str:
    columns = ", ".join(found.key_columns) or "row"
    lines = [f"{found.table} ({columns}):"]
    lines += [f"  {', '.join(row.key)}  {difference_words(row)}" for row in found.rows[:ROWS_SHOWN]]
    if found.differing > ROWS_SHOWN:
        least = "at least " if found.more else ""
        lines.append(f"  … and {least}{found.differing - ROWS_SHOWN:,} more")
    return "\n".join(lines)


KIND_WORDS = {"changed": "changed", "only-source": "only at the source", "only-destination": "only at the destination"}


def difference_words(row: RowDifference) -> str:
    """How a row differs, and whether a change of it is in quarantine.

    >>> difference_words(RowDifference(key=("7",), kind="only-source", quarantined=3))
    'only at the source · quarantined (record 3)'
    """
    return KIND_WORDS[row.kind] + (f" · quarantined (record {row.quarantined})" if row.quarantined else "")


def quarantine_words(found: TableVerification) -> str:
    """How many rows of a table have changes in quarantine; empty without any."""
    if not found.quarantined:
        return ""
    verb = "has" if found.quarantined == 1 else "have"
    return f"{found.table}: {counted(found.quarantined, 'row')} {verb} changes in quarantine"


def summary_of(found: Verification) -> str:
    """How many tables are equal and how many are not, in one line."""
    different, unverified, equal = (len(found.of(each)) for each in ("different", "unverified", "equal"))
    parts = [f"{counted(equal, 'table')} equal", f"{different:,} different", f"{unverified:,} not compared"]
    left = found.total - len(found.tables)
    if left:
        parts.append(f"{left:,} left out")
    text = ", ".join(parts)
    if found.failure is not None:
        return f"{text}; ended early: {describe_failure(found.failure)}"
    return f"{text}; stopped" if found.stopped else text
