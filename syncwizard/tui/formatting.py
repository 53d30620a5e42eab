"""States, moments and progress in a few columns: pure. Durations, sizes and counts are written by `task/text`."""

import datetime
from typing import Literal

import msgspec

from syncwizard.client.looking import Seen
from syncwizard.task.figures.rates import backlog_bytes, copy_progress, index_fraction
from syncwizard.task.figures.sample import Sample
from syncwizard.task.figures.totals import BACKLOG_BYTES, describe_share
from syncwizard.task.stages import STAGES, StageName, facts_of
from syncwizard.task.state import TaskState

# How something is meant; style sheets say how that looks. Rules are faint, and no text is.
Tone = Literal["plain", "muted", "good", "warn", "bad", "accent", "strong", "faint"]
TONES: tuple[Tone, ...] = ("plain", "muted", "good", "warn", "bad", "accent", "strong", "faint")

Part = tuple[str, Tone]


class Mark(msgspec.Struct, frozen=True):
    """A state as a glyph and a word: neither needs the colour, whose name is `tone`."""

    glyph: str
    word: str
    tone: Tone

    def __str__(self) -> str:
        return f"{self.glyph} {self.word}"


_MARKS = {
    "not-started": Mark("○", "not started", "muted"),
    "prechecking": Mark("◐", "prechecking", "accent"),
    "precheck-failed": Mark("✗", "precheck failed", "bad"),
    "precheck-passed": Mark("◐", "precheck passed", "accent"),
    "initializing": Mark("◐", "initializing", "accent"),
    "synchronizing": Mark("●", "in step", "good"),
    "retrying": Mark("↻", "retrying", "warn"),
    "paused": Mark("‖", "paused", "warn"),
    "switched": Mark("–", "switched over", "muted"),
    "modifying": Mark("◐", "modifying", "accent"),
    "failed": Mark("✗", "failed", "bad"),
    "released": Mark("–", "released", "muted"),
}
DIED = Mark("✗", "engine died", "bad")
CATCHING_UP = Mark("◑", "catching up", "accent")
DOWN = {end: Mark("↻", f"{end} down", "warn") for end in ("source", "destination")}
# A stream this late is on its way to the source's end, not at it.
LATE_SECONDS = 10.0


def mark_of(seen: Seen, now: float) -> Mark:
    """The state of a task as a person wants to know it: whether it is in step, which end is down.

    `now` in seconds since the epoch.
    """
    state = seen.state
    if seen.liveness.died:
        return DIED
    if state.state == "synchronizing" and not is_in_step(seen.sample, now):
        return CATCHING_UP
    if state.state == "initializing" and "full" in running_stages(state):
        return Mark("◐", "copying", "accent")
    if state.state == "retrying" and state.retrying is not None and state.retrying.failure.down is not None:
        return DOWN[state.retrying.failure.down]
    return _MARKS[state.state]


def is_in_step(sample: Sample, now: float) -> bool:
    """Whether the destination has what the source has, but for what is on its way.

    >>> is_in_step(Sample(latency_seconds=0.004, latency_at=99.0), 100.0), is_in_step(Sample(), 100.0)
    (True, False)
    """
    if sample.latency_seconds is None or sample.latency_at is None:
        return False
    late = max(sample.latency_seconds, now - sample.latency_at)
    return late < LATE_SECONDS and (backlog_bytes(sample) or 0) < BACKLOG_BYTES


def day_and_time(at: float) -> str:
    """In the reader's zone; the same text whichever day it is read on."""
    return datetime.datetime.fromtimestamp(at).strftime("%m-%d %H:%M:%S")


def moment(at: float, now: float) -> str:
    """The time of day, with the date where it is not today's."""
    then, today = datetime.datetime.fromtimestamp(at), datetime.datetime.fromtimestamp(now)
    return then.strftime("%H:%M:%S") if then.date() == today.date() else then.strftime("%Y-%m-%d %H:%M:%S")


def running_stages(state: TaskState) -> list[StageName]:
    """The stages at work, in their order; indexes are built beside the incremental stage."""
    return [name for name in STAGES if name in state.stages and state.stages[name].status == "running"]


def progress_of(seen: Seen) -> str:
    """Which stage a task is in and how far, in a few words; of a stopped task where it stopped.

    >>> from syncwizard.task.state import StageState
    >>> _progress(TaskState(stages={"capture": StageState(status="running")}), "")
    'capture'
    """
    state, builds = seen.state, seen.sample.index_builds or []
    copy = None if state.finished("full") else copy_progress(state, seen.sample)
    share = describe_share(copy.bytes, copy.estimated_bytes, finished=False) if copy and not copy.planning else ""
    if builds and (fraction := index_fraction(builds[0])) is not None:
        share = f"{100 * fraction:.0f} %"
    return _progress(state, share)


def _progress(state: TaskState, share: str) -> str:
    stages = running_stages(state)
    if not stages:
        begun = [name for name in STAGES if name in state.stages and state.stages[name].status != "done"]
        return begun[-1] if begun else ""
    # Beside the endless stage the one that ends is the news.
    stage = next((name for name in stages if not facts_of(name).endless), stages[0])
    return f"{stage} {share}".strip() if stage in ("full", "indexes") else stage
