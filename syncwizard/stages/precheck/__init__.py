"""The precheck: runs every item of the registry in read-only sessions, so that a refusal leaves nothing anywhere."""

from collections.abc import Collection

import msgspec

from syncwizard.errors import End, EndpointError, PrecheckNotPassed
from syncwizard.remedies import Remedy, first, to_do
from syncwizard.stages.context import Context
from syncwizard.stages.precheck import (
    accounts,
    database,
    ddl,
    matching,
    names,
    parameters,
    retention,
    row_constraints,
    row_rules,
    selection,
    servers,
    sessions,
    shape,
)
from syncwizard.stages.precheck.lanes import Lanes
from syncwizard.stages.precheck.registry import Finding, Item
from syncwizard.stages.precheck.topics import ITEMS
from syncwizard.task.accepting import accepted_when
from syncwizard.task.events import PrecheckFinished, PrecheckItemFinished
from syncwizard.task.specification import IgnoredItem

__all__ = ["ABOUT_NEW_OBJECTS", "ABOUT_OBJECTS", "ABOUT_RULES", "blocks", "item_names", "run"]


TOPICS = (names, row_constraints, row_rules, shape, matching)
# What `check --connect` asks the ends: whether the objects are there and go where the file says, as it says.
ABOUT_OBJECTS = tuple(entry.name for topic in TOPICS for entry in topic.ITEMS)
# Other rules for a task that was begun may need whole old rows, too.
ABOUT_RULES = (*ABOUT_OBJECTS, selection.replica_identity.name)
# For tables that join a task: all but what was found of the ends as a whole, and what the task made there.
OF_THE_ENDS = (servers, sessions, accounts, retention, parameters, ddl, database)
OF_THE_TASK = {entry.name for topic in OF_THE_ENDS for entry in topic.ITEMS} | {
    "autovacuum",
    "this-machine",
    "synchronization-types",
    "slot",
    "heartbeat-name",
    "progress-schema",
}
ABOUT_NEW_OBJECTS = tuple(entry.name for entry in ITEMS if entry.name not in OF_THE_TASK)


def run(context: Context, passed: Collection[str] = (), *, only: Collection[str] = ()) -> str:
    """Runs all items but those that `passed` lately, records each with its verdict, and says how many. `only`: these
    and what they come after.

    Raises EndpointError when an end cannot be used at all (after the other items), PrecheckNotPassed when an
    item blocks.
    """
    results: list[PrecheckItemFinished] = []
    wanted = _with_needs(only) if only else {entry.name for entry in ITEMS}
    lanes = Lanes(context, [entry for entry in ITEMS if entry.name in wanted and entry.name not in passed], passed)
    for entry, finding in lanes.run():
        result = _finished(entry, finding, context)
        context.record(result)
        results.append(result)
    unreachable = lanes.unreachable
    blocking = [result for result in results if blocks(result)]
    context.record(PrecheckFinished(passed=not blocking))
    if unreachable:
        raise _unreachable(unreachable[0])
    if blocking:
        raise PrecheckNotPassed(
            f"{len(blocking)} of {len(results)} precheck items block the start",
            detail="; ".join(f"{result.item}: {result.message}" for result in blocking),
            remedy=_remedy(blocking),
        )
    warnings = sum(1 for result in results if result.verdict == "warning")
    return f"{len(results)} items passed" + (f", {warnings} with a warning" if warnings else "")


def _with_needs(wanted: Collection[str]) -> set[str]:
    """The items, and those that have to be done before them."""
    found = set(wanted)
    for entry in reversed(ITEMS):
        if entry.name in found:
            found.update(entry.needs)
    return found


def item_names() -> list[str]:
    """The names that `precheck.ignore` can hold, in the order of the items."""
    return [entry.name for entry in ITEMS]


def blocks(result: PrecheckItemFinished) -> bool:
    """Whether the task cannot start because of this item."""
    if result.verdict == "failed":
        return True
    return result.verdict == "warning" and result.ignorable and not result.ignored


def _finished(entry: Item, finding: Finding, context: Context) -> PrecheckItemFinished:
    result = PrecheckItemFinished(
        item=entry.name,
        title=entry.title,
        verdict=finding.verdict,
        message=finding.message,
        remedy=finding.remedy,
        sql_end=_end_of_remedy(entry) if finding.remedy.statements else None,
        objects=list(finding.objects),
        run_by=entry.run_by,
        ignorable=finding.acceptance,
    )
    return _accepted(result, context) if finding.acceptance else result


def _accepted(result: PrecheckItemFinished, context: Context) -> PrecheckItemFinished:
    """A warning is accepted for what it is about: for anything else it is asked again."""
    settings = context.spec.precheck
    if settings.accepts(result.item, result.detail):
        return msgspec.structs.replace(result, ignored=True)
    former = settings.acceptance(result.item)
    if not isinstance(former, IgnoredItem):
        return result
    by = f" by {former.accepted_by}" if former.accepted_by else ""
    step = f"it was accepted{by} at {accepted_when(former)} for something else: accept it again, or remove the cause"
    return msgspec.structs.replace(result, remedy=first(result.remedy, step))


def _end_of_remedy(entry: Item) -> End | None:
    """Where the statements of a finding belong: an item that looks at both ends wants the destination to fit."""
    if not entry.ends:
        return None
    return "destination" if "destination" in entry.ends else "source"


def _remedy(blocking: list[PrecheckItemFinished]) -> Remedy:
    acceptable = [result.item for result in blocking if result.ignorable]
    steps = [step for result in blocking if not result.ignorable for step in result.remedy.steps]
    if acceptable:
        steps.append(
            f"accept {' and '.join(acceptable)} with --ignore or under precheck.ignore in the task file, or remove "
            "the cause"
        )
    return to_do(*dict.fromkeys(steps))


def _unreachable(error: EndpointError) -> EndpointError:
    """The same error, not to be retried: a start must say soon that an end cannot be used."""
    return EndpointError(
        error.title,
        end=error.end,
        transient=False,
        detail=error.detail,
        where=error.where,
        remedy=error.remedy,
        sqlstate=error.sqlstate,
    )
