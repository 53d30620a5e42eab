"""One look at a task: what its engine says, or its journal where there is none."""

import msgspec

from syncwizard.client.connection import EngineConnection, EngineGone
from syncwizard.client.explain import Liveness
from syncwizard.client.tasks import StoredTask
from syncwizard.client.waiting import connect, current
from syncwizard.errors import SyncwizardError
from syncwizard.task.events import Sample
from syncwizard.task.state import TaskState


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is known of a task at this moment. `trouble`: why a living engine did not answer."""

    task: StoredTask
    state: TaskState
    sample: Sample
    liveness: Liveness
    trouble: str = ""


def look(task: StoredTask) -> Seen:
    """What the engine says, or the journal where there is none."""
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
    return Seen(task=task, state=state, sample=sample, liveness=liveness, trouble=trouble)


def _ask(connection: EngineConnection) -> tuple[TaskState, Sample]:
    answer = connection.command("status")
    return answer.state or connection.state, answer.sample or Sample()
