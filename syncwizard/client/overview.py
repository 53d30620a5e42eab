"""Looks at all tasks again and again, as cheaply as that can be: what did not change is not read twice."""

import time
import uuid
from pathlib import Path

import msgspec

from syncwizard.client.alerts import Lookout
from syncwizard.client.connection import EngineConnection
from syncwizard.client.explain import Liveness
from syncwizard.client.looking import Seen, known_retention, unreadable
from syncwizard.client.tasks import StoredTask, list_tasks
from syncwizard.client.waiting import current
from syncwizard.engine.journal import FILE_NAME
from syncwizard.errors import SyncwizardError
from syncwizard.task.figures.history import latency_by_minute
from syncwizard.task.figures.sample import Sample
from syncwizard.task.state import TaskState

# An engine answers within 100 ms; a stuck one must not hold up the list of the others for long.
ANSWER_SECONDS = 2.0

Stamp = tuple[tuple[int, int], ...]
# The longest latency by minute since the epoch.
Hour = tuple[tuple[int, float], ...]
replace = msgspec.structs.replace


class Overview:
    """Keeps the state of every journal that was read; one thread at a time."""

    def __init__(self) -> None:
        self._known: dict[uuid.UUID, tuple[Stamp, TaskState, Liveness]] = {}
        self._hours: dict[uuid.UUID, tuple[float, Hour]] = {}
        self._lookout = Lookout()

    def look_around(self) -> list[Seen]:
        """Every task as it is now, by label; a damaged journal, or an engine that does not answer, is the trouble of
        its task alone."""
        everything = [self._with_past(self._look(task)) for task in list_tasks()]
        self._lookout.meet(everything)
        return everything

    def _with_past(self, seen: Seen) -> Seen:
        """Adds the WAL that the slot holds, as far as that is known, and the last hour's latencies."""
        now = time.time()
        return replace(seen, retention=known_retention(seen.state, seen.sample, now), hour=self._hour(seen.task, now))

    def _hour(self, task: StoredTask, now: float) -> Hour:
        """From what the engine keeps of its figures, read once for each time that it does."""
        stamp = task.history_stamp()
        if stamp is None:
            return ()
        known = self._hours.get(task.id)
        if known is None or known[0] != stamp:
            known = self._hours[task.id] = (stamp, latency_by_minute(task.history(), now))
        return known[1]

    def _look(self, task: StoredTask) -> Seen:
        holder = task.find_engine()
        if holder is not None and holder.socket:
            try:
                with EngineConnection(Path(holder.socket), ANSWER_SECONDS) as connection:
                    answer = connection.command("status", ANSWER_SECONDS)
                state, sample = answer.state or connection.state, answer.sample or Sample()
                return Seen(task=task, state=state, sample=sample, liveness=Liveness(alive=True, pid=holder.pid))
            except SyncwizardError as error:
                return self._by_journal(task, str(error))
        return self._by_journal(task, "")

    def _by_journal(self, task: StoredTask, trouble: str) -> Seen:
        stamp = _stamp(task.folder / FILE_NAME)
        known = self._known.get(task.id)
        alive = task.find_engine() is not None
        if known is None or known[0] != stamp or known[2].alive or alive:
            try:
                state, liveness = current(task)
            except SyncwizardError as error:
                return unreadable(task, error)
            known = self._known[task.id] = (stamp, state, liveness)
        return Seen(task=task, state=known[1], sample=Sample(), liveness=known[2], trouble=trouble)


def _stamp(journal: Path) -> Stamp:
    """What changes when a journal is written to: its file and its log."""
    stamps = []
    for path in (journal, journal.with_name(f"{journal.name}-wal")):
        try:
            found = path.stat()
            stamps.append((found.st_mtime_ns, found.st_size))
        except FileNotFoundError:
            stamps.append((0, 0))
    return tuple(stamps)
