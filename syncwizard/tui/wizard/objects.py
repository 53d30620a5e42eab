"""The step of the objects: what is synchronized of them, what happens to tables that exist, and which they are.

The source's catalogue is listed by a probe; it is kept as long as the draft's source is the same.
"""

from typing import ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.events import Key, Paste
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Label, Static

from syncwizard.client import credentials, probes
from syncwizard.errors import SyncwizardError
from syncwizard.task.drafting.catalogue import Catalogue, CatalogueNews, CataloguePart, CatalogueProgress, assemble
from syncwizard.task.drafting.choice import ObjectChoice
from syncwizard.task.drafting.choice_advice import Advice, advise
from syncwizard.task.drafting.draft import StepName
from syncwizard.task.drafting.endpoint_draft import EndpointDraft
from syncwizard.task.drafting.price import describe_price, price_of
from syncwizard.task.handover import Handover
from syncwizard.task.specification import ConflictMode, SynchronizationType
from syncwizard.task.validation import Problem
from syncwizard.tui.actions import bindings
from syncwizard.tui.background import in_background
from syncwizard.tui.dialogs.copy_text import CopyTextDialog
from syncwizard.tui.opening import Home
from syncwizard.tui.remedies import marked_lines
from syncwizard.tui.widgets.choice import Choice
from syncwizard.tui.widgets.object_line import describe_tally
from syncwizard.tui.widgets.object_list import ObjectList
from syncwizard.tui.widgets.object_picker import ObjectPicker
from syncwizard.tui.widgets.ticks import Ticks
from syncwizard.tui.wizard.advice import describe_settings, with_marks
from syncwizard.tui.wizard.early import describe_dropped, describe_waiting, works_at_once
from syncwizard.tui.wizard.object_edits import can_edit, edit, edit_batch, tables_below
from syncwizard.tui.wizard.object_import import take_from_file
from syncwizard.tui.wizard.step import Step
from syncwizard.tui.wizard.trying import Trials

TYPES = (("schema", "schema"), ("full", "full copy"), ("incremental", "incremental, always"))
CONFLICTS = (("report", "report: stop the precheck"), ("ignore", "ignore: use them"))
STEPS = {
    "tunnel": "opening the SSH tunnel",
    "login": "logging in to the source",
    "objects": "reading what the source has",
    "uses": "reading what uses which tables",
}

USUAL = "One way, source to destination: definitions, then rows, then every change."
HOW_TO_TICK = "Space ticks the marked schema or table, a ticks all that is shown"


class ObjectsStep(Step):
    """Types, conflicts, and the picker; below it what the choice leaves out."""

    step: ClassVar[StepName] = "objects"
    title: ClassVar[str] = "Objects"
    urgent = ("picker.tick", "picker.filter", "objects.edit", "objects.rename")
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(
            "objects.reload",
            "objects.stop",
            "objects.edit",
            "objects.rename",
            "objects.import",
            "objects.advice",
            "objects.explain",
        ),
    ]

    class Heard(Message):
        """The listing with this number has news."""

        def __init__(self, number: int, news: CatalogueNews) -> None:
            super().__init__()
            self.number = number
            self.news = news

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._probe: probes.Probe[CatalogueNews] | None = None
        self._listing = False
        # News of a listing before the last one are not for this one.
        self._number = 0
        self._read = 0
        self._catalogue: Catalogue | None = None
        # What the catalogue was listed with; another source has another one.
        self._listed: tuple[EndpointDraft, Handover] | None = None
        self._advice: list[Advice] = []
        # The sentence about the listing, and how many keys wait for its end.
        self._progress = ""
        self._early = 0

    def compose(self) -> ComposeResult:
        """A line each for types and conflicts, what they mean, the picker, and what to know of the choice."""
        with Horizontal(classes="objects--line"):
            yield Label("Synchronize", classes="objects--label")
            yield Ticks(TYPES, fixed=("incremental",), id="types")
        with Horizontal(classes="objects--line"):
            yield Label("Existing tables", classes="objects--label")
            yield Choice(CONFLICTS, id="conflicts")
        yield Static("", id="objects-meaning", markup=False)
        yield ObjectPicker(id="picker")
        yield Static("", id="objects-price", markup=False)
        yield Static("", id="objects-advice", markup=False)

    def show(self) -> None:
        """Fills everything from the draft; lists the source's objects, unless that was done."""
        draft = self.wizard.draft
        self.query_one(Ticks).values = frozenset(draft.types)
        self.query_one(Choice).value = draft.conflicts
        self._explain_settings()
        if self._catalogue is None or self._listed != (draft.source, self.wizard.secrets):
            self.action_reload()
        elif (self.picker.choice.to_objects(), self.picker.choice.capitalization) != (
            draft.objects,
            draft.capitalization,
        ):
            self._load(self._catalogue)

    def first_focus(self) -> Widget:
        """The tree: the rest has defaults that most tasks keep."""
        return self.picker.source

    def interrupt(self) -> bool:
        """Ends a listing that has nothing to show yet."""
        runs = self._listing and self._catalogue is None
        if runs:
            self.action_stop()
        return runs

    def leave(self) -> None:
        """A listing that is out of sight ends; keys that waited for it are not for another step."""
        self._end_listing()
        self._say_dropped()

    def on_unmount(self) -> None:
        """No probe outlives the screen."""
        self._end_listing()

    def is_early(self, event: Key | Paste, action: str, waiting: int) -> bool:
        """Keys for the tree wait for it, and behind the first of them all that do not end that or need no objects."""
        if works_at_once(event, action, waiting):
            return False
        focused = self.screen.focused
        in_picker = focused is None or self.picker in focused.ancestors
        return waiting > 0 or (self._listing and self._catalogue is None and in_picker)

    def show_early(self, waiting: int) -> None:
        """Beside the sentence about the listing."""
        self._early = waiting
        self._show_progress(self._progress)

    def _say_dropped(self) -> str:
        """What becomes of the keys that waited for objects that do not come."""
        self._early = 0
        return describe_dropped(cast(Home, self.app).drop_early_keys())

    def problems(self) -> list[Problem]:
        """The draft's; and a choice without any table, which no task can start with."""
        found = super().problems()
        if not self.wizard.draft.objects:
            return [Problem(path="objects", message="no object is selected", remedy=HOW_TO_TICK)]
        if not found and self._catalogue is not None and not self.picker.choice.tally.tables:
            why = "a task copies and follows the rows of tables"
            found.append(Problem(path="objects", message="no table is selected", remedy=why))
        return found

    def point_at(self, problem: Problem) -> None:
        """Says it below the picker, where the eye is."""
        self._say(f"✗ {problem.message}" + (f": {problem.remedy}" if problem.remedy else ""), "-failed")
        self.picker.source.focus()

    @property
    def picker(self) -> ObjectPicker:
        """The two lists."""
        return self.query_one(ObjectPicker)

    # The catalogue

    def action_reload(self) -> None:
        """Lists the source's objects; what is chosen stays chosen."""
        self._end_listing()
        self._listing = True
        number, source, typed = self._number, self.wizard.draft.source, self.wizard.secrets
        if self._listed is None or self._listed[0] != source:
            # Another source: its tree is not this one.
            self._forget()
        self._listed = (source, typed)
        self._read = 0
        self._show_progress("asking the source")
        spec = self.wizard.spec

        def work() -> Catalogue:
            secrets = credentials.collect(spec, typed)
            self._probe = probe = probes.catalogue(spec, secrets)
            if number != self._number:
                probe.cancel()
            news: list[CatalogueNews] = []

            def hear(each: CatalogueNews) -> None:
                news.append(each)
                self.post_message(self.Heard(number, each))

            probe.run(hear)
            return assemble(news)

        in_background(
            self, work, lambda catalogue: self._came(number, catalogue), lambda error: self._broken(number, error)
        )

    def action_stop(self) -> None:
        """Ends a listing that runs."""
        self._end_listing()
        text = f"stopped; r lists the source's objects{self._say_dropped()}"
        self.picker.explain(text, keep=self._catalogue is not None)
        self.refresh_bindings()

    def _end_listing(self) -> None:
        self._number += 1
        if self._listing:
            self._listing = False
            self._listed = None
            if self._probe is not None:
                self._probe.cancel()

    @on(Heard)
    def _heard(self, event: Heard) -> None:
        event.stop()
        if event.number != self._number:
            return
        match event.news:
            case CatalogueProgress(step=step, total=None):
                self._show_progress(STEPS[step])
            case CatalogueProgress(step=step, total=total):
                self._show_progress(f"{STEPS[step]}: {total:,} objects")
            case CataloguePart(objects=objects) if objects:
                self._read += len(objects)
                self._show_progress(f"{self._read:,} objects read")

    def _came(self, number: int, catalogue: Catalogue) -> None:
        if number == self._number:
            self._listing = False
            self._load(catalogue)
            self.refresh_bindings()
            if self._early:
                self.call_after_refresh(self._let_early_keys_go)

    async def _let_early_keys_go(self) -> None:
        """To the tree; where a dialog is open by now they are not for that."""
        if self.app.screen is self.screen:
            self._early = 0
            await cast(Home, self.app).let_early_keys_go()
        else:
            self.notify(f"the objects are there{self._say_dropped()}", markup=False)

    def _broken(self, number: int, error: SyncwizardError) -> None:
        if number != self._number:
            return
        self._listing = False
        self._listed = None
        self._forget()
        again = f"r tries again; F7 goes back to both ends{self._say_dropped()}"
        lines = [f"✗ {error}", *marked_lines(error.remedy), again]
        self.picker.explain("\n".join(lines))
        self.refresh_bindings()

    def _forget(self) -> None:
        """Without a tree nothing is known of the choice, and nothing could be added to it."""
        self._catalogue = None
        self._advice = []
        self._say_price("")
        self._say("")

    def _load(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        draft = self.wizard.draft
        self.picker.load(ObjectChoice.from_objects(catalogue, draft.objects, draft.capitalization))
        self._judge()

    def _show_progress(self, text: str) -> None:
        self._progress = text
        # A letter behind `/` is of its words.
        said = f"{text} … ({'Esc' if self._early else 'c'} stops){describe_waiting(self._early)}"
        self.picker.explain(said, keep=self._catalogue is not None)
        self.refresh_bindings()

    # The choice

    @on(ObjectPicker.Changed)
    def _chosen(self, event: ObjectPicker.Changed) -> None:
        event.stop()
        self.wizard.edit(self.wizard.draft.with_value("objects", event.choice.to_objects()))
        self._judge()

    @on(ObjectList.Moved)
    def _moved(self) -> None:
        """What can be done is another thing on another line."""
        self.refresh_bindings()

    @on(Ticks.Changed)
    def _typed(self, event: Ticks.Changed) -> None:
        event.stop()
        types = cast(list[SynchronizationType], event.values)
        self.wizard.edit(self.wizard.draft.with_value("types", types))
        self._explain_settings()
        if self._catalogue is not None:
            # Whether rows are copied and indexes built is most of the price.
            self._judge()

    @on(Choice.Changed)
    def _decided(self, event: Choice.Changed) -> None:
        event.stop()
        self.wizard.edit(self.wizard.draft.with_value("conflicts", cast(ConflictMode, event.value)))
        self._explain_settings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is not always something to stop, to add or to explain."""
        match action:
            case "stop":
                return self._listing
            case "edit":
                return can_edit(self.picker.line, self.picker.choice)
            case "rename" | "import":
                return bool(self.wizard.draft.objects)
            case "advice":
                return any(advice.add for advice in self._advice)
            case "explain":
                return bool(self._advice)
        return True

    def action_advice(self) -> None:
        """Ticks everything that the advice would add."""
        added = [each for advice in self._advice for each in advice.add]
        self.picker.replace(self.picker.choice.with_objects(added, True))

    def action_edit(self) -> None:
        """How what is under the cursor differs at the destination."""
        line, choice = self.picker.line, self.picker.choice
        if line is not None and can_edit(line, choice):
            database = self.wizard.draft.source.database
            trials = Trials(lambda: (self.wizard.spec, self.wizard.secrets))
            edit(self.app, line, choice, self.picker.replace, database=database, trials=trials)

    def action_rename(self) -> None:
        """Other names for many tables at once."""
        if self.picker.line is not None:
            tables = tables_below(self.picker.line, self.picker.groups, self.picker.choice)
            if tables:
                edit_batch(self.app, tables, self.picker.choice, self.picker.replace)
            else:
                self.notify("no table in sight is ticked", severity="warning")

    def action_import(self) -> None:
        """What a task file says of the chosen objects."""
        take_from_file(self, self.wizard, self.picker)

    def action_explain(self) -> None:
        """The whole advice, to read and to keep."""
        text = "\n\n".join(advice.message for advice in self._advice)
        self.app.push_screen(CopyTextDialog("What to know of this choice", text, "syncwizard-objects.txt"))

    def _judge(self) -> None:
        choice = self.picker.choice
        self.wizard.choice = choice
        price = describe_price(price_of(choice), self.wizard.draft.types)
        self.wizard.size_of_choice = "\n".join([describe_tally(choice.tally), *([price] if price else [])])
        self._say_price(price)
        self._advice = advise(choice)
        adds = " · + adds what can be added" if any(advice.add for advice in self._advice) else ""
        heading = [f"To know of this choice ({len(self._advice)}){adds} · i shows all of it"] if self._advice else []
        lines = [f"{'▲' if advice.warning else '·'} {advice.message}" for advice in self._advice]
        empty = (
            [] if self.wizard.draft.objects or self._catalogue is None else [f"Nothing is ticked yet: {HOW_TO_TICK}"]
        )
        self._say("\n".join([*empty, *heading, *lines]))
        self.refresh_bindings()

    def _explain_settings(self) -> None:
        lines = describe_settings(self.wizard.draft)
        meaning = self.query_one("#objects-meaning", Static)
        # On a low screen what is as usual makes room.
        meaning.set_class(not lines, "-usual")
        meaning.update("\n".join(lines or [USUAL]))

    def _say_price(self, price: str) -> None:
        line = self.query_one("#objects-price", Static)
        line.display = bool(price)
        line.update(price)

    def _say(self, text: str, state: str = "") -> None:
        line = self.query_one("#objects-advice", Static)
        line.set_classes(state)
        line.update(with_marks(text))
