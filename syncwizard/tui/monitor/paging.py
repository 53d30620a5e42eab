"""How the monitor leads to the pages over it: why the task is late, both ends compared, changes of definitions,
what a precheck of it says now."""

from typing import ClassVar

from textual.binding import BindingType
from textual.screen import Screen

from syncwizard.client.deciding import waiting
from syncwizard.client.refused import waiting as refused_change
from syncwizard.client.tasks import StoredTask
from syncwizard.tui.actions import bindings
from syncwizard.tui.monitor.link import View
from syncwizard.tui.monitor.pages.changes import ChangesPage
from syncwizard.tui.monitor.pages.late import LatePage
from syncwizard.tui.monitor.pages.page import turn_to
from syncwizard.tui.monitor.pages.precheck import PrecheckPage
from syncwizard.tui.monitor.pages.refused import RefusedPage
from syncwizard.tui.monitor.pages.verification import VerificationPage


class Paging(Screen[None]):
    """A screen of one task with pages over it, which know what it knows."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(
        "monitor.late", "monitor.verification", "monitor.changes", "monitor.refused", "monitor.precheck"
    )

    def __init__(self, task: StoredTask) -> None:
        """`latest` is what is known of the task by now."""
        super().__init__()
        self.stored = task
        self.latest: View | None = None

    @property
    def row_waits(self) -> bool:
        """Whether a change of a row waits for a decision."""
        return self.latest is not None and refused_change(self.latest.seen.state) is not None

    @property
    def decision_waits(self) -> bool:
        """Whether a change of a definition waits for a decision."""
        return self.latest is not None and waiting(self.latest.seen.state) is not None

    def may_turn_to(self, page: str) -> bool:
        """Whether there is something to see on the page."""
        if page == "late":
            return self.latest is not None and self.latest.seen.liveness.alive
        if page == "changes":
            return self.stored.spec.advanced.ddl == "follow" or self.decision_waits
        if page == "refused":
            return self.row_waits or bool(self.latest is not None and self.latest.seen.state.quarantine)
        return self.latest is not None

    def action_late(self) -> None:
        """Why the task is late."""
        turn_to(self.app, LatePage(self.stored, lambda: self.latest))

    def action_precheck(self) -> None:
        """Whether it would start now."""
        turn_to(self.app, PrecheckPage(self.stored, lambda: self.latest))

    def action_verification(self) -> None:
        """Both ends compared."""
        turn_to(self.app, VerificationPage(self.stored, lambda: self.latest))

    def action_changes(self) -> None:
        """Changes of definitions."""
        turn_to(self.app, ChangesPage(self.stored, lambda: self.latest))

    def action_refused(self) -> None:
        """A change of a row that cannot be applied."""
        turn_to(self.app, RefusedPage(self.stored, lambda: self.latest))
