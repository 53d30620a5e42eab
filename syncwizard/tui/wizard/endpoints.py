"""The step of the two ends: what they are, how they are reached, and whether they can be."""

from typing import ClassVar

import msgspec
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widget import Widget
from textual.widgets import Label, Static

from syncwizard.client import credentials, saved_connections
from syncwizard.errors import End, SyncwizardError
from syncwizard.secrets import keyring_trouble
from syncwizard.task.drafting.draft import ENDS, StepName, TaskDraft
from syncwizard.task.drafting.endpoint_draft import EndpointDraft
from syncwizard.task.drafting.pasted import take_apart
from syncwizard.task.drafting.rights import rights_script
from syncwizard.task.validation import Problem
from syncwizard.tui.actions import bindings
from syncwizard.tui.dialogs.copy_text import CopyTextDialog
from syncwizard.tui.dialogs.file_picker import FilePickerDialog
from syncwizard.tui.dialogs.name import NameDialog
from syncwizard.tui.widgets.field import Field
from syncwizard.tui.widgets.paragraphs import Paragraphs
from syncwizard.tui.wizard.advice import advise
from syncwizard.tui.wizard.end_test import EndTest
from syncwizard.tui.wizard.endpoint_form import SECRETS, EndpointForm, PasteInput, libpq_knows_none
from syncwizard.tui.wizard.form import FormStep
from syncwizard.tui.wizard.step import NEXT

# An end with the secrets that were typed for it.
Tested = tuple[EndpointDraft, tuple[str | None, str | None]]
# What says where a secret is kept stands for it, where the other end keeps its own elsewhere.
PLACES = {"secret": "password", "variable": "password", "key_secret": "key_password", "key_variable": "key_password"}
# Of an end that is not begun, by the way it is reached.
FIRST = ("host", "socket", "service", "database")
SECRET_PATHS = tuple(f"{end}.{field}" for end in ENDS for field in SECRETS)


class EndpointsStep(FormStep):
    """Task name, source and destination beside each other, each with what its test found below its fields."""

    step: ClassVar[StepName] = "endpoints"
    title: ClassVar[str] = "Source & destination"
    manual_topic = "preparing"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("ends.test", "ends.other", "ends.rights")]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        # Of each end what was tested, and found in order.
        self._passed: dict[End, Tested] = {}
        # Going on once both ends have passed was asked for with the ends as they were then.
        self._wanted: tuple[Tested, Tested] | None = None
        self._known: dict[End, Tested] = {}
        # Of which the test has not reported its end: two may be over before the first of them is heard.
        self._awaited: set[End] = set()
        # The field in error of an end whose test failed.
        self._wrong: dict[End, str] = {}

    def compose(self) -> ComposeResult:
        """The name, both ends, and what to mind where there is room."""
        about = "What you call it, after the databases if left empty; two tasks may have the same name"
        yield Field("name", "Task name", PasteInput(compact=True), help=about)
        with Horizontal(id="ends"):
            yield EndpointForm("source")
            yield EndpointForm("destination")
        with VerticalScroll(id="mind"):
            yield Label("What to mind", classes="form--heading")
            yield Paragraphs(id="advice")
        yield Static("", classes="form--help", markup=False)

    def show(self) -> None:
        """Fills all fields and offers the saved connections."""
        super().show()
        self._offer_saved()
        self._follow_draft()

    def leave(self) -> None:
        """Tests out of sight end."""
        self.interrupt()

    def value_of(self, path: str) -> str:
        """Secrets come from the session, everything else from the draft."""
        if part := secret_part(path):
            return getattr(self.wizard.secrets, part) or ""
        return super().value_of(path)

    def take(self, path: str, value: str) -> None:
        """Secrets go to the session, everything else into the draft."""
        if part := secret_part(path):
            self.wizard.secrets = msgspec.structs.replace(self.wizard.secrets, **{part: value or None})
            self.wizard.update_controls()
        else:
            super().take(path, value)
        if path != "name":
            self.field("name").fill(self.wizard.draft.name)
        self._follow_draft()

    def as_typed(self) -> TaskDraft:
        """Without secrets, which no draft holds."""
        focused = self.screen.focused
        field = Field.around(focused) if focused is not None else None
        return self.wizard.draft if field is not None and secret_part(field.path) else super().as_typed()

    def problems(self) -> list[Problem]:
        """The draft's, a keyring that is not there, and secrets that only a person can give and did not."""
        found = super().problems()
        for end in ENDS:
            if trouble := self._trouble_of(end):
                found.append(Problem(path=f"{end}.password", message=trouble))
        for question in credentials.questions(self.wizard.draft.to_spec()):
            if not getattr(self.wizard.secrets, question.part):
                path = next(path for path in SECRET_PATHS if secret_part(path) == question.part)
                found.append(Problem(path=path, message="the password is missing", remedy="it is kept in memory only"))
        return found

    @property
    def next_label(self) -> str:
        """What is tested already is not tested again."""
        return NEXT if self._is_tested else "Test both"

    def proceed(self) -> bool:
        """Both ends are tested, unless they passed as they are now; once both have passed the wizard goes on."""
        if self._is_tested:
            return True
        self._wanted = (self._now("source"), self._now("destination"))
        for end in ENDS:
            if self._passed.get(end) != self._now(end):
                self._test(end)
        return False

    def interrupt(self) -> bool:
        """Ends the tests that run."""
        running = [test for test in self.query(EndTest) if test.running]
        for test in running:
            test.stop()
        self._wanted = None
        self._awaited.clear()
        return bool(running)

    def action_test(self) -> None:
        """Tests the end with the focus alone."""
        end = self._end_in_focus()
        wrong = [problem for problem in self.problems() if problem.path.startswith(f"{end}.")]
        if wrong:
            self.judge([problem.path for problem in wrong])
            self.field(wrong[0].path).control.focus()
        else:
            self._test(end)

    def action_other(self) -> None:
        """The same field of the other end, or the one it depends on; of an end that is not begun, its first."""
        focused = self.app.focused
        field = Field.around(focused) if focused is not None else None
        end, _, name = (field.path if field is not None else "").partition(".")
        other = "destination" if end == "source" else "source"
        draft = self.wizard.draft.end(other)
        begun = draft.host or draft.database or draft.service
        wanted = (
            [name, PLACES.get(name, ""), "database"] if name and begun else ["host", "socket", "service", "database"]
        )
        fields = [self.field(f"{other}.{each}") for each in wanted if each]
        next(field for field in fields if field.display).control.focus()

    def action_rights(self) -> None:
        """The rights of both accounts, before anything is tested."""
        choice = self.wizard.choice
        text = rights_script(self.wizard.draft, choice.owners if choice is not None else ())
        self.app.push_screen(CopyTextDialog("Rights of both accounts, as SQL", text, "rights.sql"))

    @on(EndTest.Ended)
    def _ended(self, event: EndTest.Ended) -> None:
        """Goes on, or to the field in error, if nothing was changed meanwhile."""
        event.stop()
        self._awaited.discard(event.end)
        if event.passed:
            self._passed[event.end] = self._known[event.end]
        elif event.field and self._known.get(event.end) == self._now(event.end):
            self._wrong[event.end] = event.field
        self.wizard.update_controls()
        self.call_after_refresh(self._keep_in_sight)
        if self._awaited:
            return
        if self._is_tested:
            unchanged = self._wanted == (self._now("source"), self._now("destination"))
            self._wanted = None
            # What there is to know is read first.
            if unchanged and not any(test.has_class("-wrong") for test in self.query(EndTest)):
                self.wizard.go_on()
        else:
            self._go_to_wrong()

    def _keep_in_sight(self) -> None:
        """What was found takes room from the fields; the one that is typed into stays."""
        if (focused := self.app.focused) is not None and self in focused.ancestors:
            focused.scroll_visible(animate=False)

    def _go_to_wrong(self) -> None:
        """To the first field in error, whichever end was through first."""
        for end in ENDS:
            if end in self._wrong:
                shown = [self.field(f"{end}.{name}") for name in (self._wrong[end], "user", "database")]
                next(field for field in shown if field.display).control.focus()
                break
        self._wrong.clear()

    @on(EndTest.Asked)
    def _asked(self, event: EndTest.Asked) -> None:
        event.stop()
        self.app.push_screen(
            CopyTextDialog(f"Connectivity of the {event.end}", event.text, "syncwizard-connectivity.txt")
        )

    @on(EndpointForm.ConnectionPasted)
    def _connection_pasted(self, event: EndpointForm.ConnectionPasted) -> None:
        """Takes a pasted connection apart into the fields of its end; its password is kept for this session alone."""
        event.stop()
        self._take_apart(event.end, event.text)

    @on(PasteInput.Pasted)
    def _pasted_as_name(self, event: PasteInput.Pasted) -> None:
        """A connection where the task's name belongs is that of the end which has none yet."""
        event.stop()
        self._take_apart("destination" if self.wizard.draft.source.database else "source", event.text)

    def _take_apart(self, end: End, text: str) -> None:
        found = take_apart(text, self.wizard.draft.end(end))
        if found is None:
            return
        described = found.end
        if described.password == "pgpass" and described.way == "host" and libpq_knows_none():
            described = msgspec.structs.replace(described, password="prompt")
        self.wizard.edit(self.wizard.draft.with_end(end, described))
        if found.password:
            self.wizard.secrets = msgspec.structs.replace(self.wizard.secrets, **{end: found.password})
        self.show()
        if described.password == "prompt" and not found.password:
            self.field(f"{end}.secret").control.focus()
        else:
            self._focus_within(end)
        if found.left_out:
            self.notify(f"not taken over from what was pasted: {', '.join(found.left_out)}", markup=False)

    def first_focus(self) -> Widget | None:
        """The source, of a task that has none yet: its name follows."""
        draft = self.wizard.draft
        begins = not draft.source.host and not draft.source.database and not draft.named
        return self.field("source.host").control if begins else super().first_focus()

    def _focus_within(self, end: End) -> None:
        """Gives the focus to a field in sight, where the one that had it is not any more: keys would go nowhere."""
        focused = self.app.focused
        field = Field.around(focused) if focused is not None else None
        if field is None or not field.display or not field.path.startswith(f"{end}."):
            self.field(f"{end}.database").control.focus()

    def _test(self, end: End) -> None:
        self._known[end] = self._now(end)
        self._awaited.add(end)
        self._passed.pop(end, None)
        self.query_one(f"#test-{end}", EndTest).test(self.wizard.spec, self.wizard.secrets)
        self.wizard.update_controls()

    def _end_in_focus(self) -> End:
        focused = self.app.focused
        within = focused is not None and any(node.id == "form-destination" for node in focused.ancestors)
        return "destination" if within else "source"

    def _now(self, end: End) -> Tested:
        """The end and its secrets as they are now."""
        secrets = self.wizard.secrets
        own = (
            (secrets.source, secrets.source_key) if end == "source" else (secrets.destination, secrets.destination_key)
        )
        return (self.wizard.draft.end(end), own)

    @property
    def _is_tested(self) -> bool:
        return all(self._passed.get(end) == self._now(end) for end in ENDS)

    def _follow_draft(self) -> None:
        draft = self.wizard.draft
        for form in self.query(EndpointForm):
            form.show_draft(draft.end(form.end), self._trouble_of(form.end))
            if form.end in self._known and self._known[form.end] != self._now(form.end):
                # What was found was of the end before it was changed.
                del self._known[form.end]
                self._awaited.discard(form.end)
                self.query_one(f"#test-{form.end}", EndTest).forget()
        self.query_one(Paragraphs).show(advise(draft))

    def _trouble_of(self, end: End) -> str | None:
        if self.wizard.draft.end(end).password != "keyring":
            return None
        return keyring_trouble(self.wizard.draft.end(end).to_endpoint())

    def _offer_saved(self) -> None:
        try:
            names = list(saved_connections.list_connections())
        except SyncwizardError as error:
            self.notify(str(error), title="Saved connections", severity="warning", markup=False)
            names = []
        for form in self.query(EndpointForm):
            form.show_saved(names, self.wizard.draft.end(form.end).connection)

    @on(EndpointForm.Picked)
    def _picked(self, event: EndpointForm.Picked) -> None:
        """Fills the end from what is saved, and leaves it editable; `none` leaves everything."""
        draft = self.wizard.draft
        if not event.name:
            self.wizard.edit(draft.with_value(f"{event.end}.connection", ""))
            return
        try:
            # Its files are named from the folder of the connections.
            saved = saved_connections.checked(event.name, saved_connections.fields_of(event.name))
        except SyncwizardError as error:
            self.notify(str(error), title="Saved connections", severity="error", markup=False)
            self._offer_saved()
            return
        filled = EndpointDraft.from_endpoint(saved, event.name)
        self.wizard.edit(draft.with_end(event.end, filled))
        self.show()

    @on(EndpointForm.SaveRequested)
    def _save_requested(self, event: EndpointForm.SaveRequested) -> None:
        end = event.end
        suggestion = self.wizard.draft.end(end).connection or self.wizard.draft.end(end).database

        def save(name: str | None) -> None:
            if name is None:
                return
            try:
                saved = EndpointDraft.from_endpoint(getattr(self.wizard.spec, end))
                saved_connections.add(name, saved.fields(), replace=True)
            except (SyncwizardError, OSError) as error:
                self.notify(str(error), title="Not saved", severity="error", markup=False)
                return
            self.wizard.edit(self.wizard.draft.with_value(f"{end}.connection", name))
            self._offer_saved()
            self.notify(f"connection `{name}` is saved, without its password", markup=False)

        note = "Saved for this account alone. Where the password is kept is saved, the password is not."
        self.app.push_screen(NameDialog(f"Save the {end} as a connection", suggestion, note=note), save)

    @on(EndpointForm.BrowseRequested)
    def _browse_requested(self, event: EndpointForm.BrowseRequested) -> None:
        field = self.field(event.path)

        def chosen(path: str | None) -> None:
            if path is not None:
                field.fill(path)
                self.take(field.path, path)
            field.control.focus()

        self.app.push_screen(FilePickerDialog(field.field_help, field.value), chosen)


def secret_part(path: str) -> str:
    """The part of the `Handover` that the field at `path` holds; '' for other fields.

    >>> secret_part("source.key_secret"), secret_part("destination.secret"), secret_part("source.host")
    ('source_key', 'destination', '')
    """
    end, _, field = path.rpartition(".")
    return f"{end}{SECRETS[field]}" if field in SECRETS else ""
