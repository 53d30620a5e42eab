"""Another task file for a task that was begun: tables join and leave, filters and settings change, the rest goes on."""

from collections.abc import Callable, Sequence

import msgspec

from syncwizard.client import launch, lifecycle, probes, tasks
from syncwizard.client.tasks import StoredTask, with_ignored
from syncwizard.client.waiting import Watcher, ignore
from syncwizard.errors import UsageError
from syncwizard.remedies import Remedy, to_do
from syncwizard.task.events import Event, ResyncRequested
from syncwizard.task.handover import Handover
from syncwizard.task.mapping import Mapping
from syncwizard.task.names import TableName
from syncwizard.task.row_facts import ChangedRule, changed_rules, row_facts
from syncwizard.task.specification import TaskSpec
from syncwizard.task.state import TaskState
from syncwizard.task.validation import find_problems


class Modification(msgspec.Struct, frozen=True, kw_only=True):
    """The task as it shall go on. `order`: which tables join and leave; `rules`: changed filters, scripts and
    operations of those that stay; `settings`: the keys of the task file that are others."""

    task: StoredTask
    spec: TaskSpec
    secrets: Handover
    order: ResyncRequested
    rules: list[ChangedRule]
    settings: list[str]

    @property
    def empty(self) -> bool:
        """Whether nothing would change."""
        return not (self.order.modifies or self.rules or self.settings)


def describe(
    task: StoredTask, wanted: TaskSpec, on_event: Callable[[Event], None], ignored: Sequence[str] = ()
) -> Modification:
    """What taking another specification would change; asks both ends whether it fits. Changes nothing.

    `on_event` is called with the items of the precheck of new tables. Raises UsageError where the task cannot go on
    with it, PrecheckNotPassed where a new table or a rule does not fit.
    """
    state = lifecycle.check_begun(task)
    _refuse_others(task, wanted)
    spec = with_ignored(_joined(task.spec, wanted), ignored)
    for problem in find_problems(spec):
        raise UsageError(f"{problem.path}: {problem.message}", where=task.label, remedy=problem.remedy)
    secrets = launch.collect_secrets(spec)
    found: list[ResyncRequested] = []

    def take(event: Event) -> None:
        if isinstance(event, ResyncRequested):
            found.append(event)
        else:
            on_event(event)

    probes.for_task("modify", spec, secrets).run(take)
    order = found[-1]
    _refuse_new_names(task, spec, state, order)
    outside = {*order.added, *order.removed}
    rules = [
        change
        for change in changed_rules(row_facts(task.spec), row_facts(spec))
        if TableName(change.schema, change.table) not in outside
    ]
    if rules:
        probes.for_task("rules", spec, secrets).run(on_event)
    settings = _other_settings(task.spec, spec)
    return Modification(task=task, spec=spec, secrets=secrets, order=order, rules=rules, settings=settings)


def carry_out(change: Modification, watcher: Watcher = ignore) -> TaskState:
    """Keeps the specification with the task and gives the order. The task works again if it ran, or if tables join or
    leave.

    Returns when the engine is at work. Where this is interrupted, the same command goes on.
    """
    task = change.task
    running = task.find_engine() is not None
    if running:
        lifecycle.pause(task)
    stored = tasks.store(change.spec)
    if change.order.modifies:
        return lifecycle.resync(stored, change.order, change.secrets, watcher)
    if running:
        return lifecycle.resume(lifecycle.prepare_resume(stored, change.secrets), watcher)
    return stored.read_state()


def _refuse_others(task: StoredTask, wanted: TaskSpec) -> None:
    """Raises UsageError for what makes another task of it."""
    if wanted.id is not None and wanted.id != task.id:
        raise UsageError("the file is that of another task", where=task.label, detail=f"its id is {wanted.id}")
    same = {
        "synchronization": (task.spec.synchronization, wanted.synchronization),
        "advanced.ddl": (task.spec.advanced.ddl, wanted.advanced.ddl),
        "advanced.decoding": (task.spec.advanced.decoding, wanted.advanced.decoding),
    }
    for key, (mine, theirs) in same.items():
        if mine != theirs:
            raise UsageError(
                f"{key} cannot be changed once the task has begun",
                where=task.label,
                remedy=to_do("leave it as it is", otherwise=Remedy(then="new task")),
            )
    known = {(entry.schema, *each) for entry in task.spec.objects for each in entry.named}
    named = [(entry.schema, *each) for entry in wanted.objects for each in entry.named]
    new = [f"{kind} {schema}.{name}" for schema, kind, name in named if (schema, kind, name) not in known]
    if new:
        raise UsageError(
            f"{new[0]} cannot join a task that has begun",
            where=task.label,
            detail="tables and whole schemas can",
            remedy="create it at the destination by hand",
        )


def _joined(mine: TaskSpec, wanted: TaskSpec) -> TaskSpec:
    """The wanted specification under the task's id and name, with the warnings that it accepted."""
    joined = msgspec.structs.replace(wanted, id=mine.id, name=mine.name)
    return msgspec.structs.replace(joined, precheck=lifecycle.join_accepted(joined, mine))


def _refuse_new_names(task: StoredTask, spec: TaskSpec, state: TaskState, order: ResyncRequested) -> None:
    """Raises UsageError where a table that stays would get another name, or other columns: its rows are there."""
    before, after = Mapping.of(task.spec), Mapping.of(spec)
    changing = {*order.added, *order.removed}
    for text in state.tables:
        table = state.table_name(text)
        if table in changing:
            continue
        same = (
            before.table(table) == after.table(table)
            and before.columns.get(table) == after.columns.get(table)
            and before.left_out.get(table) == after.left_out.get(table)
            and before.origins.get(table) == after.origins.get(table)
            and before.origin_keys.get(table) == after.origin_keys.get(table)
        )
        if not same:
            raise UsageError(
                f"{table} would have another name or other columns at the destination, and its rows are there",
                where=task.label,
                remedy="leave its names as they are; or remove it from the task, drop its copy, and add it again",
            )


def _other_settings(mine: TaskSpec, spec: TaskSpec) -> list[str]:
    """The keys that are others, without those that are about objects and rows. That an end is the same server is known
    by what the task has there."""
    skipped = {"etl", "etl_errors"}
    ends = [end for end in ("source", "destination") if getattr(mine, end) != getattr(spec, end)]
    return ends + [
        f"advanced.{field.encode_name}"
        for field in msgspec.structs.fields(mine.advanced)
        if field.name not in skipped and getattr(mine.advanced, field.name) != getattr(spec.advanced, field.name)
    ]
