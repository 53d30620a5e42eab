"""States, moments and progress in a few columns: pure. Durations, sizes and counts are written by `task/text`."""

import datetime
from typing import Literal

import msgspec

from syncwizard.client.explain import Liveness
from syncwizard.client.looking import Seen
from syncwizard.task.figures.rates import copy_progress, index_fraction
from syncwizard.task.figures.totals import describe_share
from syncwizard.task.stages import STAGES, StageName, facts_of
from syncwizard.task.state import TaskState

# How something is meant; style sheets say how that looks.
Tone = Literal["plain", "muted", "good", "warn", "bad", "accent", "strong"]
TONES: tuple[Tone, ...] = ("plain", "muted", "good", "warn", "bad", "accent", "strong")

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
    "synchronizing": Mark("●", "synchronizing", "good"),
    "retrying": Mark("↻", "retrying", "warn"),
    "paused": Mark("‖", "paused", "warn"),
    "modifying": Mark("◐", "modifying", "accent"),
    "failed": Mark("✗", "failed", "bad"),
    "released": Mark("–", "released", "muted"),
}
DIED = Mark("✗", "engine died", "bad")


def mark_of(state: TaskState, liveness: Liveness) -> Mark:
    """
    >>> str(mark_of(TaskState(state="paused"), Liveness(alive=False)))
    '‖ paused'
    >>> str(mark_of(TaskState(state="synchronizing"), Liveness(alive=False, died=True)))
    '✗ engine died'
    """
    return DIED if liveness.died else _MARKS[state.state]


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
