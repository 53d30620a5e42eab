"""Orders about definitions at the destination: those that are missing, and vector indexes under a backlog."""

from collections.abc import Callable, Sequence

from syncwizard.client import launch, probes
from syncwizard.client.tasks import StoredTask
from syncwizard.client.waiting import connect
from syncwizard.engine.protocol import Happened
from syncwizard.errors import UsageError
from syncwizard.remedies import Remedy
from syncwizard.task.events import DefinitionsRetried, Event
from syncwizard.task.handover import Handover
from syncwizard.task.names import TableName
from syncwizard.task.state import TaskState


def retry_definitions(
    task: StoredTask, watcher: Callable[[Event], None], given: Handover | None = None, *, quiet: bool = False
) -> TaskState:
    """Tries the definitions that the destination refused again, whether the task runs or not; the state after that.

    The secrets are read unless given. Raises UsageError where nothing was refused, or while they are being created.
    """
    if task.find_engine() is None:
        secrets = given or launch.collect_secrets(task.spec)
        probes.for_task("definitions", task.spec, secrets, quiet=quiet).run(watcher)
        return task.read_state()
    with connect(task) as connection:
        connection.subscribe(task.read_state().sequence)
        connection.command("retry-definitions")
        while True:
            frame = connection.receive(None)
            if isinstance(frame, Happened):
                watcher(frame.entry.event)
                if isinstance(frame.entry.event, DefinitionsRetried):
                    return connection.state


def rebuild_indexes(task: StoredTask, tables: Sequence[TableName]) -> TaskState:
    """Has the running engine drop the vector indexes of these tables of the source, and build them again once its
    backlog is applied; the state after that. Raises UsageError for a table that has none, or without an engine."""
    if task.find_engine() is None:
        raise UsageError("the task does not run", where=task.label, remedy=Remedy(then="resume", task=task.label))
    with connect(task) as connection:
        connection.command("rebuild-indexes", tables=list(tables))
        return connection.state
