"""Changes of definitions: the one that waits, to be decided about, and those that were followed."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll

from syncwizard.client import deciding
from syncwizard.client.followed import (
    describe_followed,
    describe_ignored,
    describe_skip,
    followed_of,
    in_the_way,
    statements_text,
)
from syncwizard.errors import SyncwizardError
from syncwizard.structure.edited import edited_statements
from syncwizard.task.ddl import Action
from syncwizard.task.events import BlockedDefinition
from syncwizard.task.facts import describe_failure
from syncwizard.task.state import TaskState
from syncwizard.task.text import clean_lines, one_line
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

EDIT_NOTE = "Names are qualified (schema.table). All of it runs in one transaction with the rows around the change."


class ChangesPage(TaskPage):
    """Decides as `syncwizard ddl` does; the task goes on once the change is done."""

    AUTO_FOCUS = "#changes-scroll"
    BINDINGS: ClassVar[list[BindingType]] = bindings(
        "changes.try-again", "changes.run-edited", "changes.skip", "changes.whole"
    )
    confirming_actions = ("changes.try-again",)

    def content(self) -> ComposeResult:
        """What waits over what was followed, all to scroll."""
        yield PaneTitle("Definitions", id="changes-title")
        with VerticalScroll(id="changes-scroll", classes="page-whole"):
            yield Lines(id="changes-waiting")
            yield Lines(id="changes-followed")

    @property
    def change(self) -> BlockedDefinition | None:
        """The change that waits."""
        return None if self.view is None else deciding.waiting(self.view.seen.state)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what waits can be decided about, and not every change can be skipped."""
        if is_refused(action):
            return False
        if action == "skip":
            return self.change is not None and bool(self.change.consequences)
        return self.change is not None if action in ("try_again", "run_edited") else True

    def offers(self) -> tuple[object, ...]:
        """What waits."""
        return (self.change,)

    def draw(self, view: View, now: float) -> None:
        """The change that waits with all that is known of it; below it the changes that were followed."""
        change = self.change
        followed = followed_of(view.entries)
        title = "waits for a decision" if change is not None else f"{len(followed)} followed, nothing waits"
        self.query_one("#changes-title", PaneTitle).say(f"Definitions · {title}")
        state = view.seen.state
        self.query_one("#changes-waiting", Lines).show(waiting_lines(change, state) if change is not None else [])
        self.query_one("#changes-followed", Lines).show(self._followed(view))

    def action_try_again(self) -> None:
        """Tries the change as it is."""
        if (change := self.change) is not None:
            self._decide(change, "retry", [], "trying the change again")

    def action_run_edited(self) -> None:
        """Edits its statements, and runs them in its place."""
        if (change := self.change) is None:
            return

        def answered(text: str | None) -> None:
            if text and not _problem(text):
                self._decide(change, "run", edited_statements(text), "running other statements")

        dialog = EditorDialog(
            f"In place of {_name(change)}", statements_text(change), _problem, note=EDIT_NOTE, good="can be run"
        )
        self.app.push_screen(dialog, answered)

    def action_skip(self) -> None:
        """Goes on without it, after the task's name was typed."""
        if (change := self.change) is None:
            return

        def answered(confirmed: bool | None) -> None:
            if confirmed:
                self._decide(change, "skip", [], "skipping the change")

        spec = self.stored.spec
        dialog = TypedConfirmDialog(
            f"Skip {_name(change)}",
            "The task goes on without the change. What is other at the destination from then on:",
            name=self.stored.label,
            source=spec.source.describe(),
            destination=spec.destination.describe(),
            verb="Skip",
            details=describe_skip(change),
        )
        self.task_actions.ask(self.stored, dialog, "Skip", answered)

    def action_whole(self) -> None:
        """The same as text."""
        if self.view is not None:
            name = f"{self.stored.spec.short_id}-definitions.txt"
            self.app.push_screen(CopyTextDialog("Changes of definitions", self._text(self.view), name))

    def _decide(self, change: BlockedDefinition, action: Action, statements: list[str], what: str) -> None:
        def go(secrets: Secrets) -> None:
            def work() -> TaskState:
                return deciding.decide(self.stored, change, action, statements, given=secrets(), quiet=True)

            self.task_actions.do(f"{what}: {_name(change)}", work, lambda state: self.notify("the changes go on"))

        self.task_actions.with_secrets(self.stored, go)

    def _text(self, view: View) -> str:
        seen = view.seen
        ignored = describe_ignored(seen.sample)
        text = describe_followed(
            followed_of(view.entries), seen.state, self.stored.label, self.stored.spec.advanced.ddl
        )
        return f"{text}\n  ignored: {ignored}" if ignored else text

    def _followed(self, view: View) -> list[list[Part]]:
        """As the command lists it, without what stands above already."""
        calm = TaskState()
        setting, label = self.stored.spec.advanced.ddl, self.stored.label
        lines = describe_followed(followed_of(view.entries), calm, label, setting).splitlines()
        if ignored := describe_ignored(view.seen.sample):
            lines.append(f"  ignored: {ignored}")
        return [[(line, "plain" if index else "strong")] for index, line in enumerate(lines)]


def _name(change: BlockedDefinition) -> str:
    return one_line(f"{change.tag} on {change.table}" if change.table else change.tag)


def _problem(text: str) -> str:
    """Why a text cannot run in place of a change; empty where it can."""
    try:
        edited_statements(text)
    except SyncwizardError as error:
        return one_line(f"{error.title}: {error.detail}" if error.detail else error.title)
    return ""


def waiting_lines(change: BlockedDefinition, state: TaskState) -> list[list[Part]]:
    """The change that waits: what ran at the source, why it stopped, what would run, what skipping it means."""
    failure = in_the_way(state)
    again = state.retrying is not None
    ran = clean_lines(change.statement or "run by a function that does not show it").splitlines()
    lines: list[list[Part]] = [
        [("▲ ", "warn"), (_name(change), "strong"), (f"  by {one_line(change.role)}, at {change.lsn}", "muted")],
        *_block("", ran),
    ]
    if failure is not None:
        word = "It is tried again" if again else "It stopped the task"
        lines += [[(word, "strong"), (f": {one_line(describe_failure(failure))}", "bad")]]
    lines += [[("At the destination it would run", "strong")]]
    lines += _block("", change.statements or ["nothing: none of it can be followed"])
    if change.consequences:
        lines += [[("Skipped, it leaves a difference", "strong")], *_block("· ", change.consequences)]
    else:
        lines += [[("It cannot be skipped", "strong"), (": rows that follow would have no table", "plain")]]
    return [*lines, [("", "plain")]]


def _block(mark: str, texts: list[str]) -> list[list[Part]]:
    return [
        [("┃ " if not mark else f"  {mark}", "accent" if not mark else "muted"), (one_line(text), "plain")]
        for text in texts
    ]
