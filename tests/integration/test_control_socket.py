"""The control socket: found wherever it is, made again when its folder goes, and closed to every other user."""

import os
import shutil
import signal
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from syncwizard.client import connection as connection_module
from syncwizard.client.connection import EngineConnection
from syncwizard.client.looking import look
from syncwizard.client.tasks import StoredTask
from syncwizard.client.waiting import connect, wait_for_end
from syncwizard.engine import door
from syncwizard.engine.door import Door
from syncwizard.errors import TaskFailed, UsageError
from tests.support.other_user import as_other_user, needs_root
from tests.support.small_task import kill, small_task, started
from tests.support.waiting import until

pytestmark = pytest.mark.slow


@pytest.fixture
def task(state_home: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[StoredTask]:
    yield from small_task(monkeypatch, request.config.rootpath)


def socket_of(task: StoredTask) -> Path:
    holder = task.find_engine()
    assert holder is not None
    return Path(holder.socket)


def moved(task: StoredTask, before: Path) -> Path:
    """Where the socket is once it is somewhere else."""
    until(lambda: socket_of(task) != before)
    return socket_of(task)


def state_of(task: StoredTask) -> str:
    with connect(task) as connection:
        answer = connection.command("status")
    return answer.state.state if answer.state else ""


def test_an_engine_whose_runtime_directory_cannot_be_made_again_goes_on_elsewhere(
    task: StoredTask, state_home: Path
) -> None:
    """As at the last logout of a user, whose account may not write to the folder above."""
    pid = started(task)
    before = socket_of(task)
    shutil.rmtree(state_home / "runtime")
    (state_home / "runtime").touch()
    assert moved(task, before) == task.folder / "control.sock"
    assert state_of(task) == "synchronizing"
    holder = task.find_engine()
    assert holder is not None and holder.pid == pid


def test_where_no_folder_of_its_own_is_left_an_engine_makes_one_and_its_successor_clears_it_away(
    task: StoredTask, state_home: Path
) -> None:
    pid = started(task)
    before = socket_of(task)
    # A folder in the place of the file: nothing can be bound there, and it cannot be unlinked.
    (task.folder / "control.sock").mkdir()
    shutil.rmtree(state_home / "runtime")
    (state_home / "runtime").touch()
    now = moved(task, before)
    assert now.parent.name.startswith(door.TEMPORARY_PREFIX)
    assert stat.S_IMODE(now.parent.stat().st_mode) == 0o700
    assert state_of(task) == "synchronizing"
    kill(task, pid)
    assert now.exists(), "killed, it could not clear away"
    (task.folder / "control.sock").rmdir()
    started(task)
    assert not now.parent.exists(), "its successor has"
    log = (task.folder / "engine.log").read_text()
    assert "Traceback" not in log


def test_a_path_that_is_too_long_leads_to_the_tasks_own_folder(
    task: StoredTask, state_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = state_home / ("x" * 80)
    long.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(long))
    started(task)
    assert socket_of(task) == task.folder / "control.sock"
    assert state_of(task) == "synchronizing"


def test_a_planted_link_is_not_used(state_home: Path) -> None:
    shared, victim = state_home / "shared", state_home / "victim"
    for folder, mode in ((shared, 0o777), (victim, 0o755)):
        folder.mkdir()
        folder.chmod(mode)
    (shared / "syncwizard").symlink_to(victim)
    entrance = Door([shared / "syncwizard" / "a.sock", state_home / "own" / "b.sock"], print)
    with entrance.open():
        assert entrance.path == state_home / "own" / "b.sock"
        assert stat.S_IMODE(victim.stat().st_mode) == 0o755
        assert list(victim.iterdir()) == []
    entrance.remove()


def test_a_socket_that_another_one_took_the_place_of_is_made_again(task: StoredTask) -> None:
    started(task)
    place = socket_of(task)
    place.unlink()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        other.bind(str(place))
        theirs = place.lstat().st_ino
        until(lambda: socket_of(task).exists() and socket_of(task).lstat().st_ino != theirs)
    assert state_of(task) == "synchronizing"


@needs_root
def test_another_user_at_the_socket_gets_not_a_word(task: StoredTask, state_home: Path) -> None:
    """Rights that were opened by mistake: the engine looks at who connects."""
    started(task)
    place = socket_of(task)
    assert b"Permission denied" in as_other_user(lambda: ask(place))
    for folder in (place, place.parent, state_home / "runtime"):
        folder.chmod(0o777)
    assert as_other_user(lambda: ask(place)) == b""
    assert b"protocol" in ask(place)
    assert state_of(task) == "synchronizing"


def ask(place: Path) -> bytes:
    """What the engine says first."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.connect(str(place))
        try:
            return client.recv(1000)
        except ConnectionResetError:
            return b""


@needs_root
def test_another_user_cannot_answer_for_the_engine(state_home: Path) -> None:
    """A client looks at who answers before it believes a word."""
    shared = state_home / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    place = shared / "engine.sock"
    ready, begin = os.pipe()

    def pretend() -> bytes:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as there:
            there.bind(str(place))
            place.chmod(0o777)
            there.listen()
            os.write(begin, b".")
            conversation, _ = there.accept()
            with conversation:
                conversation.sendall(b'{"type":"Hello"}\n')
                # Until the client leaves.
                return conversation.recv(1000)

    pid = os.fork()
    if pid == 0:
        as_other_user(pretend)
        os._exit(0)
    os.read(ready, 1)
    with pytest.raises(UsageError, match="another user answers"):
        EngineConnection(place, 10.0)
    os.waitpid(pid, 0)


def test_what_stands_in_the_way_of_every_socket_is_named(state_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = state_home / "file"
    file.touch()
    monkeypatch.setattr(tempfile, "tempdir", str(file))
    monkeypatch.setattr(door, "SHORTEST_TEMPORARY", str(file))
    with pytest.raises(TaskFailed) as caught:
        Door([file / "below" / "control.sock"], print).open()
    assert str(file) in caught.value.detail


def test_an_engine_of_another_version_is_named_shown_by_its_journal_and_paused_by_a_signal(
    task: StoredTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after an upgrade under a running engine, whose version is not installed any more."""
    pid = started(task)
    monkeypatch.setattr(connection_module, "PROTOCOL_VERSION", 99)
    monkeypatch.setattr(connection_module, "BEFORE_REMEDIES", 98)
    with pytest.raises(UsageError, match=r"speaks version 2 of the protocol, and this one version 99") as refused:
        EngineConnection(socket_of(task))
    assert str(pid) in str(refused.value.remedy)
    seen = look(task)
    assert (seen.state.state, seen.liveness.alive) == ("synchronizing", True)
    assert "version 99" in seen.trouble
    # What it says.
    os.kill(pid, signal.SIGTERM)
    wait_for_end(task)
    assert task.read_state().state == "paused"
