"""The tasks of this machine: stored, listed, and found by name, id prefix or task file."""

import datetime
import functools
import re
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from syncwizard import paths
from syncwizard.client.precheck_items import unknown_items
from syncwizard.client.saved_connections import load_task
from syncwizard.engine import history, journal, locking
from syncwizard.errors import JournalFailed, TaskFileError, UsageError
from syncwizard.machine import operator
from syncwizard.remedies import also, followed_by
from syncwizard.task import file
from syncwizard.task.events import Entry
from syncwizard.task.figures.history import History
from syncwizard.task.specification import IgnoredItem, TaskSpec
from syncwizard.task.state import TaskState
from syncwizard.task.text import did_you_mean, shell_word

# Fewer digits of an id than these are taken for a name.
ID_PREFIX_DIGITS = 4
LABEL_DIGITS = 8
# The name is among the first lines that we write.
NAME_WITHIN = 100_000
_NAME_LINE = re.compile(r"^name:(.+)$", re.MULTILINE)


class StoredTask(msgspec.Struct, frozen=True, kw_only=True):
    """A task that was started at least once. `label` is its name, with a suffix where another has the same."""

    id: uuid.UUID
    spec: TaskSpec
    label: str

    @property
    def tagged(self) -> str:
        """The label, with the tag of its environment where it has one."""
        tag = self.spec.advanced.tag
        return self.label if tag == "none" else f"{self.label} [{tag}]"

    @property
    def folder(self) -> Path:
        """Where its journal and log are."""
        return paths.task_folder(self.id)

    def read_state(self) -> TaskState:
        """Its state, from the journal."""
        return journal.read_state(self.folder / journal.FILE_NAME, self.id, self.spec.name)

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """The events after a sequence number, from the journal, in pages."""
        return journal.iterate_entries(self.folder / journal.FILE_NAME, after)

    def last_entries(self, count: int) -> list[Entry]:
        """The last events, from the journal, oldest first."""
        return journal.read_last_entries(self.folder / journal.FILE_NAME, count)

    def history_stamp(self) -> float | None:
        """When the past of its figures was last kept (seconds since the epoch); None where it never was."""
        try:
            return (self.folder / history.FILE_NAME).stat().st_mtime
        except FileNotFoundError:
            return None

    def history(self) -> History:
        """The past of its figures."""
        return history.read_history(self.folder)

    def find_engine(self) -> locking.Holder | None:
        """The living process that has the task, None when there is none."""
        return locking.find_holder(self.id)


def list_tasks() -> list[StoredTask]:
    """All stored tasks that can be read, by label; `unreadable` tells of the others."""
    specs = [spec for spec in map(_load, task_files()) if isinstance(spec, TaskSpec)]
    # One whose file is damaged has a name, too, and gives it back when that is put right.
    names = Counter([*(spec.name for spec in specs), *(each.name for each in _damaged())])
    tasks = [
        StoredTask(id=spec.id, spec=spec, label=label_of(spec, unique=names[spec.name] == 1))
        for spec in specs
        if spec.id is not None
    ]
    return sorted(tasks, key=lambda task: task.label)


def unreadable() -> list[TaskFileError]:
    """Why some stored tasks are not among `list_tasks`: damaged, or written by another version."""
    return [error for error in map(_load, task_files()) if isinstance(error, TaskFileError)]


def label_of(spec: TaskSpec, *, unique: bool) -> str:
    """The name, with the first digits of the id where it is not the only one of that name."""
    if unique or spec.id is None:
        return spec.name
    return f"{spec.name}-{spec.id.hex[:LABEL_DIGITS]}"


def find_task(text: str, *, exactly: bool = False) -> StoredTask:
    """The task with this name, label or id, or of this task file; raises UsageError, also when several fit, and
    TaskFileError where its stored task file cannot be read.

    Unless `exactly` that is asked for, the beginning of an id will do.
    """
    tasks = list_tasks()
    if file.is_file(text):
        return _of_file(Path(text), tasks)
    matching = _matching(text, tasks)
    rivals = [] if any(task.label == text for task in matching) else [each for each in _damaged() if each.name == text]
    if exactly and len(matching) == 1 and not rivals and not _is_named(matching[0], text):
        raise UsageError(
            f"`{text}` is only the beginning of an id", remedy=f"name the task as it is called: {matching[0].label}"
        )
    if len(matching) == 1 and not rivals:
        return matching[0]
    if matching:
        raise UsageError(
            f"several tasks are called `{text}`",
            detail=", ".join(
                [
                    *(f"{task.label} ({task.id})" for task in matching),
                    *(f"{each.id}, whose file cannot be read" for each in rivals),
                ]
            ),
            remedy="use the name with its suffix, or the beginning of the id",
        )
    raise _unknown(text, [task.label for task in tasks])


class Damaged(msgspec.Struct, frozen=True, kw_only=True):
    """A stored task whose file cannot be read. `name` is what its line says, empty where it has none."""

    id: str
    name: str
    error: TaskFileError

    def is_meant(self, text: str) -> bool:
        """Whether the text is its name, its label or the beginning of its id."""
        digits = text.replace("-", "").lower()
        prefix = len(digits) >= ID_PREFIX_DIGITS and self.id.replace("-", "").startswith(digits)
        return text in (self.name, f"{self.name}-{self.id[:LABEL_DIGITS]}") or prefix


def _unknown(text: str, labels: Sequence[str]) -> UsageError:
    """Why no task that can be read is meant."""
    damaged = _damaged()
    if meant := next((each for each in damaged if each.is_meant(text)), None):
        right = "correct the file; the task and its slot still exist"
        return TaskFileError(
            f"the stored file of this task cannot be read: {meant.error.title}",
            where=meant.error.where,
            detail=meant.error.detail,
            remedy=followed_by(also(meant.error.remedy, right), "run again"),
        )
    known = [*labels, *(f"{each.name or each.id} (its file cannot be read)" for each in damaged)]
    remedy = f"the tasks are: {', '.join(known)}" if known else "start one first: syncwizard start FILE"
    return UsageError(
        f"no task is called `{text}`", remedy=did_you_mean(text, [*labels, *(each.name for each in damaged)]) or remedy
    )


def _damaged() -> list[Damaged]:
    found = []
    for path in task_files():
        error = _load(path)
        if isinstance(error, TaskFileError):
            found.append(Damaged(id=path.parent.name, name=name_in(path), error=error))
    return found


def name_in(path: Path) -> str:
    """The name in a file that is no YAML any more, or takes long to read, by its line."""
    try:
        line = _NAME_LINE.search(path.read_text(encoding="utf-8", errors="replace")[:NAME_WITHIN])
    except OSError:
        return ""
    return line[1].strip().strip("'\"") if line else ""


def store(spec: TaskSpec) -> StoredTask:
    """Keeps the specification in the task's folder, for its owner alone; raises TaskFileError."""
    if spec.id is None:
        raise ValueError("a task without an id cannot be stored")
    paths.ensure_private_folder(paths.state_folder())
    paths.ensure_private_folder(paths.tasks_folder())
    folder = paths.ensure_private_folder(paths.task_folder(spec.id))
    path = folder / paths.TASK_FILE
    file.save(spec, path)
    stored = next((task for task in list_tasks() if task.id == spec.id), None)
    if stored is None:
        why = f"see why: syncwizard check {shell_word(path)}"
        raise TaskFileError("the stored task cannot be read back", where=str(path), remedy=why)
    return stored


def is_released(task: StoredTask) -> bool:
    """Whether the task is over."""
    try:
        return task.read_state().state == "released"
    except JournalFailed:
        # Not known: then it is one of those that may be meant.
        return False


def _is_over(task: StoredTask) -> bool:
    """Whether the task is released, or switched over, so that another one of its name is meant first."""
    try:
        return task.read_state().state in ("released", "switched")
    except JournalFailed:
        return False


def with_ignored(spec: TaskSpec, items: Iterable[str]) -> TaskSpec:
    """The specification with warnings of the precheck accepted now; raises UsageError for an item there is not."""
    items = list(items)
    for name, remedy in unknown_items(items).items():
        raise UsageError(f"no precheck item is called `{name}`", remedy=remedy)
    # What was accepted for a detail may be about another one now.
    new = [item for item in items if not _accepts_anything(spec.precheck.acceptance(item))]
    kept = [entry for entry in spec.precheck.ignore if isinstance(entry, str) or entry.item not in new]
    precheck = msgspec.structs.replace(spec.precheck, ignore=[*kept, *map(acceptance_of, new)])
    return msgspec.structs.replace(spec, precheck=precheck)


def _accepts_anything(entry: IgnoredItem | str | None) -> bool:
    return isinstance(entry, str) or (entry is not None and not entry.detail)


def acceptance_of(item: str, detail: str = "") -> IgnoredItem:
    """The warning of a precheck item accepted now, by who is at this machine; see IgnoredItem."""
    now = datetime.datetime.now(tz=datetime.UTC).isoformat(timespec="seconds")
    return IgnoredItem(item=item, accepted_at=now, accepted_by=operator(), detail=detail)


def task_files() -> list[Path]:
    """The specifications of all stored tasks, each in a folder that is called by its id."""
    return sorted(paths.tasks_folder().glob(f"*/{paths.TASK_FILE}"))


def _load(path: Path) -> TaskSpec | TaskFileError:
    """One damaged file must not stand in the way of all other tasks."""
    try:
        found = path.stat()
        return _load_version(path, (found.st_ino, found.st_size, found.st_ctime_ns))
    except OSError:
        # It went away just now, and the task with it.
        return TaskFileError("the task file cannot be read", where=str(path))


# The list of tasks asks for all of them every few seconds, and one of 20,000 tables takes 2 s.
@functools.lru_cache(maxsize=256)
def _load_version(path: Path, version: tuple[int, ...]) -> TaskSpec | TaskFileError:
    """What is in the file as it was in this version: it is replaced as a whole, never written into."""
    try:
        return file.load(path)
    except TaskFileError as error:
        return error


def _is_named(task: StoredTask, text: str) -> bool:
    """Whether this is the name or the id, and all of it."""
    return text in (task.label, task.spec.name) or text.replace("-", "").lower() == task.id.hex


def _of_file(path: Path, tasks: Sequence[StoredTask]) -> StoredTask:
    spec = load_task(path)
    found = next((task for task in tasks if task.id == spec.id), None)
    if found is None:
        raise UsageError(
            "this task file was not started here",
            where=str(path),
            remedy=f"start it: syncwizard start {shell_word(path)}",
        )
    return found


def _matching(text: str, tasks: Sequence[StoredTask]) -> list[StoredTask]:
    """By label, else by name (of several, those that are not over), else by the beginning of the id."""
    if labelled := [task for task in tasks if task.label == text]:
        return labelled
    if named := [task for task in tasks if task.spec.name == text]:
        return named if len(named) == 1 else [task for task in named if not _is_over(task)] or named
    digits = text.replace("-", "").lower()
    if len(digits) < ID_PREFIX_DIGITS:
        return []
    return [task for task in tasks if task.id.hex.startswith(digits)]
