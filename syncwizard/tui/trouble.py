"""What is wrong with a task: what stopped, since when, why, and the key that helps; for monitor and task list. Pure."""

import msgspec

from syncwizard.client.looking import Seen
from syncwizard.remedies import NOTHING, Remedy, Wording, as_line, followed_by, without_then, words_of
from syncwizard.task.event_words import count_aside, describe_aside, describe_window_of
from syncwizard.task.events import Failure
from syncwizard.task.figures.retention import Retention, Threat, threat
from syncwizard.task.figures.totals import dead_letters
from syncwizard.task.figures.tries import describe_tries, headline
from syncwizard.task.quarantine import describe_quarantined, open_of
from syncwizard.task.state import Retrying, TaskState
from syncwizard.task.text import counted, listed, one_line, shorten_words, span
from syncwizard.tui.formatting import Part, Tone, moment, running_stages
from syncwizard.tui.remedies import by_key

# About three lines; the whole of it is behind Inspect.
CAUSE_CHARACTERS = 220


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """Something is wrong: what stopped, since when, why in the server's message, what to do next.

    `wal`: what grows beside it at the source. `brief`: the cause in a line, for a list; `key`: what helps, by its key.
    """

    tone: Tone
    title: str
    since: str = ""
    cause: str = ""
    wal: str = ""
    next: str = ""
    brief: str = ""
    key: str = ""


def trouble_of(seen: Seen, now: float, figures_at: float | None = None) -> Trouble | None:
    """What is wrong, the worst first; None where nothing is. `figures_at`: when the figures were current."""
    if seen.trouble and not seen.liveness.died:
        title = "The engine does not answer" if seen.liveness.alive else "The task cannot be read"
        since = _figures_age(figures_at, now)
        return Trouble(tone="warn", title=title, since=since, cause=seen.trouble, brief=seen.trouble)
    found, wal = _stop_of(seen, now), _wal(seen.retention)
    if found is None or wal is None:
        return found or wal
    # A task that stands still is what fills the source's disk.
    return msgspec.structs.replace(found, tone="bad" if wal.tone == "bad" else found.tone, wal=wal.cause)


def _stop_of(seen: Seen, now: float) -> Trouble | None:
    """What keeps the task from going on."""
    state = seen.state
    if seen.liveness.died:
        since = f"last sign of life {moment(state.updated_at, now)}, {span(now - state.updated_at)} ago"
        return Trouble(
            tone="bad",
            title="The engine died",
            since=since,
            cause=seen.liveness.explanation,
            next=_next(Remedy(then="resume")),
            brief=f"the engine died{_at_work(state)}; nothing is lost",
            key=by_key(Remedy(then="resume"), True),
        )
    if state.retrying is not None:
        return _retrying(seen, now)
    if state.state in ("failed", "precheck-failed"):
        return _failed(state, now)
    if state.state == "paused":
        return _paused(seen, now)
    if aside := state.left_aside:
        words = count_aside(aside)
        return Trouble(
            tone="bad",
            title=words,
            cause=describe_aside(aside[0]),
            next="" if all(each.is_coming for each in aside) else "R copies again what is set aside",
            brief=words,
            key="Enter shows them",
        )
    if state.state != "released" and (failed := dead_letters(seen.sample, state)):
        rows = counted(sum(failed.values()), "row")
        return Trouble(
            tone="warn",
            title=f"{rows} set aside: a script failed",
            cause=f"of {listed(failed)}; syncwizard.dead_letters at the destination has keys and reasons",
            next="correct the script or the rows; R copies the table again",
            brief=f"{rows} in dead letters",
        )
    if state.state != "released" and (still := open_of(state.quarantine)):
        rows = counted(len(still), "row")
        return Trouble(
            tone="warn",
            title=f"{rows} with changes in quarantine",
            cause=describe_quarantined(still[-1].change),
            next="c shows them; v compares, which settles what is equal by now, and w there repairs",
            brief=f"{rows} with changes in quarantine",
        )
    if state.state == "released" and state.left_over:
        cause = " ".join(as_line(statement) for remainder in state.left_over for statement in remainder.statements)
        key = "D tries again"
        return Trouble(tone="warn", title="Left over at the ends", cause=cause, next=key, brief=cause, key=key)
    return None


def _paused(seen: Seen, now: float) -> Trouble:
    lost = seen.retention is not None and seen.retention.measured.wal_status == "lost"
    stays = "" if lost else " The slot stays, and the source keeps all WAL since then."
    way = "r resumes, which finds what is missing; then R copies it again" if lost else "r resumes"
    return Trouble(
        tone="warn",
        title="Paused",
        since=f"since {moment(seen.state.updated_at, now)}, for {span(now - seen.state.updated_at)}",
        cause=f"Every connection is closed.{stays}",
        # Until its engine has ended the key does nothing.
        next="" if seen.liveness.alive else way,
        brief=_while_paused(seen.retention),
        key="" if seen.liveness.alive else "r resumes",
    )


def _while_paused(held: Retention | None) -> str:
    """What its slot threatens meanwhile."""
    if held is None:
        return "paused; the slot stays"
    if threat(held.measured).step:
        return threat(held.measured).message
    if held.lost_in_seconds is not None:
        return f"paused; the slot is lost in about {span(held.lost_in_seconds)} at this rate"
    return "paused; the source keeps the WAL since then"


def _at_work(state: TaskState) -> str:
    """In which stages it was."""
    running = " and ".join(running_stages(state))
    return f" in {running}" if running else ""


def _retrying(seen: Seen, now: float) -> Trouble | None:
    """The cause of now first, and what it began with below."""
    trouble = seen.state.retrying
    if trouble is None:
        return None
    failure = trouble.failure
    title = headline(failure, seen.sample, now)
    cause = failure.cause or _server_words(failure) or failure.title
    until = f"given up at {moment(trouble.until, now)}"
    return Trouble(
        tone="warn",
        title=title or f"Retrying: {_title(failure)}",
        since=f"since {moment(trouble.since, now)}, for {span(now - trouble.since)}; "
        f"{until}, in {span(trouble.until - now)}"
        + (f" ({describe_window_of(trouble.window_of)})" if trouble.window_of else ""),
        cause="; ".join(filter(None, (_server_words(failure), _first(trouble)))),
        next=_goes_on_by_itself(failure.remedy) + _decide(failure),
        brief=f"{one_line(', '.join(filter(None, (cause, describe_tries(seen.sample, now)))))} · {until}",
    )


def _failed(state: TaskState, now: float) -> Trouble:
    since = f"since {moment(state.updated_at, now)}, for {span(now - state.updated_at)}"
    if state.failure is not None:
        failure = state.failure
        title = "Precheck failed" if state.state == "precheck-failed" else "Failed"
        remedy = failure.remedy or Remedy(then="resync" if failure.changes_missing else "resume")
        key = _deciding(failure)
        return Trouble(
            tone="bad",
            title=f"{title}: {_title(failure)}",
            since=since,
            cause=_server_words(failure),
            next=f"{key} decides about it, or {_next(remedy)}" if key else _next(remedy),
            brief=_title(failure),
            key=f"Enter, then {key} decides" if key else _key(remedy),
        )
    blocking = [item for item in state.precheck if item.blocks]
    return Trouble(
        tone="bad",
        title=f"The precheck did not pass: {len(blocking)} of {len(state.precheck)} items block",
        since=since,
        cause="; ".join(f"{item.title}: {item.message}" for item in blocking),
        next=_next(followed_by(blocking[0].remedy if blocking else NOTHING, "resume"), _checks_again),
        brief="; ".join(item.title for item in blocking),
        key="r checks again",
    )


def _next(remedy: Remedy, wording: Wording = by_key) -> str:
    """What to do, with the key that follows.

    >>> _next(Remedy(steps=("correct the row",), then="resume"))
    'correct the row, then r resumes; i shows it all, to copy'
    """
    return "; ".join(filter(None, (words_of(remedy, wording), "i shows it all, to copy")))


def _key(remedy: Remedy) -> str:
    """The key that follows what is to be done, without the tables it is about.

    >>> _key(Remedy(then="resync", tables=("a.b",))), _key(Remedy(steps=("wait",)))
    ('R resyncs', 'r resumes')
    """
    if remedy.then == "resync":
        return "R resyncs"
    return by_key(remedy, True) if remedy.then == "new task" else "r resumes"


def _checks_again(remedy: Remedy, alone: bool) -> str:
    """Before the precheck passed there is nothing to resume."""
    return "r checks again" if remedy.then == "resume" else by_key(remedy, alone)


def _goes_on_by_itself(remedy: Remedy) -> str:
    """What to do about what is tried again."""
    words = words_of(without_then(remedy), by_key)
    return f"{words or 'nothing to do if it passes'}; the task goes on by itself then"


def _decide(failure: Failure) -> str:
    """The key that decides about a change that waits."""
    return f"; or {_deciding(failure)} decides about it" if _deciding(failure) else ""


def _deciding(failure: Failure) -> str:
    if failure.definition is not None:
        return "d"
    return "c" if failure.change is not None else ""


def _wal(held: Retention | None) -> Trouble | None:
    """The slot's WAL, once it threatens the slot itself or the source's disk."""
    danger = threat(held.measured) if held is not None else Threat(step=0)
    if not danger.step:
        return None
    tone: Tone = "bad" if danger.level == "error" else "warn"
    words = words_of(danger.remedy, by_key)
    return Trouble(tone=tone, title="WAL at the source", cause=danger.message, next=words, brief=danger.message)


def _first(trouble: Retrying) -> str:
    return f"it began with {_title(trouble.first)}" if trouble.first is not None else ""


def _title(failure: Failure) -> str:
    return f"{failure.where}: {failure.title}" if failure.where else failure.title


def _server_words(failure: Failure) -> str:
    return f"{failure.detail} [{failure.sqlstate}]" if failure.sqlstate else failure.detail


def _figures_age(at: float | None, now: float) -> str:
    return "" if at is None else f"figures of {moment(at, now)}, {span(now - at)} ago"


def trouble_lines(trouble: Trouble) -> list[list[Part]]:
    """It at the top of the monitor."""
    glyph = "✗ " if trouble.tone == "bad" else "▲ "
    lines: list[list[Part]] = [[(f"{glyph}{trouble.title}", trouble.tone)]]
    if trouble.since:
        lines.append([(trouble.since, "muted")])
    if trouble.cause:
        # Within the lines there are, what to do must not be the one that is cut.
        room = CAUSE_CHARACTERS // 2 if trouble.wal else CAUSE_CHARACTERS
        lines.append([(shorten_words(trouble.cause, room), "plain")])
    if trouble.wal:
        lines.append([("WAL: ", "strong"), (trouble.wal, "plain")])
    if trouble.next:
        lines.append([("Next: ", "strong"), (trouble.next, "plain")])
    return lines


def trouble_text(trouble: Trouble) -> str:
    """All of it, to copy."""
    parts = (trouble.title, trouble.since, trouble.cause, trouble.wal, trouble.next)
    return "\n\n".join(part for part in parts if part)
