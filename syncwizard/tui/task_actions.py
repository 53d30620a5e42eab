"""What is done to a task from a screen: the question before it, the work beside the screen, and what came of it."""

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import TypeVar, cast

from rich.cells import cell_len
from textual.app import App
from textual.screen import Screen

from syncwizard.client import credentials, lifecycle, pausing
from syncwizard.client.looking import Seen, look_anyway
from syncwizard.client.report import as_text, default_name, gather, redactor_of
from syncwizard.client.tasks import StoredTask
from syncwizard.errors import EndpointError, SyncwizardError
from syncwizard.task.copying_beside import is_copied_beside
from syncwizard.task.events import Event, ResyncRequested, SequencesSet
from syncwizard.task.handover import Handover
from syncwizard.task.left_over import left_over_lines
from syncwizard.task.names import TableName
from syncwizard.task.narration import narrate
from syncwizard.task.resync import ResyncWish, describe_consequences, describe_order
from syncwizard.task.state import TaskState
from syncwizard.task.summary import RELEASE_CONSEQUENCES
from syncwizard.task.text import one_line, or_unknown, pad
from syncwizard.tui.background import in_background
from syncwizard.tui.dialogs.confirm import ConfirmDialog, TypedConfirmDialog
from syncwizard.tui.dialogs.copy_text import CopyTextDialog
from syncwizard.tui.dialogs.dialog import Dialog
from syncwizard.tui.dialogs.error import ErrorDialog
from syncwizard.tui.dialogs.password import PasswordDialog
from syncwizard.tui.opening import Home

Result = TypeVar("Result")
Secrets = Callable[[], Handover]

PAUSE_TEXT = (
    "Every connection of the task is closed. Its replication slot stays, and keeps WAL at the source until the task is "
    "resumed or released. Nothing is lost."
)

PAUSE_TABLE_TEXT = (
    "The task stops for a moment, and goes on with its other tables. From then on changes of this table are counted,"
    " and neither applied nor kept: the only way back is R, which empties it at the destination and copies it again."
)

SEQUENCES_TEXT = (
    "Written at the destination, {destination}: every selected sequence that is behind its value at the source is set"
    " to that value. None is set back."
)


class TaskActions:
    """What one screen does to tasks. `changed` is called when something was done, to look again."""

    def __init__(self, screen: Screen[None], changed: Callable[[], object]) -> None:
        self._screen = screen
        self._changed = changed
        # Two quick presses open one dialog.
        self._describing = False

    @cached_property
    def _app(self) -> App[object]:
        """Where questions and results are shown, also when the screen was left meanwhile: no result must be lost."""
        return self._screen.app

    def pause(self, tasks: Sequence[StoredTask]) -> None:
        """Asks once, then pauses the tasks."""

        def go(confirmed: bool | None) -> None:
            for task in tasks if confirmed else ():
                self.do(f"pausing {task.label}", partial(lifecycle.pause, task), self._notify_state(task))

        which = tasks[0].label if len(tasks) == 1 else f"{len(tasks)} tasks"
        names = "" if len(tasks) == 1 else f"\n\n{', '.join(task.label for task in tasks)}"
        self._app.push_screen(ConfirmDialog(f"Pause {which}?", f"{PAUSE_TEXT}{names}", "Pause"), go)

    def pause_table(self, task: StoredTask, table: TableName) -> None:
        """Asks, then sets one table aside; the engine begins again without it."""

        def go(secrets: Secrets) -> None:
            def work() -> TaskState:
                return pausing.pause_tables(task, [table], given=secrets(), quiet=True)

            self.do(f"pausing {table}", work, lambda state: self._notify(f"{table} is paused; R copies it again"))

        def confirmed(yes: bool | None) -> None:
            if yes:
                self.with_secrets(task, go)

        dialog = ConfirmDialog(f"Pause {table} alone?", PAUSE_TABLE_TEXT, "Pause")
        self.ask(task, dialog, f"Pause {table}", confirmed)

    def resume(self, task: StoredTask) -> None:
        """Asks for passwords that are not kept, then starts the engine again."""

        def go(secrets: Secrets) -> None:
            def work() -> TaskState:
                return lifecycle.resume(lifecycle.prepare_resume(task, secrets()))

            self.do(f"resuming {task.label}", work, self._notify_state(task))

        self.with_secrets(task, go)

    def release(self, task: StoredTask) -> None:
        """Asks for the task's name, then removes everything of it."""
        spec = task.spec

        def go(confirmed: bool | None) -> None:
            if confirmed:
                self.with_secrets(task, release)

        def release(secrets: Secrets) -> None:
            def heard(event: Event) -> None:
                self._app.call_later(self._notify, narrate(event))

            def work() -> TaskState:
                if task.find_engine() is not None:
                    lifecycle.pause(task)
                return lifecycle.release(task, heard, secrets(), quiet=True)

            self.do(f"releasing {task.label}", work, self._show_left_over(task))

        dialog = TypedConfirmDialog(
            f"Release {task.label}",
            f"It runs, and is paused first. {RELEASE_CONSEQUENCES}" if task.find_engine() else RELEASE_CONSEQUENCES,
            name=task.label,
            source=spec.source.describe(),
            destination=spec.destination.describe(),
            verb="Release",
        )
        self.ask(task, dialog, "Release", go)

    def resync(self, task: StoredTask, wish: ResyncWish) -> None:
        """Looks what copying again would empty, asks for the task's name with that in sight, and does it."""
        if self._describing:
            return

        def go(secrets: Secrets) -> None:
            def look() -> tuple[ResyncRequested, Handover]:
                given = secrets()
                return lifecycle.describe_resync(task, wish, given, quiet=True), given

            self._describing = True
            self.do(f"looking what {task.label} would copy again", look, ask, self._described)

        def ask(found: tuple[ResyncRequested, Handover]) -> None:
            order, given = found
            if not self._screen.is_attached:
                # The screen was left: the question is not waited for any more.
                return

            def answered(confirmed: bool | None) -> None:
                if confirmed:
                    what = f"resynchronizing {task.label}"

                    def work() -> TaskState:
                        return lifecycle.resync(task, order, given, quiet=True)

                    self.do(what, work, self._notify_state(task))

            self.ask(task, resync_dialog(task, order), "Copy again", answered)

        self.with_secrets(task, go)

    def _described(self) -> None:
        self._describing = False

    def set_sequences(self, task: StoredTask) -> None:
        """Asks, sets the destination's sequences to the source's values again, and shows both."""

        def done(found: SequencesSet) -> None:
            width = max((cell_len(str(value.sequence)) for value in found.values), default=0)
            lines = [
                f"{pad(str(value.sequence), width)}  source {or_unknown(value.source)}"
                f"  destination {or_unknown(value.destination)}"
                for value in found.values
            ]
            lines += [f"not set: {problem}" for problem in found.problems]
            title = f"{found.count} of {len(found.values)} sequences were moved forward"
            name = default_name(task.label, "txt").replace("-report", "-sequences")
            self._app.push_screen(CopyTextDialog(title, "\n".join(lines) or "no sequences", name))

        def go(secrets: Secrets) -> None:
            what = f"setting the sequences of {task.label}"
            self.do(what, lambda: lifecycle.set_sequences(task, 0, secrets(), quiet=True), done)

        def confirmed(yes: bool | None) -> None:
            if yes:
                self.with_secrets(task, go)

        text = SEQUENCES_TEXT.format(destination=task.spec.destination.describe())
        self.ask(task, ConfirmDialog(f"Set the sequences of {task.label}?", text, "Set"), "Set", confirmed)

    def ask(self, task: StoredTask, dialog: Dialog[bool], verb: str, go: Callable[[bool | None], None]) -> None:
        """Asks once, and a second time for a task of an environment that people work with."""

        def answered(confirmed: bool | None) -> None:
            if not confirmed or task.spec.advanced.tag != "online":
                go(confirmed)
                return
            text = f"{task.label} is tagged online: people work with what it writes to.\n\n{verb}, all the same?"
            self._app.push_screen(ConfirmDialog(f"{task.label} is online", text, verb), go)

        self._app.push_screen(dialog, answered)

    def report(self, task: StoredTask, now: float) -> None:
        """Gathers the report and shows it, to be written to a file."""

        def work() -> str:
            return as_text(gather(look_anyway(task), now, redactor_of(task.spec)))

        def done(text: str) -> None:
            title = f"Report on {task.label}: read it before you send it, it names servers and tables"
            self._app.push_screen(CopyTextDialog(title, text, default_name(task.label, "txt")))

        self.do(f"gathering a report on {task.label}", work, done)

    def with_secrets(self, task: StoredTask, go_on: Callable[[Secrets], object]) -> None:
        """Asks once for what only a person knows; the rest is read beside the screen, where a keyring may take its
        time."""
        kept = cast(Home, self._app).typed

        def typed(answer: Handover | None) -> None:
            if answer is not None:
                kept[task.id] = whole = credentials.together(known, answer)
                go_on(lambda: credentials.collect(task.spec, whole))

        known = kept.get(task.id, Handover())
        if asked := credentials.unanswered(task.spec, known):
            self._app.push_screen(PasswordDialog(asked), typed)
        else:
            typed(known)

    def do(
        self,
        what: str,
        work: Callable[[], Result],
        done: Callable[[Result], object],
        ended: Callable[[], object] = lambda: None,
    ) -> None:
        """Works beside the screen; then calls `ended`, however that went, and `done` if it went well."""
        self._notify(f"{what} …")

        def over() -> None:
            ended()
            if self._screen.is_attached:
                self._changed()

        def finished(result: Result) -> None:
            over()
            # What comes of it is on the screen now; the note that it is being done would lie over it.
            self._app.clear_notifications()
            done(result)

        def failed(error: SyncwizardError) -> None:
            over()
            if isinstance(error, EndpointError):
                kept = cast(Home, self._app).typed
                kept.update({task: credentials.still_good(known, error) for task, known in kept.items()})
            self._app.push_screen(ErrorDialog(error, f"{what}: it did not work"))

        in_background(self._app, work, finished, failed)

    def _notify_state(self, task: StoredTask) -> Callable[[TaskState], None]:
        return lambda state: self._notify(f"{task.label}: {state.state}")

    def _show_left_over(self, task: StoredTask) -> Callable[[TaskState], None]:
        def tell(state: TaskState) -> None:
            if not state.left_over:
                self._notify(f"{task.label} is released: nothing of it is left at either end")
                return
            text = "\n".join(map(one_line, left_over_lines(state.left_over)))
            name = default_name(task.label, "sql").replace("-report", "-left-over")
            self._app.push_screen(CopyTextDialog("Left over, to be run by hand", text, name, severe=True))

        return tell

    def _notify(self, text: str) -> None:
        self._app.notify(text, markup=False)


def resync_dialog(task: StoredTask, order: ResyncRequested) -> TypedConfirmDialog:
    """Says what the command would say, and wants the task's name."""
    spec = task.spec
    return TypedConfirmDialog(
        f"Copy again: {task.label}",
        describe_consequences(
            order, spec.destination.database or "", beside=is_copied_beside(spec, task.read_state(), order)
        ),
        name=task.label,
        source=spec.source.describe(),
        destination=spec.destination.describe(),
        verb="Copy again",
        details=describe_order(order),
    )


def may_pause(seen: Seen) -> bool:
    """Whether there is an engine to pause."""
    return seen.liveness.alive


def may_resume(seen: Seen) -> bool:
    """Whether the task was begun, is not over, and has no engine."""
    return not seen.liveness.alive and seen.state.state not in ("not-started", "switched", "released")


def lost_changes(seen: Seen) -> bool:
    """Whether the task failed because changes are missing: resuming does not help, copying again does."""
    failure = seen.state.failure
    return seen.state.state == "failed" and failure is not None and failure.changes_missing


def may_resync(seen: Seen) -> bool:
    """Whether tables of the task can be copied again."""
    return seen.state.finished("precheck") and seen.state.state not in ("switched", "released")


def may_pause_table(seen: Seen, marked: str | None) -> bool:
    """Whether the marked table can be set aside: once all are consistent, and it is not yet."""
    if marked is None or not seen.state.finished("catch-up") or not may_resync(seen) or seen.state.failure is not None:
        return False
    return seen.state.table_name(marked) not in {name for each in seen.state.aside for name in each.names}


def may_release(seen: Seen) -> bool:
    """Whether something of the task may be left at the ends. One that runs is paused first."""
    return seen.state.state != "released" or bool(seen.state.left_over)


def wish_of(seen: Seen, marked: str | None) -> ResyncWish | None:
    """What would be copied again: what lost changes or is set aside, where there is such, else the marked table."""
    if lost_changes(seen) or (marked is None and seen.state.left_aside):
        return ResyncWish()
    return None if marked is None else ResyncWish(tables=[seen.state.table_name(marked)])


def may_set_sequences(seen: Seen) -> bool:
    """Whether the task has created its sequences, and is not over."""
    return seen.state.finished("constraints") and seen.state.state not in ("switched", "released")
