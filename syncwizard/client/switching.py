"""Has a running engine switch a task over, and follows that; undoes what was not finished, engine or not."""

import uuid
from collections.abc import Callable

import msgspec

from syncwizard.client import launch, lifecycle, probes
from syncwizard.client.connection import EngineConnection
from syncwizard.client.tasks import StoredTask
from syncwizard.client.waiting import connect, wait_for_end
from syncwizard.engine.protocol import Happened
from syncwizard.errors import LeftOver, SyncwizardError, TaskFailed, UsageError
from syncwizard.remedies import Remedy, to_do
from syncwizard.task.events import Event
from syncwizard.task.failures import error_from_failure
from syncwizard.task.handover import Handover
from syncwizard.task.specification import Endpoint
from syncwizard.task.state import TaskState
from syncwizard.task.switchover import (
    Switchover,
    SwitchoverEvent,
    SwitchoverFinished,
    SwitchoverOrder,
    SwitchoverRehearsed,
    SwitchoverUndone,
    UndoFailed,
    connection_string,
)

Watcher = Callable[[Event], None]
ENDING_SECONDS = 120.0


def order_of(state: TaskState, wanted: SwitchoverOrder) -> tuple[SwitchoverOrder, bool]:
    """The order to carry out, and whether it is one that was interrupted, which goes on as it was given."""
    known = state.switchover
    if known is not None and known.pending and (known.fence is not None or known.opening):
        if wanted.rehearsal:
            raise UsageError("a switchover was interrupted", remedy="go on with it, or undo it: switchover with --undo")
        return known.order, True
    return msgspec.structs.replace(wanted, id=uuid.uuid4()), False


def switch(task: StoredTask, order: SwitchoverOrder, watcher: Watcher) -> Switchover:
    """Has the task's engine switch over, and waits for the end; what is interrupted here (Ctrl-C) is undone.

    Raises UsageError where no engine runs or it refuses, and what the switchover ended with when it was undone;
    KeyboardInterrupt once it is undone; LeftOver where the source stays fenced.
    """
    if task.find_engine() is None:
        raise _not_running(task)
    with connect(task) as connection:
        connection.subscribe(task.read_state().sequence)
        connection.command("switchover", switchover=order)
        try:
            _follow(connection, order.id, watcher)
        except KeyboardInterrupt:
            connection.command("undo-switchover")
            _follow(connection, order.id, watcher)
            if not _known(connection.state).finished:
                check(task, _known(connection.state))
                raise
        found = _known(connection.state)
    if found.finished:
        # It starts the task of the other direction, and drops the slot.
        wait_for_end(task, ENDING_SECONDS)
    check(task, found)
    return found


def undo(task: StoredTask, watcher: Watcher, given: Handover | None = None) -> Switchover:
    """Undoes the switchover of a task, whether its engine runs or not. Raises UsageError where there is nothing to undo
    any more, LeftOver where the source stays fenced."""
    known = task.read_state().switchover
    if task.find_engine() is None:
        secrets = given or launch.collect_secrets(task.spec)
        probes.for_task("undo-switchover", task.spec, secrets).run(watcher)
        found = _known(task.read_state())
    else:
        if known is None:
            raise UsageError("there is no switchover to undo", where=task.label)
        with connect(task) as connection:
            connection.subscribe(task.read_state().sequence)
            connection.command("undo-switchover")
            _follow(connection, known.order.id, watcher)
            found = _known(connection.state)
    if not found.undone:
        check(task, found)
    return found


def _follow(connection: EngineConnection, order: uuid.UUID, watcher: Watcher) -> None:
    """Passes on the facts of the switchover until its end."""
    while True:
        frame = connection.receive(None)
        if not isinstance(frame, Happened):
            continue
        event = frame.entry.event
        if isinstance(event, SwitchoverEvent):
            watcher(event)
            ends = SwitchoverFinished | SwitchoverRehearsed | SwitchoverUndone | UndoFailed
            if event.id == order and isinstance(event, ends):
                return


def _known(state: TaskState) -> Switchover:
    if state.switchover is None:
        raise TaskFailed("the engine knows nothing of the switchover", remedy=Remedy(then="status"))
    return state.switchover


def check(task: StoredTask, found: Switchover) -> None:
    """Raises what a switchover ended with that is not finished; nothing for one that was undone by order."""
    if found.finished or (found.order.rehearsal and not found.undone):
        return
    if not found.undone:
        raise fenced_still(task, found)
    if found.failure is not None:
        error = error_from_failure(found.failure)
        error.where = error.where or task.label
        raise error


def fenced_still(task: StoredTask, found: Switchover) -> SyncwizardError:
    """The error for a switchover that was neither finished nor undone."""
    failure = found.failure
    return LeftOver(
        "the switchover is not finished, and the source takes no writes",
        where=task.label,
        detail=f"{failure.title} {failure.detail}".strip() if failure is not None else "",
        remedy=to_do(
            "undo it: switchover with --undo" if not found.opening else "go on with it: run switchover again",
            statements=found.fence.undo if found.fence is not None and not found.opening else (),
        ),
    )


def _not_running(task: StoredTask) -> UsageError:
    state = task.read_state()
    lifecycle.check_not_switched(task, state)
    return UsageError(
        "the task is not running, and only what is in step can be switched over",
        where=task.label,
        remedy=Remedy(then="resume", task=task.label),
    )


def new_connection(endpoint: Endpoint) -> str:
    """What applications connect to from now on, without account and password; the name of a service where that gives
    the rest."""
    if not endpoint.hosts:
        return f"service={endpoint.service}"
    ports = endpoint.ports
    return connection_string(",".join(endpoint.hosts), ports[0] if ports else None, endpoint.database)
