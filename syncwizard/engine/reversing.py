"""The task of the other direction, for a switchover: made beside the engine of the task that is left."""

import os
import signal
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import msgspec

from syncwizard import paths
from syncwizard.engine import tunnels
from syncwizard.engine.children import ChildPool
from syncwizard.engine.contexts import make_context
from syncwizard.engine.journal import FILE_NAME, Journal
from syncwizard.engine.locking import TaskLock, find_holder
from syncwizard.engine.starting import start_engine
from syncwizard.errors import PrecheckNotPassed, UsageError
from syncwizard.remedies import or_else, to_do
from syncwizard.stages.context import Cancellation, Context
from syncwizard.task import file
from syncwizard.task.events import (
    AnyEvent,
    PrecheckFinished,
    StageFinished,
    StageStarted,
    TaskPaused,
    TaskReleased,
)
from syncwizard.task.handover import Handover
from syncwizard.task.names import TableName
from syncwizard.task.reversing import reversed_spec
from syncwizard.task.specification import TaskSpec
from syncwizard.task.state import TaskState
from syncwizard.task.switchover import Fence, FenceInherited

LOOK_SECONDS = 0.05
# Longer than the engine itself waits for a stage that does not come back from a pause.
ENDING_SECONDS = 60.0
WITHOUT = to_do("give up the way back: --no-reverse")


class Reverse:
    """Makes the task of the other direction of the stored task in `folder`, with its secrets."""

    def __init__(self, folder: Path, secrets: Handover) -> None:
        self._folder = folder
        self._secrets = msgspec.structs.replace(
            secrets,
            source=secrets.destination,
            destination=secrets.source,
            source_key=secrets.destination_key,
            destination_key=secrets.source_key,
        )

    def check(self, tables: Sequence[TableName]) -> None:
        """Raises UsageError where there can be no such task, PrecheckNotPassed where it would not start."""
        from syncwizard.stages import precheck

        spec = self._plan(tables)
        with tunnels.opened(spec) as opened:
            nothing: list[AnyEvent] = []
            context = self._context(opened, Path(os.devnull), nothing.append, TaskState)
            try:
                precheck.run(context)
            except PrecheckNotPassed as error:
                raise PrecheckNotPassed(
                    "the task of the other direction would not start",
                    detail=error.detail,
                    where=f"{spec.name}, from {spec.source.describe()} to {spec.destination.describe()}",
                    remedy=or_else(error.remedy, WITHOUT),
                ) from error

    def make(
        self,
        tables: Sequence[TableName],
        fence: Fence | None,
        announce: Callable[[uuid.UUID, str], None],
        cancellation: Cancellation,
    ) -> str:
        """Makes the task with its slot, so that from here on no change of its source is lost; its name.

        `announce` is called with id and name before anything is made. Raises Cancelled, EndpointError, TaskFailed.
        """
        from syncwizard.stages.capture import stage as capture

        spec = self._plan(tables)
        if spec.id is None:
            raise ValueError("a task that is to be made has an id")
        announce(spec.id, spec.name)
        folder = paths.ensure_private_folder(paths.task_folder(spec.id))
        file.save(spec, folder / paths.TASK_FILE)
        with (
            TaskLock(spec.id, purpose="switchover"),
            closing(self._journal(spec, folder)) as journal,
            tunnels.opened(spec) as opened,
        ):
            # It passed before the fence was raised; again it would only keep writes out for longer.
            for event in (
                StageStarted(stage="precheck"),
                PrecheckFinished(passed=True),
                StageFinished(stage="precheck"),
            ):
                journal.append(event)
            if fence is not None and fence.undo:
                journal.append(FenceInherited(fence=fence))
            journal.append(StageStarted(stage="capture"))
            context = self._context(opened, folder, journal.append, lambda: journal.state, cancellation)
            summary = capture.run(context)
            # Nothing is copied under its snapshot.
            context.held.close()
            journal.append(StageFinished(stage="capture", summary=summary))
            journal.append(TaskPaused())
        return spec.name

    def start(self, task: uuid.UUID) -> None:
        """Starts the engine of the task that was made. Raises SyncwizardError."""
        start_engine(file.load(paths.task_folder(task) / paths.TASK_FILE), self._secrets)

    def drop(self, task: uuid.UUID) -> None:
        """Ends the task's engine, and removes everything of it at both ends."""
        from syncwizard.stages.commands import release

        folder = paths.task_folder(task)
        if not (folder / paths.TASK_FILE).exists():
            return
        spec = file.load(folder / paths.TASK_FILE)
        _end_engine(task)
        with (
            TaskLock(task, purpose="release"),
            closing(self._journal(spec, folder)) as journal,
            tunnels.opened(spec) as opened,
        ):
            context = self._context(opened, folder, journal.append, lambda: journal.state)
            if "capture" in journal.state.stages and journal.state.state != "released":
                release.run(context)
            if journal.state.state != "released":
                journal.append(TaskReleased())

    def _journal(self, spec: TaskSpec, folder: Path) -> Journal:
        if spec.id is None:
            raise ValueError("a task without an id has no journal")
        return Journal(folder / FILE_NAME, spec.id, spec.name, secrets=self._secrets.texts)

    def _plan(self, tables: Sequence[TableName]) -> TaskSpec:
        # As it is kept: the engine's own has the ends of its tunnels.
        spec = file.load(self._folder / paths.TASK_FILE)
        try:
            return reversed_spec(spec, tables)
        except ValueError as error:
            raise UsageError(
                "there can be no task of the other direction", detail=str(error), remedy=WITHOUT
            ) from error

    def _context(
        self,
        spec: TaskSpec,
        folder: Path,
        record: Callable[[AnyEvent], object],
        state: Callable[[], TaskState],
        cancellation: Cancellation | None = None,
    ) -> Context:
        stopped = cancellation if cancellation is not None else Cancellation()
        return make_context(spec, self._secrets, folder, record, state, stopped, ChildPool())


def _end_engine(task: uuid.UUID) -> None:
    """Pauses the task's engine, and ends it where it does not come to that."""
    deadline = time.monotonic() + ENDING_SECONDS
    asked = False
    while (holder := find_holder(task)) is not None and holder.pid:
        late = time.monotonic() > deadline
        if not asked or late:
            os.kill(holder.pid, signal.SIGKILL if late else signal.SIGTERM)
            asked = True
        time.sleep(LOOK_SECONDS)
