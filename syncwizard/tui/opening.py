"""With what the screens begin, and what they leave behind: data, named without Textual."""

from collections.abc import Callable
from typing import Literal, Protocol
from uuid import UUID

import msgspec

from syncwizard.client.tasks import StoredTask
from syncwizard.task.drafting.draft import TaskDraft
from syncwizard.task.handover import Handover
from syncwizard.tui.settings import Preferences
from syncwizard.tui.touring.script import Tour


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """The first screen: the task list, the monitor of `task`, or the wizard over `draft` (None: an empty one).

    `tour`: what the screens then show by themselves.
    """

    screen: Literal["tasks", "monitor", "wizard"] = "tasks"
    task: StoredTask | None = None
    draft: TaskDraft | None = None
    tour: Tour | None = None


class Leaving(msgspec.Struct, frozen=True, kw_only=True):
    """How the screens were left: for good, or for the demo. `task`: the one that was looked at last."""

    reason: Literal["quit", "demo"] = "quit"
    task: StoredTask | None = None


class Home(Protocol):
    """The application as its screens see it."""

    WIDE_COLUMNS: int
    # Called, from another thread, when the terminal goes away: what must not be lost, like a draft.
    last_words: list[Callable[[], object]]
    # Passwords that were typed for tasks, for as long as the screens are open.
    typed: dict[UUID, Handover]
    # What was chosen on the screens the last time.
    preferences: Preferences

    @property
    def clock(self) -> Callable[[], float]:
        """Tells the seconds since the epoch."""

    def remember(self, preferences: Preferences) -> str:
        """Keeps what was chosen for the next time; what went wrong, if anything."""

    def open_task(self, task: StoredTask) -> None:
        """Shows the task's monitor."""

    def open_wizard(self, draft: TaskDraft | None) -> None:
        """Shows the wizard over the draft, or an empty one."""

    def hold_keys(self) -> None:
        """Keys wait until `let_keys_go`: another screen or step is on its way."""

    def let_keys_go(self) -> None:
        """Keys go on to what has the focus now, or was just given it."""

    async def let_early_keys_go(self) -> None:
        """What the keys that came early are for is there: they arrive, in their order."""

    def drop_early_keys(self) -> int:
        """What the keys that came early were for does not come: none of them arrives; how many there were."""

    def announce(self, text: str) -> None:
        """Says that something long has ended, to a person who may be looking elsewhere."""

    def leave_for_demo(self) -> None:
        """Leaves the screens for the demo."""
