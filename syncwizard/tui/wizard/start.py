"""The last step: everything the task will be, to be read and agreed to; and its start."""

import contextlib
from typing import ClassVar, cast

import msgspec
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.widget import Widget
from textual.widgets import Button, Static

from syncwizard.client import credentials, drafts, lifecycle
from syncwizard.client.lifecycle import Prepared
from syncwizard.client.tasks import StoredTask
from syncwizard.errors import PrecheckNotPassed, SyncwizardError
from syncwizard.remedies import to_do
from syncwizard.task import file
from syncwizard.task.accepting import accepted_when
from syncwizard.task.drafting.draft import StepName, TaskDraft
from syncwizard.task.settings import sentences
from syncwizard.task.specification import SETTINGS, Endpoint, IgnoredItem
from syncwizard.task.summary import STAYS, changes_of, describe_objects, made_by
from syncwizard.tui.actions import display_key
from syncwizard.tui.background import in_background
from syncwizard.tui.dialogs.copy_text import CopyTextDialog
from syncwizard.tui.dialogs.error import ErrorDialog
from syncwizard.tui.opening import Home
from syncwizard.tui.widgets.paragraphs import Paragraph, Paragraphs
from syncwizard.tui.wizard.advice import advise
from syncwizard.tui.wizard.step import Step

LINES_SHOWN = 40


class StartStep(Step):
    """The summary, the task file, and Start."""

    step: ClassVar[StepName] = "start"
    title: ClassVar[str] = "Start"
    manual_topic = "first-steps"
    urgent = ("wizard.previous", "wizard.command")
    shows_command = True
    asks = True

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._starting = False

    def compose(self) -> ComposeResult:
        """The summary over the ways to keep it."""
        with VerticalScroll(id="summary"):
            yield Paragraphs()
        yield Static("", id="start-status", markup=False)
        with Horizontal(classes="form--buttons"):
            yield Button("Task file", id="show-file", compact=True)
            yield Button("Parameters as JSON", id="show-json", compact=True)

    def show(self) -> None:
        """Draws the summary of the draft as it is now."""
        self.query_one(Paragraphs).show(summarize(self.wizard.draft, self.wizard.size_of_choice))
        self._say("")

    def show_too_soon(self, key: str) -> None:
        """The task was not started."""
        self._say(f"{display_key(key)} came before this could be read: press it again to start")

    def first_focus(self) -> Widget:
        """Reading is all there is to do before Start: the arrows scroll."""
        return self.query_one("#summary")

    @property
    def next_label(self) -> str:
        """What pressing it does."""
        return "Starting…" if self._starting else "Start"

    @property
    def may_go_on(self) -> bool:
        """A start is not started twice."""
        return not self._starting

    def command(self, file_name: str) -> str:
        """What starts the same task from its file."""
        return f"syncwizard start {file_name}"

    def proceed(self) -> bool:
        """Starts the task; its monitor follows by itself."""
        self._starting = True
        self.wizard.update_controls()
        self._say("The engine starts, and checks both ends once more…")
        spec, secrets = self.wizard.spec, self.wizard.secrets

        def prepare() -> Prepared:
            return lifecycle.prepare_specification(spec, credentials.collect(spec, secrets))

        in_background(self, prepare, self._prepared, self._failed)
        return False

    def _prepared(self, prepared: Prepared) -> None:
        """The task is stored: should its start fail, the next one is of the same task."""
        draft = self.wizard.draft
        self.wizard.edit(msgspec.structs.replace(draft, task_id=prepared.task.id))

        def start() -> StoredTask:
            lifecycle.start(prepared)
            return prepared.task

        in_background(self, start, self._started, self._failed)

    def _started(self, task: StoredTask) -> None:
        # On a disk that takes no changes it is offered once more; the task runs all the same.
        with contextlib.suppress(OSError):
            drafts.remove(self.wizard.draft.id)
        # What was typed here is not asked for again.
        cast(Home, self.app).typed[task.id] = self.wizard.secrets
        self.wizard.finish(task)

    def _failed(self, error: SyncwizardError) -> None:
        self._starting = False
        self.wizard.update_controls()
        self._say(f"✗ not started: {error}")
        if isinstance(error, PrecheckNotPassed):
            error.remedy = to_do("go back to the precheck and run it again: something has changed since")
        self.app.push_screen(ErrorDialog(error, "The task did not start"))

    def _say(self, text: str) -> None:
        line = self.query_one("#start-status", Static)
        line.update(text)
        line.display = bool(text)

    @on(Button.Pressed, "#show-file")
    def _show_file(self, event: Button.Pressed) -> None:
        event.stop()
        self.wizard.action_preview()

    @on(Button.Pressed, "#show-json")
    def _show_json(self, event: Button.Pressed) -> None:
        event.stop()
        text = msgspec.json.format(msgspec.json.encode(self.wizard.spec)).decode()
        name = self.wizard.file_name.removesuffix(".yaml")
        self.app.push_screen(CopyTextDialog("Parameters as JSON", text, f"{name}.json"))


def summarize(draft: TaskDraft, size_of_choice: str) -> list[Paragraph]:
    """The task in lines to sign; `size_of_choice`: what the selected objects amount to, as far as it is known.

    >>> [each.title for each in summarize(TaskDraft(), "")][3:]
    ['Synchronizes', 'Objects', 'Tables in the way', 'Retries', 'It will make', 'Removed by', 'To mind']
    """
    spec = file.with_defaults(draft.to_spec())
    objects = [describe_objects(entry) for entry in spec.objects]
    existing = "stop the precheck" if draft.conflicts == "report" else "are used; rows whose key they have stay"
    lines = [
        Paragraph("Task", spec.name),
        Paragraph("Source", describe_end(spec.source)),
        Paragraph("Destination", describe_end(spec.destination)),
        Paragraph("Synchronizes", f"{', '.join(spec.synchronization.types)}; one-way, until a switchover"),
        Paragraph("Objects", "\n".join([*([size_of_choice] if size_of_choice else []), *objects])),
        *([Paragraph("There", "\n".join(shortened(changes)))] if (changes := changes_of(spec)) else []),
        Paragraph("Tables in the way", existing),
        *(Paragraph(title, words) for title, words in sentences(spec, SETTINGS)),
        Paragraph("It will make", "\n".join(made_by(spec))),
        Paragraph("Removed by", f"syncwizard release; {STAYS}"),
    ]
    mind = (f"{each.title}: {each.text}" for each in advise(draft))
    lines.append(Paragraph("To mind", "\n".join(mind)))
    if accepted := list(map(_accepted, spec.precheck.ignore)):
        lines.insert(-2, Paragraph("Accepted warnings", "\n".join(accepted)))
    return lines


def shortened(lines: list[str]) -> list[str]:
    """As many as a summary has room for; the task file has all of them.

    >>> shortened([str(number) for number in range(100)])[-1]
    'and 60 more: F4 shows the task file'
    """
    more = len(lines) - LINES_SHOWN
    return [*lines[:LINES_SHOWN], f"and {more:,} more: F4 shows the task file"] if more > 0 else lines


def describe_end(endpoint: Endpoint) -> str:
    """One end in a line: where, who, how it is protected, where its password is kept.

    >>> describe_end(Endpoint(host="db1", database="kb", user="sync", password="env:PW"))
    'db1:5432/kb as sync, not encrypted, password from $PW'
    """
    places = {"pgpass": "password where libpq finds it", "keyring": "password from the keyring"}
    kept = places.get(endpoint.password, "password typed")
    if endpoint.password.startswith("env:"):
        kept = f"password from ${endpoint.password.removeprefix('env:')}"
    mode = endpoint.encryption.mode
    socket = any(host.startswith(("/", "@")) for host in endpoint.hosts)
    plain = "by socket" if socket else "not encrypted"
    protection = plain if mode == "disable" else f"encryption {mode}"
    through = f" through {endpoint.access.ssh}" if endpoint.access else ""
    account = f" as {endpoint.user}" if endpoint.user else ""
    kind = "" if endpoint.type == "postgresql" else " (PolarDB)"
    return f"{endpoint.describe()}{kind}{account}{through}, {protection}, {kept}"


def _accepted(entry: IgnoredItem | str) -> str:
    if isinstance(entry, str):
        return entry
    by = f" by {entry.accepted_by}" if entry.accepted_by else ""
    return f"{entry.item}, {accepted_when(entry)}{by}"
