"""Why a task is late: what its sessions wait for, and the one sentence that names the bottleneck; pure."""

from collections.abc import Iterator
from typing import Literal

import msgspec

from syncwizard.task.facts import describe_failure
from syncwizard.task.figures.sample import Sample
from syncwizard.task.limiting import describe_in_force
from syncwizard.task.lsn import parse_lsn
from syncwizard.task.state import TaskState
from syncwizard.task.text import counted, describe_bytes, format_seconds, local_time, one_line, span

End = Literal["source", "destination"]
# Heartbeats come each second.
FRESH_SECONDS = 5.0
# A transaction that is open for longer keeps WAL that is worth a word.
LONG_SECONDS = 30.0
# A walsender that waits until its receiver takes more.
SENDING = "WalSenderWriteData"
# Less than this is on its way.
ON_ITS_WAY_BYTES = 1_000_000


class Blocker(msgspec.Struct, frozen=True, kw_only=True):
    """A session in the way of another, or one with an old transaction; `seconds`: how long that is open. `pid` is 0 for
    a prepared transaction, whose name is the `query`. `builds`: it builds an index."""

    pid: int
    user: str
    seconds: float
    query: str
    builds: bool = False


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


class HeldUp(msgspec.Struct, frozen=True, kw_only=True):
    """A session of others that waits for a lock that a session of the task holds; `seconds`: since when."""

    end: End
    pid: int
    user: str
    seconds: float
    query: str
    part: str


class Waits(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What both ends say at one moment. `oldest`: the source's oldest transaction that has written something: the slot
    keeps WAL from where that began. `held_up`: who waits for the task."""

    sessions: tuple[SessionWait, ...]
    oldest: Blocker | None = None
    held_up: tuple[HeldUp, ...] = ()


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """The bottleneck: a word for programs, a sentence, and what to do."""

    name: str
    sentence: str
    advice: str = ""


def describe_blocker(blocker: Blocker) -> str:
    """
    >>> describe_blocker(Blocker(pid=7, user="app", seconds=61.0, query="LOCK TABLE t"))
    'process 7 of app, transaction open for 1 min 1 s: LOCK TABLE t'
    >>> describe_blocker(Blocker(pid=0, user="app", seconds=61.0, query="order 7"))
    'prepared transaction order 7 of app, open for 1 min 1 s'
    """
    if not blocker.pid:
        return one_line(f"prepared transaction {blocker.query} of {blocker.user}, open for {span(blocker.seconds)}")
    text = f"process {blocker.pid} of {blocker.user}, transaction open for {span(blocker.seconds)}"
    return one_line(f"{text}: {blocker.query}" if blocker.query else text)


def describe_held_up(waiting: HeldUp) -> str:
    """
    >>> describe_held_up(HeldUp(end="source", pid=7, user="app", seconds=61.0, query="ALTER TABLE t", part="copy"))
    'process 7 of app waits for 1 min 1 s for the session `copy` at the source: ALTER TABLE t'
    """
    who = f"process {waiting.pid} of {waiting.user} waits for {span(waiting.seconds)}"
    return one_line(f"{who} for the session `{waiting.part}` at the {waiting.end}: {waiting.query}")


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
                advice=_end_of(held),
            )
        latency = format_seconds(sample.latency_seconds or 0.0)
        yield Cause(name="none", sentence=f"it is not late: the latency is {latency}")
    yield _link(sample, waits, backlog)


def _end_of(transaction: Blocker) -> str:
    """How it is ended."""
    if transaction.pid:
        return f"commit it or roll it back, or at the source: SELECT pg_terminate_backend({transaction.pid})"
    return "COMMIT PREPARED or ROLLBACK PREPARED at the source, in its database, by what has prepared it"


def _blocked(waits: Waits) -> Iterator[Cause]:
    """Sessions in the way of ours, those at the destination first: it is the applier that everything waits for."""
    for session in sorted(waits.sessions, key=lambda each: each.end):
        for blocker in session.blockers:
            if blocker.builds:
                yield Cause(
                    name="index build",
                    sentence=f"the session `{session.part}` at the {session.end} waits for an index that is being built"
                    f" by {describe_blocker(blocker)}",
                    advice="it ends by itself: pg_stat_progress_create_index shows how far it is; CREATE INDEX"
                    " CONCURRENTLY keeps no changes waiting",
                )
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
    sender = next((each for each in waits.sessions if each.end == "source" and _sends(each)), None)
    # Nothing is read any more once enough waits to be applied: the source then waits for us with all that it has.
    full = sender is not None and sender.wait_event == SENDING and unapplied >= ON_ITS_WAY_BYTES
    if full or unapplied >= max(unread, ON_ITS_WAY_BYTES):
        return _at_destination(sample, waits, behind)
    if unread < ON_ITS_WAY_BYTES:
        return Cause(
            name="heartbeat",
            sentence="no heartbeat arrives, though little is on its way",
            advice="look at the account's right to write at the source, and at locks on public.dts_postgres_heartbeat",
        )
    if sender is not None and sender.wait_event == SENDING:
        return Cause(
            name="network",
            sentence=f"what the source sends is not taken as fast, {behind} behind: the walsender (process"
            f" {sender.pid}) waits for {_event(sender)}, and nothing waits to be applied",
            advice="look at the network between the source and this machine, and at this machine's processors",
        )
    waiting = f"; the walsender (process {sender.pid}) waits for {_event(sender)}" if sender is not None else ""
    return Cause(
        name="source",
        sentence=f"the source decodes and sends WAL more slowly than it is written, {behind} behind{waiting}",
        advice="a large transaction is decoded as a whole; look at the source's processors and its disk",
    )


def _sends(session: SessionWait) -> bool:
    """Whether it is the walsender of the stream."""
    return session.wait_event.startswith("WalSender") or session.query.startswith("START_REPLICATION")


def _at_destination(sample: Sample, waits: Waits, behind: str) -> Cause:
    busy = next((each for each in waits.sessions if each.end == "destination" and each.state == "active"), None)
    doing = f"; it runs {one_line(busy.query)}, waiting for {_event(busy)}" if busy is not None else ""
    if builds := sample.index_builds:
        doing += f"; meanwhile {counted(len(builds), 'index is', 'indexes are')} built there"
    return Cause(
        name="destination",
        sentence=f"the destination applies changes more slowly than they come, {behind} behind{doing}",
        advice="look at its disk, its processors, and indexes and triggers of the tables that change most",
    )


def describe_wait(session: SessionWait) -> str:
    """The wait event of PostgreSQL's; empty where there is none."""
    return f"{session.wait_type}:{session.wait_event}" if session.wait_event else ""


def _event(session: SessionWait) -> str:
    return describe_wait(session) or "nothing (it is at work)"
