"""Why a task is late: what its sessions wait for, and the one sentence that names the bottleneck; pure."""

from collections.abc import Iterator
from typing import Literal

import msgspec

from syncwizard.task.facts import describe_failure
from syncwizard.task.figures.sample import Sample
from syncwizard.task.limiting import describe_in_force
from syncwizard.task.lsn import parse_lsn
from syncwizard.task.state import TaskState
from syncwizard.task.text import describe_bytes, format_seconds, local_time, one_line, span

End = Literal["source", "destination"]
# Heartbeats come each second.
FRESH_SECONDS = 5.0
# A transaction that is open for longer keeps WAL that is worth a word.
LONG_SECONDS = 30.0
# Less than this is on its way.
ON_ITS_WAY_BYTES = 1_000_000


class Blocker(msgspec.Struct, frozen=True, kw_only=True):
    """A session in the way of another, or one with an old transaction; `seconds`: how long that is open."""

    pid: int
    user: str
    seconds: float
    query: str


class SessionWait(msgspec.Struct, frozen=True, kw_only=True):
    """A session of the task. `part`: what it is for; `seconds`: since when it is in this state."""

    end: End
    pid: int
    part: str
    state: str
    wait_type: str
    wait_event: str
    seconds: float
    query: str
    blockers: tuple[Blocker, ...] = ()


class Waits(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What both ends say at one moment. `oldest`: the source's oldest transaction that has written something."""

    sessions: tuple[SessionWait, ...]
    oldest: Blocker | None = None


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """The bottleneck: a word for programs, a sentence, and what to do."""

    name: str
    sentence: str
    advice: str = ""


def describe_blocker(blocker: Blocker) -> str:
    """
    >>> describe_blocker(Blocker(pid=7, user="app", seconds=61.0, query="LOCK TABLE t"))
    'process 7 of app, transaction open for 1 min 1 s: LOCK TABLE t'
    """
    text = f"process {blocker.pid} of {blocker.user}, transaction open for {span(blocker.seconds)}"
    return one_line(f"{text}: {blocker.query}" if blocker.query else text)


def cause_of(state: TaskState, sample: Sample, waits: Waits, now: float) -> Cause:
    """Why the task is late, or that it is not; for a task that an engine has. `now` in seconds since the epoch."""
    return next(_causes(state, sample, waits, now))


def _causes(state: TaskState, sample: Sample, waits: Waits, now: float) -> Iterator[Cause]:
    if state.retrying is not None:
        until = local_time(state.retrying.until)
        yield Cause(
            name="retrying",
            sentence=f"it is tried again until {until}: {describe_failure(state.retrying.failure)}",
            advice=str(state.retrying.failure.remedy),
        )
    yield from _blocked(waits)
    backlog = sample.backlog_bytes or 0
    running = [name for name, stage in state.stages.items() if stage.status == "running"]
    late = now - sample.latency_at > FRESH_SECONDS if sample.latency_at is not None else True
    late = late or (sample.latency_seconds or 0.0) > FRESH_SECONDS
    limits = describe_in_force(sample.throttle) if sample.throttle is not None else ""
    if limits and late:
        advice = "lift them: syncwizard throttle TASK --off"
        yield Cause(name="throttle", sentence=f"it is held to limits: {limits}", advice=advice)
    if state.state == "initializing":
        yield Cause(name="stage", sentence=f"changes are not followed yet: the stage {' and '.join(running)} runs")
    if not late:
        held = waits.oldest
        if held is not None and held.seconds > LONG_SECONDS:
            yield Cause(
                name="old transaction",
                sentence=f"it is not late, but an open transaction makes the slot keep WAL: {describe_blocker(held)}",
                advice="commit it or roll it back",
            )
        latency = format_seconds(sample.latency_seconds or 0.0)
        yield Cause(name="none", sentence=f"it is not late: the latency is {latency}")
    yield _link(sample, waits, backlog)


def _blocked(waits: Waits) -> Iterator[Cause]:
    """Sessions in the way of ours, those at the destination first: it is the applier that everything waits for."""
    for session in sorted(waits.sessions, key=lambda each: each.end):
        for blocker in session.blockers:
            yield Cause(
                name="blocked",
                sentence=f"the session `{session.part}` at the {session.end} waits for a lock that is held by"
                f" {describe_blocker(blocker)}",
                advice=f"end that transaction, or at the {session.end}: SELECT pg_terminate_backend({blocker.pid})",
            )


def _link(sample: Sample, waits: Waits, backlog: int) -> Cause:
    """The link of the chain at which most waits."""
    if sample.source_lsn is None or sample.received_lsn is None or sample.applied_lsn is None:
        return Cause(name="unknown", sentence="there are no figures of the stream yet", advice="ask again in a moment")
    unread = parse_lsn(sample.source_lsn) - parse_lsn(sample.received_lsn)
    unapplied = parse_lsn(sample.received_lsn) - parse_lsn(sample.applied_lsn)
    behind = describe_bytes(max(0, backlog))
    if unapplied >= max(unread, ON_ITS_WAY_BYTES):
        busy = next((each for each in waits.sessions if each.end == "destination" and each.state == "active"), None)
        doing = f"; it runs {one_line(busy.query)}, waiting for {_event(busy)}" if busy is not None else ""
        return Cause(
            name="destination",
            sentence=f"the destination applies changes more slowly than they come, {behind} behind{doing}",
            advice="look at its disk, its processors, and indexes and triggers of the tables that change most",
        )
    at_source = (each for each in waits.sessions if each.end == "source")
    sender = next((each for each in at_source if each.wait_event.startswith("WalSender")), None)
    if unread >= ON_ITS_WAY_BYTES:
        waiting = f"; the walsender (process {sender.pid}) waits for {_event(sender)}" if sender is not None else ""
        return Cause(
            name="source",
            sentence=f"the source decodes and sends WAL more slowly than it is written, {behind} behind{waiting}",
            advice="a large transaction is decoded as a whole; look at the source's processors and the network",
        )
    return Cause(
        name="heartbeat",
        sentence="no heartbeat arrives, though little is on its way",
        advice="look at the account's right to write at the source, and at locks on public.dts_postgres_heartbeat",
    )


def describe_wait(session: SessionWait) -> str:
    """The wait event of PostgreSQL's; empty where there is none."""
    return f"{session.wait_type}:{session.wait_event}" if session.wait_event else ""


def _event(session: SessionWait) -> str:
    return describe_wait(session) or "nothing (it is at work)"
