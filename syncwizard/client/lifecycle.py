"""What a user does with a task: check it beforehand, start, pause, resume, release. Serves every face.

A screen wants what uses a probe `quiet`: see `probes.for_task`.
"""

import shutil
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from syncwizard.client import launch, probes
from syncwizard.client.connection import EngineGone
from syncwizard.client.saved_connections import load_task
from syncwizard.client.tasks import StoredTask, find_task, is_released, list_tasks, store, with_ignored
from syncwizard.client.waiting import Watcher, connect, current, ignore, wait_for_end, wait_until
from syncwizard.errors import JournalFailed, PrecheckNotPassed, TaskFileError, UsageError
from syncwizard.paths import TASK_FILE
from syncwizard.remedies import NOTHING, Remedy, or_else, to_do
from syncwizard.task import file
from syncwizard.task.events import Event, ResyncRequested, SequencesSet
from syncwizard.task.handover import Handover
from syncwizard.task.mapping import Mapping
from syncwizard.task.resync import ResyncWish
from syncwizard.task.specification import IgnoredItem, PrecheckSettings, TaskSpec
from syncwizard.task.state import TaskState
from syncwizard.task.text import listed, shell_word
from syncwizard.task.trial import Trial
from syncwizard.task.validation import find_problems


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """A task that may be started now, with its secrets. `renewed`: it got a new id, its old one was released."""

    task: StoredTask
    secrets: Handover
    renewed: bool = False


def prepare_start(path: Path, ignored: Sequence[str] = ()) -> Prepared:
    """Validates the file, writes the id into it, and keeps the specification; refuses a task that was begun.

    Raises TaskFileError, and UsageError that says what to do instead.
    """
    spec = with_ignored(load_task(path), ignored)
    known = next((task for task in list_tasks() if task.id == spec.id), None)
    released = known is not None and _check_startable(known, path.name)
    # Before anything is written: a secret that cannot be had is the end of it.
    secrets = launch.collect_secrets(spec)
    if spec.id is None or released:
        spec = msgspec.structs.replace(spec, id=uuid.uuid4())
        if spec.id is not None:
            file.write_id(path, spec.id)
    elif known is not None:
        spec = msgspec.structs.replace(spec, precheck=join_accepted(spec, known.spec))
    return Prepared(task=store(spec), secrets=secrets, renewed=released)


def prepare_specification(spec: TaskSpec, secrets: Handover) -> Prepared:
    """Keeps a specification that came from no file, with an id, so that it can be started with these secrets.

    Raises TaskFileError for one that is not valid, and UsageError for one whose task was begun.
    """
    if problems := find_problems(spec):
        problem = problems[0]
        raise TaskFileError(problem.message, where=problem.path, remedy=problem.remedy)
    known = next((task for task in list_tasks() if task.id == spec.id), None)
    renewed = known is not None and _check_startable(known, spec.name)
    if spec.id is None or renewed:
        spec = msgspec.structs.replace(spec, id=uuid.uuid4())
    # The engine works in the task's folder: what was named from here has to be found from there.
    spec = file.with_defaults(file.with_absolute_paths(spec, Path.cwd()))
    return Prepared(task=store(spec), secrets=secrets, renewed=renewed)


def start(prepared: Prepared, watcher: Watcher = ignore) -> TaskState:
    """Starts the engine and returns when the precheck has passed.

    Raises PrecheckNotPassed, whose items `watcher` has seen, or EndpointError; then no engine runs and neither end
    has anything of ours.
    """
    before = prepared.task.read_state().sequence
    launch.start_engine(prepared.task.spec, prepared.secrets)
    return follow_precheck(prepared.task, before, watcher)


def follow_precheck(task: StoredTask, after: int, watcher: Watcher = ignore) -> TaskState:
    """Waits until the engine that was just started has passed its precheck; raises what ended it otherwise."""
    try:
        return wait_until(
            task, lambda connection: connection.state.finished("precheck"), "precheck", None, watcher, after
        )
    except UsageError:
        state = task.read_state()
        if state.state == "precheck-failed":
            raise not_passed(task.label, state) from None
        raise


def not_passed(label: str, state: TaskState) -> PrecheckNotPassed:
    """The refusal of a precheck, naming the items that block."""
    blocking = [item.item for item in state.precheck if item.blocks]
    return PrecheckNotPassed(
        "the precheck did not pass",
        where=label,
        detail=f"blocking: {', '.join(blocking)}" if blocking else "",
        remedy=to_do(
            "correct what its items report; a warning can be accepted with --ignore ITEM", then="resume", task=label
        ),
    )


def pause(task: StoredTask, timeout: float = 60.0) -> TaskState:
    """Pauses a running task and returns when its engine has ended; a paused one stays as it is."""
    if task.find_engine() is None:
        state, liveness = current(task)
        if state.state == "paused" and not liveness.died:
            return state
        raise UsageError(
            liveness.explanation or f"the task is not running, it is {state.state}",
            where=task.label,
            remedy=NOTHING if liveness.explanation else Remedy(then="status", task=task.label),
        )
    try:
        with connect(task) as connection:
            connection.command("pause")
    except EngineGone:
        # It ended by itself meanwhile; its state tells how.
        pass
    return wait_for_end(task, timeout)


def _watch_or_pause(task: StoredTask) -> Remedy:
    return Remedy(then="status", task=task.label, otherwise=Remedy(then="pause", task=task.label))


def prepare_resume(task: StoredTask, given: Handover | None = None) -> Prepared:
    """Checks that the task may be resumed, and reads its secrets unless they are given.

    Raises UsageError that says what to do instead.
    """
    holder = task.find_engine()
    if holder is not None:
        raise UsageError(
            f"the task is running (process {holder.pid})",
            where=task.label,
            remedy=_watch_or_pause(task),
        )
    state = task.read_state()
    if state.state == "released":
        raise UsageError("the task was released", where=task.label, remedy=Remedy(then="start"))
    check_not_switched(task, state)
    if state.failure is not None and state.failure.changes_missing:
        raise UsageError(
            f"the task cannot be resumed: {state.failure.title}",
            where=task.label,
            detail=state.failure.detail,
            remedy=state.failure.remedy,
        )
    check_mapping(task, state)
    return Prepared(task=task, secrets=given or launch.collect_secrets(task.spec))


def check_begun(task: StoredTask) -> TaskState:
    """The state of a task that can be changed. Raises UsageError for one that has not begun, or is over."""
    state = task.read_state()
    if state.state == "released":
        raise UsageError("the task was released", where=task.label, remedy=Remedy(then="start"))
    check_not_switched(task, state)
    if not state.finished("precheck"):
        raise UsageError(
            "the task has not begun: change its file", where=task.label, remedy=Remedy(then="resume", task=task.label)
        )
    return state


def check_not_switched(task: StoredTask, state: TaskState) -> None:
    """Raises UsageError for a task whose destination takes the writes: what it applied there would be older."""
    if state.state == "switched":
        raise UsageError(
            "the task is switched over: its destination takes the writes",
            where=task.label,
            remedy=f"remove what is left of it: syncwizard release {shell_word(task.label)}",
        )


def check_mapping(task: StoredTask, state: TaskState) -> None:
    """Raises UsageError when the stored task file gives other names than those under which rows arrived so far: later
    changes would go to other tables."""
    begun = state.publication.mapping if state.publication is not None else None
    if begun is None:
        return
    facts = Mapping.of(task.spec).facts
    if facts == begun or (state.resync is not None and facts == state.resync.mapping):
        return
    new = [" ".join(fact) for fact in facts if fact not in begun]
    gone = [" ".join(fact) for fact in begun if fact not in facts]
    parts = [f"new: {listed(new)}" if new else "", f"gone: {listed(gone)}" if gone else ""]
    raise UsageError(
        "the names at the destination are others than at the start of the task",
        where=task.label,
        detail="; ".join(filter(None, parts)),
        remedy=to_do(
            f"give `objects` in {task.folder / TASK_FILE} the names that they had",
            then="resume",
            otherwise=Remedy(then="new task"),
        ),
    )


def resume(prepared: Prepared, watcher: Watcher = ignore) -> TaskState:
    """Starts the engine of a task that was begun; returns when it is at work.

    Raises EndpointError for a login that is refused; then no engine runs.
    """
    task = prepared.task
    before = task.read_state().sequence
    launch.start_engine(task.spec, prepared.secrets)
    return follow_precheck(task, before, watcher)


def describe_resync(task: StoredTask, wish: ResyncWish, secrets: Handover, *, quiet: bool = False) -> ResyncRequested:
    """What a resynchronization would empty and copy again; changes nothing, whether the task runs or not.

    Raises UsageError when there is nothing to do, or when the wish cannot be fulfilled as it is.
    """
    state = task.read_state()
    if state.state == "released":
        raise UsageError("the task was released", where=task.label, remedy=Remedy(then="start"))
    check_not_switched(task, state)
    if not state.finished("precheck"):
        raise UsageError(
            "the task has copied nothing yet", where=task.label, remedy=Remedy(then="resume", task=task.label)
        )
    check_mapping(task, state)
    found: list[ResyncRequested] = []

    def on_event(event: Event) -> None:
        if isinstance(event, ResyncRequested):
            found.append(event)

    probes.for_task("resync", task.spec, secrets, wish=wish, quiet=quiet).run(on_event)
    return found[-1]


def resync(
    task: StoredTask, order: ResyncRequested, secrets: Handover, watcher: Watcher = ignore, *, quiet: bool = False
) -> TaskState:
    """Carries out what was described: pauses the task if it runs, gives the order, and lets it work again.

    Returns when the engine is at work; a crash from here on costs nothing, `resume` goes on with the order.
    """
    if task.find_engine() is not None:
        pause(task)
    probes.for_task("resync", task.spec, secrets, order=order, quiet=quiet).run(lambda event: None)
    return resume(prepare_resume(task, secrets), watcher)


def precheck(spec: TaskSpec, on_event: Callable[[Event], None]) -> None:
    """Runs the precheck for a specification, started or not; raises PrecheckNotPassed or EndpointError."""
    probes.for_task("precheck", spec, launch.collect_secrets(spec)).run(on_event)


def try_rules(spec: TaskSpec, table: str, *, count: bool = False) -> Trial:
    """What filter and scripts make of some rows of a table, read at the source."""
    found: list[Trial] = []
    probes.trial(spec, launch.collect_secrets(spec), table, count=count).run(found.append)
    return found[0]


def release(
    task: StoredTask, on_event: Callable[[Event], None], given: Handover | None = None, *, quiet: bool = False
) -> TaskState:
    """Removes everything of the task at both ends; refused while its engine runs. Its secrets are read unless given."""
    holder = task.find_engine()
    if holder is not None:
        raise UsageError(
            f"the task is running (process {holder.pid})",
            where=task.label,
            remedy=Remedy(then="pause", task=task.label),
        )
    try:
        state = task.read_state()
        if state.state != "released" or state.left_over:
            secrets = given or launch.collect_secrets(task.spec)
            _release_beside(state, secrets, quiet=quiet)
            probes.for_task("release", task.spec, secrets, quiet=quiet).run(on_event)
        return task.read_state()
    except JournalFailed as error:
        name = task.spec.slot
        listed = f"DELETE FROM public.dts_postgres_captured WHERE slot_name = '{name}'"
        published = task.spec.advanced.decoding == "pgoutput"
        by_hand = [f"SELECT pg_drop_replication_slot('{name}')", f"DROP PUBLICATION {name}" if published else listed]
        error.remedy = or_else(error.remedy, to_do("remove these objects at the source", statements=by_hand))
        raise


def _release_beside(state: TaskState, secrets: Handover, *, quiet: bool) -> None:
    """Removes the task that copies tables for one that is released."""
    beside = state.beside
    other = next((each for each in list_tasks() if beside is not None and each.id == beside.task), None)
    if other is None:
        return
    if other.find_engine() is not None:
        pause(other)
    probes.for_task("release", other.spec, secrets, quiet=quiet).run(lambda event: None)
    if not other.read_state().left_over:
        shutil.rmtree(other.folder, ignore_errors=True)


def set_sequences(task: StoredTask, offset: int, given: Handover | None = None, *, quiet: bool = False) -> SequencesSet:
    """Sets the destination's sequences to the source's values and `offset` beyond, whether the task runs or not.

    The secrets are read unless given.
    """
    state = task.read_state()
    check_not_switched(task, state)
    if not state.finished("constraints"):
        raise UsageError(
            "the task has not created its sequences yet",
            where=task.label,
            remedy=Remedy(then="wait", task=task.label),
        )
    found: list[SequencesSet] = []

    def on_event(event: Event) -> None:
        if isinstance(event, SequencesSet):
            found.append(event)

    secrets = given or launch.collect_secrets(task.spec)
    probes.for_task("sequences", task.spec, secrets, offset=offset, quiet=quiet).run(on_event)
    return found[-1]


def accept_warnings(task: StoredTask, items: Sequence[str]) -> StoredTask:
    """Keeps in the stored task that warnings of the precheck were accepted."""
    return store(with_ignored(task.spec, items)) if items else task


def specification_of(text: str) -> tuple[TaskSpec, StoredTask | None]:
    """The specification that a FILE or TASK argument means, and the stored task where there is one."""
    if not file.is_file(text):
        task = find_task(text)
        return task.spec, task
    spec = load_task(Path(text))
    known = next((task for task in list_tasks() if spec.id is not None and task.id == spec.id), None)
    if known is not None and not is_released(known):
        # As a start of the file would take it.
        spec = msgspec.structs.replace(spec, precheck=join_accepted(spec, known.spec))
    return spec, known


def _check_startable(known: StoredTask, origin: str) -> bool:
    """Whether the task was released and starts anew; raises UsageError when it is under way.

    `origin` is what another task like it would be made from.
    """
    holder = known.find_engine()
    if holder is not None:
        raise UsageError(
            f"the task is running already (process {holder.pid})",
            where=known.label,
            remedy=_watch_or_pause(known),
        )
    state = known.read_state()
    if state.state == "released":
        return True
    if state.finished("precheck"):
        raise UsageError(
            f"the task was started before and is {state.state}",
            where=known.label,
            remedy=or_else(
                Remedy(then="resume", task=known.label),
                to_do(f"for another task like it, copy {origin} and remove the line `id:`"),
            ),
        )
    return False


def join_accepted(spec: TaskSpec, stored: TaskSpec) -> PrecheckSettings:
    """The file's precheck settings, with the warnings that were accepted on the command line before."""
    new = [entry for entry in stored.precheck.ignore if not spec.precheck.accepts(_item_name(entry))]
    return msgspec.structs.replace(spec.precheck, ignore=[*spec.precheck.ignore, *new])


def _item_name(entry: IgnoredItem | str) -> str:
    return entry if isinstance(entry, str) else entry.item
