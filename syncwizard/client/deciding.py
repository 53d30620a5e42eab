"""Decides about a change of a definition that waits: tried again, other statements in its place, or skipped."""

from collections.abc import Callable, Sequence

from syncwizard.client import launch, probes
from syncwizard.client.connection import EngineConnection
from syncwizard.client.lifecycle import pause, prepare_resume, resume
from syncwizard.client.tasks import StoredTask
from syncwizard.client.waiting import Watcher, ignore, is_synchronizing, wait_until
from syncwizard.errors import UsageError
from syncwizard.machine import operator
from syncwizard.remedies import Remedy
from syncwizard.task.ddl import Action, DefinitionDecided
from syncwizard.task.events import BlockedDefinition, RowDecided
from syncwizard.task.failures import error_from_failure
from syncwizard.task.handover import Handover
from syncwizard.task.lsn import parse_lsn
from syncwizard.task.state import TaskState


def waiting(state: TaskState) -> BlockedDefinition | None:
    """The change of a definition that is in the way, if there is one."""
    failure = state.retrying.failure if state.retrying is not None else state.failure
    return None if failure is None else failure.definition


def check_waiting(task: StoredTask) -> BlockedDefinition:
    """The same. Raises UsageError where none is."""
    found = waiting(task.read_state())
    if found is None:
        raise UsageError(
            "no change of a definition waits", where=task.label, remedy=Remedy(then="status", task=task.label)
        )
    return found


def check_skippable(task: StoredTask, change: BlockedDefinition) -> None:
    """Raises UsageError where rows that follow would have no table."""
    if not change.consequences:
        raise UsageError(
            f"{change.tag} on {change.table} cannot be skipped: rows that follow would have no table",
            where=task.label,
            remedy="make the table at the destination as it is at the source, without rows, and use --retry; or run"
            " other statements with --edit",
        )


def decide(
    task: StoredTask,
    change: BlockedDefinition,
    action: Action,
    statements: Sequence[str] = (),
    watcher: Watcher = ignore,
    given: Handover | None = None,
    *,
    quiet: bool = False,
) -> TaskState:
    """Keeps the decision in the journal and lets the task go on; returns when the change is done.

    The secrets are read unless given. Raises what is in the way then: the destination may refuse a statement. A crash
    from here on costs nothing: the decision is carried out once, in the transaction of the rows around the change.
    """
    secrets = given or launch.collect_secrets(task.spec)
    decision = DefinitionDecided(
        ordinal=change.ordinal,
        lsn=change.lsn,
        tag=change.tag,
        table=change.table,
        action=action,
        statements=tuple(statements),
        by=operator(),
    )
    followed = task.read_state().followed
    return carry_out(
        task,
        decision,
        lambda connection: _settled(connection, followed, change),
        secrets,
        watcher,
        quiet=quiet,
    )


def carry_out(
    task: StoredTask,
    decision: DefinitionDecided | RowDecided,
    settled: Callable[[EngineConnection], bool],
    secrets: Handover,
    watcher: Watcher,
    *,
    quiet: bool,
) -> TaskState:
    """Writes a decision into the journal, lets the task go on, and waits until it is `settled`."""
    if task.find_engine() is not None:
        pause(task)
    probes.for_task("decide", task.spec, secrets, decision=decision, quiet=quiet).run(lambda event: None)
    resume(prepare_resume(task, secrets), watcher)
    return wait_until(task, settled, "a decision", None, watcher)


def _settled(connection: EngineConnection, followed: int, change: BlockedDefinition) -> bool:
    """Whether the change was followed. Raises what is in the way again."""
    state = connection.state
    if state.retrying is not None:
        raise error_from_failure(state.retrying.failure)
    acknowledged = connection.sample.acknowledged_lsn
    # Where nothing was to be done, that leaves no event.
    beyond = acknowledged is not None and parse_lsn(acknowledged) > parse_lsn(change.lsn)
    return state.followed > followed or (is_synchronizing(connection) and beyond)
