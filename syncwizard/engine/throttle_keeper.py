"""Sets the limits that hold at this moment for all workers of an engine: those of the task file, of its quiet hours, or
those that a command has changed since."""

import time
from collections.abc import Callable
from pathlib import Path

from syncwizard.task.limiting import ClassName, InForce, Throttle, in_force
from syncwizard.throttling import Buckets


class ThrottleKeeper:
    """In the engine; the workers read what it sets."""

    def __init__(self, throttle: Throttle, size: ClassName, folder: Path, changed: Callable[[InForce], None]) -> None:
        """Sets the limits; `changed` gets those of each moment when they are others than before. Raises OSError."""
        self._throttle: Throttle = throttle
        self._size: ClassName = size
        self._changed = changed
        self._buckets = Buckets(folder)
        self._limits: InForce | None = None
        self.look()

    def look(self) -> None:
        """Looks at the clock: quiet hours may have begun or ended."""
        now = time.localtime()
        limits = in_force(self._throttle, self._size, now.tm_hour * 60 + now.tm_min)
        if limits != self._limits:
            first, self._limits = self._limits is None, limits
            self._buckets.set(limits)
            # What an earlier engine left in the file is replaced in any case; that there are no limits is no news.
            if not first or limits != InForce():
                self._changed(limits)

    def change(self, throttle: Throttle, size: ClassName) -> None:
        """Other limits, from now on."""
        self._throttle, self._size = throttle, size
        self.look()
