"""Other filters, scripts and operations for a task that was begun: an order for what follows."""

from collections.abc import Callable, Iterable, Iterator

import msgspec

from syncwizard.client import launch, lifecycle, probes, tasks
from syncwizard.client.tasks import StoredTask
from syncwizard.client.waiting import Watcher, ignore
from syncwizard.errors import UsageError
from syncwizard.task.events import Event
from syncwizard.task.mapping import Mapping
from syncwizard.task.objects import SchemaObjects, TableObject
from syncwizard.task.row_facts import ChangedRule, changed_rules, row_facts
from syncwizard.task.specification import TaskSpec
from syncwizard.task.state import TaskState
from syncwizard.task.validation import find_problems

# Those about rules that want to be accepted.
ITEMS_OF_RULES = ("replica-identity", "row-constraints")


class RulesOrder(msgspec.Struct, frozen=True, kw_only=True):
    """The task as it shall go on, and what is other than in the one that is stored."""

    task: StoredTask
    spec: TaskSpec
    changes: list[ChangedRule]


def describe(
    task: StoredTask, wanted: TaskSpec, on_event: Callable[[Event], None], accepted: Iterable[str] = ()
) -> RulesOrder:
    """What taking the rules of another specification would change; asks both ends whether they fit. Changes nothing.
    `accepted`: items of the precheck whose warnings are, beside those of both specifications.

    Raises UsageError where it cannot be an order for this task, PrecheckNotPassed where the rules do not fit.
    """
    lifecycle.check_begun(task)
    if Mapping.of(wanted).facts != Mapping.of(task.spec).facts:
        raise UsageError(
            "the file gives other names at the destination than the task has",
            where=task.label,
            remedy="change `where`, `etl`, `operations` and `etl_errors` alone",
        )
    spec = with_rules(task, wanted)
    changes = changed_rules(row_facts(task.spec), row_facts(spec))
    if changes:
        for problem in find_problems(spec):
            raise UsageError(f"{problem.path}: {problem.message}", where=task.label, remedy=problem.remedy)
        spec = tasks.with_ignored(
            spec, [*(item for item in ITEMS_OF_RULES if wanted.precheck.accepts(item)), *accepted]
        )
        probes.for_task("rules", spec, launch.collect_secrets(spec)).run(on_event)
    return RulesOrder(task=task, spec=spec, changes=changes)


def carry_out(order: RulesOrder, watcher: Watcher = ignore) -> TaskState:
    """Keeps the rules with the task; one that runs is paused for it, and works again when this returns."""
    running = order.task.find_engine() is not None
    if running:
        lifecycle.pause(order.task)
    stored = tasks.store(order.spec)
    return lifecycle.resume(lifecycle.prepare_resume(stored), watcher) if running else stored.read_state()


def with_rules(task: StoredTask, wanted: TaskSpec) -> TaskSpec:
    """The task with the rules of another specification, and nothing else of it. Raises UsageError for a table of which
    the task takes no rows."""
    given = {(entry.schema, own.table): own for entry in wanted.objects for own in entry.described}
    schemas = {entry.schema: entry for entry in wanted.objects}
    objects = [_entry(entry, schemas.get(entry.schema), given) for entry in task.spec.objects]
    known = {(entry.schema, own.table) for entry in objects for own in entry.described}
    for (schema, table), own in given.items():
        if (schema, table) not in known and _has_rules(own):
            raise UsageError(f"{schema}.{table} is not among the tables of the task", where=task.label)
    advanced = msgspec.structs.replace(
        task.spec.advanced, etl=wanted.advanced.etl, etl_errors=wanted.advanced.etl_errors
    )
    return msgspec.structs.replace(task.spec, objects=objects, advanced=advanced)


def _entry(
    entry: SchemaObjects, wanted: SchemaObjects | None, given: dict[tuple[str, str], TableObject]
) -> SchemaObjects:
    def ruled(own: TableObject) -> TableObject:
        found = given.get((entry.schema, own.table), TableObject(table=own.table))
        return msgspec.structs.replace(own, where=found.where, etl=found.etl, operations=found.operations)

    return msgspec.structs.replace(
        entry,
        operations=None if wanted is None else wanted.operations,
        tables=[ruled(own) for own in entry.tables],
        overrides=[*(ruled(own) for own in entry.overrides), *_added(entry, given)],
    )


def _added(entry: SchemaObjects, given: dict[tuple[str, str], TableObject]) -> Iterator[TableObject]:
    """Tables of a whole schema that have rules for the first time."""
    described = {own.table for own in entry.described}
    for (schema, table), own in given.items():
        if schema == entry.schema and entry.selects_table(table) and table not in described and _has_rules(own):
            yield TableObject(table=table, where=own.where, etl=own.etl, operations=own.operations)


def _has_rules(own: TableObject) -> bool:
    return own.where is not None or own.etl is not None or own.operations is not None
