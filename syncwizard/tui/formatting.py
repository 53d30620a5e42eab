"""How facts look in a few columns: pure. What the command line shows too is in `task/figures` and `task/text`."""

import datetime
from typing import Literal

import msgspec
from rich.cells import cell_len, set_cell_size

from syncwizard.client.explain import Liveness
from syncwizard.client.looking import Seen
from syncwizard.task.events import STAGES, StageName
from syncwizard.task.figures.rates import copy_progress, index_fraction
from syncwizard.task.figures.totals import describe_share
from syncwizard.task.state import TaskState
from syncwizard.task.text import one_line

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


def fit(text: str, width: int, *, right: bool = False) -> str:
    """The text in exactly so many columns; what is too long ends with an ellipsis.

    >>> fit("orders", 8), fit("orders", 8, right=True), fit("orders", 4)
    ('orders  ', '  orders', 'ord…')
    """
    text = one_line(text)
    length = cell_len(text)
    if length <= width:
        return " " * (width - length) + text if right else text + " " * (width - length)
    return set_cell_size(text, width - 1) + "…" if width > 0 else ""


def day_and_time(at: float) -> str:
    """In the reader's zone; the same text whichever day it is read on."""
    return datetime.datetime.fromtimestamp(at).strftime("%m-%d %H:%M:%S")


def moment(at: float, now: float) -> str:
    """The time of day, with the date where it is not today's."""
    then, today = datetime.datetime.fromtimestamp(at), datetime.datetime.fromtimestamp(now)
    return then.strftime("%H:%M:%S") if then.date() == today.date() else then.strftime("%Y-%m-%d %H:%M:%S")


def span(seconds: float) -> str:
    """A duration in at most two units, without fractions.

    >>> span(0.4), span(75), span(3700), span(200_000), span(-5)
    ('0 s', '1 min 15 s', '1 h 1 min', '2 d 7 h', '0 s')
    """
    whole = max(0, int(seconds))
    for unit, name, small, small_name in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= unit:
            rest = whole % unit // small
            return f"{whole // unit} {name} {rest} {small_name}" if rest else f"{whole // unit} {name}"
    return f"{whole} s"


def age(seconds: float) -> str:
    """How long ago, in one unit.

    >>> age(0.4), age(75), age(7300), age(200_000)
    ('now', '1 min', '2 h', '2 d')
    """
    whole = max(0, int(seconds))
    for unit, name in ((86400, "d"), (3600, "h"), (60, "min"), (2, "s")):
        if whole >= unit:
            return f"{whole // unit if unit > 2 else whole} {name}"
    return "now"


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
    share = describe_share(copy.bytes, copy.estimated_bytes, finished=False) if copy else ""
    if builds and (fraction := index_fraction(builds[0])) is not None:
        share = f"{100 * fraction:.0f} %"
    return _progress(state, share)


def _progress(state: TaskState, share: str) -> str:
    stages = running_stages(state)
    if not stages:
        begun = [name for name in STAGES if name in state.stages and state.stages[name].status != "done"]
        return begun[-1] if begun else ""
    # Beside the endless stage the one that ends is the news.
    stage = next((name for name in stages if name != "incremental"), stages[0])
    return f"{stage} {share}".strip() if stage in ("full", "indexes") else stage
