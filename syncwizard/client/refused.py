"""Decides about a change of a row that the destination refuses, and shows those that are in quarantine."""

from typing import Any

import msgspec

from syncwizard.client import launch
from syncwizard.client.connection import EngineConnection
from syncwizard.client.deciding import carry_out
from syncwizard.client.followed import in_the_way
from syncwizard.client.tasks import StoredTask
from syncwizard.client.waiting import Watcher, ignore, is_synchronizing
from syncwizard.errors import UsageError
from syncwizard.machine import operator
from syncwizard.remedies import Remedy, lines_of, with_task
from syncwizard.task.events import Failure, RowDecided
from syncwizard.task.facts import RefusedChange, describe_failure
from syncwizard.task.failures import error_from_failure
from syncwizard.task.handover import Handover
from syncwizard.task.lsn import parse_lsn
from syncwizard.task.quarantine import (
    Quarantined,
    RowAction,
    describe_quarantine,
    describe_quarantined,
    is_of_its_row,
    key_text,
)
from syncwizard.task.refused import describe_refused
from syncwizard.task.state import TaskState
from syncwizard.task.text import clean_lines, counted, local_time, one_line, shell_word

SETTLED_WORDS = {"equal": "both ends have the same row again", "copied": "the table was copied again"}


def waiting(state: TaskState) -> RefusedChange | None:
    """The change of a row that is in the way, if there is one."""
    failure = in_the_way(state)
    return None if failure is None else failure.change


def check_waiting(task: StoredTask) -> RefusedChange:
    """The same. Raises UsageError where none is."""
    found = waiting(task.read_state())
    if found is None:
        raise UsageError("no change of a row waits", where=task.label, remedy=Remedy(then="status", task=task.label))
    return found


def why_not(state: TaskState, action: RowAction) -> str:
    """Why the change that waits cannot be decided about so; empty where it can."""
    failure, change = in_the_way(state), waiting(state)
    if failure is None or change is None or action == "retry":
        return ""
    if not change.digest:
        return "an earlier version refused it: retry it first"
    if not is_of_its_row(failure.sqlstate):
        return "the destination refuses it for a reason that is not of its row, and would refuse others, too"
    return "it has no values: a delete" if action == "edit" and not change.new else ""


def check_decidable(task: StoredTask, action: RowAction) -> None:
    """Raises UsageError where the change that waits cannot be decided about so."""
    if reason := why_not(task.read_state(), action):
        word = "be edited" if action == "edit" else "go to quarantine"
        raise UsageError(f"the change cannot {word}: {reason}", where=task.label)


def values_text(change: RefusedChange) -> str:
    """The values of the change to be edited, as a JSON object, under remarks."""
    head = clean_lines(f"{describe_refused(change)}\nThe values to be written, as texts; null is NULL.")
    remarks = "".join(f"# {line}\n" for line in head.splitlines())
    return remarks + msgspec.json.format(msgspec.json.encode(change.new), indent=2).decode() + "\n"


def edited_values(text: str, change: RefusedChange) -> dict[str, str | None]:
    """The values that are other than those of the change.

    Raises UsageError for what is no such object, for columns that were not sent, for the key, and for none.
    """
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    try:
        found = msgspec.json.decode("\n".join(lines), type=dict[str, str | None])
    except msgspec.DecodeError as error:
        raise UsageError(
            "the values cannot be read",
            detail=str(error),
            remedy='write them as a JSON object of texts: {"id": "7", "note": null}',
        ) from error
    unknown = sorted(set(found) - set(change.new))
    if unknown:
        raise UsageError(f"the change has no column {', '.join(unknown)}", remedy="leave out what was not sent")
    other = {name: value for name, value in found.items() if value != change.new[name]}
    if keys := sorted(set(other) & set(change.columns)):
        raise UsageError(
            f"{', '.join(keys)} is of the row's key, by which later changes find it", remedy="edit other columns"
        )
    if not other:
        raise UsageError("no value is other than the source sent", remedy="to try the change as it is, use --retry")
    return other


def decide(
    task: StoredTask,
    change: RefusedChange,
    action: RowAction,
    values: dict[str, str | None] | None = None,
    watcher: Watcher = ignore,
    given: Handover | None = None,
    *,
    quiet: bool = False,
) -> TaskState:
    """Keeps the decision in the journal and lets the task go on; returns when the change is behind it.

    The secrets are read unless given. Raises what is in the way then. A crash from here on costs nothing: the decision
    is carried out once, in the transaction that goes on without the change, or with it where it can be applied by then.
    """
    secrets = given or launch.collect_secrets(task.spec)
    decision = RowDecided(
        lsn=change.lsn,
        digest=change.digest,
        kind=change.kind,
        table=change.table,
        key=key_text(change.keys[0]) if change.keys else "",
        action=action,
        values=values or {},
        by=operator(),
    )
    before = task.read_state().quarantined
    carry_out(task, decision, lambda connection: _settled(connection, before, change), secrets, watcher, quiet=quiet)
    # Positions may come with a state that is older; in the journal the record is before them.
    return task.read_state()


def _settled(connection: EngineConnection, before: int, change: RefusedChange) -> bool:
    """Whether the change is in quarantine or applied. Raises what is in the way again."""
    state = connection.state
    if record_of(state, before) is not None:
        return True
    if state.retrying is not None:
        raise error_from_failure(state.retrying.failure)
    acknowledged = connection.sample.acknowledged_lsn
    beyond = acknowledged is not None and parse_lsn(acknowledged) > parse_lsn(change.lsn)
    return is_synchronizing(connection) and beyond


def record_of(state: TaskState, before: int) -> Quarantined | None:
    """The first record beyond a number that came by a decision."""
    return next((each for each in state.quarantine if each.change.number > before), None)


def describe(state: TaskState, label: str) -> str:
    """The change that waits, whole, with what can be done; then what is in quarantine."""
    parts = []
    failure, change = in_the_way(state), waiting(state)
    if failure is not None and change is not None:
        parts += _waiting(failure, change, state, label)
    else:
        parts.append(one_line(f"{label}: no change of a row waits"))
    if state.row_decided is not None and change is not None:
        parts.append("decided already, and not carried out: the change is in the way still, or again")
    return "\n".join([*parts, *quarantine_lines(state)])


def _waiting(failure: Failure, change: RefusedChange, state: TaskState, label: str) -> list[str]:
    word = "retrying" if state.retrying is not None else "stopped"
    parts = [one_line(f"{label}: {word}: {describe_failure(failure)}"), describe_refused(change)]
    parts += [one_line(line) for line in lines_of(with_task(failure.remedy, label))]
    actions: list[tuple[str, RowAction]] = [("--retry", "retry"), ("--edit", "edit"), ("--quarantine", "quarantine")]
    options = "|".join(option for option, action in actions if not why_not(state, action))
    parts.append(f"decide: syncwizard change {shell_word(label)} {options}")
    return parts


def quarantine_lines(state: TaskState) -> list[str]:
    """What is in quarantine, a line each under a heading; none without any."""
    if not state.quarantine:
        return []
    return [one_line(describe_quarantine(state.quarantine)), *map(_line, state.quarantine)]


def _line(record: Quarantined) -> str:
    later = f"; with {counted(record.followers, 'later change')}" if record.followers else ""
    settled = ""
    if record.settled is not None and record.settled_at is not None:
        settled = f"; settled {local_time(record.settled_at)}: {SETTLED_WORDS[record.settled]}"
    text = f"  {record.change.number}  {local_time(record.at)}  {describe_quarantined(record.change)}{later}{settled}"
    return one_line(text)


def as_data(state: TaskState) -> dict[str, Any]:
    """The same for `--json`."""
    return {
        "waiting": waiting(state),
        "failure": in_the_way(state),
        "decided": state.row_decided,
        "quarantine": state.quarantine,
    }
