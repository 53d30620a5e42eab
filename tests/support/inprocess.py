"""Runs stages inside the test's process, with the real reducer and a journal in memory that can stop at an event."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from syncwizard.stages.context import Cancellation, Child, Context
from syncwizard.task.events import Event
from syncwizard.task.figures.sample import Sample
from syncwizard.task.handover import Handover
from syncwizard.task.reducer import reduce
from syncwizard.task.specification import TaskSpec
from syncwizard.task.state import TaskState


class Killed(BaseException):
    """Ends a run the way a kill does: nothing catches it."""


@dataclass
class TaskRun:
    """One task over several runs: `context()` is a new engine process with the same journal and folder.

    `stop_before` and `stop_after` say at which event the process dies, before or after it is in the journal.
    """

    spec: TaskSpec
    folder: Path
    events: list[Event] = field(default_factory=list)
    state: TaskState = field(default_factory=TaskState)
    samples: list[Sample] = field(default_factory=list)
    stop_before: Callable[[Event], bool] = lambda event: False
    stop_after: Callable[[Event], bool] = lambda event: False

    def record(self, *events: Event) -> None:
        """Appends to the journal, all of them or none."""
        if any(self.stop_before(event) for event in events):
            raise Killed
        for event in events:
            self.events.append(event)
            self.state = reduce(self.state, time.time(), len(self.events), event)
        if any(self.stop_after(event) for event in events):
            raise Killed

    def live_on(self) -> None:
        """From here on nothing stops the process."""
        self.stop_before = self.stop_after = lambda event: False

    def context(self) -> Context:
        """What the stages of a new process are given."""
        return Context(
            spec=self.spec,
            secrets=Handover(),
            folder=self.folder,
            record=self.record,
            state=lambda: self.state,
            sample=self.samples.append,
            cancellation=Cancellation(),
            spawn=no_children,
        )


def no_children(kind: str, assignment: msgspec.Struct) -> Child:
    """For stages that start no processes."""
    raise AssertionError(f"a {kind} child was asked for with {assignment}")
