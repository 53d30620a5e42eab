"""Watches the figures of the slot: says once when it, or the source's disk, comes nearer to its end; keeps them."""

from syncwizard.task.events import Noticed, Sample, SlotMeasured
from syncwizard.task.retention import of_sample, threat

# What is kept in the journal is for the time when no engine can be asked.
KEEP_SECONDS = 600.0


class SlotWatch:
    """Fed with the merged samples of one engine."""

    def __init__(self) -> None:
        self._step = 0
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
        self._step = danger.step
        if found or self._kept_at is None or now - self._kept_at >= KEEP_SECONDS:
            found += self.last(sample)
            self._kept_at = now
        return found

    def last(self, sample: Sample) -> list[Noticed | SlotMeasured]:
        """The figures, unless they are kept already: for the end of an engine."""
        measured = of_sample(sample)
        if measured is None or measured == self._kept:
            return []
        self._kept = measured
        return [measured]
