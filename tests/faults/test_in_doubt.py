"""Commits in doubt, arranged: the destination has committed and the client did not learn it, or has not decided yet."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from syncwizard.stages.full import planning
from syncwizard.task.events import Noticed, TableCopied, TablePlanned
from syncwizard.task.specification import Advanced
from tests.faults import processes
from tests.faults.conftest import Network
from tests.faults.running import RunningTask, change, running, waits
from tests.support.commands import spawn
from tests.support.comparison import assert_equal
from tests.support.pair import Session
from tests.support.proxy import COMMITTED, Trap
from tests.support.rowpath import row_path
from tests.support.waiting import until

# One worker after the other, so that the nth chunk is the nth.
ONE_WORKER = Advanced(copy_workers=1)

pytestmark = pytest.mark.slow

CHUNKS = 5
# Without a key, so that a chunk copied twice would show as rows and not as an error.
ITEMS = "CREATE TABLE items (id int, body text)"
FILL = "INSERT INTO items SELECT i, repeat('x', 400) FROM generate_series(1, 3000) i"
COPY, APPLY = b" copy\0", b" apply\0"


def own_child(kind: str) -> int:
    """The only such child of this very process, which plays the engine."""
    return until(lambda: processes.children_of(os.getpid(), kind), 30, f"a {kind} process")[0]


def committed(network: Network, nth: int) -> Trap:
    """The chunk is in, and its worker has not heard of it."""
    return network.destination.catch_answer(COMMITTED, COPY, nth=nth)


def under_way(network: Network, nth: int) -> Trap:
    """Some of the chunk's rows are at the destination, and more on their way."""
    return network.destination.catch_request(b"FROM STDIN", COPY, nth=nth, more_bytes=60_000)


@pytest.mark.parametrize("moment", [under_way, committed])
def test_the_first_a_middle_and_the_last_chunk_survive_a_kill_of_their_worker(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: Callable[[Network, int], Trap]
) -> None:
    monkeypatch.setattr(planning, "CHUNK_BYTES", 280 * 1024)
    path = row_path(network.pair, tmp_path, ITEMS, destination=network.endpoint("destination"), advanced=ONE_WORKER)
    network.pair.source.execute(FILL)
    copying = threading.Thread(target=path.copy)
    # A chunk that was under way begins again, one that is in does not; the trap counts from where it was set.
    again = 1 if moment is under_way else 0
    trap = moment(network, 1)
    copying.start()
    for step in (2, 2):
        trap.wait("a chunk")
        following = moment(network, step + again)
        processes.kill(own_child("copy"))
        # The server learns, sooner or later, that its client is gone.
        trap.cut()
        trap = following
    trap.wait("the last chunk")
    processes.kill(own_child("copy"))
    trap.cut()
    copying.join(60)
    planned = [event for event in path.task.events if isinstance(event, TablePlanned)]
    assert [event.chunks for event in planned] == [CHUNKS]
    deaths = [event for event in path.task.events if isinstance(event, Noticed) and "its chunk" in event.message]
    assert len(deaths) == 3
    assert [event.rows for event in path.task.events if isinstance(event, TableCopied)] == [3000]
    with path.following():
        path.caught_up()
    assert_equal(network.pair)


# The real engine -------------------------------------------------------------------------------------------------

MANY_TABLES = "".join(
    f"CREATE TABLE t{number} (id int, body text);"
    f"INSERT INTO t{number} SELECT i, repeat('x', 400) FROM generate_series(1, 500) i;"
    for number in range(4)
)
Blow = Callable[[RunningTask, Trap], None]


def kill_engine(task: RunningTask, trap: Trap) -> None:
    """Its children go with it; then as a user would."""
    task.kill_engine()
    trap.cut()
    task.resume()


def kill_apply(task: RunningTask, trap: Trap) -> None:
    engine = task.engine
    assert engine is not None
    (child,) = processes.children_of(engine, "apply")
    processes.kill(child)
    trap.cut()


def cut_answer(task: RunningTask, trap: Trap) -> None:
    """No process dies, and nothing has to be done."""
    trap.cut()


def caught_before_the_end(task: RunningTask, trap: Trap) -> bool:
    """Waits for the trap, or for the end of the copy; whether it was the trap."""
    until(lambda: trap.caught or task.state.finished("full"), 60, "a chunk in doubt, or the last one")
    return trap.caught


@pytest.mark.parametrize("blow", [kill_engine, cut_answer])
def test_every_chunk_in_doubt_is_copied_once(network: Network, tmp_path: Path, state_home: Path, blow: Blow) -> None:
    with running(network.pair, tmp_path, MANY_TABLES, **network.ends) as task:
        trap = committed(network, 1)
        started = spawn("start", task.file)
        blows = 0
        while caught_before_the_end(task, trap):
            caught, trap = trap, committed(network, 1)
            blow(task, caught)
            blows += 1
        started.communicate(timeout=60)
        # While one was held the other worker may have finished all others.
        assert blows
        task.converged()
        task.release()


def in_doubt(network: Network, rows: int) -> Trap:
    """The destination has committed so many new rows, and the apply process has not heard of it."""
    trap = network.destination.catch_answer(COMMITTED, APPLY)
    (last,) = network.pair.source.execute("SELECT max(id) FROM one").fetchone() or (0,)
    network.pair.source.execute("INSERT INTO one SELECT %s + i, 0, 'new' FROM generate_series(1, %s) i", (last, rows))
    while True:
        trap.wait("a batch")
        there = network.pair.destination.execute("SELECT count(*) FROM one WHERE id > %s", (last,)).fetchone()
        if there == (rows,):
            return trap
        # It was a heartbeat.
        assert there == (0,)
        heartbeat, trap = trap, network.destination.catch_answer(COMMITTED, APPLY)
        heartbeat.let_go()


@pytest.mark.parametrize("blow", [kill_engine, kill_apply, cut_answer])
def test_a_batch_in_doubt_is_applied_once(network: Network, tmp_path: Path, state_home: Path, blow: Blow) -> None:
    """A few rows are one round trip with their COMMIT, for many it comes after they were counted."""
    with running(network.pair, tmp_path, **network.ends) as task:
        task.start()
        for rows in (1, 3000):
            trap = in_doubt(network, rows)
            blow(task, trap)
            change(network.pair)
            task.converged()
        task.release()


# Undecided -------------------------------------------------------------------------------------------------------


@contextmanager
def undecided(session: Session) -> Iterator[None]:
    """Commits of others wait for a standby that does not exist."""
    session.execute("SET synchronous_commit = local")
    session.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    session.execute("SELECT pg_reload_conf()")
    try:
        yield
    finally:
        session.execute("ALTER SYSTEM RESET synchronous_standby_names")
        session.execute("SELECT pg_reload_conf()")


@pytest.mark.parametrize("victim", ["engine", "child"])
def test_a_batch_that_the_destination_has_not_decided_is_waited_for(
    network: Network, tmp_path: Path, state_home: Path, victim: str
) -> None:
    destination = network.pair.destination
    with running(network.pair, tmp_path, **network.ends) as task:
        task.start()
        with undecided(destination):
            change(network.pair)
            until(lambda: waits(destination, part="apply", event="SyncRep"), 30, "the commit to wait")
            engine = task.engine
            assert engine is not None
            if victim == "engine":
                task.kill_engine()
                task.resume()
            else:
                processes.kill(processes.children_of(engine, "apply")[0])
            until(
                lambda: waits(destination, part="apply", event="transactionid"),
                30,
                "a successor that waits",
            )
        change(network.pair)
        task.converged()
        task.release()


def test_a_chunk_that_the_destination_has_not_decided_is_waited_for(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    destination = network.pair.destination
    path = row_path(network.pair, tmp_path, ITEMS, destination=network.endpoint("destination"), advanced=ONE_WORKER)
    network.pair.source.execute(FILL)
    trap = under_way(network, 1)
    copying = threading.Thread(target=path.copy)
    copying.start()
    trap.wait("the copy")
    with undecided(destination):
        trap.let_go()
        until(lambda: waits(destination, part="copy", event="SyncRep"), 30, "the commit to wait")
        processes.kill(own_child("copy"))
        until(lambda: waits(destination, part="copy", event="transactionid"), 30, "a successor that waits")
    copying.join(60)
    with path.following():
        path.caught_up()
    assert_equal(network.pair)
