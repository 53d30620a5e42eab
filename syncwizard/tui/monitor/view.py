"""What the monitor says above its lists: whose figures these are, its state, both ends; and what has changed. Pure."""

from rich.cells import cell_len

from syncwizard.client.deciding import waiting
from syncwizard.task.limiting import describe_in_force
from syncwizard.task.specification import TaskSpec
from syncwizard.task.text import fit, span
from syncwizard.tui.formatting import Part, mark_of
from syncwizard.tui.monitor.figures import are_old
from syncwizard.tui.monitor.link import View
from syncwizard.tui.read_only import is_read_only
from syncwizard.tui.task_actions import lost_changes, may_pause, may_release, may_resume, may_set_sequences


def head_lines(view: View, spec: TaskSpec, now: float, width: int, past: str = "") -> list[list[Part]]:
    """Whose figures these are, its state, both ends, and who makes them: on one line where there is room for it.

    `past`: of when they are, where it is not now that is shown.
    """
    seen = view.seen
    mark = mark_of(seen, now)
    right = f"engine {seen.liveness.pid}" if seen.liveness.alive else "no engine"
    if is_read_only():
        right = f"read-only · {right}"
    if seen.liveness.alive and are_old(view, now) and view.figures_at is not None:
        right = f"figures {span(now - view.figures_at)} old"
    state, end = (f"  {mark}   ", f"   {right}") if not past else ("   ", f"   {past}")
    ends = ends_lines(spec, width)
    tag = "" if spec.advanced.tag == "none" else f" [{spec.advanced.tag}]"
    tagged: list[Part] = [(tag, "bad" if spec.advanced.tag == "online" else "strong")] if tag else []
    one = (
        cell_len(seen.task.label)
        + cell_len(tag)
        + cell_len(state)
        + cell_len(end)
        + sum(cell_len(text) for text, _ in ends[0])
    )
    beside = ends[0] if len(ends) == 1 and one <= width else []
    # What stands beside the name matters more than the end of a long one.
    taken = cell_len(state) + cell_len(end) + sum(cell_len(text) for text, _ in beside)
    taken += cell_len(tag)
    name = fit(seen.task.label, min(max(1, width - taken), cell_len(seen.task.label)))
    room = max(0, width - taken - cell_len(name))
    first: list[Part] = [
        (name, "strong"),
        *tagged,
        (state, mark.tone if not past else "plain"),
        *([(" " * room, "plain"), *beside] if beside else []),
        (" " * (0 if beside else room), "plain"),
        (end, "warn" if past else "muted"),
    ]
    return [first, *([] if beside else ends), *_limit_lines(view)]


def _limit_lines(view: View) -> list[list[Part]]:
    """The limits that the task is held to, where there are some."""
    limits = view.seen.sample.throttle
    words = describe_in_force(limits) if limits is not None and view.seen.liveness.alive else ""
    return [[("LIMITS       ", "muted"), (words, "plain")]] if words else []


def ends_lines(spec: TaskSpec, width: int) -> list[list[Part]]:
    """Both ends, whole: on one line, or on two."""
    source, destination = (each.describe() for each in (spec.source, spec.destination))
    line: list[Part] = [
        ("SOURCE ", "muted"),
        (source, "plain"),
        ("  ─▶  ", "faint"),
        ("DESTINATION ", "muted"),
        (destination, "plain"),
    ]
    if sum(cell_len(text) for text, _ in line) <= width:
        return [line]
    return [[("SOURCE       ", "muted"), (source, "plain")], [("DESTINATION  ", "muted"), (destination, "plain")]]


# What took less is no news.
LONG_SECONDS = 60.0


def news_between(before: View, after: View, now: float) -> str:
    """What has come to an end, and is worth looking up for: a long stage, or the task's going on; else nothing."""
    old, new = before.seen, after.seen
    label = new.task.label
    if new.liveness.died and not old.liveness.died:
        return f"{label}: the engine died"
    if new.state.state == "failed" and old.state.state != "failed":
        return f"{label} failed"
    for name, stage in new.state.stages.items():
        known = old.state.stages.get(name)
        if stage.status == "done" and known is not None and known.status == "running":
            took = (stage.finished_at or now) - (stage.started_at or now)
            if took >= LONG_SECONDS:
                return f"{label}: stage {name} is done after {span(took)}"
    return ""


def offers(view: View) -> tuple[bool, ...]:
    """What can be done: the key bar is drawn again only when that changes."""
    seen = view.seen
    blocked = waiting(seen.state) is not None
    return (
        blocked,
        seen.liveness.alive,
        may_pause(seen),
        may_resume(seen),
        lost_changes(seen),
        may_release(seen),
        may_set_sequences(seen),
    )


def same_facts(one: View, other: View) -> bool:
    """Whether nothing happened in between but time.

    Events come after the state that they led to: an engine sends its state first, then what a viewer has not seen.
    """
    return (
        one.seen.state.sequence == other.seen.state.sequence
        and one.entries[-1:] == other.entries[-1:]
        and one.seen.liveness == other.seen.liveness
        and one.connected == other.connected
    )
