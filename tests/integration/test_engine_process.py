"""The engine as a process: lock, secrets, pause, signals, sudden death, and what a client makes of each.

Its stages are small ones whose conduct the test prescribes; everything else is the real thing.
"""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from syncwizard.client import launch, lifecycle, tasks
from syncwizard.client.connection import EngineConnection, EngineGone
from syncwizard.client.tasks import StoredTask
from syncwizard.client.waiting import connect, current, wait_for, wait_for_end, wait_until
from syncwizard.engine import starting
from syncwizard.engine.protocol import Happened
from syncwizard.errors import EndpointError, JournalFailed, PrecheckNotPassed, TaskFailed, TimedOut, UsageError
from syncwizard.remedies import statements_of, to_do
from syncwizard.task.specification import Advanced, Endpoint, Retry
from tests.support.commands import syncwizard
from tests.support.small_engine import prescribe
from tests.support.small_task import MODULE, SECRETS, kill, small_task, started
from tests.support.waiting import until

pytestmark = pytest.mark.slow


@pytest.fixture
def task(state_home: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[StoredTask]:
    """A stored task whose engine is the small one; it is ended with the test."""
    yield from small_task(monkeypatch, request.config.rootpath)


def test_an_engine_lives_in_a_session_of_its_own(task: StoredTask) -> None:
    pid = started(task)
    assert os.getsid(pid) == pid
    assert str(Path(f"/proc/{pid}/fd/0").readlink()) == os.devnull


def test_a_second_engine_is_refused_and_the_first_is_named(task: StoredTask) -> None:
    pid = started(task)
    with pytest.raises(UsageError, match=str(pid)) as caught:
        launch.start_engine(task.spec, SECRETS, MODULE)
    assert "pause" in str(caught.value.remedy)
    assert current(task)[1].pid == pid


def test_a_pause_ends_the_engine_and_resume_goes_on(task: StoredTask) -> None:
    started(task)
    assert lifecycle.pause(task).state == "paused"
    state, liveness = current(task)
    assert (state.state, liveness.alive, liveness.died) == ("paused", False, False)
    assert lifecycle.pause(task).state == "paused"
    started(task)
    assert current(task)[0].stages["full"].status == "done"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_a_pause(task: StoredTask, number: int) -> None:
    os.kill(started(task), number)
    assert wait_for_end(task).state == "paused"
    assert task.read_state().engine_pid is None


def test_an_engine_that_was_killed_is_distinguished_from_one_that_stopped(task: StoredTask) -> None:
    pid = started(task)
    kill(task, pid)
    liveness = current(task)[1]
    assert liveness.died
    assert str(pid) in liveness.explanation
    assert "incremental; its last event" in liveness.explanation
    assert "syncwizard resume kb" in liveness.explanation
    with pytest.raises(TaskFailed, match="died"):
        wait_for(task, "caught-up")
    with pytest.raises(UsageError, match="died"):
        lifecycle.pause(task)


def test_a_task_whose_engine_was_killed_is_resumed(task: StoredTask) -> None:
    kill(task, started(task))
    prepared = lifecycle.prepare_resume(task)
    assert lifecycle.resume(prepared).finished("full")
    assert current(task)[1].alive


def test_a_client_that_watches_learns_of_the_death(task: StoredTask) -> None:
    pid = started(task)
    with connect(task) as connection:
        connection.subscribe()
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(EngineGone):
            while True:
                connection.receive(30.0)


@pytest.mark.parametrize("way", ["kill", "pause"])
def test_children_end_with_their_engine(task: StoredTask, way: str) -> None:
    prescribe(task.folder, incremental="child")
    pid = started(task)
    path = task.folder / "child.pid"
    child = Path("/proc") / until(lambda: path.read_text() if path.exists() else "")
    assert child.exists()
    if way == "kill":
        kill(task, pid)
    else:
        lifecycle.pause(task)
    until(lambda: not child.exists(), what="the child's end")


def test_a_stage_that_does_not_stop_is_left_behind(task: StoredTask) -> None:
    prescribe(task.folder, incremental="stubborn")
    started(task)
    assert lifecycle.pause(task).state == "paused"


def test_secrets_are_in_no_log_argument_environment_or_file(task: StoredTask) -> None:
    prescribe(task.folder, incremental="leak")
    pid = started(task)
    log = task.folder / "engine.log"
    until(lambda: "the password is" in log.read_text())
    assert "the password is ***" in log.read_text()
    assert b"swordfish" not in Path(f"/proc/{pid}/cmdline").read_bytes()
    assert b"swordfish" not in Path(f"/proc/{pid}/environ").read_bytes()
    lifecycle.pause(task)
    assert [each.message for each in task.read_state().notices] == ["the server repeats ***"]
    for path in task.folder.iterdir():
        assert b"swordfish" not in path.read_bytes(), path


def test_no_core_of_an_engine_or_of_what_it_starts_is_written(task: StoredTask) -> None:
    prescribe(task.folder, incremental="child")
    pid = started(task)
    child = until(lambda: (path := task.folder / "child.pid").exists() and path.read_text())
    for process in (pid, child):
        limits = Path(f"/proc/{process}/limits").read_text()
        (line,) = [line for line in limits.splitlines() if line.startswith("Max core file size")]
        assert set(line.split()[4:6]) <= {"0", "1"}, line


def test_the_engines_files_are_for_its_owner_alone(task: StoredTask) -> None:
    started(task)
    holder = task.find_engine()
    assert holder is not None
    assert Path(holder.socket).stat().st_mode & 0o777 == 0o600
    assert task.folder.stat().st_mode & 0o777 == 0o700
    assert (task.folder / starting.LOG_NAME).stat().st_mode & 0o777 == 0o600
    assert Path(holder.socket).parent.stat().st_mode & 0o777 == 0o700


def test_the_socket_answers_under_full_load(task: StoredTask) -> None:
    prescribe(task.folder, incremental="busy")
    started(task)
    with connect(task) as connection:
        times = []
        for _ in range(20):
            begin = time.monotonic()
            connection.command("status")
            times.append(time.monotonic() - begin)
    assert sorted(times)[len(times) // 2] < 0.1, times


def test_a_socket_that_was_removed_comes_back(task: StoredTask) -> None:
    """The runtime directory of a user goes with the last login; the engine stays."""
    started(task)
    holder = task.find_engine()
    assert holder is not None
    Path(holder.socket).unlink()
    Path(holder.socket).parent.rmdir()
    until(Path(holder.socket).exists)
    assert until(lambda: _state_of(Path(holder.socket))) == "synchronizing"


def _state_of(path: Path) -> str:
    try:
        with EngineConnection(path) as connection:
            answer = connection.command("status")
    except EngineGone:
        return ""
    return answer.state.state if answer.state else ""


def test_a_failure_ends_the_engine_and_is_reported_with_its_remedy(task: StoredTask) -> None:
    prescribe(task.folder, full="fail")
    launch.start_engine(task.spec, SECRETS, MODULE)
    with pytest.raises(TaskFailed) as caught:
        wait_for(task, "caught-up", 30.0)
    assert (caught.value.title, caught.value.remedy) == ("it cannot go on", to_do("do something", then="resume"))
    assert current(task)[1].died is False
    with pytest.raises(UsageError, match="not running, it is failed"):
        lifecycle.pause(task)
    prescribe(task.folder, full="pass")
    started(task)


def test_a_defect_is_logged_with_its_traceback(task: StoredTask) -> None:
    prescribe(task.folder, full="crash")
    launch.start_engine(task.spec, SECRETS, MODULE)
    with pytest.raises(TaskFailed, match="unexpected error"):
        wait_for(task, "full", 30.0)
    assert 'RuntimeError("a defect")' in (task.folder / "engine.log").read_text()


def test_a_refused_precheck_leaves_no_engine(task: StoredTask) -> None:
    prescribe(task.folder, precheck="refuse")
    prepared = lifecycle.Prepared(task=task, secrets=SECRETS)
    with pytest.raises(PrecheckNotPassed) as caught:
        lifecycle.start(prepared)
    assert "wal_level" in caught.value.detail
    assert wait_for_end(task).state == "precheck-failed"
    prescribe(task.folder, precheck="pass")
    assert lifecycle.start(prepared).finished("precheck")


def test_an_end_out_of_reach_at_the_start_is_reported_at_once(task: StoredTask) -> None:
    for conduct in ("lose", "refused-login"):
        prescribe(task.folder, precheck=conduct)
        with pytest.raises(EndpointError) as caught:
            lifecycle.start(lifecycle.Prepared(task=task, secrets=SECRETS))
        assert caught.value.end == "source"
        assert caught.value.detail
        assert wait_for_end(task).state == "precheck-failed"


def test_a_lost_connection_later_is_retried_and_shown(task: StoredTask) -> None:
    prescribe(task.folder, full="lose")
    launch.start_engine(task.spec, SECRETS, MODULE)
    state = wait_until(task, lambda connection: connection.state.state == "retrying", "retrying", 30.0)
    assert state.retrying is not None
    assert state.retrying.failure.detail == "connection refused"
    prescribe(task.folder, full="pass")
    wait_until(task, lambda connection: connection.state.state == "synchronizing", "synchronizing", 30.0)


def test_waiting_has_an_end(task: StoredTask) -> None:
    prescribe(task.folder, full="block")
    launch.start_engine(task.spec, SECRETS, MODULE)
    with pytest.raises(TimedOut):
        wait_for(task, "full", 0.3)
    assert current(task)[1].alive


def test_waiting_goes_on_with_the_next_engine(task: StoredTask) -> None:
    prescribe(task.folder, full="block")
    launch.start_engine(task.spec, SECRETS, MODULE)
    engines: list[int] = []

    def reached(connection: EngineConnection) -> bool:
        if not engines:
            kill(task, connection.pid)
            prescribe(task.folder, full="pass")
            launch.start_engine(task.spec, SECRETS, MODULE)
        if connection.pid not in engines:
            engines.append(connection.pid)
        return connection.state.finished("full")

    assert wait_until(task, reached, "full", 30.0).finished("full")
    assert len(engines) == 2


def test_totals_survive_engines(task: StoredTask) -> None:
    prescribe(task.folder, incremental="figures")
    for rounds in (1, 2):
        started(task)
        expected = 3 * rounds

        def counted(connection: EngineConnection, expected: int = expected) -> bool:
            return connection.sample.transactions == expected

        wait_until(task, counted, "figures", 30.0)
        lifecycle.pause(task)
        state = task.read_state()
        assert state.transactions == expected
        assert state.changes == {"a.b": {"insert": 4 * rounds}}
        assert state.applied_lsn == "0/20"


def test_events_since_a_number_are_replayed_before_new_ones(task: StoredTask) -> None:
    started(task)
    seen: list[int] = []
    with connect(task) as connection, pytest.raises(EngineGone):
        connection.subscribe(after=0)
        connection.command("pause")
        while True:
            match connection.receive(30.0):
                case Happened(entry=entry):
                    seen.append(entry.sequence)
    assert seen == list(range(1, task.read_state().sequence + 1))


def test_a_viewer_that_does_not_read_stops_nothing(task: StoredTask) -> None:
    started(task)
    with connect(task) as sleepy, connect(task) as awake:
        sleepy.subscribe()
        for _ in range(3):
            assert awake.command("status").state is not None
        lifecycle.pause(task)
    assert task.read_state().state == "paused"


def test_nonsense_on_the_socket_is_answered_and_survived(task: StoredTask) -> None:
    started(task)
    with connect(task) as connection:
        connection._socket.sendall(b"nonsense\n")
        refusal = connection.receive(30.0)
        assert "invalid request" in msgspec.json.encode(refusal).decode()
        assert connection.command("status").state is not None


def test_viewers_at_the_end_leave_no_traceback_in_the_log(task: StoredTask) -> None:
    started(task)
    with connect(task) as one, connect(task) as other:
        one.subscribe()
        other.command("pause")
        wait_for_end(task)
    assert "Traceback" not in (task.folder / starting.LOG_NAME).read_text()


def test_a_journal_that_takes_no_more_ends_the_engine_and_viewers_hear_why(task: StoredTask) -> None:
    pid = started(task)

    def broken(connection: EngineConnection) -> bool:
        with sqlite3.connect(task.folder / "journal.db") as journal:
            journal.execute("ALTER TABLE events RENAME TO kept")
        os.kill(pid, signal.SIGTERM)
        with pytest.raises(EngineGone):
            while True:
                connection.receive(30.0)
        assert connection.state.failure is not None
        assert "the task's journal cannot be used" in connection.state.failure.title
        return True

    wait_until(task, broken, "the end", 30.0)
    wait_for_end(task)
    log = (task.folder / starting.LOG_NAME).read_text()
    assert "the task's journal cannot be used" in log
    assert "Traceback" not in log


def test_a_release_without_a_journal_names_what_to_remove_by_hand(task: StoredTask) -> None:
    (task.folder / "journal.db").write_bytes(b"nonsense" * 1000)
    with pytest.raises(JournalFailed) as caught:
        lifecycle.release(task, lambda event: None)
    assert statements_of(caught.value.remedy) == [
        f"SELECT pg_drop_replication_slot('{task.spec.slot}')",
        f"DROP PUBLICATION {task.spec.slot}",
    ]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_the_foreground_engine_is_this_process_and_ends_by_a_signal(
    task: StoredTask, number: int, tmp_path: Path
) -> None:
    """A service manager is given when it is ready, what it does, signs of life, and that it ends."""
    prescribe(task.folder, incremental="beats")
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(str(tmp_path / "notify"))
    given = {**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "2000000"}
    script = (
        # The tests themselves may run under nohup.
        "import signal\n"
        "signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"
        "from syncwizard.client import launch, tasks\n"
        "from syncwizard.engine.protocol import Handover\n"
        f"launch.become_engine(tasks.find_task('kb').spec, Handover(source='swordfish'), {MODULE!r})\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE, text=True, env=given)
    try:
        until(lambda: task.find_engine() is not None)
        holder = task.find_engine()
        assert holder is not None
        assert holder.pid == process.pid
        wait_until(task, lambda connection: connection.state.state == "synchronizing", "synchronizing", 30.0)
        manager.settimeout(30)
        assert manager.recv(4096) == b"READY=1"
        until(lambda: b"STATUS=synchronizing, latency 250 ms" in manager.recv(4096), what="the state in a line")
        until(lambda: b"WATCHDOG=1" in manager.recv(4096), what="a sign of life")
        process.send_signal(number)
        until(lambda: b"STOPPING=1" in manager.recv(4096), what="its end to be announced")
        _, printed = process.communicate(timeout=30)
    finally:
        process.kill()
        manager.close()
    assert process.returncode == 0
    assert "stage full finished" in printed
    assert task.read_state().state == "paused"


def test_the_shortest_window_of_tasks_that_share_an_end_holds_and_is_named(task: StoredTask) -> None:
    """Of those that are at work: a task that is paused asks for nothing."""
    source, there = task.spec.source, Endpoint(database="c")
    retry = Advanced(retry=Retry(connection_minutes=30))
    spec = msgspec.structs.replace(task.spec, id=uuid.uuid4(), name="reports", destination=there, advanced=retry)
    assert spec.source == source
    other = tasks.store(spec)
    pid = started(other)
    try:
        prescribe(task.folder, incremental="lose")
        launch.start_engine(task.spec, SECRETS, MODULE)
        wait_until(task, lambda connection: connection.state.state == "retrying", "trouble", 30.0)
        trouble = task.read_state().retrying
        assert trouble is not None and trouble.window_of == "reports"
        assert round(trouble.until - trouble.since) == 30 * 60
        said = "the window of task reports, which shares an end"
        assert said in syncwizard("status", "kb").stdout and said in syncwizard("events", "kb").stdout
        lifecycle.pause(task)
        lifecycle.pause(other)
        launch.start_engine(task.spec, SECRETS, MODULE)
        wait_until(task, lambda connection: connection.state.state == "retrying", "trouble", 30.0)
        trouble = task.read_state().retrying
        assert trouble is not None and (trouble.window_of, round(trouble.until - trouble.since)) == ("", 720 * 60)
    finally:
        if other.find_engine() is not None:
            kill(other, pid)
