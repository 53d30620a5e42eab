"""What one look at the tasks of this machine sees: the tasks, the drafts, what cannot be read. Made in a thread."""

from collections.abc import Callable

import msgspec

from syncwizard.client import drafts, tasks
from syncwizard.client.drafts import KeptDraft
from syncwizard.client.looking import Seen
from syncwizard.client.tasks import StoredTask
from syncwizard.errors import SyncwizardError, TaskFileError
from syncwizard.task.events import Entry

# Of the marked task, where there is room for them.
EVENTS_SHOWN = 6


class Sight(msgspec.Struct, frozen=True, kw_only=True):
    """What one look saw; `events`: the last ones of the task with the key `marked`."""

    seen: list[Seen]
    kept: list[KeptDraft]
    unreadable: list[TaskFileError]
    marked: str | None = None
    events: list[Entry] = []


def take_sight(look: Callable[[], list[Seen]], marked: str | None) -> Sight:
    """Looks at all tasks, and reads the last events of the one with the key `marked`."""
    seen = look()
    current = next((each for each in seen if str(each.task.id) == marked), None)
    return Sight(
        seen=seen,
        kept=drafts.list_drafts(),
        unreadable=tasks.unreadable(),
        marked=marked,
        events=_last_events(current.task) if current is not None else [],
    )


def _last_events(task: StoredTask) -> list[Entry]:
    """None where its journal cannot be read, which the list says already."""
    try:
        return task.last_entries(EVENTS_SHOWN)
    except SyncwizardError:
        return []
