"""What was followed of changes of definitions, and what is in the way, as plain text and as data; pure."""

from collections.abc import Sequence
from typing import Any

from syncwizard.remedies import lines_of, with_task
from syncwizard.task.ddl import describe_decision
from syncwizard.task.events import BlockedDefinition, DefinitionFollowed, Entry, Failure
from syncwizard.task.facts import describe_failure
from syncwizard.task.figures.sample import Sample
from syncwizard.task.specification import Ddl
from syncwizard.task.state import TaskState
from syncwizard.task.text import counted, local_time, one_line, shell_word


def followed_of(entries: Sequence[Entry]) -> list[tuple[float, DefinitionFollowed]]:
    """The changes of definitions among the events, with their times in seconds since the epoch."""
    return [(entry.at, entry.event) for entry in entries if isinstance(entry.event, DefinitionFollowed)]


def describe_followed(
    followed: Sequence[tuple[float, DefinitionFollowed]], state: TaskState, label: str, setting: Ddl
) -> str:
    """Each change: when and by whom, what ran at the source, what ran at the destination; then what stops the task."""
    if setting == "off" and not followed:
        return f"{label}: changes of definitions are not followed (advanced.ddl is off)"
    parts = [f"{label}: {counted(len(followed), 'change')} of definitions followed"]
    for at, event in followed:
        table = f"{event.table} → {event.renamed}" if event.renamed else str(event.table)
        by = f" by {event.role}" if event.role else ""
        parts.append(one_line(f"  {local_time(at)}  {event.tag} on {table}{by}, committed at {event.lsn}"))
        ran = _ran(event.statement)
        parts.append(one_line(f"    source       {' '.join(ran.split())}"))
        parts += [one_line(f"    destination  {text}") for text in event.statements or [_nothing(event)]]
        if event.refused:
            parts.append(one_line(f"    refused      {event.refused}"))
        if event.decided:
            parts.append(one_line(f"    {'skipped' if event.decided == 'skip' else 'edited'}      by {event.by}"))
    failure = in_the_way(state)
    if failure is not None:
        word = "retrying" if state.retrying is not None else "stopped"
        parts.append(one_line(f"  {word}: {describe_failure(failure)}"))
        parts += [f"    {one_line(line)}" for line in lines_of(with_task(failure.remedy, label))]
        if failure.definition is not None:
            parts += _waiting(failure.definition, label)
    parts += [f"  {one_line(describe_decision(each))}, not carried out yet" for each in state.decided]
    return "\n".join(parts)


def describe_ignored(sample: Sample) -> str:
    """How many commands on definitions changed nothing at the destination, and why; empty where that is not known.

    >>> print(describe_ignored(Sample(commands_passed_over=3, commands_ignored=1)))
    3 commands concerned no task since the source captures them, 1 that came since the stream began no followed object
    >>> describe_ignored(Sample())
    ''
    """
    if sample.commands_passed_over is None:
        return ""
    over, ignored = counted(sample.commands_passed_over, "command"), sample.commands_ignored or 0
    return (
        f"{over} concerned no task since the source captures them,"
        f" {ignored:,} that came since the stream began no followed object"
    )


def followed_as_data(
    followed: Sequence[tuple[float, DefinitionFollowed]], state: TaskState, sample: Sample
) -> dict[str, Any]:
    """The same for `--json`."""
    return {
        "followed": [{"at": at, "change": event} for at, event in followed],
        "failure": in_the_way(state),
        "decided": state.decided,
        "passed_over": sample.commands_passed_over,
        "ignored": sample.commands_ignored,
    }


def _waiting(change: BlockedDefinition, label: str) -> list[str]:
    parts = [one_line(f"    would run    {statement}") for statement in change.statements]
    options = ["--dry-run", "--retry", "--edit", *(["--skip"] if change.consequences else [])]
    return [*parts, f"    decide       syncwizard ddl {shell_word(label)} {'|'.join(options)}"]


def statements_text(change: BlockedDefinition) -> str:
    """The statements that the change would run, as SQL to be edited, with what ran at the source as a remark."""
    ran = _ran(change.statement)
    on = f" on {one_line(change.table)}" if change.table else ""
    by = f", run by {one_line(change.role)}" if change.role else ""
    head = [f"{change.tag}{on}{by}, committed at {change.lsn}", *ran.splitlines()]
    found = [f"-- {one_line(line)}" for line in head]
    found += [f"{statement};" for statement in change.statements]
    if not change.statements:
        found.append("-- Nothing of it can be followed.")
    return "\n".join(found) + "\n"


def describe_skip(change: BlockedDefinition) -> str:
    """What skipping the change means, exactly."""
    on = f" on {change.table}" if change.table else ""
    parts = [one_line(f"{change.tag}{on}, committed at {change.lsn}, is skipped:")]
    parts += [one_line(f"  {each}") for each in change.consequences]
    parts += [one_line(f"  not run: {statement}") for statement in change.statements]
    return "\n".join(parts)


def in_the_way(state: TaskState) -> Failure | None:
    """What the task tries again, or failed with."""
    return state.retrying.failure if state.retrying is not None else state.failure


def _ran(statement: str | None) -> str:
    """A statement of the source; none where the stream shows what the table is like by then."""
    if statement is None:
        return "run by a function that does not show it"
    return statement or "seen by its rows, without event triggers"


def _nothing(event: DefinitionFollowed) -> str:
    return "the table stays as it is" if event.kind == "dropped" else "nothing to do"
