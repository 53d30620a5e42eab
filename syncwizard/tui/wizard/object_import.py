"""From a task file to the choice of objects: the file is asked for, its edits are shown, and taken."""

from pathlib import Path

from syncwizard.client.saved_connections import load_task
from syncwizard.errors import SyncwizardError
from syncwizard.rows.imported_edits import Imported
from syncwizard.task.specification import TaskSpec
from syncwizard.tui.background import in_background
from syncwizard.tui.dialogs.error import ErrorDialog
from syncwizard.tui.dialogs.file_picker import FilePickerDialog
from syncwizard.tui.dialogs.import_edits import ImportDialog
from syncwizard.tui.widgets.object_picker import ObjectPicker
from syncwizard.tui.wizard.step import Step, Wizard


def take_from_file(step: Step, wizard: Wizard, picker: ObjectPicker) -> None:
    """Asks for a file, and for what of it is taken. One that cannot be read says why, and changes nothing."""

    def chosen(path: str | None) -> None:
        if path is None:
            return

        def read(spec: TaskSpec) -> None:
            database = wizard.draft.source.database
            dialog = ImportDialog(spec, picker.choice, title=f"From {Path(path).name}", database=database)
            step.app.push_screen(dialog, lambda answer: _take(answer, wizard, picker))

        # Of thousands of tables it takes seconds.
        in_background(step, lambda: load_task(Path(path)), read, lambda error: _say_why(error, step))

    step.app.push_screen(FilePickerDialog("Take the edits of a task file"), chosen)


def _take(answer: Imported | None, wizard: Wizard, picker: ObjectPicker) -> None:
    if answer is None:
        return
    if answer.script is not None:
        draft = wizard.draft.with_value("advanced.etl", answer.script)
        wizard.edit(draft.with_value("advanced.etl_errors", answer.errors))
    picker.replace(answer.choice)


def _say_why(error: SyncwizardError, step: Step) -> None:
    step.app.push_screen(ErrorDialog(error, "Nothing was taken"))
