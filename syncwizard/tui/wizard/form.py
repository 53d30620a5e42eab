"""A step made of fields: they are filled from the draft, edit it, and are judged when left and again while wrong."""

from collections.abc import Collection

from textual import events, on
from textual.widgets import Input, Static

from syncwizard.task.drafting.draft import TaskDraft
from syncwizard.task.validation import Problem
from syncwizard.tui.widgets.choice import Choice
from syncwizard.tui.widgets.field import Field, id_of
from syncwizard.tui.wizard.step import Step


class FormStep(Step):
    """What is the same for every form. A `.form--help` in it explains the field with the focus."""

    def show(self) -> None:
        """Fills every field from the draft; what was shown as wrong is judged again."""
        for field in self.query(Field):
            field.fill(self.value_of(field.path))
        self.judge([field.path for field in self.query(Field) if field.wrong])

    def value_of(self, path: str) -> str:
        """What belongs into the field."""
        return str(self.wizard.draft.value(path))

    def take(self, path: str, value: str) -> None:
        """Keeps what was typed into the field."""
        self.wizard.edit(self.wizard.draft.with_value(path, value))

    def as_typed(self) -> TaskDraft:
        """The draft, and in it what stands in the field with the focus: its change may still wait to be heard."""
        draft = self.wizard.draft
        focused = self.screen.focused
        field = Field.around(focused) if focused is not None else None
        if field is None or field.value == self.value_of(field.path):
            return draft
        return draft.with_value(field.path, field.value)

    def judge(self, paths: Collection[str]) -> None:
        """Shows what is wrong with the fields at these paths, and that nothing is."""
        if not paths:
            return
        problems = {problem.path: problem for problem in reversed(self.problems())}
        for field in self.query(Field):
            if field.path in paths:
                field.mark(problems.get(field.path))

    def point_at(self, problem: Problem) -> None:
        """Marks every field that is wrong and goes to the first."""
        self.judge([each.path for each in self.problems()])
        self.field(problem.path).control.focus()

    def field(self, path: str) -> Field:
        """The field at the path."""
        return self.query_one(f"#{id_of(path)}", Field)

    @on(Input.Changed)
    @on(Choice.Changed)
    def _edited(self, event: Input.Changed | Choice.Changed) -> None:
        """Heard here, not reported by the field: a key that comes behind must find the fields now in sight."""
        field = Field.around(event.control)
        if field is None:
            return
        event.stop()
        self.take(field.path, event.value)
        # A rule may be about two fields: correcting one corrects the other.
        self.judge([field.path for field in self.query(Field) if field.wrong])

    @on(Field.Left)
    def _left(self, event: Field.Left) -> None:
        event.stop()
        self.judge([event.field.path])

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Explains the field that got the focus."""
        field = Field.around(event.widget)
        for line in self.query(".form--help").results(Static):
            line.update(field.field_help if field else "", layout=False)
