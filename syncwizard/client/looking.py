"""One look at a task: what its engine says, or its journal where there is none."""

import time

import msgspec

from syncwizard.client.connection import EngineConnection, EngineGone
from syncwizard.client.explain import Liveness
from syncwizard.client.slot import last_known, look_at_slot
from syncwizard.client.tasks import StoredTask
from syncwizard.client.waiting import connect, current
from syncwizard.errors import SyncwizardError
from syncwizard.task.figures.retention import Retention, of_sample, retention
from syncwizard.task.figures.sample import Sample
from syncwizard.task.state import TaskState


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is known of a task at this moment. `trouble`: why a living engine did not answer, or why nothing
    is known; `retention`: the WAL that its slot holds, where that is known; `hour`: the longest latency of each of the
    last minutes, by the number of the minute since the epoch."""

    task: StoredTask
    state: TaskState
    sample: Sample
    liveness: Liveness
    trouble: str = ""
    retention: Retention | None = None
    hour: tuple[tuple[int, float], ...] = ()


def look(task: StoredTask, *, ask_source: bool = False) -> Seen:
    """What the engine says, or the journal where there is none; then the source may be asked about the slot, which
    takes a moment, and some seconds where it does not answer. Raises JournalFailed."""
    state, liveness = current(task)
    sample, trouble = Sample(), ""
    if liveness.alive:
        try:
            with connect(task) as connection:
                state, sample = _ask(connection)
        except EngineGone:
            state, liveness = current(task)
        except SyncwizardError as error:
            trouble = str(error)
    return Seen(
        task=task,
        state=state,
        sample=sample,
        liveness=liveness,
        trouble=trouble,
        retention=_retention(task, state, sample, ask_source=ask_source and not liveness.alive),
    )


def look_anyway(task: StoredTask, *, ask_source: bool = False) -> Seen:
    """The same, for a list of tasks: a damaged journal is the trouble of its task alone, and no error."""
    try:
        return look(task, ask_source=ask_source)
    except SyncwizardError as error:
        return unreadable(task, error)


def unreadable(task: StoredTask, error: SyncwizardError) -> Seen:
    """A task of which nothing is known but why."""
    return Seen(task=task, state=TaskState(), sample=Sample(), liveness=Liveness(alive=False), trouble=str(error))


def _retention(task: StoredTask, state: TaskState, sample: Sample, *, ask_source: bool) -> Retention | None:
    if ask_source and state.slot is not None and of_sample(sample) is None:
        return look_at_slot(task, state, time.time())
    return known_retention(state, sample, time.time())


def known_retention(state: TaskState, sample: Sample, now: float) -> Retention | None:
    """What is known of the slot's WAL without asking the source; `now` in seconds since the epoch."""
    measured = of_sample(sample)
    if measured is not None:
        return retention(measured, now if sample.slot_at is None else sample.slot_at, sample.wal_bytes_per_second)
    return None if state.slot is None else last_known(state)


def _ask(connection: EngineConnection) -> tuple[TaskState, Sample]:
    answer = connection.command("status")
    return answer.state or connection.state, answer.sample or Sample()
