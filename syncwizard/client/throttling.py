"""Changes the limits of a task, in its stored file and in its engine while one runs."""

import msgspec

from syncwizard.client.connection import EngineGone
from syncwizard.client.tasks import StoredTask, store
from syncwizard.client.waiting import connect
from syncwizard.engine.protocol import Limiting
from syncwizard.errors import TaskFileError, UsageError
from syncwizard.remedies import Remedy
from syncwizard.task.limiting import ClassName, Throttle
from syncwizard.task.validation import find_problems


def change(task: StoredTask, throttle: Throttle, size: ClassName) -> StoredTask:
    """Other limits from now on, and for later engines. Raises UsageError for a released task, TaskFileError for limits
    that are not valid."""
    if task.read_state().state == "released":
        raise UsageError("the task was released", where=task.label, remedy=Remedy(then="start"))
    advanced = msgspec.structs.replace(task.spec.advanced, throttle=throttle, class_=size)
    spec = msgspec.structs.replace(task.spec, advanced=advanced)
    for problem in find_problems(spec):
        raise TaskFileError(problem.message, where=problem.path, remedy=problem.remedy)
    stored = store(spec)
    if task.find_engine() is not None:
        try:
            with connect(stored) as connection:
                connection.command("throttle", throttle=Limiting(throttle=throttle, size=size))
        except EngineGone:
            # It ended meanwhile; the next one reads the file.
            pass
    return stored
