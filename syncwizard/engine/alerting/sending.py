"""Delivers alerts, a thread for each receiver: one that does not answer holds up neither the others nor the engine."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence

from syncwizard.engine.alerting.alert import Alert
from syncwizard.engine.alerting.book import UNDELIVERED
from syncwizard.engine.alerting.receivers import ReceiverName, Send
from syncwizard.errors import NotDelivered
from syncwizard.task.events import Level

log = logging.getLogger(__name__)

# The wait after the first failure, doubled by each one after it up to the longest.
FIRST_SECONDS, LONGEST_SECONDS = 2.0, 300.0

# Gets what is worth an event.
Note = Callable[[Level, str], None]


class Sender:
    """The queue of one receiver, and the thread that works it off."""

    def __init__(self, name: ReceiverName, send: Send, waiting: Iterable[Alert], note: Note) -> None:
        """`waiting`: what earlier engines could not deliver."""
        self._name = name
        self._send = send
        self._note = note
        self._waiting: deque[Alert] = deque(waiting, maxlen=UNDELIVERED)
        self._changed = threading.Condition()
        self._failures = 0
        self._ended = False
        self._thread = threading.Thread(target=self._work, name=f"alerts {name}", daemon=True)

    def start(self) -> None:
        """Begins to deliver."""
        self._thread.start()

    def add(self, alert: Alert) -> None:
        """Takes an alert, and returns at once; where too many wait, the oldest is given up."""
        with self._changed:
            if len(self._waiting) == UNDELIVERED:
                log.warning("an alert is given up: %s cannot be delivered by %s", self._waiting[0].rule, self._name)
            self._waiting.append(alert)
            self._changed.notify_all()

    def waiting(self) -> list[Alert]:
        """What is not delivered yet."""
        with self._changed:
            return list(self._waiting)

    def finish(self, deadline: float) -> None:
        """Waits until all is delivered or something is not, to `deadline` (`time.monotonic`) at most, then ends."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting or self._failures, deadline - time.monotonic())
            self._ended = True
            self._changed.notify_all()

    def _work(self) -> None:
        while (alert := self._next()) is not None:
            try:
                self._send(alert)
            except NotDelivered as error:
                self._failed(str(error))
            else:
                self._delivered(alert)

    def _next(self) -> Alert | None:
        """The next alert, once there is one and the wait after a failure is over; None at the end."""
        with self._changed:
            wait = min(FIRST_SECONDS * 2 ** (self._failures - 1), LONGEST_SECONDS) if self._failures else 0.0
            self._changed.wait_for(lambda: self._ended, wait)
            self._changed.wait_for(lambda: self._ended or self._waiting)
            return None if self._ended else self._waiting[0]

    def _failed(self, reason: str) -> None:
        with self._changed:
            self._failures += 1
            first = self._failures == 1 and not self._ended
            self._changed.notify_all()
        log.warning("an alert cannot be delivered by %s: %s", self._name, reason)
        if first:
            self._note("warning", f"alerts cannot be delivered by {self._name}, and are tried again: {reason}")

    def _delivered(self, alert: Alert) -> None:
        with self._changed:
            # It may have been given up meanwhile.
            if self._waiting and self._waiting[0] is alert:
                self._waiting.popleft()
            failed, self._failures = self._failures > 0 and not self._ended, 0
            self._changed.notify_all()
        log.info("alert delivered by %s: %s %s", self._name, alert.rule, alert.phase)
        if failed:
            self._note("info", f"alerts are delivered by {self._name} again")


class Senders:
    """All receivers of a task."""

    def __init__(
        self, sends: Mapping[ReceiverName, Send], undelivered: Mapping[ReceiverName, list[Alert]], note: Note
    ) -> None:
        self._senders = {name: Sender(name, send, undelivered.get(name, []), note) for name, send in sends.items()}

    def start(self) -> None:
        """Begins to deliver."""
        for sender in self._senders.values():
            sender.start()

    def add(self, alert: Alert) -> None:
        """Takes an alert for each receiver."""
        for sender in self._senders.values():
            sender.add(alert)

    def undelivered(self, more: Sequence[Alert] = ()) -> dict[ReceiverName, list[Alert]]:
        """What each receiver has not taken yet, and `more` that are to be added."""
        found = {name: [*sender.waiting(), *more][-UNDELIVERED:] for name, sender in self._senders.items()}
        return {name: waiting for name, waiting in found.items() if waiting}

    def finish(self, seconds: float) -> None:
        """Waits until each receiver has taken everything or refused something, for so long at most."""
        deadline = time.monotonic() + seconds
        for sender in self._senders.values():
            sender.finish(deadline)
