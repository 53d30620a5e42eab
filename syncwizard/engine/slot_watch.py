"""Watches the figures of the slot: says once when it, or the source's disk, comes nearer to its end; keeps them.

The stream brings them while it runs. Before, and that may be hours of copying, the source is asked now and then.
"""

import threading
import time
from collections.abc import Callable

from syncwizard.errors import SyncwizardError
from syncwizard.postgres.session.trouble import translated
from syncwizard.postgres.source.slot import measure_slot
from syncwizard.stages.context import Context
from syncwizard.task.events import Noticed, SlotMeasured
from syncwizard.task.figures.retention import of_sample, sample_of, threat
from syncwizard.task.figures.sample import Sample

# What is kept in the journal is for the time when no engine can be asked.
KEEP_SECONDS = 600.0
# A figure that is older is asked for: a login, which is no burden at this pace.
STALE_SECONDS = 10.0


class SlotWatch:
    """Fed with the merged samples of one engine."""

    def __init__(self) -> None:
        self._step = 0
        self._lower_since: float | None = None
        self._kept: SlotMeasured | None = None
        self._kept_at: float | None = None

    def events(self, sample: Sample, now: float) -> list[Noticed | SlotMeasured]:
        """What is worth an event; `now` in seconds of any steady clock."""
        measured = of_sample(sample)
        if measured is None:
            return []
        found: list[Noticed | SlotMeasured] = []
        danger = threat(measured)
        if danger.step > self._step:
            found.append(Noticed(level=danger.level, message=danger.message, remedy=danger.remedy))
        self._remember(danger.step, now)
        if found or self._kept_at is None or now - self._kept_at >= KEEP_SECONDS:
            found += self.last(sample)
            self._kept_at = now
        return found

    def _remember(self, step: int, now: float) -> None:
        """A step that was reported is reported again only after it was left for a while: figures go up and down with
        each checkpoint of the source."""
        if step >= self._step:
            self._step, self._lower_since = step, None
        elif self._lower_since is None:
            self._lower_since = now
        elif now - self._lower_since >= KEEP_SECONDS:
            self._step, self._lower_since = step, None

    def last(self, sample: Sample) -> list[Noticed | SlotMeasured]:
        """The figures, unless they are kept already: for the end of an engine."""
        measured = of_sample(sample)
        if measured is None or measured == self._kept:
            return []
        self._kept = measured
        return [measured]


class SlotAsker:
    """Asks the source, in a thread of its own and one at a time: a source that does not answer holds nothing up."""

    def __init__(self, context: Context, take: Callable[[Sample], object]) -> None:
        """`take` gets the figures, in that thread."""
        self._context = context
        self._take = take
        self._thread: threading.Thread | None = None
        self._asked_at: float | None = None

    def ask_when_stale(self, age: float | None, now: float) -> None:
        """Asks where the figures are `age` seconds old, None for never; `now` in seconds of any steady clock."""
        stale = age is None or age > STALE_SECONDS
        just_asked = self._asked_at is not None and now - self._asked_at < STALE_SECONDS
        busy = self._thread is not None and self._thread.is_alive()
        if not stale or just_asked or busy or self._context.cancellation.cancelled:
            return
        self._asked_at = now
        self._thread = threading.Thread(target=self._ask, name="slot", daemon=True)
        self._thread.start()

    def _ask(self) -> None:
        try:
            with self._context.connect("source", "slot") as source, translated("source", "looking at the slot"):
                measured = measure_slot(source, self._context.spec.slot)
                if not measured.exists and not self._context.state().finished("capture"):
                    # The slot is being made, or made anew: what is missing is no news.
                    return
        except SyncwizardError:
            # Whatever it is, the stage at work will meet it too, and say so.
            return
        self._take(sample_of(measured, time.time()))
