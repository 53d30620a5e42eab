"""The other tasks of this machine that are at work."""

import contextlib
import uuid
from collections.abc import Iterator

from syncwizard import paths
from syncwizard.engine.locking import find_holder
from syncwizard.errors import SyncwizardError
from syncwizard.task import file
from syncwizard.task.specification import TaskSpec


def tasks_at_work(but: uuid.UUID | None) -> Iterator[TaskSpec]:
    """Those that an engine has, `but` for one; what cannot be read is left out."""
    for task_id in paths.task_ids():
        if task_id != but and find_holder(task_id) is not None:
            with contextlib.suppress(SyncwizardError, OSError):
                yield file.load(paths.task_folder(task_id) / paths.TASK_FILE)
