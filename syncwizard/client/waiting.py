"""Waits for a task to get somewhere, by the events of its engine."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from syncwizard.client.connection import EngineConnection, EngineGone
from syncwizard.client.explain import Liveness, error_of, liveness_of
from syncwizard.client.tasks import StoredTask
from syncwizard.engine import locking
from syncwizard.engine.journal import FILE_NAME, is_full, read_journal
from syncwizard.engine.protocol import Happened
from syncwizard.errors import EndpointError, TimedOut, UsageError
from syncwizard.remedies import Remedy
from syncwizard.task.event_words import describe_retrying
from syncwizard.task.events import Entry, StageName, TableSetAside
from syncwizard.task.failures import error_from_failure
from syncwizard.task.lsn import parse_lsn
from syncwizard.task.state import TaskState

Goal = Literal["full", "caught-up", "indexed"]
Watcher = Callable[[Entry], None]

# How often a client looks at the lock of an engine that is ending.
LOOK_SECONDS = 0.05
CONNECT_SECONDS = 10.0
# The engine needs a moment to notice, too, that the source is gone.
ASK_AGAIN_SECONDS = 0.5


def ignore(entry: Entry) -> None:
    """A watcher that does not care."""


def current(task: StoredTask) -> tuple[TaskState, Liveness]:
    """The task as its journal and its lock tell it."""
    holder = task.find_engine()
    kept = read_journal(task.folder / FILE_NAME, task.id, task.spec.name)
    full = task.folder if is_full(task.folder) else None
    return kept.state, liveness_of(kept.state, holder, kept.last, task.label, full)


def connect(task: StoredTask) -> EngineConnection:
    """A connection to the task's engine; raises the error that explains why there is none.

    An engine that is just starting, or just ending, has the lock but no socket: it is given a moment.
    """
    deadline = time.monotonic() + CONNECT_SECONDS
    while (holder := task.find_engine()) is not None:
        if holder.purpose != locking.ENGINE:
            raise UsageError(f"the task is busy with a {holder.purpose} (process {holder.pid})", where=task.label)
        try:
            return _connected(holder)
        except EngineGone:
            if time.monotonic() > deadline:
                raise
            time.sleep(LOOK_SECONDS)
    state, liveness = current(task)
    raise error_of(state, liveness, task.label)


def _connected(holder: locking.Holder) -> EngineConnection:
    if not holder.socket:
        raise EngineGone("the engine has no control socket", detail=f"process {holder.pid} has the task's lock")
    return EngineConnection(Path(holder.socket))


def wait_until(
    task: StoredTask,
    reached: Callable[[EngineConnection], bool],
    what: str,
    timeout: float | None = None,
    watcher: Watcher = ignore,
    after: int | None = None,
) -> TaskState:
    """Follows the engine until `reached`, calling `watcher` for each event, those after the number `after` first.

    Goes on with the next engine where this one ends and another takes the task; raises TimedOut, or the error that
    explains why there is no engine any more.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    while True:
        with connect(task) as connection:
            try:
                connection.subscribe(after)
                while not reached(connection):
                    frame = connection.receive(None if deadline is None else max(0.0, deadline - time.monotonic()))
                    if isinstance(frame, Happened):
                        after = frame.entry.sequence
                        watcher(frame.entry)
                    elif frame is None:
                        raise _too_late(task, what)
            except EngineGone:
                if connection.state.failure is not None and connection.state.sequence > task.read_state().sequence:
                    # It reports what its journal could not take any more.
                    raise error_from_failure(connection.state.failure) from None
                continue
            return connection.state


def _too_late(task: StoredTask, what: str) -> TimedOut:
    trouble = task.read_state().retrying
    return TimedOut(
        f"the task did not reach `{what}` in time",
        detail=describe_retrying(trouble.until, trouble.failure, trouble.window_of) if trouble else "",
        where=task.label,
        remedy=Remedy(steps=("the task goes on",), then="status", task=task.label),
    )


def wait_for(task: StoredTask, goal: Goal, timeout: float | None = None, watcher: Watcher = ignore) -> TaskState:
    """Waits until all tables are copied (`full`), until every commit of this moment is at the destination, or until
    every definition is there or listed as missing (`indexed`)."""
    if goal != "caught-up":
        stage: StageName = "full" if goal == "full" else "indexes"
        state = task.read_state()
        if _has(state, stage):
            return state
        return wait_until(task, lambda connection: _has(connection.state, stage), goal, timeout, watcher)
    started = time.monotonic()
    target = _position_to_reach(task, timeout, watcher)

    def caught_up(connection: EngineConnection) -> bool:
        # Acknowledged is what is durable, and of which the source's tables were found to be those that are captured.
        acknowledged = connection.sample.acknowledged_lsn
        state = connection.state
        coming = state.beside is not None or any(each.is_coming for each in state.aside)
        reached = acknowledged is not None and parse_lsn(acknowledged) >= target
        return is_synchronizing(connection) and reached and not coming

    rest = None if timeout is None else max(0.0, timeout - (time.monotonic() - started))
    return wait_until(task, caught_up, goal, rest, watcher)


def _has(state: TaskState, stage: StageName) -> bool:
    """Whether the stage is done, also for the tables that another task copies for this one."""
    return state.finished(stage) and state.beside is None


def missing_tables(state: TaskState, goal: Goal) -> list[TableSetAside]:
    """The tables that are set aside and lack what the goal is about: for `full` those that are not copied whole."""
    return [
        each
        for each in state.aside
        if goal != "full" or any((table := state.table(name)) and not table.copied for name in each.names)
    ]


def _position_to_reach(task: StoredTask, timeout: float | None, watcher: Watcher) -> int:
    """The source's position of this moment; asked again where the source is just out of reach."""
    deadline = None if timeout is None else time.monotonic() + timeout
    while True:
        rest = None if deadline is None else max(0.0, deadline - time.monotonic())
        wait_until(task, _knows_positions, "synchronizing", rest, watcher)
        try:
            with connect(task) as connection:
                return parse_lsn(connection.command("caught-up").lsn or "0/0")
        except EngineGone:
            # The next round shows what became of it.
            continue
        except EndpointError:
            if deadline is not None and time.monotonic() >= deadline:
                raise
            time.sleep(ASK_AGAIN_SECONDS)


def _knows_positions(connection: EngineConnection) -> bool:
    return is_synchronizing(connection) and connection.sample.acknowledged_lsn is not None


def is_synchronizing(connection: EngineConnection) -> bool:
    """Whether changes stream into a consistent destination."""
    return connection.state.state == "synchronizing"


def wait_for_end(task: StoredTask, timeout: float = 60.0) -> TaskState:
    """Waits until no process has the task; its state then. Raises TimedOut."""
    deadline = time.monotonic() + timeout
    while (holder := task.find_engine()) is not None:
        if time.monotonic() > deadline:
            raise TimedOut(
                f"the engine (process {holder.pid}) did not end in {timeout:g} s",
                where=task.label,
                remedy=f"see {task.folder / 'engine.log'}; it may be killed without loss",
            )
        time.sleep(LOOK_SECONDS)
    return task.read_state()
