"""A task in one line for a monitoring system: healthy, warning, or critical. Pure."""

from typing import Literal

import msgspec

from syncwizard.client.looking import Seen
from syncwizard.task.event_words import count_aside, count_missing, describe_beside
from syncwizard.task.facts import describe_failure
from syncwizard.task.figures.rates import backlog_bytes
from syncwizard.task.figures.retention import threat
from syncwizard.task.figures.totals import describe_latency
from syncwizard.task.quarantine import open_of
from syncwizard.task.switching import describe_switchover
from syncwizard.task.text import counted, describe_bytes, local_time, one_line, span

Level = Literal["ok", "warning", "critical"]
# As Nagios and those after it read them.
EXIT_CODES: dict[Level, int] = {"ok": 0, "warning": 1, "critical": 2}
# Heartbeats come each second; a busy destination may take a while for a large transaction.
HEARTBEAT_SECONDS = 60.0


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One reason for a level other than ok."""

    level: Level
    message: str


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """The worst level of the findings, with all of them, the worst first."""

    level: Level
    findings: tuple[Finding, ...]


def health_of(seen: Seen, now: float) -> Health:
    """What is wrong with the task; `now` in seconds since the epoch."""
    findings = [*_stopped(seen, now), *_fenced(seen), *_figures(seen, now), *_left(seen)]
    findings.sort(key=lambda finding: -EXIT_CODES[finding.level])
    return Health(level=findings[0].level if findings else "ok", findings=tuple(findings))


def _stopped(seen: Seen, now: float) -> list[Finding]:
    """What keeps the task from synchronizing."""
    state = seen.state
    if seen.trouble and not seen.liveness.died:
        if seen.liveness.alive:
            return [Finding(level="warning", message=f"the engine does not answer: {seen.trouble}")]
        return [Finding(level="critical", message=f"the task cannot be read: {seen.trouble}")]
    if seen.liveness.died:
        return [Finding(level="critical", message=seen.liveness.explanation)]
    match state.state:
        case "failed" if state.failure is not None:
            return [Finding(level="critical", message=f"failed: {describe_failure(state.failure)}")]
        case "precheck-failed":
            return [Finding(level="critical", message="the precheck did not pass")]
        case "retrying" if state.retrying is not None:
            until = local_time(state.retrying.until)
            what = f"retrying until {until}: {describe_failure(state.retrying.failure)}"
            return [Finding(level="warning", message=what)]
        case "paused":
            return [Finding(level="warning", message=f"paused for {span(now - state.updated_at)}")]
        case "released" | "switched":
            return []
    return [] if seen.liveness.alive else [Finding(level="critical", message="no engine runs")]


def _fenced(seen: Seen) -> list[Finding]:
    """A source that takes no writes, for a switchover that is not done."""
    known = seen.state.switchover
    if known is None or not known.pending or known.fence is None:
        return []
    return [Finding(level="critical", message=describe_switchover(known))]


def _figures(seen: Seen, now: float) -> list[Finding]:
    """What the figures threaten."""
    found: list[Finding] = []
    held = seen.retention
    if held is not None and (danger := threat(held.measured)).step:
        serious = danger.level == "error" or held.measured.wal_status == "unreserved"
        found.append(Finding(level="critical" if serious else "warning", message=danger.message))
    beat = seen.sample.latency_at
    if seen.state.state == "synchronizing" and beat is not None and now - beat > HEARTBEAT_SECONDS:
        found.append(Finding(level="warning", message=f"no heartbeat has arrived for {span(now - beat)}"))
    return found


def _left(seen: Seen) -> list[Finding]:
    """What the destination lacks, and what an end still has."""
    state = seen.state
    found = []
    if aside := state.left_aside:
        names = ", ".join(str(each.table) for each in aside)
        found.append(Finding(level="critical", message=f"{count_aside(aside)}: {names}"))
    if beside := describe_beside(state):
        found.append(Finding(level="warning", message=beside))
    if state.missing_definitions:
        found.append(Finding(level="warning", message=count_missing(state.missing_definitions)))
    if still := open_of(state.quarantine):
        what = f"{counted(len(still), 'row')} with changes in quarantine may differ"
        found.append(Finding(level="warning", message=what))
    if state.detached:
        what = f"{counted(len(state.detached), 'partition')} detached at the source may differ"
        found.append(Finding(level="warning", message=what))
    if state.left_over:
        found.append(Finding(level="warning", message=f"{counted(len(state.left_over), 'statement')} left to be run"))
    return found


def check_line(seen: Seen, health: Health, now: float) -> str:
    """One line: level, task, reasons or figures; then the figures as monitoring plugins write them."""
    reasons = "; ".join(finding.message for finding in health.findings) or _healthy(seen, now)
    figures = " ".join(f"{name}={value}" for name, value in _performance(seen))
    line = f"{health.level.upper()} - {seen.task.label}: {reasons}"
    # What follows a bar is read as figures.
    return one_line(line.replace("|", "/")) + (f" | {figures}" if figures else "")


def _healthy(seen: Seen, now: float) -> str:
    parts: list[str] = [seen.state.state]
    if seen.sample.latency_seconds is not None:
        parts.append(f"latency {describe_latency(seen.sample, now)}")
    if seen.retention is not None:
        parts.append(f"the slot holds {describe_bytes(seen.retention.measured.retained_bytes)} of WAL")
    return ", ".join(parts)


def _performance(seen: Seen) -> list[tuple[str, str]]:
    """Those that are known; of a stopped task what its slot holds."""
    found = []
    if seen.sample.latency_seconds is not None:
        found.append(("latency", f"{seen.sample.latency_seconds:.3f}s"))
    if (backlog := backlog_bytes(seen.sample)) is not None:
        found.append(("backlog", f"{backlog}B"))
    if seen.retention is not None:
        found.append(("wal_held", f"{seen.retention.measured.retained_bytes}B"))
    return found
