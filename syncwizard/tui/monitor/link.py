"""Follows one task, whatever its engine does: events and figures while it lives, the journal while it does not."""

import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import msgspec

from syncwizard.client.connection import EngineConnection, EngineGone
from syncwizard.client.explain import Liveness
from syncwizard.client.looking import Seen, known_retention
from syncwizard.client.slot import last_known, look_at_slot
from syncwizard.client.tasks import StoredTask
from syncwizard.client.waiting import current
from syncwizard.engine.protocol import Answer, Happened, Observed, Response, Sampled
from syncwizard.errors import JournalFailed, SyncwizardError
from syncwizard.remedies import words_of
from syncwizard.task.event_words import count_changes
from syncwizard.task.events import ChangesApplied, Entry
from syncwizard.task.figures.history import History, add, merge, observe
from syncwizard.task.figures.retention import Retention
from syncwizard.task.figures.sample import Sample
from syncwizard.task.state import TaskState
from syncwizard.tui.remedies import by_key

replace = msgspec.structs.replace

# A person reads no faster, and every repaint crosses the line to the terminal.
POST_SECONDS = 0.25
# Without a frame for so long the engine is asked: what it says then is of now.
ASK_SECONDS = 1.0
ANSWER_SECONDS = 5.0
# How often a task without an engine is looked at.
LOOK_SECONDS = 1.0
# A probe is a process of its own: often enough to see a disk fill.
SLOT_SECONDS = 60.0
# As far back as the event log goes; the journal keeps them all.
ENTRIES_KEPT = 2000


class View(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a task at one moment.

    `figures_at`: when the figures were current (seconds since the epoch), None before any came; `connected`: whether
    its engine answers; `history`: the past of its figures.
    """

    seen: Seen
    entries: tuple[Entry, ...] = ()
    figures_at: float | None = None
    connected: bool = False
    history: History = History()


class Following(Protocol):
    """Something that follows a task until it is stopped."""

    def start(self) -> None:
        """Begins."""

    def stop(self) -> None:
        """Ends soon; waits for nothing."""


Follow = Callable[[StoredTask, Callable[[View], object], Callable[[], float]], Following]


class EngineLink:
    """A thread that calls `post` with a view at most four times a second; it connects again by itself."""

    def __init__(self, task: StoredTask, post: Callable[[View], object], clock: Callable[[], float]) -> None:
        """`clock` tells the seconds since the epoch."""
        self._task, self._post, self._clock = task, post, clock
        self._stopping = threading.Event()
        self._entries: deque[Entry] = deque(maxlen=ENTRIES_KEPT)
        self._last = 0
        self._sample = Sample()
        self._figures_at: float | None = None
        self._history = History()
        self._history_stamp: float | None = None
        self._posted: View | None = None
        self._held: Retention | None = None
        self._slot_due = 0.0

    def start(self) -> None:
        """Begins to follow."""
        threading.Thread(target=self._run, name="engine-link", daemon=True).start()

    def stop(self) -> None:
        """Ends soon, without being waited for: an engine that hangs must not keep a person from leaving."""
        self._stopping.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._look()
            except (SyncwizardError, OSError) as error:
                self._publish(TaskState(), Liveness(alive=False), str(error), connected=False)
            self._stopping.wait(LOOK_SECONDS)

    def _look(self) -> None:
        """Follows the engine for as long as it answers; reads the journal where none does."""
        trouble = ""
        holder = self._task.find_engine()
        if holder is not None and holder.socket:
            try:
                self._follow(holder.socket)
            except EngineGone:
                # What became of it the journal tells.
                pass
            except SyncwizardError as error:
                trouble = "; ".join(filter(None, [error.title, words_of(error.remedy, by_key)]))
        self._read_journal(trouble)

    def _read_journal(self, trouble: str) -> None:
        """The task as its journal tells it; its engine may live and not answer, which is `trouble`."""
        state, liveness = current(self._task)
        self._skip_old()
        for entry in self._task.entries(self._last):
            self._keep(entry)
        self._read_history()
        if not liveness.alive:
            self._sample, self._figures_at, trouble = Sample(), None, ""
            self._look_at_slot(state)
        self._publish(state, liveness, trouble, connected=False)

    def _read_history(self) -> None:
        """What the last engine kept, beside what was seen of it here: one that is killed loses its last minute."""
        stamp = self._task.history_stamp()
        if stamp is not None and stamp != self._history_stamp:
            self._history_stamp = stamp
            self._history = merge(self._history, self._task.history())

    def _look_at_slot(self, state: TaskState) -> None:
        """Asks the source now and then what the slot of a stopped task holds: its disk may be filling."""
        known = last_known(state)
        if state.slot is None:
            # Released meanwhile, maybe from this very screen.
            self._held = None
        elif known is not None and self._held is not None and known.measured_at > self._held.measured_at:
            # An engine that lived for a moment has looked: maybe the slot is gone.
            self._held = known
        elif time.monotonic() >= self._slot_due:
            self._slot_due = time.monotonic() + SLOT_SECONDS
            self._held = look_at_slot(self._task, state, self._clock())

    def _follow(self, socket: str) -> None:
        """Follows the engine until it is gone, or we are."""
        with EngineConnection(Path(socket)) as connection:
            with suppress(JournalFailed):
                # It is the engine's affair while that answers.
                self._skip_old()
            connection.subscribe(self._last, history=True)
            if connection.history is not None:
                self._history = merge(self._history, connection.history)
            self._sample, self._figures_at = connection.sample, self._clock()
            liveness = Liveness(alive=True, pid=connection.pid)
            self._slot_due = 0.0
            posted = heard = time.monotonic()
            self._publish(connection.state, liveness, "", connected=True)
            while not self._stopping.is_set():
                frame = connection.receive(POST_SECONDS)
                now = time.monotonic()
                self._take(frame, remembers=connection.history is not None)
                if isinstance(frame, Sampled):
                    heard = now
                elif frame is None and now - heard > ASK_SECONDS:
                    self._ask(connection)
                    heard = now
                if now - posted >= POST_SECONDS:
                    posted = now
                    self._publish(connection.state, liveness, "", connected=True)

    def _take(self, frame: Response | None, *, remembers: bool) -> None:
        """Takes in a frame; an engine of an earlier version does not remember its figures."""
        match frame:
            case Happened(entry=entry):
                self._keep(entry)
            case Sampled(sample=sample):
                self._sample, self._figures_at = sample, self._clock()
                if not remembers:
                    # What is seen of it here is all there is.
                    self._history = add(self._history, observe(sample, self._figures_at))
            case Observed(observation=observation):
                self._history = add(self._history, observation)

    def _ask(self, connection: EngineConnection) -> None:
        """Figures do not come while nothing moves: an answer shows that the engine lives, with the rates of now."""
        answer: Answer = connection.command("status", ANSWER_SECONDS)
        self._sample, self._figures_at = answer.sample or self._sample, self._clock()

    def _skip_old(self) -> None:
        """Begins no earlier than the event log goes back."""
        if not self._last:
            for entry in self._task.last_entries(ENTRIES_KEPT):
                self._keep(entry)

    def _keep(self, entry: Entry) -> None:
        if entry.sequence > self._last:
            self._entries.append(_light(entry))
            self._last = entry.sequence

    def _publish(self, state: TaskState, liveness: Liveness, trouble: str, *, connected: bool) -> None:
        """Posts what is known, if that is news."""
        held = known_retention(state, self._sample, self._clock()) if connected else self._held
        seen = Seen(
            task=self._task, state=state, sample=self._sample, liveness=liveness, trouble=trouble, retention=held
        )
        before = self._posted.entries if self._posted is not None else ()
        news = not before or before[-1].sequence != self._last
        entries = tuple(self._entries) if news else before
        view = View(
            seen=seen,
            entries=entries,
            figures_at=self._figures_at,
            connected=connected,
            history=self._history,
        )
        if view != self._posted:
            self._posted = view
            self._post(view)


def _light(entry: Entry) -> Entry:
    """The entry as far as the event log tells it: thousands of them with figures of each table would be 200 MB."""
    if not isinstance(entry.event, ChangesApplied):
        return entry
    changes = {"all tables": {"changes": count_changes(entry.event.tables)}}
    return replace(entry, event=replace(entry.event, tables=changes))
