"""What the wizard and its steps know of each other; every step is a widget that shows and edits the wizard's draft."""

from typing import ClassVar, Protocol, cast

from textual.containers import Vertical
from textual.events import Key, Paste
from textual.widget import Widget

from syncwizard.client.tasks import StoredTask
from syncwizard.task.drafting.choice import ObjectChoice
from syncwizard.task.drafting.draft import StepName, TaskDraft
from syncwizard.task.handover import Handover
from syncwizard.task.specification import TaskSpec
from syncwizard.task.validation import Problem

# Of a step that does nothing but make way for the one after it.
NEXT = "Next"


class Wizard(Protocol):
    """The wizard as its steps see it.

    `draft` is frozen: a step replaces it through `edit`, which keeps it on disk too. `secrets` are those typed in
    this session, and nowhere but in memory. `size_of_choice`: what the selected objects amount to, in words; `choice`:
    these, once the source was listed.
    """

    draft: TaskDraft
    secrets: Handover
    size_of_choice: str
    choice: ObjectChoice | None

    @property
    def spec(self) -> TaskSpec:
        """What the draft leads to, with file names that mean the same in every folder."""

    @property
    def file_name(self) -> str:
        """What the task's file would be called."""

    def edit(self, draft: TaskDraft) -> None:
        """Replaces the draft."""

    def go_on(self) -> None:
        """Goes to the next step, without asking this one again."""

    def update_controls(self) -> None:
        """Draws the buttons and the command again: what the step says of them has changed."""

    def finish(self, task: StoredTask) -> None:
        """Ends the wizard: the task runs, and its monitor is what is wanted now."""

    def action_preview(self) -> None:
        """Shows the task file as far as it is."""


class Step(Vertical):
    """One step of the wizard: mounted when it is first visited, and kept.

    Next asks `problems` first and stops at the first one, which `point_at` shows; then `proceed`.
    """

    step: ClassVar[StepName]
    title: ClassVar[str]
    # The topic of the manual that F1 opens here.
    manual_topic: ClassVar[str] = "task-file"
    # Shown in the key bar before the others, in this order.
    urgent: ClassVar[tuple[str, ...]] = ()
    # Whether the equivalent command is in sight on a low screen too.
    shows_command: ClassVar[bool] = False
    # Whether going on from here changes anything: then it is read first.
    asks: ClassVar[bool] = False

    @property
    def wizard(self) -> Wizard:
        """The screen this step is part of."""
        return cast(Wizard, self.screen)

    def show(self) -> None:
        """Called whenever the step comes into view: shows what the draft says by now."""

    def leave(self) -> None:
        """Called before another step comes into view, in either direction."""

    def interrupt(self) -> bool:
        """Ends what runs on the step; False where nothing does, so that the key that asks for it goes back."""
        return False

    def is_early(self, event: Key | Paste, action: str, waiting: int) -> bool:
        """Whether a key has to wait for what the step is still getting; `waiting`: how many wait already."""
        return False

    def show_early(self, waiting: int) -> None:
        """Says how many keys wait."""

    def show_too_soon(self, key: str) -> None:
        """Says, where the step `asks`, that the key was pressed before it could be read."""

    def first_focus(self) -> Widget | None:
        """What has the focus when the step comes into view."""
        return next((widget for widget in self.query("*").results(Widget) if widget.focusable), None)

    def as_typed(self) -> TaskDraft:
        """The draft with what is typed and was not taken yet."""
        return self.wizard.draft

    def problems(self) -> list[Problem]:
        """What keeps Next from going on, in the order of the fields."""
        return self.wizard.draft.problems(self.step)

    def point_at(self, problem: Problem) -> None:
        """Shows the problem and puts the focus where it can be corrected."""

    def proceed(self) -> bool:
        """Called by Next when there is no problem: False when the step itself calls `wizard.go_on` later, or not."""
        return True

    @property
    def next_label(self) -> str:
        """What Next does here."""
        return NEXT

    @property
    def may_go_on(self) -> bool:
        """False locks Next."""
        return True

    def command(self, file_name: str) -> str:
        """The command line that does what this step does, with the draft saved as `file_name`."""
        return f"syncwizard check {file_name}"
