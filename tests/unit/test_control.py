"""The control socket never makes its engine wait."""

import asyncio
import contextlib
import shutil
import socket
import sqlite3
import tempfile
import threading
import uuid
from pathlib import Path

import msgspec
import pytest

from syncwizard.engine import control, door
from syncwizard.engine.control import ControlServer
from syncwizard.engine.door import Door
from syncwizard.engine.journal import Journal, read_page
from syncwizard.engine.metrics import Metrics
from syncwizard.engine.protocol import Happened, Hello, Response, Snapshot, Subscribe
from syncwizard.errors import Cancelled
from syncwizard.task.events import Entry, Failure, Noticed, TaskFailedEvent
from syncwizard.task.state import TaskState

LONG = "x" * 100_000


def test_a_viewer_that_does_not_read_is_dropped_and_the_others_are_served(state_home: Path) -> None:
    path = state_home / "control" / "engine.sock"
    journal_path = state_home / "journal.db"
    journal = Journal(journal_path)

    async def serve() -> tuple[int, int]:
        loop = asyncio.get_running_loop()
        server = ControlServer(
            uuid.uuid4(), Door([path], lambda place: None), journal_path, journal, Metrics(TaskState()), {}
        )
        await server.open()

        def publish(entry: Entry, state: TaskState) -> None:
            loop.call_soon_threadsafe(server.send_event, entry)

        journal.listen(publish)
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


def serving(path: Path, journal_path: Path, journal: Journal) -> ControlServer:
    return ControlServer(
        uuid.uuid4(), Door([path], lambda place: None), journal_path, journal, Metrics(TaskState()), {}
    )


def test_without_any_place_for_a_socket_an_engine_says_so_once_and_tries_again(
    state_home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder = state_home / "control"
    journal_path = state_home / "journal.db"
    journal = Journal(journal_path)
    # A file in the place of every folder.
    occupied = state_home / "occupied"
    occupied.touch()
    monkeypatch.setattr(tempfile, "tempdir", str(occupied))
    monkeypatch.setattr(door, "SHORTEST_TEMPORARY", str(occupied))

    async def serve() -> bytes:
        server = serving(folder / "engine.sock", journal_path, journal)
        await server.open()
        shutil.rmtree(folder)
        folder.touch()
        for _ in range(3):
            await server.ensure_reachable()
        folder.unlink()
        await server.ensure_reachable()
        reader, writer = await asyncio.open_unix_connection(str(folder / "engine.sock"))
        hello = await reader.readline()
        writer.close()
        await server.close()
        return hello

    assert b"protocol" in asyncio.run(serve())
    journal.close()
    warnings = [record for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 1 and str(occupied) in warnings[0].getMessage()


def test_a_stage_that_was_left_behind_finds_its_journal_closed_and_stops(state_home: Path) -> None:
    journal = Journal(state_home / "journal.db")
    journal.close()
    with pytest.raises(Cancelled):
        journal.append(Noticed(level="info", message="too late"))


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_a_viewer_that_subscribes_while_the_journal_fails_hears_why(
    when: str, state_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = state_home / "control" / "engine.sock"
    journal_path = state_home / "journal.db"
    journal = Journal(journal_path)
    journal.append(Noticed(level="info", message="earlier"))
    reading, reported = threading.Event(), threading.Event()

    def read_late(path: Path, after: int = 0) -> list[Entry]:
        reading.set()
        assert reported.wait(10.0)
        return read_page(path, after)

    async def serve() -> list[Response]:
        server = serving(path, journal_path, journal)
        await server.open()
        if when == "before":
            with contextlib.closing(sqlite3.connect(journal_path)) as connection:
                connection.execute("ALTER TABLE events RENAME TO kept")
        monkeypatch.setattr(control, "read_page", read_late)
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(msgspec.json.encode(Subscribe(after=0)) + b"\n")
        await asyncio.to_thread(reading.wait, 10.0)
        end = TaskFailedEvent(failure=Failure(title="the journal cannot be used"))
        server.send_unwritten(Entry(sequence=journal.state.sequence + 1, at=1.0, event=end))
        reported.set()
        frames: list[Response] = []
        while not frames or not isinstance(frames[-1], Happened) or frames[-1].entry.event != end:
            line = await asyncio.wait_for(reader.readline(), 10.0)
            frames.append(msgspec.json.decode(line, type=Response))
        await server.close()
        writer.close()
        return frames

    kinds = [type(frame) for frame in asyncio.run(serve())]
    journal.close()
    between = Snapshot if when == "before" else Happened
    assert kinds == [Hello, Snapshot, between, Happened]


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
        server = ControlServer(
            uuid.uuid4(), Door([path], lambda place: None), journal_path, journal, Metrics(TaskState()), {}
        )
        await server.open()
        reader, _ = await asyncio.open_unix_connection(str(path))
        await reader.readline()
        await server.close()

    asyncio.run(serve())
    journal.close()
    assert complaints == []
