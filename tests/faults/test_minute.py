"""A bad minute, for many tasks at once: networks that swallow everything or stall for half of it, sessions that are
ended every second, a lock that is kept. All passes by itself."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Literal

import pytest

from syncwizard.demo.servers import Cluster
from syncwizard.errors import End
from syncwizard.task.events import RetryStarted
from tests.faults.conftest import Network, networked
from tests.faults.faults import end_sessions
from tests.faults.harness import moment
from tests.faults.running import TABLES, RunningTask, change, reached, waits
from tests.faults.test_in_doubt import COPY
from tests.support.commands import spawn
from tests.support.environment import fresh_home, temporary_folder
from tests.support.pair import Session
from tests.support.proxy import Trap
from tests.support.waiting import until

pytestmark = pytest.mark.slow

Phase = Literal["steady", "copy"]
STALL_SECONDS = 30
# Longer than anybody waits for an answer.
LOCK_SECONDS = 75
ROWS = "INSERT INTO one SELECT i, 0, repeat('y', 3000) FROM generate_series(1000, 1500) i"
COPY_BEGINS = b"PGCOPY\n\xff\r\n\0"
LARGEST = b'COPY "public"."one"'


class Trouble:
    """A task and what befalls it: `prepare`, `start`, `strike` one after the other, then `overcome`."""

    def __init__(self, network: Network, folder: Path, name: str) -> None:
        self.network = network
        self.pair = network.pair
        self.pair.source.execute((TABLES + ROWS).encode())
        self.task = RunningTask(self.pair, folder, name.replace(" ", "-"), **network.ends)

    def prepare(self) -> None:
        """Before the start."""

    def start(self) -> None:
        """In the background, like all the others."""
        self.starting = spawn("start", self.task.file)

    def strike(self) -> None:
        """Once the task is where it is to be struck."""
        self.steady()

    def overcome(self) -> None:
        """Waits until the trouble is over and both ends are equal."""
        change(self.pair)
        self.task.converged(240)
        self.task.release()

    def steady(self) -> None:
        """Waits until changes are followed."""
        until(lambda: self.task.state.sync_point_passed, 120, f"{self.task.name} to synchronize")
        self.task.converged(120)

    def retried(self, end: End) -> bool:
        """Whether something was tried again because of this end."""
        return reached(self.task, lambda event: isinstance(event, RetryStarted) and event.failure.where.startswith(end))


class Networking(Trouble):
    """The network before one end, in steady state or in the middle of a chunk's copy."""

    def __init__(self, network: Network, folder: Path, name: str, end: End, phase: Phase) -> None:
        super().__init__(network, folder, name)
        self.end = end
        self.phase = phase
        self.trap: Trap | None = None

    def prepare(self) -> None:
        if self.phase == "copy" and self.end == "source":
            self.trap = self.network.source.catch_answer(COPY_BEGINS, COPY)
        elif self.phase == "copy":
            self.trap = self.network.destination.catch_request(LARGEST, COPY, more_bytes=60_000)

    def ready(self) -> None:
        if self.trap is None:
            self.steady()
        else:
            self.trap.wait(f"the copy of {self.task.name}", 120)
        for session in (self.pair.source, self.pair.destination):
            until(partial(looked_after, session), 60, "a session that asks")


class HalfOpen(Networking):
    """Nothing that is connected is answered any more; what comes new is."""

    def strike(self) -> None:
        self.ready()
        self.network.proxy(self.end).forget()
        change(self.pair)

    def overcome(self) -> None:
        until(lambda: self.retried(self.end), 120, "the silence to be told")
        change(self.pair)
        self.task.converged(240)
        # What the proxy forgot would stay at the server for as long as the proxy lives.
        self.network.proxy(self.end).cut()
        super().overcome()


class Stall(Networking):
    """Nothing passes for half a minute, and nothing is lost."""

    def strike(self) -> None:
        self.ready()
        self.network.proxy(self.end).stall()
        self.until = time.monotonic() + STALL_SECONDS
        if self.trap is not None:
            self.trap.let_go()
        change(self.pair)

    def overcome(self) -> None:
        moment(max(0.0, self.until - time.monotonic()))
        self.network.proxy(self.end).flow()
        super().overcome()
        assert not reached(self.task, lambda event: isinstance(event, RetryStarted))


class IndexBuild(HalfOpen):
    """The connections to an end are lost while an index is built, which goes on and is not built again."""

    def __init__(self, network: Network, folder: Path, name: str, end: End) -> None:
        super().__init__(network, folder, name, end, "steady")

    def prepare(self) -> None:
        # The build waits for whoever could still see what the index does not have.
        self.old = self.pair.destination_cluster.connect(self.pair.database, autocommit=False)
        self.old.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        self.old.execute("SELECT FROM pg_class")

    def steady(self) -> None:
        until(lambda: waits(self.pair.destination, query="CONCURRENTLY"), 120, "the build")
        super().steady()
        self.builders = builders(self.pair.destination)
        assert len(self.builders) == 1

    def overcome(self) -> None:
        until(lambda: self.retried(self.end), 120, "the silence to be told")
        assert "has not answered for 60 s" in str(self.task.events)
        # Changes are applied again, and the build was not touched.
        change(self.pair)
        self.task.converged(120)
        assert builders(self.pair.destination) == self.builders
        self.old.close()
        until(lambda: self.task.state.finished("indexes"), 60, "the index")
        valid = "SELECT indexrelid FROM pg_index WHERE indrelid = 'one'::regclass AND indisvalid AND NOT indisprimary"
        assert self.pair.destination.execute(valid).fetchone() == (self.builders[0][1],)
        super().overcome()


class Terminated(Trouble):
    """A script ends our sessions at both ends every second for a minute, the walsender's and those that apply
    among them."""

    def strike(self) -> None:
        self.steady()
        self.ended: list[int] = []
        self.thread = threading.Thread(target=self._terminate)
        self.thread.start()

    def _terminate(self) -> None:
        for _ in range(60):
            self.ended.append(end_sessions(self.pair))
            change(self.pair)
            moment(1.0)

    def overcome(self) -> None:
        self.thread.join(120)
        # Four sessions at most are there at a time, and fewer while it tries again.
        assert len(self.ended) == 60 and sum(self.ended) > 30
        super().overcome()


class Locked(Trouble):
    """A table is kept locked for longer than any answer is awaited for an answer; the server is well, and nothing is
    given up."""

    def strike(self) -> None:
        self.steady()
        self.locker = self.pair.destination_cluster.connect(self.pair.database, autocommit=False)
        self.locker.execute("LOCK TABLE one IN ACCESS EXCLUSIVE MODE")
        self.until = time.monotonic() + LOCK_SECONDS
        change(self.pair)
        until(lambda: waits(self.pair.destination, part="apply"), 60, "us to wait")

    def overcome(self) -> None:
        moment(max(0.0, self.until - time.monotonic()))
        self.locker.close()
        super().overcome()
        assert not reached(self.task, lambda event: isinstance(event, RetryStarted))


def looked_after(session: Session) -> bool:
    """Whether a session that notices silence is there: one for that alone, or the child's own."""
    query = (
        "SELECT FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name ~ ' (liveness|lock|watcher)$'"
    )
    return session.execute(query).fetchone() is not None


def builders(session: Session) -> list[tuple[int, int]]:
    """Processes that build indexes, and which."""
    query = "SELECT pid, index_relid FROM pg_stat_progress_create_index WHERE datname = current_database()"
    return [(pid, index) for pid, index in session.execute(query)]


TROUBLES: dict[str, Callable[[Network, Path, str], Trouble]] = {
    "source stalls": partial(Stall, end="source", phase="steady"),
    "destination stalls": partial(Stall, end="destination", phase="steady"),
    "source stalls in the copy": partial(Stall, end="source", phase="copy"),
    "destination stalls in the copy": partial(Stall, end="destination", phase="copy"),
    "sessions ended every second": Terminated,
    "source half-open": partial(HalfOpen, end="source", phase="steady"),
    "destination half-open": partial(HalfOpen, end="destination", phase="steady"),
    "source half-open in the copy": partial(HalfOpen, end="source", phase="copy"),
    "destination half-open in the copy": partial(HalfOpen, end="destination", phase="copy"),
    "source half-open while an index is built": partial(IndexBuild, end="source"),
    "destination half-open while an index is built": partial(IndexBuild, end="destination"),
    "table locked": Locked,
}


@pytest.fixture(scope="module")
def minute(network_servers: tuple[Cluster, Cluster], server_folder: Path) -> Iterator[dict[str, Trouble]]:
    """All of them, each struck where it is to be: the minute has begun."""
    with ExitStack() as stack:
        home = stack.enter_context(temporary_folder())
        environment = stack.enter_context(pytest.MonkeyPatch.context())
        for variable, value in fresh_home(home).items():
            environment.setenv(variable, value)
        troubles = {}
        for name, make in TROUBLES.items():
            trouble = make(stack.enter_context(networked(network_servers)), home, name)
            stack.callback(trouble.task.kill_engine)
            trouble.prepare()
            trouble.start()
            troubles[name] = trouble
        for trouble in troubles.values():
            printed = trouble.starting.communicate(timeout=120)
            assert trouble.starting.returncode == 0, printed
            trouble.strike()
        yield troubles


@pytest.mark.parametrize("name", TROUBLES)
def test_it_passes_by_itself(minute: dict[str, Trouble], name: str) -> None:
    minute[name].overcome()
