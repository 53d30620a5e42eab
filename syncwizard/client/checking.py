"""Checks of a task file against both ends, short of a precheck: whether objects, names, columns and filters fit."""

from collections.abc import Callable

from syncwizard.client import launch, probes
from syncwizard.task.events import Event
from syncwizard.task.specification import TaskSpec
from syncwizard.task.trial import KeptRows


def check_objects(spec: TaskSpec, on_event: Callable[[Event], None], *, count: bool = False) -> list[KeptRows]:
    """Runs the items of the precheck about objects, then asks how many rows filters keep.

    Raises PrecheckNotPassed or EndpointError.
    """
    secrets = launch.collect_secrets(spec)
    probes.for_task("check", spec, secrets).run(on_event)
    found: list[KeptRows] = []
    probes.filters(spec, secrets, count=count).run(found.append)
    return found
