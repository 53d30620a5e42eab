"""How a task looks on the command line: pure, from what was seen of it."""

from collections.abc import Sequence
from typing import Any

import msgspec

from syncwizard.cli.output import format_fields, format_seconds, format_table
from syncwizard.client.explain import Liveness, local_time
from syncwizard.client.tasks import StoredTask
from syncwizard.task.events import STAGES, Sample
from syncwizard.task.narration import count_changes, describe_bytes, describe_failure
from syncwizard.task.state import TaskState

# Older than this, a latency says nothing of now: its age is shown instead (a heartbeat comes each second).
LATENCY_FRESH_SECONDS = 3.0
NOTICES_SHOWN = 5


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is known of a task at this moment."""

    task: StoredTask
    state: TaskState
    sample: Sample
    liveness: Liveness


def as_data(seen: Seen) -> dict[str, Any]:
    """The state's fields, with `label`, `sample` and `engine` beside them."""
    return {
        **msgspec.to_builtins(seen.state),
        "label": seen.task.label,
        "source": seen.task.spec.source.describe(),
        "destination": seen.task.spec.destination.describe(),
        "sample": msgspec.to_builtins(seen.sample),
        "engine": msgspec.to_builtins(seen.liveness),
    }


def describe(seen: Seen, now: float) -> str:
    """The task for people; `now` in seconds since the epoch."""
    state, spec = seen.state, seen.task.spec
    fields = [
        ("task", f"{seen.task.label}  {seen.task.id}"),
        ("state", _state_line(seen)),
        ("source", spec.source.describe()),
        ("destination", spec.destination.describe()),
        *_figures(seen, now),
    ]
    parts = [format_fields(fields)]
    if seen.liveness.died:
        parts.append(seen.liveness.explanation)
    if state.retrying is not None:
        trouble = state.retrying
        parts.append(f"trying again until {local_time(trouble.until)}: {describe_failure(trouble.failure)}")
    if state.failure is not None:
        parts.append("\n".join(filter(None, [describe_failure(state.failure), state.failure.remedy])))
    if state.stages:
        parts.append(_stages_table(state, now))
    if state.tables:
        parts.append(_tables_table(seen))
    if state.notices:
        parts.append(
            "\n".join(f"{local_time(each.at)}  {each.level}: {each.message}" for each in state.notices[-NOTICES_SHOWN:])
        )
    return "\n\n".join(parts)


def _state_line(seen: Seen) -> str:
    if seen.liveness.died:
        return f"{seen.state.state}, but its engine died"
    return seen.state.state + (f"  (engine {seen.liveness.pid})" if seen.liveness.alive else "")


def _figures(seen: Seen, now: float) -> list[tuple[str, str]]:
    sample, state = seen.sample, seen.state
    transactions = max(sample.transactions or 0, state.transactions)
    changes = count_changes(sample.changes or state.changes)
    figures = []
    if sample.latency_seconds is not None:
        figures.append(("latency", describe_latency(sample, now)))
    if applied := sample.applied_lsn or state.applied_lsn:
        figures.append(("applied", applied + (f" of {sample.source_lsn}" if sample.source_lsn else "")))
    if transactions or changes:
        figures.append(("changes", f"{changes:,} in {transactions:,} transactions"))
    if sample.slot_retained_bytes is not None:
        figures.append(("slot keeps", describe_bytes(sample.slot_retained_bytes)))
    return figures


def describe_latency(sample: Sample, now: float) -> str:
    """The latency, or how old it is where no heartbeat came for a while.

    >>> describe_latency(Sample(latency_seconds=0.004, latency_at=100.0), 101.0)
    '4 ms'
    >>> describe_latency(Sample(latency_seconds=0.004, latency_at=100.0), 112.0)
    '4 ms, 12.0 s ago'
    """
    text = format_seconds(sample.latency_seconds or 0.0)
    age = now - (sample.latency_at or now)
    return f"{text}, {format_seconds(age)} ago" if age > LATENCY_FRESH_SECONDS else text


def _stages_table(state: TaskState, now: float) -> str:
    rows = []
    for name in STAGES:
        stage = state.stages.get(name)
        if stage is None:
            rows.append((name, "waiting", "", ""))
            continue
        status = "interrupted" if stage.status == "waiting" else stage.status
        end = now if stage.status == "running" else stage.finished_at
        duration = format_seconds(end - stage.started_at) if end is not None and stage.started_at is not None else ""
        rows.append((name, status, duration, stage.summary))
    return format_table(("STAGE", "STATUS", "TIME", "SUMMARY"), rows, right=[2])


def _tables_table(seen: Seen) -> str:
    changes = seen.sample.changes or seen.state.changes
    copied_rows = seen.sample.copied_rows or {}
    rows = []
    for name, table in sorted(seen.state.tables.items()):
        counts = changes.get(name, {})
        copied = f"{table.rows:,}" if table.copied else f"{copied_rows.get(name, 0):,} of ~{table.estimated_rows:,}"
        size = describe_bytes(table.bytes if table.copied else table.estimated_bytes)
        kinds = [f"{counts.get(kind, 0):,}" for kind in ("insert", "update", "delete", "truncate")]
        rows.append((name, copied, size, *kinds))
    header = ("TABLE", "COPIED", "SIZE", "INSERTED", "UPDATED", "DELETED", "TRUNCATED")
    return format_table(header, rows, right=range(1, len(header)))


def describe_all(everything: Sequence[Seen], now: float) -> str:
    """All tasks, a line each; `now` in seconds since the epoch."""
    rows = []
    for seen in everything:
        spec = seen.task.spec
        latency = describe_latency(seen.sample, now) if seen.sample.latency_seconds is not None else ""
        rows.append((seen.task.label, _state_line(seen), latency, spec.source.describe(), spec.destination.describe()))
    return format_table(("TASK", "STATE", "LATENCY", "SOURCE", "DESTINATION"), rows)
