"""Pauses tables of a task, while the others go on."""

from collections.abc import Sequence

from syncwizard.client import launch, probes
from syncwizard.client.lifecycle import check_begun, pause, prepare_resume, resume
from syncwizard.client.tasks import StoredTask
from syncwizard.client.waiting import Watcher, ignore
from syncwizard.errors import UsageError
from syncwizard.remedies import Remedy
from syncwizard.task.handover import Handover
from syncwizard.task.names import TableName
from syncwizard.task.resync import ResyncWish
from syncwizard.task.state import TaskState


def pause_tables(
    task: StoredTask,
    tables: Sequence[TableName],
    watcher: Watcher = ignore,
    given: Handover | None = None,
    *,
    quiet: bool = False,
) -> TaskState:
    """Sets the tables aside between two transactions; a task that was at work goes on with the others.

    Its secrets are read unless `given`; a screen wants it `quiet`.
    Raises UsageError for a table that is not the task's, and before all tables are consistent.
    """
    state = check_begun(task)
    if not state.finished("catch-up"):
        raise UsageError(
            "tables can be paused once all of them are copied and consistent",
            where=task.label,
            remedy=Remedy(steps=("wait for it: syncwizard wait TASK --until caught-up",)),
        )
    secrets = given or launch.collect_secrets(task.spec)
    at_work = task.find_engine() is not None
    if at_work:
        pause(task)
    try:
        wish = ResyncWish(tables=list(dict.fromkeys(tables)))
        probes.for_task("pause-tables", task.spec, secrets, wish=wish, quiet=quiet).run(lambda event: None)
    finally:
        if at_work:
            resume(prepare_resume(task, secrets), watcher)
    return task.read_state()
