"""The precheck step: every item as it is checked, what stands in the way, and how it gets out of it."""

from typing import ClassVar

import msgspec
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Horizontal, Vertical, VerticalScroll
from textual.message import Message
from textual.widgets import Button, Static

from syncwizard.client import credentials, probes
from syncwizard.client.rights_script import lacks, script
from syncwizard.client.tasks import acceptance_of
from syncwizard.engine.protocol import StatementRun
from syncwizard.errors import Cancelled, End, PrecheckNotPassed, SyncwizardError
from syncwizard.remedies import first
from syncwizard.task.accepting import meaning_of
from syncwizard.task.drafting.draft import StepName, TaskDraft
from syncwizard.task.events import Event, PrecheckFinished, PrecheckItemFinished
from syncwizard.task.handover import Handover
from syncwizard.task.text import counted
from syncwizard.task.validation import Problem
from syncwizard.tui.actions import bindings
from syncwizard.tui.background import in_background
from syncwizard.tui.dialogs.confirm import ConfirmDialog
from syncwizard.tui.dialogs.copy_text import CopyTextDialog
from syncwizard.tui.dialogs.error import ErrorDialog
from syncwizard.tui.dialogs.run_sql import RunAs, RunSqlDialog
from syncwizard.tui.formatting import Part
from syncwizard.tui.precheck_items import (
    COLUMNS,
    PASSED_KEY,
    describe_findings,
    describe_item,
    describe_marked,
    item_lines,
    standing_of,
)
from syncwizard.tui.remedies import marked_lines
from syncwizard.tui.widgets.lines import Lines
from syncwizard.tui.widgets.listing import Listing
from syncwizard.tui.wizard.step import NEXT, Step

ENDS: tuple[End, ...] = ("source", "destination")


class PrecheckStep(Step):
    """The items in a list, the marked one in full beside or below it."""

    step: ClassVar[StepName] = "precheck"
    title: ClassVar[str] = "Precheck"
    manual_topic = "preparing"
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("precheck.again", "precheck.failed-again", "precheck.ignore", "precheck.copy", "precheck.run"),
        *bindings("precheck.script", "precheck.unfold"),
    ]

    class Heard(Message):
        """The precheck has news."""

        def __init__(self, run: int, event: Event) -> None:
            super().__init__()
            self.run = run
            self.event = event

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._items: dict[str, PrecheckItemFinished] = {}
        self._probe: probes.Probe[Event] | None = None
        # News of a precheck before the last one are not for this one.
        self._number = 0
        self._checking = False
        self._complete = False
        self._error: SyncwizardError | None = None
        self._unfolded = False
        # What the items were found for; another draft needs another precheck.
        self._checked: tuple[TaskDraft, Handover] | None = None

    def compose(self) -> ComposeResult:
        """Where it stands, the list, the details and what can be done about them."""
        yield Lines(id="precheck-status")
        with Container(id="precheck-panes"):
            yield Listing(COLUMNS, id="precheck-items")
            with Vertical(id="precheck-details"):
                with VerticalScroll():
                    yield Static("", id="precheck-text", markup=False)
                with Horizontal(id="precheck-acts"):
                    yield Button("Accept (i)", id="accept", compact=True)
                    yield Button("Copy (c)", id="copy", compact=True)
                    yield Button("Run (x)", id="run-sql", compact=True)
                    yield Button("All as one script (a)", id="rights", compact=True)

    def show(self) -> None:
        """Runs the precheck, unless this very task has been checked."""
        if self._checked != (_without_acceptances(self.wizard.draft), self.wizard.secrets):
            self._check(again=False)
        else:
            self._draw()

    def first_focus(self) -> Listing:
        """The items, also while there are none yet."""
        return self.listing

    @property
    def listing(self) -> Listing:
        """The items."""
        return self.query_one(Listing)

    def leave(self) -> None:
        """A precheck that is out of sight ends."""
        self.interrupt()

    def on_unmount(self) -> None:
        """No probe outlives the screen."""
        self.interrupt()

    def interrupt(self) -> bool:
        """Ends the precheck that runs."""
        running = self._checking
        if self._probe is not None:
            self._probe.cancel()
        return running

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What can be done about the marked item."""
        item = self._marked
        match action:
            case "ignore":
                return item is not None and item.ignorable
            case "copy":
                return item is not None
            case "run":
                return item is not None and bool(item.remedy.statements and item.sql_end)
            case "script":
                return self._lacking
            case "unfold":
                return self.is_mounted and self.listing.key == PASSED_KEY
        return True

    def problems(self) -> list[Problem]:
        """None that a field could show: the items themselves say what is wrong."""
        return []

    @property
    def may_go_on(self) -> bool:
        """Next unlocks at 100 %."""
        return self._complete and not any(item.blocks for item in self._items.values())

    @property
    def next_label(self) -> str:
        """How many items lock it, where some do."""
        blocking = [item for item in self._items.values() if item.blocks]
        if not self._complete or not blocking:
            return NEXT
        only_warnings = all(standing_of(item) == "accept" for item in blocking)
        return f"Next ({len(blocking)} {'to accept' if only_warnings else 'in the way'})"

    def command(self, file_name: str) -> str:
        """The same check of the same file."""
        return f"syncwizard precheck {file_name}"

    def action_again(self) -> None:
        """Everything again."""
        self._check(again=False)

    def action_failed_again(self) -> None:
        """Only what has not passed."""
        self._check(again=True)

    @on(Button.Pressed, "#accept")
    def action_ignore(self) -> None:
        """Accepts the marked warning after a question, or takes the acceptance back."""
        item = self._marked
        if item is None or not item.ignorable:
            self.notify("this item is no warning that could be accepted")
        elif item.ignored:
            self._accept(item, accepted=False)
        else:
            kept = "Accepted, it no longer stops the task; the task file keeps that, with the time."
            text = "\n\n".join((item.message, meaning_of(item.item), kept))
            dialog = ConfirmDialog(f"Accept `{item.item}`?", text, "Accept")
            self.app.push_screen(dialog, lambda yes: self._accept(item, accepted=True) if yes else None)

    @on(Button.Pressed, "#copy")
    def action_copy(self) -> None:
        """The marked item whole, to copy or to write."""
        if item := self._marked:
            self.app.push_screen(CopyTextDialog(item.title, describe_item(item), f"precheck-{item.item}.txt"))

    @on(Button.Pressed, "#rights")
    def action_script(self) -> None:
        """All that both ends lack, for their administrators."""
        items = list(self._items.values())
        parts = [script(items, end, self.wizard.draft.end(end).to_endpoint()) for end in ENDS if lacks(items, end)]
        self.app.push_screen(CopyTextDialog("What the ends lack", "\n".join(parts), "rights.sql"))

    @on(Listing.Chosen)
    def action_unfold(self) -> None:
        """Shows what passed, or folds it again."""
        if self.listing.key == PASSED_KEY:
            self._unfolded = not self._unfolded
            self._draw()

    @on(Button.Pressed, "#run-sql")
    def action_run(self) -> None:
        """Asks before the statements of the marked item are run at its end."""
        item = self._marked
        if item is None or item.sql_end is None:
            return
        end = self.wizard.draft.end(item.sql_end).to_endpoint()
        dialog = RunSqlDialog(
            item.sql_end, end.describe(), item.remedy.statements, own_account=item.run_by == "account"
        )
        self.app.push_screen(dialog, lambda run_as: self._run_sql(item, run_as) if run_as else None)

    def _run_sql(self, item: PrecheckItemFinished, run_as: RunAs) -> None:
        if item.sql_end is None:
            return
        spec, secrets, end = self.wizard.spec, self.wizard.secrets, item.sql_end
        done: list[StatementRun] = []
        self._say([(f"▸ running SQL at the {end} …", "accent")])

        def run() -> None:
            handover = credentials.collect(spec, secrets)
            probes.remedy(spec, handover, end, item.remedy.statements, run_as.user, run_as.password).run(done.append)

        def ran(result: None) -> None:
            self.notify(f"{len(done)} statements were run at the {end}; what did not pass is checked again")
            self._check(again=True)

        def refused(error: SyncwizardError) -> None:
            self._draw()
            if done:
                error.remedy = first(error.remedy, f"{counted(len(done), 'statement')} before it ran")
            self.app.push_screen(ErrorDialog(error, f"The {end} refused it"))

        in_background(self, run, ran, refused)

    def _accept(self, item: PrecheckItemFinished, *, accepted: bool) -> None:
        draft = self.wizard.draft
        others = [each for each in draft.ignore if (each if isinstance(each, str) else each.item) != item.item]
        ignore = [*others, acceptance_of(item.item, item.detail)] if accepted else others
        self.wizard.edit(msgspec.structs.replace(draft, ignore=ignore))
        self._items[item.item] = msgspec.structs.replace(item, ignored=accepted)
        self._draw()

    def _check(self, *, again: bool) -> None:
        """Runs all items, or those that did not pass."""
        if self._checking:
            return
        if self.query_one("#precheck-acts").has_focus_within:
            # The button goes with its item, and with it the keys of this step.
            self.listing.focus()
        kept = [item.item for item in self._items.values() if not item.blocks] if again else []
        self._items = {name: self._items[name] for name in kept}
        spec, secrets = self.wizard.spec, self.wizard.secrets
        self._checked = (_without_acceptances(self.wizard.draft), secrets)
        self._number += 1
        self._checking, self._complete, self._error = True, False, None
        run = self._number

        def check() -> None:
            handover = credentials.collect(spec, secrets)
            self._probe = probe = probes.for_task("precheck", spec, handover, passed=kept, quiet=True)
            probe.run(lambda event: self.post_message(self.Heard(run, event)))

        in_background(self, check, self._finished, self._failed)
        self._draw()

    @on(Heard)
    def _heard(self, message: Heard) -> None:
        if message.run != self._number:
            return
        match message.event:
            case PrecheckItemFinished(item=name):
                self._items[name] = message.event
                self._draw()
            case PrecheckFinished():
                self._complete = True

    def _finished(self, result: None) -> None:
        self._checking = False
        self._draw()
        self._mark_first_remarkable()

    def _failed(self, error: SyncwizardError) -> None:
        self._checking = False
        self._error = None if isinstance(error, PrecheckNotPassed) else error
        if not self._complete:
            self._checked = None
        self._draw()
        self._mark_first_remarkable()

    @property
    def _marked(self) -> PrecheckItemFinished | None:
        return self._items.get(self.listing.key or "") if self.is_mounted else None

    @property
    def _lacking(self) -> bool:
        """Whether an end lacks what its administrator can give it."""
        items = list(self._items.values())
        return any(lacks(items, end) for end in ENDS)

    @on(Listing.Moved)
    def _item_marked(self) -> None:
        self._show_details()
        self.refresh_bindings()

    def _mark_first_remarkable(self) -> None:
        """Puts what stands in the way, or did not simply pass, under the cursor: it is the first."""
        self.listing.action_first()
        self._show_details()
        self.refresh_bindings()

    def _draw(self) -> None:
        # Passed ones stay folded while they come in: the list under the cursor stays as it is.
        self.listing.show(item_lines(list(self._items.values()), unfolded=self._unfolded and not self._checking))
        self._say(self._status())
        self._show_details()
        self.wizard.update_controls()
        self.refresh_bindings()

    def _show_details(self) -> None:
        item = self._marked
        self.query_one("#precheck-text", Static).update(describe_marked(item) if item else "")
        self.query_one("#copy", Button).display = item is not None
        accept = self.query_one("#accept", Button)
        accept.display = item is not None and item.ignorable
        accept.label = "Take back (i)" if item is not None and item.ignored else "Accept (i)"
        self.query_one("#rights", Button).display = self._lacking
        run = self.query_one("#run-sql", Button)
        run.display = item is not None and bool(item.remedy.statements and item.sql_end)
        run.label = f"Run at the {item.sql_end} (x)" if item is not None else "Run (x)"

    def _status(self) -> list[Part]:
        items = list(self._items.values())
        if self._checking:
            return [(f"▸ checking … {len(items)} items so far; Esc stops", "accent")]
        if isinstance(self._error, Cancelled):
            return [("– stopped; r runs it again", "muted")]
        if self._error is not None and not self._complete:
            return [("\n".join((f"✗ {self._error}", *marked_lines(self._error.remedy))), "bad")]
        return describe_findings(items)

    def _say(self, parts: list[Part]) -> None:
        self.query_one("#precheck-status", Lines).show([parts])


def _without_acceptances(draft: TaskDraft) -> TaskDraft:
    """What a precheck's findings depend on: accepting a warning changes none, nor does the name."""
    return msgspec.structs.replace(draft, ignore=[], name="", named=False, task_id=None)
