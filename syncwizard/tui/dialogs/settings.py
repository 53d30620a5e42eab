"""Settings of one kind, each with its words, in a form over the wizard."""

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby

from textual import on
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Button, Input, Static

from syncwizard.errors import SyncwizardError
from syncwizard.task.problem import Problem
from syncwizard.task.settings import Declared
from syncwizard.tui.background import in_background
from syncwizard.tui.dialogs.dialog import Box
from syncwizard.tui.dialogs.edit import EditDialog
from syncwizard.tui.widgets.choice import Choice
from syncwizard.tui.widgets.field import Field
from syncwizard.tui.widgets.setting_field import setting_field

Texts = Mapping[str, str]
# What is wrong with the settings, given as texts by their paths.
Judge = Callable[[Texts], Sequence[Problem]]
# Does something with them as they are typed, in the background, and says how that went.
Trial = Callable[[Texts], str]


class SettingsDialog(EditDialog[Texts]):
    """Answers the texts of all settings by their paths."""

    def __init__(
        self,
        title: str,
        settings: Sequence[Declared],
        texts: Texts,
        judge: Judge,
        *,
        trial: tuple[str, Trial] | None = None,
    ) -> None:
        """`texts` by the settings' paths; `trial`: a button for something that is done with them, and that."""
        super().__init__()
        self._title, self._settings, self._begun, self._judge = title, settings, dict(texts), judge
        self._trial = trial

    def compose(self) -> ComposeResult:
        """A heading a group, a field a setting; the buttons stay in sight."""
        with Box(self._title):
            with VerticalScroll(can_focus=False, id="settings-fields"):
                for group, settings in groupby(self._settings, lambda each: each.group):
                    if group is not None:
                        yield Static(group.heading, classes="form--heading")
                    for each in settings:
                        yield from setting_field(each)
            tried = (Button(self._trial[0], id="trial", compact=True),) if self._trial is not None else ()
            yield from self.buttons(more=tried)

    def on_mount(self) -> None:
        """Begins at the first setting."""
        for field in self.query(Field):
            field.fill(self._begun[field.path])
        self.query(Field).first().control.focus()

    @property
    def texts(self) -> dict[str, str]:
        """What stands in the fields."""
        return {field.path: field.value for field in self.query(Field)}

    @property
    def changed(self) -> bool:
        """Whether anything is set otherwise."""
        return self.texts != self._begun

    def answer(self) -> Texts | None:
        """The texts; or the focus on the first that is wrong."""
        wrong = self._mark()
        if wrong is not None:
            wrong.control.focus()
            return None
        return self.texts

    @on(Input.Changed)
    @on(Choice.Changed)
    def _edited(self, event: Input.Changed | Choice.Changed) -> None:
        event.stop()
        self.say("")
        # A rule may be about two settings: correcting one corrects the other.
        if any(field.wrong for field in self.query(Field)):
            self._mark()

    @on(Field.Left)
    def _left(self, event: Field.Left) -> None:
        event.stop()
        problems = {problem.path: problem for problem in self._judge(self.texts)}
        event.field.mark(problems.get(event.field.path))

    def _mark(self) -> Field | None:
        """Shows what is wrong with each setting; the first of them."""
        problems = {problem.path: problem for problem in self._judge(self.texts)}
        for field in self.query(Field):
            field.mark(problems.get(field.path))
        return next((field for field in self.query(Field) if field.wrong), None)

    @on(Button.Pressed, "#trial")
    def _try(self, event: Button.Pressed) -> None:
        event.stop()
        if self._trial is None or (texts := self.answer()) is None:
            return
        trial = self._trial[1]
        self.say("…")
        in_background(self, lambda: trial(texts), self._tried, self._refused)

    def _tried(self, words: str) -> None:
        self.say(words)

    def _refused(self, error: SyncwizardError) -> None:
        self.say(f"✗ {error}", failed=True)
