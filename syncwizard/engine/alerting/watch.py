"""Looks at the task once a second and sends what is due, in threads of its own: it never holds the engine up."""

import logging
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from syncwizard.engine.alerting.alert import Alert
from syncwizard.engine.alerting.book import Book, read_book, silenced_until, write_book
from syncwizard.engine.alerting.receivers import receivers_of
from syncwizard.engine.alerting.rules import Due, Growth, RuleName, conditions, decide, grown, of_growth
from syncwizard.engine.alerting.sending import Note, Senders
from syncwizard.task.figures.retention import of_sample
from syncwizard.task.figures.sample import Sample
from syncwizard.task.figures.totals import dead_letters
from syncwizard.task.handover import Handover
from syncwizard.task.specification import TaskSpec
from syncwizard.task.state import TaskState

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
# For the last alert of an engine: a receiver that answers has it by then, another gets it from the next engine.
FINISH_SECONDS = 10.0

SUCCEEDED = "an engine ended without being asked to; another one has the task now"

Look = Callable[[], tuple[TaskState, Sample]]


class AlertWatch:
    """The alerts of one engine; does nothing for a task without a receiver."""

    def __init__(
        self, spec: TaskSpec, secrets: Handover, folder: Path, look: Look, note: Note, *, after_death: bool = False
    ) -> None:
        """`look` and `note` may be called in any thread; `note` gets what is worth an event. `after_death`: the engine
        before this one ended without a word."""
        self._spec = spec
        self._rules = spec.advanced.alerts
        self._folder = folder
        self._look = look
        self._book = read_book(folder) if self._rules.sent_somewhere else Book()
        self._senders = Senders(receivers_of(self._rules, secrets), self._book.undelivered, note)
        self._stopped = threading.Event()
        self._unwritten = False
        self._news: dict[RuleName, str] = {"engine": SUCCEEDED} if after_death else {}
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begins to look and to deliver."""
        if self._rules.sent_somewhere:
            self._senders.start()
            self._thread = threading.Thread(target=self._work, name="alerts", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Looks a last time: the task may have failed. Waits a moment for the delivery, and keeps what is left."""
        if self._thread is None:
            return
        self._stopped.set()
        self._thread.join(FINISH_SECONDS)
        if not self._thread.is_alive():
            self._step()
            self._senders.finish(FINISH_SECONDS)
            self._keep(msgspec.structs.replace(self._book, undelivered=self._senders.undelivered()))

    def _work(self) -> None:
        while not self._stopped.wait(LOOK_SECONDS):
            self._step()

    def _step(self) -> None:
        state, sample = self._look()
        now = time.time()
        growth = self._growth(sample, state, now)
        wrong = conditions(state, sample, of_sample(sample), self._rules, now) | self._news
        self._news = {}
        if growth is not None:
            wrong |= of_growth(growth, now)
        silenced = now < silenced_until(self._folder)
        alarms, due = decide(self._book.alarms, wrong, self._rules, now, silenced=silenced)
        alerts = [alert_of(self._spec, state, each) for each in due]
        # Known to the disk before it is delivered: an engine that dies has sent it, or the next one does.
        self._keep(Book(alarms=alarms, growth=growth, undelivered=self._senders.undelivered(alerts)))
        for alert in alerts:
            self._senders.add(alert)

    def _growth(self, sample: Sample, state: TaskState, now: float) -> Growth | None:
        rows = sum(dead_letters(sample, state).values())
        return grown(self._book.growth, rows + sum(1 + each.followers for each in state.quarantine), now)

    def _keep(self, book: Book) -> None:
        same = without_messages(book) == without_messages(self._book)
        self._book = book
        if same and not self._unwritten:
            return
        try:
            write_book(self._folder, book)
            self._unwritten = False
        except OSError as error:
            if not self._unwritten:
                log.warning("the alerts cannot be kept: %s", error)
            self._unwritten = True


def without_messages(book: Book) -> Book:
    """What is worth a write: how long something has lasted changes with each look."""
    alarms = {rule: msgspec.structs.replace(alarm, message="") for rule, alarm in book.alarms.items()}
    return msgspec.structs.replace(book, alarms=alarms)


def alert_of(spec: TaskSpec, state: TaskState, due: Due) -> Alert:
    """What is due, with what a receiver has to know of the task."""
    return Alert(
        rule=due.rule,
        phase=due.phase,
        message=due.message,
        since=due.since,
        at=due.at,
        task=spec.name,
        id=spec.short_id,
        state=state.state,
        host=socket.gethostname(),
    )
