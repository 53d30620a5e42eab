"""A task whose engine is the small one: started, killed, and ended with the test."""

import os
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from syncwizard.client import launch, tasks
from syncwizard.client.tasks import StoredTask
from syncwizard.client.waiting import wait_for_end, wait_until
from syncwizard.task.handover import Handover
from syncwizard.task.specification import Endpoint, SchemaObjects, TaskSpec

MODULE = "tests.support.small_engine"
SECRETS = Handover(source="swordfish")


def small_task(monkeypatch: pytest.MonkeyPatch, root: Path) -> Iterator[StoredTask]:
    """For a fixture: a stored task in the state directory of the test; `root` is where `tests` can be imported."""
    monkeypatch.setenv("PYTHONPATH", str(root))
    monkeypatch.setattr(launch, "ENGINE_MODULE", MODULE)
    monkeypatch.setenv("TEST_SOURCE_PASSWORD", "swordfish")
    spec = TaskSpec(
        id=uuid.uuid4(),
        name="kb",
        source=Endpoint(database="a", password="env:TEST_SOURCE_PASSWORD"),
        destination=Endpoint(database="b"),
        objects=[SchemaObjects(schema="public")],
    )
    task = tasks.store(spec)
    yield task
    holder = task.find_engine()
    if holder is not None:
        os.kill(holder.pid, signal.SIGKILL)
        wait_for_end(task)


def started(task: StoredTask) -> int:
    """Starts the engine; its process id once it is synchronizing."""
    launch.start_engine(task.spec, SECRETS, MODULE)
    wait_until(task, lambda connection: connection.state.state == "synchronizing", "synchronizing", 30.0)
    holder = task.find_engine()
    assert holder is not None
    return holder.pid


def kill(task: StoredTask, pid: int) -> None:
    """Ends the engine without a word."""
    os.kill(pid, signal.SIGKILL)
    wait_for_end(task)
