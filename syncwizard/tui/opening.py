"""With what the screens begin, and what they leave behind: data, so that nobody needs Textual to name it."""

from typing import Literal

import msgspec

from syncwizard.client.tasks import StoredTask
from syncwizard.task.draft import TaskDraft


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """The first screen: the task list, the monitor of `task`, or the wizard over `draft` (None: an empty one)."""

    screen: Literal["tasks", "monitor", "wizard"] = "tasks"
    task: StoredTask | None = None
    draft: TaskDraft | None = None


class Leaving(msgspec.Struct, frozen=True, kw_only=True):
    """How the screens were left: for good, or for the demo. `task`: the one that was looked at last."""

    reason: Literal["quit", "demo"] = "quit"
    task: StoredTask | None = None
