"""The stages of a task: each with what it has done, or in a few lines those that matter now. Pure."""

from collections.abc import Sequence

from rich.cells import cell_len

from syncwizard.client.looking import Seen
from syncwizard.task.event_words import count_aside, count_missing, describe_aside, describe_beside, describe_missing
from syncwizard.task.figures.rates import copy_progress, index_fraction
from syncwizard.task.figures.time_left import stages_left
from syncwizard.task.figures.totals import copy_fields, describe_share, describe_time_left
from syncwizard.task.stages import STAGES, StageName, facts_of
from syncwizard.task.text import age, counted, format_seconds, one_line
from syncwizard.tui.formatting import Part, Tone, is_in_step

# Of the missing definitions: the stages must stay in sight, and the events have all of them.
MISSING_SHOWN = 3


BAR_COLUMNS = 20


def stage_lines(seen: Seen, now: float) -> list[list[Part]]:
    """The stages with what each has done, those at work with progress, rate and time left below."""
    lines: list[list[Part]] = []
    for name in STAGES:
        lines += _stage(name, seen, now)
    if beside := describe_beside(seen.state):
        lines.append([("◐ ", "accent"), (beside, "plain")])
    if aside := seen.state.left_aside:
        lines.append([("✗ ", "bad"), (count_aside(aside), "bad")])
        lines += [[(f"  {one_line(describe_aside(each))}", "muted")] for each in aside[:MISSING_SHOWN]]
        if len(aside) > MISSING_SHOWN:
            lines.append([(f"  and {len(aside) - MISSING_SHOWN} more", "muted")])
    if missing := seen.state.missing_definitions:
        lines.append([("▲ ", "warn"), (count_missing(missing), "warn")])
        lines += [[(f"  {one_line(describe_missing(each))}", "muted")] for each in missing[:MISSING_SHOWN]]
        if len(missing) > MISSING_SHOWN:
            lines.append([(f"  and {len(missing) - MISSING_SHOWN} more", "muted")])
    return lines


def brief_stage_lines(seen: Seen, now: float, width: int) -> list[list[Part]]:
    """Those that are done in a line, then those at work or interrupted, then those to come in a line."""
    done: list[list[Part]] = []
    coming: list[list[Part]] = []
    lines: list[list[Part]] = []
    for name in STAGES:
        stage = seen.state.stages.get(name)
        if stage is None or (stage.status == "waiting" and stage.started_at is None):
            coming.append([(f"○ {name} ", "muted")])
        elif stage.status == "done":
            done.append([("✓ ", "good"), (f"{name} ", "plain")])
        else:
            lines += _tight(_stage(name, seen, now), width)
    if beside := describe_beside(seen.state):
        lines.append([("◐ ", "accent"), (beside, "plain")])
    if aside := seen.state.left_aside:
        lines.append([("✗ ", "bad"), (f"{count_aside(aside)}; 5 lists them", "bad")])
    if missing := seen.state.missing_definitions:
        lines.append([("▲ ", "warn"), (f"{count_missing(missing)}; 5 lists them", "warn")])
    return [*_flow(done, width), *lines, *_flow(coming, width)] if lines else _flow([*done, *coming], width)


def _tight(lines: list[list[Part]], width: int) -> list[list[Part]]:
    """What is below the first line with two on one where they fit."""
    found = lines[:1]
    for parts in lines[1:]:
        text = "".join(text for text, _ in parts).strip()
        before = "".join(text for text, _ in found[-1]).strip()
        if len(found) > 1 and " · " not in before and cell_len(f"  {before} · {text}") <= width:
            found[-1] = [(f"  {before} · {text}", "plain")]
        else:
            found.append([(f"  {text}", "plain")])
    return found


def _flow(names: Sequence[Sequence[Part]], width: int) -> list[list[Part]]:
    """Beside each other, on as many lines as they need."""
    lines: list[list[Part]] = []
    room = 0
    for parts in names:
        size = sum(cell_len(text) for text, _ in parts)
        # The space behind the last one needs no room.
        if not lines or size - 1 > room:
            lines.append([])
            room = width
        lines[-1] += parts
        room -= size
    return [[*line[:-1], (line[-1][0].rstrip(), line[-1][1])] for line in lines]


def _stage(name: StageName, seen: Seen, now: float) -> list[list[Part]]:
    stage = seen.state.stages.get(name)
    label = f"{name:<12}"
    if stage is None or (stage.status == "waiting" and stage.started_at is None):
        return [[("○ ", "muted"), (label, "muted")]]
    if stage.status == "done":
        took = span_of(stage.started_at, stage.finished_at)
        return [[("✓ ", "good"), (label, "plain"), (f"{took:>8}  ", "muted"), (stage.summary, "muted")]]
    if stage.status == "waiting":
        word, tone = _ENDED.get(seen.state.state, ("interrupted", "warn"))
        return [[("■ ", tone), (label, "plain"), (f"{'':>8}  ", "muted"), (word, tone)]]
    if not seen.liveness.alive:
        return [[("✗ ", "bad"), (label, "strong"), (f"{'':>8}  ", "muted"), ("at work when the engine died", "bad")]]
    took = age(now - stage.started_at) if stage.started_at is not None else ""
    in_step = facts_of(name).endless and is_in_step(seen.sample, now)
    glyph: Part = ("● ", "good") if in_step else ("◐ ", "accent")
    head: list[Part] = [glyph, (label, "strong"), (f"{took:>8}  ", "plain")]
    more = _at_work(name, seen)
    return [[*head, *more[0]], *([("  ", "plain"), *parts] for parts in more[1:])] if more else [head]


# What ended a stage that was not done, where a person wanted that.
_ENDED: dict[str, tuple[str, Tone]] = {
    "paused": ("paused", "muted"),
    "released": ("ended", "muted"),
    "switched": ("ended", "muted"),
}


def _at_work(name: StageName, seen: Seen) -> list[list[Part]]:
    """What a stage at work has done: the first line goes beside its name."""
    if facts_of(name).measured == "copy" and (progress := copy_progress(seen.state, seen.sample)) is not None:
        if progress.planning:
            return [[("planning", "plain")], [(f"  {copy_fields(progress)[0][1]}", "plain")]]
        share = describe_share(progress.bytes, progress.estimated_bytes, finished=False)
        fraction = min(0.99, progress.bytes / progress.estimated_bytes) if progress.estimated_bytes else 0.0
        lines: list[list[Part]] = [[*bar(fraction), (f" {share}", "strong")]]
        for name_of_it, value in _wrapped(copy_fields(progress)):
            lines.append([(f"  {value} left" if name_of_it == "time left" else f"  {value}", "plain")])
        return lines
    if name == "indexes":
        builds: list[list[Part]] = []
        for build in seen.sample.index_builds or []:
            done = index_fraction(build)
            shown: list[Part] = [(f"{'?':>4}", "muted")] if done is None else [(f"{100 * done:>3.0f} %", "strong")]
            builds.append([(f"{build.name}  ", "plain"), *shown, (f"  {build.phase}", "muted")])
        return [_left(name, seen), *builds]
    if facts_of(name).endless:
        # A stream in step has no end in sight.
        return [[(counted(seen.sample.transactions or seen.state.transactions, "transaction"), "plain")]]
    return [_left(name, seen)]


def _left(name: StageName, seen: Seen) -> list[Part]:
    left = stages_left(seen.state, seen.sample).get(name)
    return [(f"{describe_time_left(left)} left", "plain")] if left is not None else []


def _wrapped(fields: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Fields with a long value on two lines, cut at a comma."""
    lines: list[tuple[str, str]] = []
    for name, value in fields:
        rows, comma, rest = value.partition(" rows, ")
        lines += [(name, f"{rows} rows"), ("", rest)] if comma else [(name, value)]
    return lines


def bar(fraction: float, columns: int = BAR_COLUMNS) -> list[Part]:
    """A bar of so many columns; full only at the end.

    >>> "".join(text for text, _ in bar(0.5, 8))
    '━━━━────'
    """
    done = int(max(0.0, min(1.0, fraction)) * columns)
    return [("━" * done, "accent"), ("─" * (columns - done), "muted")]


def span_of(start: float | None, end: float | None) -> str:
    """A stage's time."""
    return "" if start is None or end is None else format_seconds(end - start)
