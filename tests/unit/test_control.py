"""The control socket never makes its engine wait."""

import asyncio
import socket
import uuid
from pathlib import Path

import msgspec

from syncwizard.engine import control
from syncwizard.engine.control import ControlServer
from syncwizard.engine.journal import Journal
from syncwizard.engine.metrics import Metrics
from syncwizard.engine.protocol import Subscribe
from syncwizard.task.events import Entry, Noticed
from syncwizard.task.state import TaskState

LONG = "x" * 100_000


def test_a_viewer_that_does_not_read_is_dropped_and_the_others_are_served(state_home: Path) -> None:
    path = state_home / "control" / "engine.sock"
    journal_path = state_home / "journal.db"
    journal = Journal(journal_path)

    async def serve() -> tuple[int, int]:
        loop = asyncio.get_running_loop()
        server = ControlServer(uuid.uuid4(), path, journal_path, journal, Metrics(TaskState()), {})
        await server.open()

        def tell(entry: Entry, state: TaskState) -> None:
            loop.call_soon_threadsafe(server.tell, entry)

        journal.listen(tell)
        sleepy = await _subscriber(path)
        reader, writer = await asyncio.open_unix_connection(str(path), limit=1 << 24)
        writer.write(msgspec.json.encode(Subscribe()) + b"\n")
        await reader.readline()
        await reader.readline()
        read = 0
        events = control.UNREAD_BYTES_ALLOWED // len(LONG) + 20
        for _ in range(events):
            journal.append(Noticed(level="info", message=LONG))
            assert LONG.encode() in await asyncio.wait_for(reader.readline(), 10.0)
            read += 1
        left = len(server._viewers)
        sleepy.close()
        writer.close()
        await server.close()
        return read - events, left

    missing, left = asyncio.run(serve())
    journal.close()
    assert missing == 0
    assert left == 1, "the sleepy one is still there"
    assert not path.exists()


async def _subscriber(path: Path) -> socket.socket:
    """A viewer that subscribes and then reads nothing."""
    loop = asyncio.get_running_loop()
    sleepy = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sleepy.setblocking(False)
    await loop.sock_connect(sleepy, str(path))
    await loop.sock_sendall(sleepy, msgspec.json.encode(Subscribe()) + b"\n")
    return sleepy


def test_a_server_that_ends_with_viewers_leaves_nothing_for_the_loop_to_complain_about(state_home: Path) -> None:
    path = state_home / "control" / "engine.sock"
    journal_path = state_home / "journal.db"
    journal = Journal(journal_path)
    complaints: list[str] = []

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: complaints.append(context["message"]))
        server = ControlServer(uuid.uuid4(), path, journal_path, journal, Metrics(TaskState()), {})
        await server.open()
        reader, _ = await asyncio.open_unix_connection(str(path))
        await reader.readline()
        await server.close()

    asyncio.run(serve())
    journal.close()
    assert complaints == []
