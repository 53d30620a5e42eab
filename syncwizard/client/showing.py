"""How a task looks as plain text and as data: pure, from what was seen of it."""

from collections.abc import Sequence
from typing import Any

import msgspec

from syncwizard.client.followed import describe_ignored
from syncwizard.client.looking import Seen
from syncwizard.client.refused import quarantine_lines
from syncwizard.remedies import as_line, lines_of, with_task
from syncwizard.task.event_words import (
    HELD_BACK,
    count_aside,
    count_missing,
    describe_aside,
    describe_beside,
    describe_dead_letters,
    describe_missing,
    describe_retrying,
)
from syncwizard.task.facts import describe_failure
from syncwizard.task.figures.rates import copy_progress
from syncwizard.task.figures.sample import Sample
from syncwizard.task.figures.time_left import stages_left
from syncwizard.task.figures.totals import (
    change_table,
    copy_fields,
    copy_table,
    dead_letters,
    describe_latency,
    describe_time_left,
    index_lines,
    retention_fields,
    stream_fields,
)
from syncwizard.task.figures.tries import headline
from syncwizard.task.layered import plain
from syncwizard.task.left_over import left_over_lines
from syncwizard.task.limiting import describe_in_force
from syncwizard.task.mapping import Mapping
from syncwizard.task.narration import narrate
from syncwizard.task.refused import describe_refused
from syncwizard.task.stages import STAGES
from syncwizard.task.state import Notice, TaskState
from syncwizard.task.summary import changes_of
from syncwizard.task.switching import describe_switchover
from syncwizard.task.switchover import Switchover
from syncwizard.task.text import format_fields, format_seconds, format_table, listed, local_time, one_line, shell_word
from syncwizard.task.verification_words import describe_verification

# What is left of 80 columns beside name, status and time of a stage.
SUMMARY_WIDTH = 44
NOTICES_SHOWN = 5
MISSING_SHOWN = 10
CHANGES_SHOWN = 5


def as_data(seen: Seen, now: float) -> dict[str, Any]:
    """The state's fields, with `label`, `tag`, `sample`, `copy` and `engine` beside them; `now` since the epoch.

    `names` has the destination's names of tables that are called otherwise there, `dead_letters` how many rows of
    which table a script failed for. `copy` is the full stage's progress
    (None before it), `latency_age_seconds` and `source_age_seconds` how old the
    latency and the source's position are, `time_left` of each running stage a range, `retention` the WAL that the slot
    holds with its `age_seconds`, `trouble` why the rest is not as of now.
    """
    held = seen.retention
    return {
        **msgspec.to_builtins(seen.state, enc_hook=plain),
        "label": seen.task.label,
        "tag": seen.task.spec.advanced.tag,
        "source": seen.task.spec.source.describe(),
        "destination": seen.task.spec.destination.describe(),
        "names": Mapping.of(seen.task.spec).by_text(seen.state.tables),
        "dead_letters": dead_letters(seen.sample, seen.state),
        "sample": msgspec.to_builtins(seen.sample),
        "latency_age_seconds": _age(seen.sample.latency_at, now),
        "source_age_seconds": _age(seen.sample.source_at, now),
        "copy": msgspec.to_builtins(copy_progress(seen.state, seen.sample)),
        "time_left": msgspec.to_builtins(stages_left(seen.state, seen.sample)),
        "retention": held and {**msgspec.to_builtins(held), "age_seconds": _age(held.measured_at, now)},
        "engine": msgspec.to_builtins(seen.liveness),
        "trouble": seen.trouble,
    }


def _differences(changes: Sequence[str]) -> str:
    """What is other at the destination, the first few of it."""
    more = len(changes) - CHANGES_SHOWN
    lines = [one_line(f"  {each}") for each in changes[:CHANGES_SHOWN]]
    return "\n".join(["at the destination:", *lines, *([f"  and {more:,} more: `preview`"] if more > 0 else [])])


def _limit_fields(seen: Seen) -> list[tuple[str, str]]:
    """The limits in force, where there are some and an engine keeps to them."""
    limits = seen.sample.throttle
    words = describe_in_force(limits) if limits is not None else ""
    return [("limits", words)] if words else []


def _age(at: float | None, now: float) -> float | None:
    return None if at is None else max(0.0, now - at)


def describe(seen: Seen, now: float) -> str:
    """The task as text; `now` in seconds since the epoch."""
    state, spec = seen.state, seen.task.spec
    progress = None if state.finished("full") else copy_progress(state, seen.sample)
    fields = [
        ("task", f"{seen.task.tagged}  {seen.task.id}"),
        ("state", _state_line(seen)),
        ("source", spec.source.describe()),
        ("destination", spec.destination.describe()),
        *(copy_fields(progress) if progress else stream_fields(seen.sample, state, now)),
        *_limit_fields(seen),
        *([("ignored", ignored)] if (ignored := describe_ignored(seen.sample)) else []),
        *(retention_fields(seen.retention, now) if seen.retention else []),
    ]
    parts = [format_fields(fields)]
    if changes := changes_of(spec):
        parts.append(_differences(changes))
    if seen.liveness.died:
        parts.append(one_line(seen.liveness.explanation))
    if state.retrying is not None:
        down = headline(state.retrying.failure, seen.sample, now)
        retrying = describe_retrying(state.retrying.until, state.retrying.failure, state.retrying.window_of)
        parts.append("\n".join(map(one_line, filter(None, [down, retrying]))))
    if state.failure is not None:
        remedy = with_task(state.failure.remedy, seen.task.label)
        parts.append("\n".join(map(one_line, [describe_failure(state.failure), *lines_of(remedy)])))
    trouble = state.retrying.failure if state.retrying is not None else state.failure
    if trouble is not None and trouble.change is not None:
        parts.append(describe_refused(trouble.change))
    if beside := describe_beside(state):
        parts.append(beside)
    if state.left_aside:
        parts.append(describe_set_aside(seen))
    if failed := dead_letters(seen.sample, state):
        tables = listed(f"{name} {number:,}" for name, number in failed.items())
        parts.append(one_line(f"{describe_dead_letters(sum(failed.values()))} ({tables})"))
    if lines := quarantine_lines(state):
        parts.append("\n".join(lines))
    if state.missing_definitions:
        parts.append(_missing(state))
    if state.verification is not None:
        parts.append(one_line(describe_verification(state.verification)))
    if state.switchover is not None:
        parts.append(describe_steps(state.switchover, seen.task.label))
    if state.left_over:
        parts.append("\n".join(["left over, to be run by hand:", *map(one_line, left_over_lines(state.left_over))]))
    if state.detached:
        parts.append("\n".join(one_line(f"{narrate(each)}; {each.remedy}") for each in state.detached))
    # What was done about something is for the event log: here it would read as an alarm.
    if notices := [each for each in state.notices if each.level != "info"][-NOTICES_SHOWN:]:
        # Not at the end, where it would look like how things stand.
        parts.append("\n".join(["noticed so far:", *map(_notice, notices)]))
    if state.stages:
        parts.append(_stages_table(state, seen.sample, now))
    if builds := index_lines(seen.sample):
        parts.append(builds)
    if progress:
        parts.append(copy_table(progress))
    elif state.tables or seen.sample.changes or state.changes:
        parts.append(change_table(seen.sample, state))
    return "\n\n".join(parts)


def describe_steps(known: Switchover, label: str) -> str:
    """A switchover with its steps, their times and results, and what to do where it was interrupted."""
    lines = [one_line(describe_switchover(known))]
    for step in known.steps:
        took = format_seconds(step.seconds) if step.seconds is not None else "not done"
        lines.append(one_line(f"  {step.name:<12}  {took:>8}  {step.summary}".rstrip()))
    if known.failure is not None:
        lines.append(one_line(f"  because: {describe_failure(known.failure)}"))
    if known.pending and (known.ended_at is not None or known.fence is not None):
        name = shell_word(label)
        lines.append(f"go on: syncwizard switchover {name}; undo: syncwizard switchover {name} --undo")
    if known.finished and known.fence is not None and known.fence.undo:
        lines.append("the source is fenced still; to let writes in there again, which would come to no other database:")
        lines += [one_line(f"  {as_line(each)}") for each in known.fence.undo]
    lines += [one_line(f"  {line}") for line in left_over_lines(list(known.left_over))]
    return "\n".join(lines)


def _state_line(seen: Seen) -> str:
    if seen.trouble and not seen.liveness.alive:
        return "unknown"
    if seen.liveness.died:
        return f"{seen.state.state}, but its engine died"
    return seen.state.state + (f"  (engine {seen.liveness.pid})" if seen.liveness.alive else "")


def _notice(notice: Notice) -> str:
    return one_line(f"  {local_time(notice.at)}  {notice.level}: {notice.message}")


def _stages_table(state: TaskState, sample: Sample, now: float) -> str:
    rows = []
    lefts = stages_left(state, sample)
    for name in STAGES:
        stage = state.stages.get(name)
        if stage is None:
            rows.append((name, "waiting", "", ""))
            continue
        left = f"{describe_time_left(lefts[name])} left" if name in lefts else ""
        # One that waits since an order to copy again was not begun.
        status = "interrupted" if stage.status == "waiting" and stage.started_at is not None else stage.status
        end = now if stage.status == "running" else stage.finished_at
        duration = format_seconds(end - stage.started_at) if end is not None and stage.started_at is not None else ""
        rows.append((name, status, duration, _clip(stage.summary or left)))
    return format_table(("STAGE", "STATUS", "TIME", "SUMMARY"), rows, right=[2])


def _missing(state: TaskState) -> str:
    """The definitions that the destination lacks, with their reasons: the first few, each in one line."""
    missing = state.missing_definitions
    lines = [f"{count_missing(missing)}:"]
    lines += [one_line(f"  {describe_missing(each)}") for each in missing[:MISSING_SHOWN]]
    if len(missing) > MISSING_SHOWN:
        lines.append(f"  and {len(missing) - MISSING_SHOWN} more")
    lines.append("`syncwizard definitions TASK` shows what to do, and retries them with --retry;")
    lines.append("`status --json` has the statements that make them, under missing_definitions")
    return "\n".join(lines)


def describe_set_aside(seen: Seen) -> str:
    """The tables whose changes are not applied: why, how many came, and what helps."""
    state = seen.state
    changes = seen.sample.changes or state.changes
    lines = [f"{count_aside(state.left_aside)}:"]
    for each in state.left_aside:
        held = sum(changes.get(str(name), {}).get(HELD_BACK, 0) for name in each.names)
        lines.append(one_line(f"  {describe_aside(each)}" + (f"; {held:,} changes held back" if held else "")))
        lines += [one_line(f"    {line}") for line in lines_of(with_task(each.remedy, seen.task.label))]
    return "\n".join(lines)


def describe_definitions(state: TaskState, label: str) -> str:
    """Every definition that the destination lacks, with its reason and what to do, as text."""
    missing = state.missing_definitions
    if not missing:
        return f"{label}: no definition is missing at the destination"
    parts = [f"{label}: {count_missing(missing)}"]
    for each in missing:
        parts.append(one_line(f"  {describe_missing(each)}"))
        parts += [one_line(f"    {each.advice}")] if each.advice else []
    return "\n".join(parts)


def _clip(text: str) -> str:
    return text if len(text) <= SUMMARY_WIDTH else text[: SUMMARY_WIDTH - 1] + "…"


def describe_all(everything: Sequence[Seen], now: float) -> str:
    """All tasks, a line each; `now` in seconds since the epoch."""
    rows = []
    for seen in everything:
        spec = seen.task.spec
        latency = describe_latency(seen.sample, now) if seen.sample.latency_seconds is not None else ""
        rows.append((seen.task.tagged, _state_line(seen), latency, spec.source.describe(), spec.destination.describe()))
    return format_table(("TASK", "STATE", "LATENCY", "SOURCE", "DESTINATION"), rows)
