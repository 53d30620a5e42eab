"""Says where a task without an engine stands, from its journal: paused, failed, or an engine that died."""

import shlex
from pathlib import Path

import msgspec

from syncwizard.engine.locking import Holder
from syncwizard.errors import SyncwizardError, TaskFailed, UsageError
from syncwizard.remedies import Remedy, to_do
from syncwizard.task.events import Entry
from syncwizard.task.failures import error_from_failure
from syncwizard.task.narration import narrate
from syncwizard.task.state import TaskState
from syncwizard.task.text import local_time


class Liveness(msgspec.Struct, frozen=True, kw_only=True):
    """The engine as the lock tells it. `died`: the journal has its start and not its end, and the lock is free."""

    alive: bool
    pid: int | None = None
    died: bool = False
    explanation: str = ""


def liveness_of(
    state: TaskState, holder: Holder | None, last: Entry | None, label: str, full_folder: Path | None = None
) -> Liveness:
    """Whether the engine lives, and if it died, since when and where it was.

    `full_folder`: the task's, where no space is left for its journal: an engine ends then without a last word there.

    >>> liveness_of(TaskState(), None, None, "kb").alive
    False
    """
    if holder is not None:
        return Liveness(alive=holder.purpose == "engine", pid=holder.pid)
    if state.engine_pid is None or last is None or state.state == "switched":
        return Liveness(alive=False)
    running = [name for name, stage in state.stages.items() if stage.status == "running"]
    stage = f" in the stage {' and '.join(running)}" if running else ""
    if full_folder is not None:
        hint = f"No space is left in {full_folder}: make room there, then continue with"
    else:
        hint = "Nothing is lost: continue with"
    explanation = (
        f"the engine (process {state.engine_pid}) died{stage}; its last event, at {local_time(last.at)}: "
        f"{narrate(last.event)}. {hint} `syncwizard resume {shlex.quote(label)}`"
    )
    return Liveness(alive=False, pid=state.engine_pid, died=True, explanation=explanation)


def error_of(state: TaskState, liveness: Liveness, label: str) -> SyncwizardError:
    """The error for a command that waits for this task, which has no engine."""
    if liveness.died:
        return TaskFailed(liveness.explanation, where=label)
    if state.failure is not None:
        return error_from_failure(state.failure)
    match state.state:
        case "paused":
            return UsageError("the task is paused", where=label, remedy=Remedy(then="resume", task=label))
        case "switched":
            return UsageError(
                "the task is switched over: its destination takes the writes",
                where=label,
                remedy=f"remove what is left of it: syncwizard release {shlex.quote(label)}",
            )
        case "released":
            return UsageError("the task was released", where=label, remedy=Remedy(then="start"))
        case "precheck-failed":
            remedy = to_do("correct what its items report", then="resume", task=label)
            return UsageError("the precheck did not pass", where=label, remedy=remedy)
        case _:
            return UsageError("the task is not running", where=label, remedy=Remedy(then="resume", task=label))
