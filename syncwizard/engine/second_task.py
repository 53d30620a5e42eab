"""Another task on this machine, made, started and dropped by the engine of one: for a switchover, for a copy."""

import os
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from syncwizard import paths
from syncwizard.engine import tunnels
from syncwizard.engine.children import ChildPool
from syncwizard.engine.contexts import make_context
from syncwizard.engine.journal import FILE_NAME, Journal
from syncwizard.engine.locking import TaskLock, find_holder
from syncwizard.engine.starting import start_engine
from syncwizard.stages.context import Cancellation, Context
from syncwizard.task import file
from syncwizard.task.events import AnyEvent, PrecheckFinished, StageFinished, StageStarted, TaskPaused, TaskReleased
from syncwizard.task.handover import Handover
from syncwizard.task.specification import TaskSpec
from syncwizard.task.state import TaskState

LOOK_SECONDS = 0.05
# Longer than the engine itself waits for a stage that does not come back from a pause.
ENDING_SECONDS = 60.0


class SecondTask:
    """Makes tasks with the `secrets` of its ends."""

    def __init__(self, secrets: Handover) -> None:
        self._secrets = secrets

    @contextmanager
    def made(
        self, spec: TaskSpec, purpose: str, cancellation: Cancellation, *first: AnyEvent
    ) -> Iterator[tuple[Context, Journal]]:
        """Stores the task, whose capture is made in the block, with `first` in its journal. It counts as checked:
        what it needs was looked at by the task that makes it. Raises Cancelled, EndpointError, TaskFailed.
        """
        from syncwizard.stages.capture import stage as capture

        if spec.id is None:
            raise ValueError("a task that is to be made has an id")
        folder = paths.ensure_private_folder(paths.task_folder(spec.id))
        file.save(spec, folder / paths.TASK_FILE)
        with (
            TaskLock(spec.id, purpose=purpose),
            closing(self._journal(spec, folder)) as journal,
            tunnels.opened(spec) as opened,
        ):
            for event in (
                StageStarted(stage="precheck"),
                PrecheckFinished(passed=True),
                StageFinished(stage="precheck"),
                *first,
            ):
                journal.append(event)
            journal.append(StageStarted(stage="capture"))
            context = self.context(opened, folder, journal.append, lambda: journal.state, cancellation)
            summary = capture.run(context)
            # Nothing is copied under its snapshot: the engine that copies is another process.
            context.held.close()
            journal.append(StageFinished(stage="capture", summary=summary))
            yield context, journal
            journal.append(TaskPaused())

    def start(self, task: uuid.UUID) -> None:
        """Starts the engine of the task that was made. Raises SyncwizardError."""
        start_engine(file.load(paths.task_folder(task) / paths.TASK_FILE), self._secrets)

    def drop(self, task: uuid.UUID) -> TaskState | None:
        """Ends the task's engine, and removes everything of it at both ends; its last state, None where it has none."""
        from syncwizard.stages.commands import release

        folder = paths.task_folder(task)
        if not (folder / paths.TASK_FILE).exists():
            return None
        spec = file.load(folder / paths.TASK_FILE)
        end_engine(task)
        with (
            TaskLock(task, purpose="release"),
            closing(self._journal(spec, folder)) as journal,
            tunnels.opened(spec) as opened,
        ):
            context = self.context(opened, folder, journal.append, lambda: journal.state)
            if "capture" in journal.state.stages and journal.state.state != "released":
                release.run(context)
            if journal.state.state != "released":
                journal.append(TaskReleased())
            return journal.state

    def _journal(self, spec: TaskSpec, folder: Path) -> Journal:
        if spec.id is None:
            raise ValueError("a task without an id has no journal")
        return Journal(folder / FILE_NAME, spec.id, spec.name, secrets=self._secrets.texts)

    def context(
        self,
        spec: TaskSpec,
        folder: Path,
        record: Callable[[AnyEvent], object],
        state: Callable[[], TaskState],
        cancellation: Cancellation | None = None,
    ) -> Context:
        """What stages of the task get."""
        stopped = cancellation if cancellation is not None else Cancellation()
        return make_context(spec, self._secrets, folder, record, state, stopped, ChildPool())


def end_engine(task: uuid.UUID) -> None:
    """Pauses the task's engine, and ends it where it does not come to that."""
    deadline = time.monotonic() + ENDING_SECONDS
    asked = False
    while (holder := find_holder(task)) is not None and holder.pid:
        late = time.monotonic() > deadline
        if not asked or late:
            os.kill(holder.pid, signal.SIGKILL if late else signal.SIGTERM)
            asked = True
        time.sleep(LOOK_SECONDS)
