"""Keeps the history of a task's figures in its folder, now and then: samples, not facts, so that a loss is a gap."""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from syncwizard.task.figures.history import History, Observation, Spread, add, join, observe
from syncwizard.task.figures.sample import Sample
from syncwizard.task.file import replace_text

log = logging.getLogger(__name__)

FILE_NAME = "history.json"


class Recorder:
    """The history of one engine's task, going on from what its predecessors kept.

    `note` may come from any thread; all else belongs to the event loop, and `keep` to one thread at a time.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        """`clock` tells the seconds since the epoch."""
        self._path = folder / FILE_NAME
        self._clock = clock
        self._lock = threading.Lock()
        self._latency: Spread | None = None
        self._latency_at: float | None = None
        self._refused = False
        self.history = read_history(folder)

    def note(self, sample: Sample) -> None:
        """Remembers the latency of a sample until the next observation: several may come in between."""
        if sample.latency_seconds is None or sample.latency_at is None:
            return
        with self._lock:
            if sample.latency_at != self._latency_at:
                self._latency_at = sample.latency_at
                longest = max(sample.latency_seconds, sample.longest_latency_seconds or 0.0)
                self._latency = join(self._latency, Spread(longest, sample.latency_seconds))

    def observe(self, sample: Sample) -> Observation:
        """Adds the figures of this moment, and what was noted before it."""
        with self._lock:
            latency, self._latency = self._latency, None
        observation = observe(sample, self._clock(), latency)
        self.history = add(self.history, observation)
        return observation

    def keep(self) -> None:
        """Writes the history to the task's folder; where that is refused, says so in the log, once."""
        if self.history.empty:
            return
        try:
            replace_text(self._path, msgspec.json.encode(self.history).decode())
        except OSError as error:
            if not self._refused:
                log.warning("the history of figures cannot be kept: %s", error)
            self._refused = True
        else:
            self._refused = False


def read_history(folder: Path) -> History:
    """What was kept in a task's folder; an empty history where that is missing, damaged, or of another making."""
    try:
        return msgspec.json.decode((folder / FILE_NAME).read_bytes(), type=History)
    except (OSError, msgspec.MsgspecError):
        return History()
