"""What stages are given, by an engine and by a probe alike."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from syncwizard.engine.children import Nursery
from syncwizard.stages.context import Cancellation, Context
from syncwizard.task.handover import Handover
from syncwizard.task.specification import TaskSpec
from syncwizard.task.state import TaskState


def make_context(
    spec: TaskSpec,
    secrets: Handover,
    folder: Path,
    record: Callable[[Any], object],
    state: Callable[[], TaskState],
    cancellation: Cancellation,
    nursery: Nursery,
) -> Context:
    """What stages get, for an engine and for a probe alike; samples go nowhere until somebody takes them."""
    return Context(
        spec=spec,
        secrets=secrets,
        folder=folder,
        record=lambda event: _discard(record(event)),
        state=state,
        sample=lambda sample: None,
        cancellation=cancellation,
        spawn=nursery.spawn,
    )


def _discard(sequence: object) -> None:
    """Stages do not know of sequence numbers."""
