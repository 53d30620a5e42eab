"""A pipeline over a real journal, with stages that tests make."""

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from syncwizard.engine.children import ChildPool
from syncwizard.engine.contexts import make_context
from syncwizard.engine.journal import Journal, read_entries
from syncwizard.engine.metrics import Metrics
from syncwizard.engine.pipeline import Outcome, Pipeline, Stage
from syncwizard.engine.silence import SilenceWatch
from syncwizard.errors import EndpointError
from syncwizard.stages.context import Cancellation, Context
from syncwizard.task.events import StageName
from syncwizard.task.handover import Handover
from syncwizard.task.specification import Endpoint, SchemaObjects, TaskSpec

SPEC = TaskSpec(
    id=uuid.uuid4(),
    name="kb",
    source=Endpoint(database="a"),
    destination=Endpoint(database="b"),
    objects=[SchemaObjects(schema="public")],
)


class Bench:
    """A pipeline over a real journal; each `run` is another engine's."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "journal.db"
        self.journal = Journal(self.path, SPEC.id, SPEC.name)
        self.cancellation = Cancellation()
        self.metrics = Metrics(self.journal.state)

    def run(self, *stages: Stage, spec: TaskSpec = SPEC, pool: ChildPool | None = None) -> Outcome:
        self.cancellation = Cancellation()
        self.metrics = metrics = Metrics(self.journal.state)
        pool = pool or ChildPool()
        context = make_context(
            spec,
            Handover(),
            self.path.parent,
            self.journal.append,
            lambda: self.journal.state,
            self.cancellation,
            pool,
        )
        return Pipeline(context, stages, pool, metrics, SilenceWatch(context, ends=())).run()

    def events(self) -> list[str]:
        """What happened, in short."""
        return [_short(entry.event) for entry in read_entries(self.path)]


def _short(event: Any) -> str:
    return f"{type(event).__name__} {event.stage}" if hasattr(event, "stage") else type(event).__name__


def passing(name: StageName, ran: list[str] | None = None) -> Stage:
    def run(context: Context) -> str:
        if ran is not None:
            ran.append(name)
        return "fine"

    return Stage(name=name, run=run)


def raising(
    name: StageName,
    error: Callable[[], BaseException],
    patient: bool = True,
    beside: bool = False,
    endless: bool = False,
) -> Stage:
    def run(context: Context) -> None:
        raise error()

    return Stage(name=name, run=run, patient=patient, beside=beside, endless=endless)


def pausing(bench: Bench) -> Stage:
    """The endless stage, during which a pause is asked for."""

    def run(context: Context) -> None:
        bench.cancellation.cancel()
        context.cancellation.check()

    return Stage(name="incremental", run=run, endless=True)


def waiting(context: Context) -> None:
    context.cancellation.wait(30.0)


def lost(sqlstate: str = "") -> EndpointError:
    return EndpointError("lost", end="source", transient=True, sqlstate=sqlstate)
