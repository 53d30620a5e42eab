"""What stages are given, by an engine and by a probe alike."""

from collections.abc import Callable
from pathlib import Path

from syncwizard.engine.children import ChildPool
from syncwizard.stages.context import Cancellation, Context
from syncwizard.task.figures.sample import Sample
from syncwizard.task.handover import Handover
from syncwizard.task.specification import TaskSpec
from syncwizard.task.state import TaskState


def make_context(
    spec: TaskSpec,
    secrets: Handover,
    folder: Path,
    record: Callable[..., object],
    state: Callable[[], TaskState],
    cancellation: Cancellation,
    pool: ChildPool,
    sample: Callable[[Sample], None] = lambda sample: None,
) -> Context:
    """What stages get, for an engine and for a probe alike; samples go nowhere unless they are taken."""
    return Context(
        spec=spec,
        secrets=secrets,
        folder=folder,
        record=lambda *events: _discard(record(*events)),
        state=state,
        sample=sample,
        cancellation=cancellation,
        spawn=pool.spawn,
    )


def _discard(sequence: object) -> None:
    """Stages do not know of sequence numbers."""
