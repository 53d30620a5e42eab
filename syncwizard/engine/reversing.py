"""The task of the other direction, for a switchover: made beside the engine of the task that is left."""

import os
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from syncwizard import paths
from syncwizard.engine import tunnels
from syncwizard.engine.second_task import SecondTask
from syncwizard.errors import PrecheckNotPassed, UsageError
from syncwizard.remedies import or_else, to_do
from syncwizard.stages.context import Cancellation
from syncwizard.task import file
from syncwizard.task.events import AnyEvent
from syncwizard.task.handover import Handover
from syncwizard.task.names import TableName
from syncwizard.task.reversing import reversed_spec
from syncwizard.task.specification import TaskSpec
from syncwizard.task.state import TaskState
from syncwizard.task.switchover import Fence, FenceInherited

WITHOUT = to_do("give up the way back: --no-reverse")


class Reverse:
    """Makes the task of the other direction of the stored task in `folder`, with its secrets."""

    def __init__(self, folder: Path, secrets: Handover) -> None:
        self._folder = folder
        self._second = SecondTask(
            msgspec.structs.replace(
                secrets,
                source=secrets.destination,
                destination=secrets.source,
                source_key=secrets.destination_key,
                destination_key=secrets.source_key,
            )
        )

    def check(self, tables: Sequence[TableName]) -> None:
        """Raises UsageError where there can be no such task, PrecheckNotPassed where it would not start."""
        from syncwizard.stages import precheck

        spec = self._plan(tables)
        with tunnels.opened(spec) as opened:
            nothing: list[AnyEvent] = []
            context = self._second.context(opened, Path(os.devnull), nothing.append, TaskState)
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
        spec = self._plan(tables)
        if spec.id is None:
            raise ValueError("a task that is to be made has an id")
        announce(spec.id, spec.name)
        # It was checked before the fence was raised; again it would only keep writes out for longer.
        inherited = [FenceInherited(fence=fence)] if fence is not None and fence.undo else []
        with self._second.made(spec, "switchover", cancellation, *inherited):
            pass
        return spec.name

    def start(self, task: uuid.UUID) -> None:
        """Starts the engine of the task that was made. Raises SyncwizardError."""
        self._second.start(task)

    def drop(self, task: uuid.UUID) -> None:
        """Ends the task's engine, and removes everything of it at both ends."""
        self._second.drop(task)

    def _plan(self, tables: Sequence[TableName]) -> TaskSpec:
        # As it is kept: the engine's own has the ends of its tunnels.
        spec = file.load(self._folder / paths.TASK_FILE)
        try:
            return reversed_spec(spec, tables)
        except ValueError as error:
            raise UsageError(
                "there can be no task of the other direction", detail=str(error), remedy=WITHOUT
            ) from error
