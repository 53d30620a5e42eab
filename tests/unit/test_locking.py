"""The lock of a task and what its file says: one holder at a time, named as it is now, and known to its successor."""

import uuid
from pathlib import Path

import pytest

from syncwizard import paths
from syncwizard.engine.locking import Held, TaskLock, find_holder


@pytest.fixture
def task(state_home: Path) -> uuid.UUID:
    """A task with a folder."""
    task_id = uuid.uuid4()
    paths.task_folder(task_id).mkdir(parents=True, mode=0o700)
    return task_id


def test_a_second_holder_is_refused_and_the_first_is_named(task: uuid.UUID) -> None:
    with TaskLock(task, socket="/run/first") as first:
        with pytest.raises(Held) as refused:
            TaskLock(task)
        assert refused.value.holder is not None and refused.value.holder.socket == "/run/first"
        assert first.before is None
    assert find_holder(task) is None


def test_a_holder_that_moves_to_a_shorter_socket_is_found_there(task: uuid.UUID) -> None:
    with TaskLock(task, socket="/run/a/very/long/way/to/the/socket") as lock:
        lock.announce("/s")
        holder = find_holder(task)
        assert holder is not None and holder.socket == "/s"


def test_what_the_last_holder_left_is_known_to_its_successor(task: uuid.UUID) -> None:
    TaskLock(task, socket="/run/last").close()
    with TaskLock(task) as lock:
        assert lock.before is not None and lock.before.socket == "/run/last"
        holder = find_holder(task)
        assert holder is not None and holder.socket == ""
