"""The real program at a real terminal over real servers, by keyboard alone: from the first key to the release."""

import os
import signal
from collections.abc import Iterator

import pytest

from syncwizard.client import lifecycle, tasks
from syncwizard.client.tasks import StoredTask
from syncwizard.demo.servers import Cluster
from syncwizard.task.handover import Handover
from tests.faults.harness import left_at_destination, left_at_source
from tests.support.comparison import contents
from tests.support.pair import DatabasePair
from tests.support.screen_terminal import BACK_TAB, ENTER, F8, RIGHT, TAB, ScreenTerminal

NAME = "shop"


@pytest.fixture
def orders(pair: DatabasePair) -> Iterator[DatabasePair]:
    """A table with a few rows; no engine outlives a test that failed."""
    pair.source.execute("CREATE TABLE orders (id int PRIMARY KEY, note text)")
    pair.source.execute("INSERT INTO orders SELECT n, 'x' FROM generate_series(1, 100) AS n")
    yield pair
    for task in tasks.list_tasks():
        if task.find_engine() is not None:
            lifecycle.pause(task)
        if task.read_state().state != "released":
            lifecycle.release(task, lambda event: None, Handover())


def describe_end(terminal: ScreenTerminal, cluster: Cluster, database: str) -> None:
    """Fills one end in; the host, which is missing, has the focus."""
    terminal.until_seen("Name or address, several with commas between")
    terminal.press(BACK_TAB)
    terminal.until_seen("How the server is reached")
    sockets = terminal.picture.text.count("‹ socket ›")
    terminal.press(RIGHT)
    # The other end may show one already.
    terminal.until(lambda: terminal.picture.text.count("‹ socket ›") > sockets, "this end is reached by a socket")
    for help_of_field, value in (
        ("The directory of the server's Unix socket", str(cluster.sockets)),
        ("5432 unless your server was set up otherwise", str(cluster.port)),
        ("One database a task", database),
        ("One of the task's own", "postgres"),
    ):
        terminal.press(TAB)
        terminal.until_seen(help_of_field)
        terminal.press(value)
        # A longer one is scrolled to its end.
        terminal.until_seen(value[-16:])


def walk_to_start(terminal: ScreenTerminal, pair: DatabasePair) -> None:
    """Through every step of the wizard, to the summary."""
    terminal.until_seen("Set up a task (n)")
    terminal.press("n")
    terminal.until_seen("Name or address, several with commas between")
    # Way, kind, the saved connections, and the name above them.
    terminal.press(BACK_TAB * 5)
    terminal.until_seen("What you call it")
    terminal.press(NAME)
    terminal.until_seen(f"New task · {NAME}")
    terminal.press(F8)
    describe_end(terminal, pair.source_cluster, pair.database)
    terminal.press(F8)
    describe_end(terminal, pair.destination_cluster, pair.database)
    terminal.press(F8)
    terminal.until_seen("● Objects")
    terminal.until_seen("public")
    terminal.press(" ")
    terminal.until_seen("1 table")
    terminal.press(F8)
    terminal.until_seen("● Settings")
    terminal.press(F8)
    terminal.until_seen("● Precheck")
    terminal.until_seen("✓ success rate 100 %")
    terminal.press(F8)
    terminal.until_seen("● Start")


def wait_for_row(terminal: ScreenTerminal, pair: DatabasePair, number: int) -> None:
    """Writes a row at the source and waits for it, when both ends hold the same; the screens are read meanwhile."""
    pair.source.execute("INSERT INTO orders VALUES (%s, 'new')", (number,))
    arrived = f"SELECT 1 FROM orders WHERE id = {number}".encode()
    terminal.until(lambda: pair.destination.execute(arrived).fetchone(), f"row {number} arrives")
    assert contents(pair.destination) == contents(pair.source)


def engine_of(task: StoredTask) -> int:
    """The process of the task's engine, which is there."""
    holder = task.find_engine()
    assert holder is not None
    os.kill(holder.pid, 0)
    return holder.pid


@pytest.mark.slow
def test_from_the_first_key_to_the_release(orders: DatabasePair) -> None:
    with ScreenTerminal() as terminal:
        walk_to_start(terminal, orders)
        terminal.confirm(F8, "● in step")
        wait_for_row(terminal, orders, 101)
        terminal.press("q")
        printed = terminal.finish()
    task = tasks.find_task(NAME)
    engine = engine_of(task)
    assert f"{NAME} goes on by itself (engine {engine}); come back with: syncwizard open {NAME}" in printed

    with ScreenTerminal("open", NAME) as terminal:
        terminal.until_seen("● in step")
        terminal.until_seen(f"engine {engine}")
        wait_for_row(terminal, orders, 102)
        terminal.hang_up()
        assert terminal.process.wait(timeout=20.0) == 128 + signal.SIGHUP
    assert engine_of(task) == engine

    with ScreenTerminal("open", NAME) as terminal:
        terminal.until_seen("● in step")
        wait_for_row(terminal, orders, 103)
        pause(terminal)
        assert task.find_engine() is None
        terminal.press("r")
        terminal.until_seen("● in step")
        wait_for_row(terminal, orders, 104)
        assert engine_of(task) != engine
        # It runs: that it is paused first is said, and done.
        release(terminal)
        terminal.press("q")
        assert f"{NAME} is released" in terminal.finish()
    assert left_at_source(orders) + left_at_destination(orders) == []
    assert len(contents(orders.destination)) == 1


def pause(terminal: ScreenTerminal) -> None:
    """By key, and confirmed."""
    terminal.press("p")
    terminal.until_seen(f"Pause {NAME}?")
    terminal.confirm("y", "Next: r resumes")
    terminal.until_seen("r Resume")


def release(terminal: ScreenTerminal) -> None:
    """By key; the name has to be typed. Enter goes to the button, and only from there on; the focus is a colour."""
    question = "Type the task's name to go on"
    terminal.press("D")
    terminal.until_seen(question)
    # The name stands there from the beginning, as a hint: a part of it shows that the field has the focus.
    terminal.press(NAME[:-1])
    terminal.until_seen(f"│ {NAME[:-1]} │")
    terminal.press(NAME[-1])
    terminal.until_seen(f"│ {NAME} │")

    def confirmed() -> bool:
        terminal.press(ENTER)
        return not terminal.picture.sees(question)

    terminal.until(confirmed, "the dialog is left")
    terminal.until_seen(f"{NAME} is released: nothing of it is")
