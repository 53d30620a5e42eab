"""What a switchover asks of the task of the other direction; its process knows how tasks are made and ended."""

import uuid
from collections.abc import Callable, Sequence
from typing import Protocol

from syncwizard.stages.context import Cancellation
from syncwizard.task.names import TableName
from syncwizard.task.switchover import Fence


class WayBack(Protocol):
    """The task of the other direction: looked at, made, and taken away again."""

    def check(self, tables: Sequence[TableName]) -> None:
        """Raises UsageError where there can be none, PrecheckNotPassed where it would not start. `tables` are the
        source's."""

    def make(
        self,
        tables: Sequence[TableName],
        fence: Fence | None,
        announce: Callable[[uuid.UUID, str], None],
        cancellation: Cancellation,
    ) -> str:
        """Makes it with its slot, unless it is cancelled; its name. `announce` is called with id and name before
        anything is made. `fence`: what is around its destination."""

    def start(self, task: uuid.UUID) -> None:
        """Lets it follow changes. Raises SyncwizardError."""

    def drop(self, task: uuid.UUID) -> None:
        """Ends it and removes everything of it, as far as it came. Raises SyncwizardError."""
