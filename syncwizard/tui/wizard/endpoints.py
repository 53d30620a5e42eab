"""The step of the two ends: what they are, how they are reached, and whether they can be."""

from typing import ClassVar

import msgspec
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Input, Label, Static

from syncwizard.client import credentials, saved_connections
from syncwizard.errors import End, SyncwizardError
from syncwizard.secrets import keyring_trouble
from syncwizard.task.drafting.draft import ENDS, StepName
from syncwizard.task.drafting.endpoint_draft import EndpointDraft
from syncwizard.task.handover import Handover
from syncwizard.task.validation import Problem
from syncwizard.tui.dialogs.connectivity import ConnectivityDialog
from syncwizard.tui.dialogs.file_picker import FilePickerDialog
from syncwizard.tui.dialogs.name import NameDialog
from syncwizard.tui.widgets.choice import Choice
from syncwizard.tui.widgets.field import Field
from syncwizard.tui.widgets.paragraphs import Paragraphs
from syncwizard.tui.wizard.advice import advise
from syncwizard.tui.wizard.endpoint_form import SECRETS, EndpointForm
from syncwizard.tui.wizard.form import FormStep
from syncwizard.tui.wizard.step import NEXT

SECRET_PATHS = tuple(f"{end}.{field}" for end in ENDS for field in SECRETS)
PAGES = (("source", "Source"), ("destination", "Destination"), ("mind", "What to mind"))


class EndpointsStep(FormStep):
    """Task name, source and destination: beside each other where there is room, else a page each."""

    step: ClassVar[StepName] = "endpoints"
    title: ClassVar[str] = "Source & destination"
    manual_topic = "preparing"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        # The ends and secrets that the last test found in order.
        self._tested: tuple[EndpointDraft, EndpointDraft, Handover] | None = None
        # The pages that were in sight.
        self._seen: set[str] = set()

    def compose(self) -> ComposeResult:
        """The name, the pages, and what to mind."""
        yield Field("name", "Task name", Input(compact=True), help="Yours to choose; two tasks may have the same")
        yield Choice(PAGES, id="pages")
        with Horizontal(id="ends"):
            yield EndpointForm("source")
            yield EndpointForm("destination")
        with VerticalScroll(id="mind"):
            yield Label("What to mind", classes="form--heading -wide-only")
            yield Paragraphs(id="advice")
        yield Static("", classes="form--help", markup=False)

    def show(self) -> None:
        """Fills all fields and offers the saved connections."""
        super().show()
        self._offer_saved()
        self._show_page(self.query_one("#pages", Choice).value)
        self._follow_draft()

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

    def point_at(self, problem: Problem) -> None:
        """Turns to the page of the field first. What stands on one never seen is not wrong yet: it is next."""
        end = problem.path.partition(".")[0]
        is_new = end in ENDS and self.query_one("#pages", Choice).display and end not in self._seen
        if end in ENDS:
            self._show_page(end)
        if is_new:
            self.field(problem.path).control.focus()
        else:
            super().point_at(problem)

    @property
    def next_label(self) -> str:
        """What is tested already is not tested again."""
        return NEXT if self._is_tested else "Test connectivity and proceed"

    @property
    def next_key(self) -> str:
        """In the words of a key bar."""
        return NEXT if self._is_tested else "Test both ends"

    def proceed(self) -> bool:
        """Both ends are tested, unless they were just as they are now."""
        if self._is_tested:
            return True
        draft, secrets = self.wizard.draft, self.wizard.secrets

        def tested(passed: bool | None) -> None:
            if passed:
                self._tested = (draft.source, draft.destination, secrets)
                self.wizard.go_on()

        self.app.push_screen(ConnectivityDialog(self.wizard.spec, secrets), tested)
        return False

    @property
    def _is_tested(self) -> bool:
        draft = self.wizard.draft
        return self._tested == (draft.source, draft.destination, self.wizard.secrets)

    def _follow_draft(self) -> None:
        draft = self.wizard.draft
        for form in self.query(EndpointForm):
            form.show_draft(draft.end(form.end), self._trouble_of(form.end))
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

    @on(Choice.Changed, "#pages")
    def _page_chosen(self, event: Choice.Changed) -> None:
        event.stop()
        self._show_page(event.value)

    def _show_page(self, page: str) -> None:
        self.query_one("#pages", Choice).value = page
        self._seen.add(page)
        for name, _ in PAGES:
            self.set_class(name == page, f"-page-{name}")

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
