"""Decides which alerts of a task begin, go on and end; pure, the clock is given.

`conditions` says what is wrong at this moment; `decide` compares it with what was wrong before, and says what to send.
"""

from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from syncwizard.task.alerting import Alerts
from syncwizard.task.event_words import count_aside
from syncwizard.task.events import SlotMeasured
from syncwizard.task.facts import describe_failure
from syncwizard.task.figures.retention import threat
from syncwizard.task.figures.sample import Sample
from syncwizard.task.state import TaskState
from syncwizard.task.text import counted, describe_bytes, format_seconds, local_time, span

RuleName = Literal[
    "failed",
    "retrying",
    "latency",
    "heartbeat",
    "full-stage",
    "wal-held",
    "slot",
    "differences",
    "tables-aside",
    "dead-letters",
    "engine",
    "test",
]
Phase = Literal["begins", "goes on", "ends"]
# What does not pass by itself is worth no wait; for dead letters `Growth` waits.
AT_ONCE: tuple[RuleName, ...] = ("failed", "slot", "differences", "tables-aside", "dead-letters", "engine")
# Of the steps of `threat`: from three quarters of max_slot_wal_keep_size on.
SLOT_STEP = 2
HOUR = 3600.0
# What a slot holds goes up and down with each checkpoint of the source.
SLOT_OVER_SECONDS = 600.0
# Rows that were set aside are news for so long after the last of them.
GROWTH_SECONDS = 600.0


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is wrong since `since`; `sent_at` None until it lasted long enough, `over_since` None while it is
    wrong. Seconds since the epoch."""

    since: float
    sent_at: float | None = None
    over_since: float | None = None
    message: str = ""


class Growth(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows are in dead letters and in quarantine, and when there were fewer; None where they never grew."""

    rows: int = 0
    grown_at: float | None = None


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be sent: the rule, whether it begins, goes on or ends, since when, and a sentence."""

    rule: RuleName
    phase: Phase
    message: str
    since: float
    at: float


Alarms = Mapping[RuleName, Alarm]


def conditions(
    state: TaskState, sample: Sample, held: SlotMeasured | None, rules: Alerts, now: float
) -> dict[RuleName, str]:
    """What is wrong now, a sentence a rule. `held`: what is known of the slot; `now` in seconds since the epoch.

    >>> late = Sample(latency_seconds=45.0, latency_at=99.0)
    >>> conditions(TaskState(state="synchronizing"), late, None, Alerts(latency_seconds=30), 100.0)
    {'latency': 'the latency is 45.0 s, the limit 30 s'}
    >>> conditions(TaskState(state="synchronizing"), late, None, Alerts(), 200.0)
    {'heartbeat': 'no heartbeat has arrived for 1 min 41 s'}
    >>> conditions(TaskState(state="paused"), late, None, Alerts(latency_seconds=30), 200.0)
    {}
    """
    return dict([*_of_state(state, rules, now), *_of_stream(state, sample, rules, now), *_of_slot(state, held, rules)])


def _of_state(state: TaskState, rules: Alerts, now: float) -> Iterator[tuple[RuleName, str]]:
    if state.state == "failed" and state.failure is not None:
        yield "failed", f"the task failed: {describe_failure(state.failure)}"
    if state.state == "retrying" and state.retrying is not None:
        until = local_time(state.retrying.until)
        yield "retrying", f"retrying until {until}: {describe_failure(state.retrying.failure)}"
    full = state.stages.get("full")
    if rules.full_hours and full is not None and full.status == "running" and full.started_at is not None:
        lasted = now - full.started_at
        if lasted > rules.full_hours * HOUR:
            yield "full-stage", f"the full stage has run for {span(lasted)}, the limit is {rules.full_hours} h"
    if aside := state.left_aside:
        yield "tables-aside", f"{count_aside(aside)}: {', '.join(str(each.table) for each in aside)}"
    found = state.verification
    if found is not None and (found.of("different") or found.differences):
        what = counted(len(found.of("different")), "table")
        definitions = f" and {counted(len(found.differences), 'definition')}" if found.differences else ""
        yield "differences", f"the verification found differences in {what}{definitions}"


def _of_stream(state: TaskState, sample: Sample, rules: Alerts, now: float) -> Iterator[tuple[RuleName, str]]:
    if state.state != "synchronizing" or sample.latency_at is None:
        return
    silent = now - sample.latency_at
    if rules.heartbeat_seconds and silent > rules.heartbeat_seconds:
        yield "heartbeat", f"no heartbeat has arrived for {span(silent)}"
    late = sample.latency_seconds or 0.0
    if rules.latency_seconds and late > rules.latency_seconds:
        yield "latency", f"the latency is {format_seconds(late)}, the limit {span(rules.latency_seconds)}"


def _of_slot(state: TaskState, held: SlotMeasured | None, rules: Alerts) -> Iterator[tuple[RuleName, str]]:
    if held is None or state.state == "released":
        return
    if rules.wal_held_megabytes and held.retained_bytes > rules.wal_held_megabytes * 1_000_000:
        limit = describe_bytes(rules.wal_held_megabytes * 1_000_000)
        yield "wal-held", f"the slot holds {describe_bytes(held.retained_bytes)} of WAL, the limit is {limit}"
    if (danger := threat(held)).step >= SLOT_STEP:
        yield "slot", danger.message


def grown(before: Growth | None, rows: int, now: float) -> Growth:
    """The growth with the number of this moment; the first number is where it begins.

    >>> first = grown(None, 3, 0.0)
    >>> first.grown_at is None, grown(first, 4, 9.0)
    (True, Growth(rows=4, grown_at=9.0))
    """
    if before is None or rows == before.rows:
        return Growth(rows=rows) if before is None else before
    return Growth(rows=rows, grown_at=now if rows > before.rows else before.grown_at)


def of_growth(growth: Growth, now: float) -> dict[RuleName, str]:
    """What is wrong while rows are put into dead letters or quarantine, and for a while after the last one.

    >>> of_growth(Growth(rows=1, grown_at=0.0), 60.0)
    {'dead-letters': '1 row was put into dead_letters or quarantine of schema syncwizard so far'}
    >>> of_growth(Growth(rows=1, grown_at=0.0), 601.0)
    {}
    """
    if growth.grown_at is None or now - growth.grown_at > GROWTH_SECONDS:
        return {}
    were = "was" if growth.rows == 1 else "were"
    rows = counted(growth.rows, "row")
    return {"dead-letters": f"{rows} {were} put into dead_letters or quarantine of schema syncwizard so far"}


def decide(
    before: Alarms, wrong: Mapping[RuleName, str], rules: Alerts, now: float, *, silenced: bool = False
) -> tuple[dict[RuleName, Alarm], list[Due]]:
    """What is wrong from now on, and what to send: each once when it has lasted, again after `repeat_minutes`, and once
    when it is over, if its beginning was sent. Nothing while `silenced`: what is still due after that comes then.

    >>> rules = Alerts(latency_for_seconds=60, hold_off_seconds=10, repeat_minutes=10)
    >>> alarms, sent = decide({}, {"latency": "late"}, rules, 0.0)
    >>> sent
    []
    >>> alarms, sent = decide(alarms, {"latency": "late"}, rules, 60.0)
    >>> [(due.rule, due.phase, due.since) for due in sent]
    [('latency', 'begins', 0.0)]
    >>> alarms, sent = decide(alarms, {"latency": "later"}, rules, 600.0)
    >>> sent
    []
    >>> alarms, sent = decide(alarms, {"latency": "later"}, rules, 660.0)
    >>> [(due.phase, due.message) for due in sent]
    [('goes on', 'later')]
    >>> alarms, sent = decide(alarms, {}, rules, 700.0)
    >>> sent
    []
    >>> alarms, sent = decide(alarms, {}, rules, 710.0)
    >>> [(due.phase, due.message) for due in sent], alarms
    ([('ends', 'later')], {})

    What is over before it has lasted is not worth a word:

    >>> alarms, _ = decide({}, {"retrying": "lost"}, rules, 0.0)
    >>> decide(alarms, {}, rules, 9.0)
    ({}, [])
    """
    alarms: dict[RuleName, Alarm] = {}
    sent: list[Due] = []
    for rule, message in wrong.items():
        alarm = msgspec.structs.replace(before.get(rule, Alarm(since=now)), message=message, over_since=None)
        phase = None if silenced else _due(rule, alarm, rules, now)
        if phase is not None:
            sent.append(Due(rule=rule, phase=phase, message=message, since=alarm.since, at=now))
            alarm = msgspec.structs.replace(alarm, sent_at=now)
        alarms[rule] = alarm
    for rule, alarm in before.items():
        if rule in wrong or alarm.sent_at is None:
            continue
        over_since = now if alarm.over_since is None else alarm.over_since
        if silenced or now - over_since < _seconds_over(rule, rules):
            alarms[rule] = msgspec.structs.replace(alarm, over_since=over_since)
        else:
            sent.append(Due(rule=rule, phase="ends", message=alarm.message, since=alarm.since, at=now))
    return alarms, sent


def _due(rule: RuleName, alarm: Alarm, rules: Alerts, now: float) -> Phase | None:
    if alarm.sent_at is None:
        wait = rules.latency_for_seconds if rule == "latency" else rules.hold_off_seconds
        return "begins" if rule in AT_ONCE or now - alarm.since >= wait else None
    return "goes on" if rules.repeat_minutes and now - alarm.sent_at >= rules.repeat_minutes * 60 else None


def _seconds_over(rule: RuleName, rules: Alerts) -> float:
    """How long it has to be over before it ends."""
    if rule in ("slot", "wal-held"):
        return SLOT_OVER_SECONDS
    return 0.0 if rule in AT_ONCE else rules.hold_off_seconds
