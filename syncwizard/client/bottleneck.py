"""Why a task is late: what its engine says and what both ends say, and the one sentence of it."""

import time
from typing import Any

import msgspec

from syncwizard.client import launch, probes
from syncwizard.client.looking import Seen, look
from syncwizard.client.tasks import StoredTask
from syncwizard.errors import UsageError
from syncwizard.remedies import Remedy
from syncwizard.task.figures.slot_panel import slot_fields
from syncwizard.task.figures.time_left import backlog_left
from syncwizard.task.figures.totals import describe_trend, index_lines
from syncwizard.task.handover import Handover
from syncwizard.task.text import describe_bytes, format_fields, format_table, one_line, shell_word, span
from syncwizard.task.waits import Cause, Waits, cause_of, describe_blocker, describe_held_up, describe_wait


class Explained(msgspec.Struct, frozen=True, kw_only=True):
    """The task as it is, the sessions at both ends, and the bottleneck."""

    seen: Seen
    waits: Waits
    cause: Cause


def explain(task: StoredTask, given: Handover | None = None) -> Explained:
    """Asks the engine and both ends; the secrets are read unless given. Raises UsageError for a task without an engine,
    EndpointError."""
    seen = look(task)
    if not seen.liveness.alive:
        why = seen.liveness.explanation or f"the task is {seen.state.state}: nothing is followed"
        then = Remedy(then="resume" if seen.state.state != "released" else "start", task=task.label)
        raise UsageError(why, where=task.label, remedy="" if seen.liveness.died else then)
    found: list[Waits] = []
    probes.waits(task.spec, given or launch.collect_secrets(task.spec)).run(found.append)
    return Explained(seen=seen, waits=found[0], cause=cause_of(seen.state, seen.sample, found[0], time.time()))


def describe(found: Explained) -> str:
    """The bottleneck first, then the chain with its rates, and what each session waits for."""
    cause = found.cause
    lines = [one_line(f"{found.seen.task.label}: {cause.sentence}")]
    if cause.advice:
        lines.append(f"  → {advice_of(found)}")
    parts = ["\n".join(lines), format_fields(chain_of(found)), index_lines(found.seen.sample)]
    rows = [
        (each.end, each.part, str(each.pid), each.state, describe_wait(each), span(each.seconds))
        for each in found.waits.sessions
    ]
    if rows:
        parts.append(format_table(("END", "SESSION", "PID", "STATE", "WAITS FOR", "SINCE"), rows, right=(2,)))
    if found.seen.retention is not None:
        fields = slot_fields(found.seen.retention, time.time())
        parts.append("\n".join((f"slot {found.seen.task.spec.slot}", format_fields(fields))))
    return "\n\n".join(part for part in parts if part)


def advice_of(found: Explained) -> str:
    """What to do, in one line, empty where nothing is."""
    return one_line(found.cause.advice.replace("TASK", shell_word(found.seen.task.label)))


def chain_of(found: Explained) -> list[tuple[str, str]]:
    """The positions between the ends with their rates, what is behind, and who has written for longest."""
    sample = found.seen.sample
    chain = [
        ("source", sample.source_lsn, sample.wal_bytes_per_second),
        ("received", sample.received_lsn, sample.received_wal_bytes_per_second),
        ("applied", sample.applied_lsn, sample.applied_wal_bytes_per_second),
        ("acknowledged", sample.acknowledged_lsn, sample.acknowledged_wal_bytes_per_second),
    ]
    fields = [
        (name, f"{lsn}  {describe_bytes(rate)}/s" if rate is not None else lsn) for name, lsn, rate in chain if lsn
    ]
    if sample.backlog_bytes is not None:
        fields.append(("backlog", describe_bytes(sample.backlog_bytes) + describe_trend(sample)))
    if found.waits.oldest is not None:
        fields.append(("oldest writer", describe_blocker(found.waits.oldest)))
    return fields + [("holds up", describe_held_up(each)) for each in found.waits.held_up]


def as_data(found: Explained) -> dict[str, Any]:
    """The same as data."""
    return {
        "id": found.seen.task.id,
        "label": found.seen.task.label,
        "cause": found.cause,
        "sample": found.seen.sample,
        "sessions": found.waits.sessions,
        "oldest": found.waits.oldest,
        "held_up": found.waits.held_up,
        "slot": found.seen.retention,
        "catch_up": backlog_left(found.seen.sample),
    }
