"""The list of tasks is soon there and whole, whatever one of the engines does."""

import contextlib
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from syncwizard import paths
from syncwizard.client import overview, tasks
from syncwizard.client.connection import EngineConnection
from syncwizard.client.overview import Overview
from syncwizard.client.tasks import StoredTask
from syncwizard.engine.locking import TaskLock
from syncwizard.engine.protocol import Hello, Refused
from syncwizard.errors import TimedOut, UsageError
from syncwizard.task.events import Failure
from syncwizard.task.specification import Endpoint, SchemaObjects, TaskSpec

HELLO = msgspec.json.encode(Hello(protocol=1, version="0.0", task=uuid.uuid4(), pid=1)) + b"\n"
REFUSAL = msgspec.json.encode(Refused(id="", failure=Failure(title="not now"))) + b"\n"


@pytest.fixture
def task(state_home: Path) -> StoredTask:
    return stored("kb")


def stored(name: str) -> StoredTask:
    end = Endpoint(database="a")
    objects = [SchemaObjects(schema="public")]
    return tasks.store(TaskSpec(id=uuid.uuid4(), name=name, source=end, destination=end, objects=objects))


@contextmanager
def listening(task: StoredTask, backlog: int = 8) -> Iterator[socket.socket]:
    """The socket of an engine that accepts no connections."""
    path = paths.socket_places(task.id)[0]
    paths.ensure_private_folder(path.parent)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening, TaskLock(task.id, socket=str(path)):
        listening.bind(str(path))
        listening.listen(backlog)
        yield listening


@contextmanager
def saying(task: StoredTask, printed: bytes) -> Iterator[None]:
    """The socket of an engine that says this to the first who comes."""

    def say() -> None:
        conversation, _ = there.accept()
        with conversation:
            conversation.sendall(printed)
            # Until the client leaves.
            while conversation.recv(1 << 16):
                pass

    with listening(task) as there:
        threading.Thread(target=say, daemon=True).start()
        yield


def test_an_engine_that_does_not_answer_is_waited_for_as_long_as_is_wanted(task: StoredTask) -> None:
    began = time.monotonic()
    with listening(task), pytest.raises(TimedOut, match="does not answer"):
        EngineConnection(paths.socket_places(task.id)[0], 0.1)
    assert time.monotonic() - began < 10


def test_an_engine_that_accepts_no_connections_any_more_is_not_waited_for(task: StoredTask) -> None:
    with listening(task, backlog=0), contextlib.ExitStack() as waiting:
        path = paths.socket_places(task.id)[0]
        with contextlib.suppress(BlockingIOError):
            while True:
                one = waiting.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
                one.setblocking(False)
                one.connect(str(path))
        with pytest.raises(TimedOut, match="does not answer"):
            EngineConnection(path, 0.1)


@pytest.mark.parametrize("printed", [b"nonsense\n", b'{"type":"oflater"}\n', b'"\xff"\n'])
def test_what_cannot_be_understood_is_of_another_version(task: StoredTask, printed: bytes) -> None:
    with saying(task, printed), pytest.raises(UsageError, match="another version"):
        EngineConnection(paths.socket_places(task.id)[0], 10.0)


def test_an_engine_that_does_not_answer_as_it_should_is_the_trouble_of_its_task_alone(
    task: StoredTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overview, "ANSWER_SECONDS", 0.5)
    foreign, refusing = stored("foreign"), stored("refusing")
    stored("well")
    began = time.monotonic()
    with listening(task), saying(foreign, b"nonsense\n"), saying(refusing, HELLO + REFUSAL):
        troubles = {seen.task.label: seen.trouble for seen in Overview().look_around()}
    assert time.monotonic() - began < 10
    assert "does not answer" in troubles["kb"]
    assert "another version" in troubles["foreign"]
    assert "not now" in troubles["refusing"]
    assert troubles["well"] == ""
