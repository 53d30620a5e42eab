"""Child processes: frames both ways, their errors as our errors, and no child without an engine."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from syncwizard.engine.children import ChildPool, ChildProcess
from syncwizard.engine.fork_server import ForkServer, open_fork_server
from syncwizard.errors import ChangeFailed, EndpointError, TaskFailed
from tests.faults import processes
from tests.support.echo_child import Assignment, Do, Said, Say
from tests.support.waiting import until

MODULES = {"echo": "tests.support.echo_child"}


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Children do not import from the working folder; the tests' own modules need to be named."""
    monkeypatch.setenv("PYTHONPATH", str(request.config.rootpath))


@pytest.fixture
def fork_server() -> Iterator[ForkServer]:
    fork_server = open_fork_server("syncwizard test", MODULES.values())
    if fork_server is None:
        pytest.skip("children are forked on Linux only")
    yield fork_server
    fork_server.close()
    until(lambda: not is_alive(fork_server.pid), what="the fork server's end")


@pytest.fixture(params=["programs", "forked"])
def pool(request: pytest.FixtureRequest) -> Iterator[ChildPool]:
    """Children of both kinds, which differ in nothing else."""
    pool = ChildPool(MODULES, request.getfixturevalue("fork_server") if request.param == "forked" else None)
    yield pool
    pool.kill_all()


@pytest.fixture
def child(pool: ChildPool) -> ChildProcess:
    child = pool.spawn("echo", Assignment(text="hello", secret="swordfish"))
    assert first_words(child).text == "hello"
    return child


def first_words(child: ChildProcess) -> Said:
    printed = child.receive(30.0)
    assert isinstance(printed, Said)
    return printed


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def has_ended(pid: int) -> bool:
    """Whether the process is gone or waits to be reaped: its pipes are closed by then."""
    listed = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return not listed.stdout.strip() or listed.stdout.startswith("Z")


def test_frames_go_both_ways(child: ChildProcess) -> None:
    long = "x" * 3_000_000
    threading.Thread(target=child.send, args=(Say(text=long),)).start()
    assert child.receive(30.0) == Said(text=long)
    assert child.receive(0.0) is None


def test_a_secret_in_the_assignment_is_in_no_argument_and_no_environment(pool: ChildPool) -> None:
    child = pool.spawn("echo", Assignment(text="hello", secret="swordfish"))
    printed = first_words(child)
    assert not any("swordfish" in text for text in [*printed.arguments, *printed.environment])


def test_an_error_of_a_child_is_raised_as_it_was(child: ChildProcess) -> None:
    child.send(Do(what="lost"))
    with pytest.raises(EndpointError) as caught:
        child.receive(30.0)
    assert (caught.value.end, caught.value.transient, caught.value.sqlstate) == ("destination", True, "57P01")


def test_a_failed_change_keeps_its_class_and_place(child: ChildProcess) -> None:
    child.send(Do(what="bad change"))
    with pytest.raises(ChangeFailed) as caught:
        child.receive(30.0)
    assert (caught.value.where, caught.value.detail) == ("public.t", "duplicate key")


def test_a_defect_of_a_child_fails_the_task_with_its_words(child: ChildProcess) -> None:
    child.send(Do(what="crash"))
    with pytest.raises(TaskFailed, match="unexpected error") as caught:
        child.receive(30.0)
    assert "a defect" in caught.value.detail


@pytest.mark.parametrize(("what", "words"), [("die", "killed by SIGKILL"), ("end", "ended with code 0")])
def test_the_end_of_a_child_is_reported(child: ChildProcess, what: str, words: str) -> None:
    child.send(Do(what=what))
    with pytest.raises(EOFError, match=words):
        child.receive(30.0)
    with pytest.raises(BrokenPipeError):
        child.send(Say(text="anybody?"))


def test_killing_a_child_wakes_who_listens_to_it(child: ChildProcess) -> None:
    ended = threading.Event()

    def listen() -> None:
        with pytest.raises(EOFError):
            child.receive(None)
        ended.set()

    thread = threading.Thread(target=listen)
    thread.start()
    child.kill()
    assert ended.wait(10.0)
    assert not is_alive(child.pid)
    with pytest.raises(EOFError):
        child.receive(None)


def test_no_child_outlives_the_pool(pool: ChildPool) -> None:
    children = [pool.spawn("echo", Assignment(text="a")) for _ in range(2)]
    pool.kill_all()
    assert not any(is_alive(child.pid) for child in children)


def spares() -> list[int]:
    return processes.children_of(os.getpid(), "echo")


def test_a_child_that_was_kept_ready_is_the_one_that_gets_the_work(pool: ChildPool) -> None:
    pool.keep_ready({"echo": 2})
    waiting = spares()
    assert len(waiting) == 2
    pool.keep_ready({"echo": 2})
    assert spares() == waiting
    child = pool.spawn("echo", Assignment(text="hello"))
    assert child.pid in waiting
    assert first_words(child).text == "hello"


def test_a_child_that_died_while_it_was_kept_ready_is_replaced(pool: ChildPool) -> None:
    pool.keep_ready({"echo": 1})
    [waiting] = spares()
    os.kill(waiting, signal.SIGKILL)
    until(lambda: has_ended(waiting), what="its end")
    child = pool.spawn("echo", Assignment(text="hello"))
    assert child.pid != waiting
    assert first_words(child).text == "hello"


def test_children_that_are_not_needed_any_more_are_ended(pool: ChildPool) -> None:
    pool.keep_ready({"echo": 3})
    pool.keep_ready({"echo": 1})
    assert len(spares()) == 1
    pool.keep_ready({})
    assert not spares()
    pool.keep_ready({"echo": 1})
    pool.kill_all()
    assert not spares()


def test_children_are_forked_by_the_fork_server_under_a_name_of_their_own(fork_server: ForkServer) -> None:
    pool = ChildPool(MODULES, fork_server)
    child = pool.spawn("echo", Assignment(text="hello"))
    assert first_words(child).text == "hello"
    assert child.pid in processes.children_of(fork_server.pid, "echo")
    listed = subprocess.run(["ps", "-o", "args=", "-p", str(child.pid)], capture_output=True, text=True, check=True)
    assert listed.stdout.strip() == "syncwizard test echo"
    pool.kill_all()


def test_children_die_with_their_fork_server_and_the_next_one_is_a_program(fork_server: ForkServer) -> None:
    pool = ChildPool(MODULES, fork_server)
    child = pool.spawn("echo", Assignment(text="hello"))
    first_words(child)
    child.send(Do(what="hang"))
    os.kill(fork_server.pid, signal.SIGKILL)
    with pytest.raises(EOFError, match="killed by SIGKILL"):
        child.receive(30.0)
    until(lambda: not is_alive(child.pid), what="the child's end")
    child.kill()
    following = pool.spawn("echo", Assignment(text="again"))
    assert first_words(following).text == "again"
    pool.kill_all()


@pytest.mark.parametrize(
    "fork_server", ["None", "open_fork_server('syncwizard test', MODULES.values())"], ids=["program", "forked"]
)
def test_a_child_ends_when_its_engine_is_killed(fork_server: str) -> None:
    """Even one that is busy: an orphan could meet the child of the next engine."""
    script = (
        "import time\n"
        "from syncwizard.engine.children import ChildPool\n"
        "from syncwizard.engine.fork_server import open_fork_server\n"
        "from tests.support.echo_child import Assignment, Do\n"
        "MODULES = {'echo': 'tests.support.echo_child'}\n"
        f"child = ChildPool(MODULES, {fork_server}).spawn('echo', Assignment(text='a'))\n"
        "child.receive(None)\n"
        "child.send(Do(what='hang'))\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    engine = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert engine.stdout is not None
    pid = int(engine.stdout.readline())
    assert is_alive(pid)
    engine.send_signal(signal.SIGKILL)
    engine.wait()
    engine.stdout.close()
    until(lambda: not is_alive(pid), what="the child's end")
