"""The wizard: a rail of steps over one draft. It moves between steps and keeps the draft; what is on a step is its own.

Back always works and loses nothing: the answers are in the draft, and the draft is on disk.
"""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import ClassVar, cast

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.events import Key, Paste
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import ContentSwitcher, Static

from syncwizard.client import drafts
from syncwizard.client.tasks import StoredTask
from syncwizard.task import file
from syncwizard.task.drafting.choice import ObjectChoice
from syncwizard.task.drafting.draft import TaskDraft
from syncwizard.task.handover import Handover
from syncwizard.task.specification import TaskSpec
from syncwizard.task.text import shell_word
from syncwizard.tui.actions import bindings
from syncwizard.tui.confirming import NOT_READ_YET
from syncwizard.tui.dialogs.copy_text import CopyTextDialog
from syncwizard.tui.dialogs.drafts import DraftsDialog
from syncwizard.tui.opening import Home
from syncwizard.tui.widgets.key_bar import KeyBar
from syncwizard.tui.widgets.step_rail import RailStep, StepRail
from syncwizard.tui.wizard.step import NEXT, Step

# Long enough not to write at every key, short enough that a crash costs a word.
AUTOSAVE_SECONDS = 0.5


class WizardScreen(Screen[None]):
    """Makes a task of a draft."""

    CSS_PATH = ["../styles/wizard.tcss", "../styles/objects.tcss"]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("wizard.next", "wizard.previous", "wizard.preview", "wizard.command", "screen.back"),
    ]

    moving_actions = ("wizard.next", "wizard.previous")

    @property
    def urgent_actions(self) -> tuple[str, ...]:
        """What the key bar shows first: the next step, then what this one is for."""
        step = self._steps.get(self._current)
        return ("wizard.next", *(step.urgent if step is not None else ()))

    @property
    def manual_topic(self) -> str:
        """The topic of the manual that fits the step."""
        step = self._steps.get(self._current)
        return step.manual_topic if step is not None else "first-steps"

    def __init__(self, draft: TaskDraft | None = None, steps: Sequence[type[Step]] | None = None) -> None:
        super().__init__()
        self.draft = draft or TaskDraft()
        self.secrets = Handover()
        self.size_of_choice = ""
        self.choice: ObjectChoice | None = None
        self.action_labels: dict[str, str] = {}
        self._offers_drafts = draft is None
        self._kinds = list(steps or default_steps())
        self._steps: dict[int, Step] = {}
        self._current = 0
        self._done = 0
        self._saving: Timer | None = None
        self._command_fits = True
        # When the step in sight was painted.
        self.painted_at = NOT_READ_YET

    def compose(self) -> ComposeResult:
        """Title, rail, the step, and its command where there is room."""
        with Horizontal(classes="head"):
            yield Static("", id="wizard-title", markup=False)
            yield Static("", id="wizard-kept", markup=False)
        yield StepRail([kind.title for kind in self._kinds])
        yield ContentSwitcher(id="wizard-steps")
        yield Static("", id="wizard-command", markup=False)
        yield KeyBar()

    async def on_mount(self) -> None:
        """Offers the drafts that were left, where nothing else was asked for; then shows the first step."""
        self._host.last_words.append(self.keep_last_keys)
        kept = drafts.list_drafts() if self._offers_drafts else []
        if kept:
            # Not yet: a step must not be filled from a draft that is not wanted.
            self.app.push_screen(DraftsDialog(kept, self._host.clock()), self._begin)
            self.call_after_refresh(self._host.let_keys_go)
        else:
            await self._show(0)

    async def _begin(self, draft: TaskDraft | None) -> None:
        if draft is None:
            self.dismiss()
        else:
            self.draft = draft
            await self._show(0)

    def on_unmount(self) -> None:
        """Nothing typed is lost, however the screen ends."""
        self._host.last_words.remove(self.keep_last_keys)
        self.keep_draft()

    def keep_draft(self) -> None:
        """Writes what was not written yet; from any thread, for the terminal may go away."""
        if self._saving is not None:
            # That the disk is full stood on the screen; it cannot be shown now.
            with contextlib.suppress(OSError):
                drafts.save(self.draft)

    def keep_last_keys(self) -> None:
        """Keeps the draft where the terminal is gone, with keys that were shown and not yet heard by the step."""
        self.keep_draft()
        step = self._steps.get(self._current)
        if step is not None and (typed := step.as_typed()) != self.draft:
            with contextlib.suppress(OSError):
                drafts.save(typed)

    @property
    def _host(self) -> Home:
        return cast(Home, self.app)

    @property
    def spec(self) -> TaskSpec:
        """What the draft leads to, with file names that mean the same in every folder."""
        return file.with_absolute_paths(self.draft.to_spec(), Path.cwd())

    @property
    def current(self) -> Step:
        """The step in sight."""
        return self._steps[self._current]

    def edit(self, draft: TaskDraft) -> None:
        """Replaces the draft and keeps it on disk soon."""
        if draft == self.draft:
            return
        self.draft = draft
        if self._saving is not None:
            self._saving.stop()
        self._saving = self.set_timer(AUTOSAVE_SECONDS, self._save)
        self.query_one("#wizard-kept", Static).update("", layout=False)
        self.update_controls()

    def go_on(self) -> None:
        """Goes to the next step."""
        self._done = max(self._done, self._current + 1)
        if self._current + 1 < len(self._kinds):
            self._host.hold_keys()
            self.run_worker(self._show(self._current + 1), group="step", exclusive=True)

    def update_controls(self) -> None:
        """Draws what is around the step."""
        step = self.current
        # None of these lines changes its size: a layout of the whole screen at every key would be felt.
        self.query_one("#wizard-title", Static).update(f"New task · {self.draft.name}", layout=False)
        self._label_next(step)
        self._show_command(f"Equivalent command: {self.command}")
        self.query_one(StepRail).mark(self._current, self._done)

    def _label_next(self, step: Step) -> None:
        """The key bar says what the key does here: go where, test, start."""
        label = step.next_label
        if label == NEXT and self._current + 1 < len(self._kinds):
            label = f"{NEXT}: {self._kinds[self._current + 1].title}"
        if self.action_labels.get("wizard.next") != label:
            self.action_labels["wizard.next"] = label
            self.query_one(KeyBar).refresh()

    def _show_command(self, text: str) -> None:
        """On one line, or on several where it is long: a command that is cut is of no use."""
        fits = cell_len(text) <= self.size.width - 2
        self.query_one("#wizard-command", Static).update(text, layout=not (fits and self._command_fits))
        self._command_fits = fits

    @property
    def command(self) -> str:
        """The command line that does what the step in sight does."""
        return self.current.command(shell_word(self.file_name))

    @property
    def file_name(self) -> str:
        """What the task's file would be called."""
        return f"{self.draft.name.replace('/', '-')}.yaml"

    def action_next(self) -> None:
        """Goes on, or to the first field that is wrong."""
        step = self.current
        if problems := step.problems():
            step.point_at(problems[0])
        elif step.may_go_on and step.proceed():
            self.go_on()
            return
        self._host.let_keys_go()

    def confirms(self, key: str, action: str) -> bool:
        """Whether the key changes something at an end: only the last step does."""
        step = self._steps.get(self._current)
        return action == "wizard.next" and step is not None and step.asks

    def show_too_soon(self, key: str) -> None:
        """The step in sight says that nothing was done."""
        self.current.show_too_soon(key)

    def is_early(self, event: Key | Paste, action: str, waiting: int) -> bool:
        """Whether the step in sight has not yet what the key is for."""
        step = self._steps.get(self._current)
        return step is not None and step.is_early(event, action, waiting)

    def show_early(self, waiting: int) -> None:
        """The step in sight says how many keys wait."""
        self.current.show_early(waiting)

    async def action_previous(self) -> None:
        """Goes to the step before; from the first one, out of the wizard."""
        if self._current:
            await self._show(self._current - 1)
        else:
            self.dismiss()
            self._host.let_keys_go()

    async def action_back(self) -> None:
        """Ends what runs on the step; else the same, by the key that goes back everywhere."""
        if not self.current.interrupt():
            await self.action_previous()

    @on(RailStep.Clicked)
    async def _asked_for(self, event: RailStep.Clicked) -> None:
        """Goes back to a step, or forward as far as every step between is done."""
        if event.index <= self._done:
            await self._show(event.index)

    async def _show(self, index: int) -> None:
        switcher = self.query_one(ContentSwitcher)
        if self._current in self._steps:
            self.current.leave()
        self._current, self.painted_at = index, NOT_READ_YET
        # What follows takes its time at the first visit.
        self.query_one(StepRail).mark(index, self._done)
        if index not in self._steps:
            step = self._kinds[index](id=f"step-{self._kinds[index].step}")
            self._steps[index] = step
            await switcher.add_content(step)
        switcher.current = self.current.id
        self.set_class(self.current.shows_command, "-command")
        self.current.show()
        self.update_controls()
        if (wanted := self.current.first_focus()) is not None:
            wanted.focus()
        self.call_after_refresh(self._is_read)
        self._host.let_keys_go()

    def _is_read(self) -> None:
        self.painted_at = monotonic()

    def finish(self, task: StoredTask) -> None:
        """Leaves for the monitor of the task, whose draft is no more."""
        if self._saving is not None:
            self._saving.stop()
            self._saving = None
        host = self._host
        self.dismiss()
        host.open_task(task)

    def action_preview(self) -> None:
        """Shows the task file as far as it is; it can be copied and written from there."""
        self.app.push_screen(CopyTextDialog("Task file", file.dump(self.spec), self.file_name))

    def action_command(self) -> None:
        """Shows the equivalent command; it can be copied whole from there, however long."""
        self.app.push_screen(CopyTextDialog("Equivalent command", self.command, "syncwizard-command.txt"))

    def _save(self) -> None:
        try:
            drafts.save(self.draft)
        except OSError as error:
            # It stays to be saved: with the next change, or at the end.
            self._say_kept(f"draft not kept: {error.strerror or error}", failed=True)
        else:
            self._saving = None
            self._say_kept("draft kept")

    def _say_kept(self, text: str, *, failed: bool = False) -> None:
        if self.is_attached:
            kept = self.query_one("#wizard-kept", Static)
            kept.set_class(failed, "-failed")
            kept.update(text, layout=failed)


def default_steps() -> list[type[Step]]:
    """All steps there are something to set in, in their order."""
    from syncwizard.tui.wizard.advanced import AdvancedStep
    from syncwizard.tui.wizard.endpoints import EndpointsStep
    from syncwizard.tui.wizard.objects import ObjectsStep
    from syncwizard.tui.wizard.precheck import PrecheckStep
    from syncwizard.tui.wizard.start import StartStep

    return [EndpointsStep, ObjectsStep, AdvancedStep, PrecheckStep, StartStep]
