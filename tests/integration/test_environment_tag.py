"""Commands ask twice before they take back what a task that is tagged online has done."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from syncwizard.client import tasks
from syncwizard.client.tasks import StoredTask
from tests.support.commands import report, syncwizard
from tests.support.small_task import small_task
from tests.support.terminal import Terminal


@pytest.fixture
def task(state_home: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[StoredTask]:
    for found in small_task(monkeypatch, request.config.rootpath):
        advanced = msgspec.structs.replace(found.spec.advanced, tag="online")
        yield tasks.store(msgspec.structs.replace(found.spec, advanced=advanced))


def test_the_name_alone_is_not_enough_for_a_task_that_is_online(task: StoredTask) -> None:
    assert "kb [online]" in syncwizard("status").stdout
    assert report("status", "kb")["tag"] == "online"
    with Terminal("release", "kb") as terminal:
        terminal.answer("Type the task's name (kb)", "kb")
        terminal.answer("The task is tagged online", "yes")
        assert "the answer was not `online`" in terminal.finish(2)
    with Terminal("sequences", "kb") as terminal:
        terminal.answer("Type the task's name (kb)", "kb")
        terminal.answer("The task is tagged online", "online")
        # Asked, it is done: which this task is not ready for.
        assert "has not created its sequences yet" in terminal.finish(2)
    assert "add --yes" in syncwizard("sequences", "kb", expect=2).stderr
    assert "has not created its sequences yet" in syncwizard("sequences", "kb", "--yes", expect=2).stderr


def test_read_only_is_for_the_screens(task: StoredTask) -> None:
    assert "--read-only is for the screens" in syncwizard("--read-only", "pause", "kb", expect=2).stderr
