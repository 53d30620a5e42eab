"""kill -9 of those who look: screens, commands, and the probes that work for them. A task does not notice, and nothing
is left behind, neither process nor file nor session."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from syncwizard.client import probes
from syncwizard.task.specification import Endpoint
from tests.faults import processes
from tests.faults.conftest import Network
from tests.faults.harness import left_at_destination, left_at_source
from tests.faults.running import TABLES, RunningTask, change, running
from tests.faults.test_kills import MOMENTS
from tests.support.commands import spawn, write_task_file
from tests.support.network import ADDRESS
from tests.support.pair import DatabasePair
from tests.support.screen_terminal import F8, ScreenTerminal
from tests.support.waiting import until

pytestmark = pytest.mark.slow


def test_a_monitor_that_is_killed_leaves_its_task_alone(pair: DatabasePair, tmp_path: Path, state_home: Path) -> None:
    with running(pair, tmp_path) as task:
        task.start()
        engine = task.engine
        with ScreenTerminal("open", task.name) as terminal:
            terminal.until_seen("● in step")
            change(pair)
            processes.kill(terminal.process.pid)
            terminal.process.wait()
        change(pair)
        task.converged()
        assert task.engine == engine
        with ScreenTerminal("open", task.name) as terminal:
            terminal.until_seen("● in step")
            terminal.press("q")
            terminal.finish()
        task.release()


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go; a short path."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def probe_of(client: int) -> int:
    """The probe that works for a client."""

    def found() -> int | None:
        children = processes.children_of(client)
        return next((pid for pid in children if is_probe(pid)), None)

    return until(found, 60, "the probe")


def is_probe(pid: int) -> bool:
    try:
        return probes.PROBE_MODULE.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


@pytest.mark.parametrize("victim", ["client", "probe"])
def test_a_precheck_that_is_killed_leaves_nothing(
    network: Network, tmp_path: Path, state_home: Path, scratch: Path, victim: str
) -> None:
    pair = network.pair
    pair.source.execute(TABLES.encode())
    task = RunningTask(pair, tmp_path, **network.ends)
    trap = MOMENTS["checking"].trap(network)
    client = spawn("precheck", task.file)
    trap.wait("the precheck")
    probe = probe_of(client.pid)
    processes.kill(client.pid if victim == "client" else probe)
    printed = client.communicate(timeout=60)[1]
    if victim == "probe":
        assert client.returncode == 1 and "the precheck probe ended" in printed and "run the command again" in printed
    until(lambda: not is_probe(probe), 20, "the probe to be gone")
    trap.cut()
    until(lambda: not left_at_source(pair) and not left_at_destination(pair), 20, "its sessions to end")
    assert list(scratch.iterdir()) == []


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that takes connections and never says a word."""
    with socket.create_server((ADDRESS, 0)) as listener:
        yield int(listener.getsockname()[1])


def test_a_wizard_that_is_killed_takes_its_probe_with_it(
    pair: DatabasePair, silent: int, tmp_path: Path, state_home: Path, scratch: Path
) -> None:
    nobody = Endpoint(host=ADDRESS, port=silent, database="kb", user="sync")
    path = write_task_file(pair.spec(name="kb", id=None, source=nobody), tmp_path)
    with ScreenTerminal("new", "--from", path) as terminal:
        terminal.until_seen("Test both")
        terminal.press(F8)
        probe = probe_of(terminal.process.pid)
        processes.kill(terminal.process.pid)
        terminal.process.wait()
        until(lambda: not is_probe(probe), 20, "the probe to be gone")
    assert list(scratch.iterdir()) == []
