"""What is wrong with a task, as the top of the monitor says it: what stopped, since when, why, what next. Pure."""

import msgspec

from syncwizard.client.looking import Seen
from syncwizard.remedies import NOTHING, Remedy, Wording, as_line, followed_by, without_then, words_of
from syncwizard.task.events import Failure
from syncwizard.task.figures.retention import Retention, Threat, threat
from syncwizard.task.figures.tries import headline
from syncwizard.task.state import Retrying, TaskState
from syncwizard.task.text import shorten, span
from syncwizard.tui.formatting import Part, Tone, moment
from syncwizard.tui.monitor.link import View
from syncwizard.tui.remedies import by_key

# About three lines; the whole of it is behind Inspect.
SAID_CHARACTERS = 220


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """Something is wrong: what stopped, since when, why in the server's words, what to do next. `wal`: what grows
    beside it at the source."""

    tone: Tone
    title: str
    since: str = ""
    said: str = ""
    wal: str = ""
    next: str = ""


def trouble_of(view: View, now: float) -> Trouble | None:
    """What is wrong, the worst first; None where nothing is."""
    seen = view.seen
    if seen.trouble and not seen.liveness.died:
        title = "The engine does not answer" if seen.liveness.alive else "The task cannot be read"
        return Trouble(tone="warn", title=title, since=_figures_age(view, now), said=seen.trouble)
    found, wal = _stop_of(seen, now), _wal(seen.retention)
    if found is None or wal is None:
        return found or wal
    # A task that stands still is what fills the source's disk.
    return msgspec.structs.replace(found, tone="bad" if wal.tone == "bad" else found.tone, wal=wal.said)


def _stop_of(seen: Seen, now: float) -> Trouble | None:
    """What keeps the task from going on."""
    state = seen.state
    if seen.liveness.died:
        since = f"last sign of life {moment(state.updated_at, now)}, {span(now - state.updated_at)} ago"
        return Trouble(
            tone="bad",
            title="The engine died",
            since=since,
            said=seen.liveness.explanation,
            next=_next(Remedy(then="resume")),
        )
    if state.retrying is not None:
        return _retrying(seen, now)
    if state.state in ("failed", "precheck-failed"):
        return _failed(state, now)
    if state.state == "paused":
        return _paused(seen, now)
    if state.state == "released" and state.left_over:
        said = " ".join(as_line(statement) for remainder in state.left_over for statement in remainder.statements)
        return Trouble(tone="warn", title="Left over at the ends", said=said, next="D tries again")
    return None


def _paused(seen: Seen, now: float) -> Trouble:
    lost = seen.retention is not None and seen.retention.measured.wal_status == "lost"
    stays = "" if lost else " The slot stays, and the source keeps all WAL since then."
    way = "r resumes, which finds what is missing; then R copies it again" if lost else "r resumes"
    return Trouble(
        tone="warn",
        title="Paused",
        since=f"since {moment(seen.state.updated_at, now)}, for {span(now - seen.state.updated_at)}",
        said=f"Every connection is closed.{stays}",
        # Until its engine has ended the key does nothing.
        next="" if seen.liveness.alive else way,
    )


def _retrying(seen: Seen, now: float) -> Trouble | None:
    trouble = seen.state.retrying
    if trouble is None:
        return None
    return Trouble(
        tone="warn",
        title=headline(trouble.failure, seen.sample, now) or f"Retrying: {_title(trouble.failure)}",
        since=f"since {moment(trouble.since, now)}, for {span(now - trouble.since)}; "
        f"given up at {moment(trouble.until, now)}, in {span(trouble.until - now)}",
        said="; ".join(filter(None, (_said(trouble.failure), _first(trouble)))),
        next=_goes_on_by_itself(trouble.failure.remedy),
    )


def _failed(state: TaskState, now: float) -> Trouble:
    since = f"since {moment(state.updated_at, now)}, for {span(now - state.updated_at)}"
    if state.failure is not None:
        failure = state.failure
        title = "Precheck failed" if state.state == "precheck-failed" else "Failed"
        return Trouble(
            tone="bad",
            title=f"{title}: {_title(failure)}",
            since=since,
            said=_said(failure),
            next=_next(failure.remedy or Remedy(then="resync" if failure.changes_missing else "resume")),
        )
    blocking = [item for item in state.precheck if item.blocks]
    return Trouble(
        tone="bad",
        title=f"The precheck did not pass: {len(blocking)} of {len(state.precheck)} items block",
        since=since,
        said="; ".join(f"{item.title}: {item.message}" for item in blocking),
        next=_next(followed_by(blocking[0].remedy if blocking else NOTHING, "resume"), _checks_again),
    )


def _next(remedy: Remedy, wording: Wording = by_key) -> str:
    """What to do, with the key that follows.

    >>> _next(Remedy(steps=("correct the row",), then="resume"))
    'correct the row, then r resumes; i shows it all, to copy'
    """
    return "; ".join(filter(None, (words_of(remedy, wording), "i shows it all, to copy")))


def _checks_again(remedy: Remedy, alone: bool) -> str:
    """Before the precheck passed there is nothing to resume."""
    return "r checks again" if remedy.then == "resume" else by_key(remedy, alone)


def _goes_on_by_itself(remedy: Remedy) -> str:
    """What to do about what is tried again."""
    words = words_of(without_then(remedy), by_key)
    return f"{words or 'nothing to do if it passes'}; the task goes on by itself then"


def _wal(held: Retention | None) -> Trouble | None:
    """The slot's WAL, once it threatens the slot itself or the source's disk."""
    danger = threat(held.measured) if held is not None else Threat(step=0)
    if not danger.step:
        return None
    tone: Tone = "bad" if danger.level == "error" else "warn"
    return Trouble(tone=tone, title="WAL at the source", said=danger.message, next=words_of(danger.remedy, by_key))


def _first(trouble: Retrying) -> str:
    return f"it began with {_title(trouble.first)}" if trouble.first is not None else ""


def _title(failure: Failure) -> str:
    return f"{failure.where}: {failure.title}" if failure.where else failure.title


def _said(failure: Failure) -> str:
    return f"{failure.detail} [{failure.sqlstate}]" if failure.sqlstate else failure.detail


def _figures_age(view: View, now: float) -> str:
    return (
        ""
        if view.figures_at is None
        else f"figures of {moment(view.figures_at, now)}, {span(now - view.figures_at)} ago"
    )


def trouble_lines(trouble: Trouble) -> list[list[Part]]:
    """It at the top of the monitor."""
    glyph = "✗ " if trouble.tone == "bad" else "▲ "
    lines: list[list[Part]] = [[(f"{glyph}{trouble.title}", trouble.tone)]]
    if trouble.since:
        lines.append([(trouble.since, "muted")])
    if trouble.said:
        # Within the lines there are, what to do must not be the one that is cut.
        room = SAID_CHARACTERS // 2 if trouble.wal else SAID_CHARACTERS
        lines.append([(shorten(trouble.said, room), "plain")])
    if trouble.wal:
        lines.append([("WAL: ", "strong"), (trouble.wal, "plain")])
    if trouble.next:
        lines.append([("Next: ", "strong"), (trouble.next, "plain")])
    return lines


def trouble_text(trouble: Trouble) -> str:
    """All of it, to copy."""
    parts = (trouble.title, trouble.since, trouble.said, trouble.wal, trouble.next)
    return "\n\n".join(part for part in parts if part)
