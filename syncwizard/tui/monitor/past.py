"""The monitor as of another time: what the journal and the figures say of a task at a moment that has passed. Pure."""

import msgspec

from syncwizard.task.figures.history import History
from syncwizard.task.figures.sample import Sample
from syncwizard.task.reducer import replay
from syncwizard.task.state import TaskState
from syncwizard.tui.monitor.figures import DASH, TRAILS, Figure, with_trail
from syncwizard.tui.monitor.history import Range, Window, columns
from syncwizard.tui.monitor.link import View

# A figure of a moment is what was measured in so many seconds up to it.
MOMENT_SECONDS = 15.0
NAMES = ("latency", "changes/s", "backlog", "WAL held")
# One step of a key: a thirtieth of what the charts show.
STEPS = 30
LONGEST_STEP_SECONDS = 3600.0


def step_seconds(shown: Range) -> float:
    """How far a key goes back, by what the charts show.

    >>> step_seconds(Range("5 min", 300)), step_seconds(Range("all", None))
    (10.0, 3600.0)
    """
    return LONGEST_STEP_SECONDS if shown.seconds is None else shown.seconds / STEPS


def view_at(view: View, moment: float) -> View:
    """The task as it was: its events up to the moment, and the state they led to where all of them are known."""
    entries = tuple(entry for entry in view.entries if entry.at <= moment)
    whole = bool(entries) and entries[0].sequence == 1
    seen = view.seen
    state = replay(entries, seen.task.id, seen.task.spec.name) if whole else TaskState(name=seen.state.name)
    # Totals by table are not kept that long.
    state = msgspec.structs.replace(state, changes={})
    then = msgspec.structs.replace(seen, state=state, sample=Sample(), trouble="", retention=None)
    return msgspec.structs.replace(view, seen=then, entries=entries, figures_at=moment)


def figures_at(history: History, moment: float, trail_columns: int) -> tuple[Figure, ...]:
    """The headline figures of the moment, each with the minutes before it."""
    return tuple(_figure(name, place, history, moment, trail_columns) for place, name in enumerate(NAMES))


def _figure(name: str, place: int, history: History, moment: float, count: int) -> Figure:
    kept, written = TRAILS[place]
    window = Window(moment - MOMENT_SECONDS, moment)
    found = [spread for spread in columns(history, kept, window, moment, 3) if spread is not None]
    figure = Figure(name=name, value=written(found[-1].peak) if found else DASH, aged=True)
    return with_trail(figure, TRAILS[place], history, moment, count)
