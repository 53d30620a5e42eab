"""The change of a row that the destination refuses, to be decided about, and those that are in quarantine."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll

from syncwizard.client import refused
from syncwizard.client.followed import in_the_way
from syncwizard.errors import SyncwizardError
from syncwizard.task.facts import RefusedChange, describe_failure
from syncwizard.task.quarantine import RowAction, key_text, open_of
from syncwizard.task.refused import describe_refused
from syncwizard.task.state import TaskState
from syncwizard.task.text import counted, one_line
from syncwizard.tui.actions import bindings
from syncwizard.tui.dialogs.confirm import TypedConfirmDialog
from syncwizard.tui.dialogs.copy_text import CopyTextDialog
from syncwizard.tui.dialogs.edit import EditorDialog
from syncwizard.tui.formatting import Part
from syncwizard.tui.monitor.link import View
from syncwizard.tui.monitor.pages.page import TaskPage
from syncwizard.tui.read_only import is_refused
from syncwizard.tui.task_actions import Secrets
from syncwizard.tui.widgets.lines import Lines, PaneTitle

EDIT_NOTE = "A JSON object of texts by column; null is NULL. Later changes find the row by its key: it stays as it is."
WITHOUT = "The task goes on without the change. The row differs until a later change of it, or a repair:"
WITH_OTHERS = "The change is applied with other values, and the row differs from the source's from then on:"
# By the names of the page's actions.
_DECISIONS: dict[str, RowAction] = {"retry_change": "retry", "edit_values": "edit", "quarantine": "quarantine"}


class RefusedPage(TaskPage):
    """Decides as `syncwizard change` does; the task goes on once the change is behind it."""

    AUTO_FOCUS = "#refused-scroll"
    BINDINGS: ClassVar[list[BindingType]] = bindings(
        "refused.retry-change", "refused.edit-values", "refused.quarantine", "refused.whole"
    )
    confirming_actions = ("refused.retry-change",)

    def content(self) -> ComposeResult:
        """What waits over what is in quarantine, all to scroll."""
        yield PaneTitle("Change", id="refused-title")
        with VerticalScroll(id="refused-scroll", classes="page-whole"):
            yield Lines(id="refused-waiting")
            yield Lines(id="refused-quarantine")

    @property
    def change(self) -> RefusedChange | None:
        """The change that waits."""
        return None if self.view is None else refused.waiting(self.view.seen.state)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what waits can be decided about, and not every change in every way."""
        if is_refused(action):
            return False
        if action in _DECISIONS:
            view = self.view
            return (
                view is not None
                and self.change is not None
                and not refused.why_not(view.seen.state, _DECISIONS[action])
            )
        return True

    def offers(self) -> tuple[object, ...]:
        """What waits."""
        return (self.change,)

    def draw(self, view: View, now: float) -> None:
        """The change that waits, whole; below it what is in quarantine."""
        state, change = view.seen.state, self.change
        still = len(open_of(state.quarantine))
        kept = f"{counted(still, 'change')} in quarantine, {len(state.quarantine) - still:,} settled"
        title = "waits for a decision" if change is not None else f"nothing waits, {kept}"
        self.query_one("#refused-title", PaneTitle).say(f"Change · {title}")
        self.query_one("#refused-waiting", Lines).show(waiting_lines(change, state) if change is not None else [])
        self.query_one("#refused-quarantine", Lines).show(kept_lines(state))

    def action_retry_change(self) -> None:
        """Tries the change as it is."""
        if (change := self.change) is not None:
            self._decide(change, "retry", {}, "trying the change again")

    def action_edit_values(self) -> None:
        """Edits its values, and applies it with those, after the task's name was typed."""
        if (change := self.change) is None:
            return

        def judge(text: str) -> str:
            try:
                refused.edited_values(text, change)
            except SyncwizardError as error:
                return one_line(f"{error.title}: {error.detail}" if error.detail else error.title)
            return ""

        def answered(text: str | None) -> None:
            if text and not judge(text):
                self._confirm(change, "edit", refused.edited_values(text, change))

        title = f"Values of {_name(change)}"
        dialog = EditorDialog(title, refused.values_text(change), judge, note=EDIT_NOTE, good="can be written")
        self.app.push_screen(dialog, answered)

    def action_quarantine(self) -> None:
        """Goes on without it, after the task's name was typed."""
        if (change := self.change) is not None:
            self._confirm(change, "quarantine", {})

    def action_whole(self) -> None:
        """The same as text."""
        if self.view is not None:
            text = refused.describe(self.view.seen.state, self.stored.label)
            name = f"{self.stored.spec.short_id}-change.txt"
            self.app.push_screen(CopyTextDialog("The change of a row", text, name))

    def _confirm(self, change: RefusedChange, action: RowAction, values: dict[str, str | None]) -> None:
        spec = self.stored.spec
        details = key_text(values) if values else describe_refused(change)
        verb = "Apply" if values else "Quarantine"

        def answered(confirmed: bool | None) -> None:
            if confirmed:
                self._decide(change, action, values, "applying other values" if values else "quarantine")

        dialog = TypedConfirmDialog(
            f"{verb} {_name(change)}",
            WITH_OTHERS if values else WITHOUT,
            name=self.stored.label,
            source=spec.source.describe(),
            destination=spec.destination.describe(),
            verb=verb,
            details=details,
        )
        self.task_actions.ask(self.stored, dialog, verb, answered)

    def _decide(self, change: RefusedChange, action: RowAction, values: dict[str, str | None], what: str) -> None:
        def go(secrets: Secrets) -> None:
            def work() -> TaskState:
                return refused.decide(self.stored, change, action, values, given=secrets(), quiet=True)

            self.task_actions.do(f"{what}: {_name(change)}", work, lambda state: self.notify("the changes go on"))

        self.task_actions.with_secrets(self.stored, go)


def _name(change: RefusedChange) -> str:
    return one_line(f"{change.kind} on {change.table}")


def waiting_lines(change: RefusedChange, state: TaskState) -> list[list[Part]]:
    """The change that waits: why it stopped the task, and all that was sent of it."""
    failure = in_the_way(state)
    lines: list[list[Part]] = [[("▲ ", "warn"), (_name(change), "strong"), (f"  committed at {change.lsn}", "muted")]]
    if failure is not None:
        word = "It is tried again" if state.retrying is not None else "It stopped the task"
        lines.append([(word, "strong"), (f": {one_line(describe_failure(failure))}", "bad")])
    lines += [[("┃ ", "accent"), (line, "plain")] for line in describe_refused(change).splitlines()[1:]]
    if reason := refused.why_not(state, "quarantine"):
        lines.append([("It cannot go to quarantine", "strong"), (f": {reason}", "plain")])
    return [*lines, [("", "plain")]]


def kept_lines(state: TaskState) -> list[list[Part]]:
    """What is in quarantine, as the command lists it."""
    lines = refused.quarantine_lines(state) or ["nothing is in quarantine"]
    return [[(line, "plain" if index else "strong")] for index, line in enumerate(lines)]
