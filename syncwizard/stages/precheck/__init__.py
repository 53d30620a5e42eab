"""The precheck: runs every item of the registry in read-only sessions, so that a refusal leaves nothing anywhere."""

from collections.abc import Collection

import psycopg

from syncwizard.errors import End, EndpointError, PrecheckNotPassed
from syncwizard.postgres.session.trouble import as_ours
from syncwizard.remedies import Remedy, to_do
from syncwizard.stages.context import Context
from syncwizard.stages.precheck.checkup import ITEMS, Checkup, Finding, Item, failed
from syncwizard.task.events import PrecheckFinished, PrecheckItemFinished

__all__ = ["blocks", "find", "item_names", "run"]


def run(context: Context, passed: Collection[str] = ()) -> str:
    """Runs all items but those that `passed` lately, records each with its verdict, and says how many.

    Raises EndpointError when an end cannot be used at all (after the other items), PrecheckNotPassed when an
    item blocks.
    """
    register()
    results: list[PrecheckItemFinished] = []
    with Checkup(context) as checkup:
        for entry in ITEMS:
            context.cancellation.check()
            if entry.name in passed or not _can_run(entry, checkup, results, passed):
                continue
            result = _finished(entry, find(entry, checkup), context)
            context.record(result)
            results.append(result)
        unreachable = [*checkup.errors.values()]
    blocking = [result for result in results if blocks(result)]
    context.record(PrecheckFinished(passed=not blocking))
    if unreachable:
        raise _unreachable(unreachable[0])
    if blocking:
        raise PrecheckNotPassed(
            f"{len(blocking)} of {len(results)} precheck items stand in the way",
            detail="; ".join(f"{result.item}: {result.message}" for result in blocking),
            remedy=_remedy(blocking),
        )
    warnings = sum(1 for result in results if result.verdict == "warning")
    return f"{len(results)} items passed" + (f", {warnings} with a warning" if warnings else "")


def register() -> None:
    """Fills the registry; each module imports the one before it, and so the items keep their order."""
    from syncwizard.stages.precheck import code, database, kinds, matching, selection, servers, shape, target, vectors

    assert servers
    assert selection
    assert kinds
    assert shape
    assert matching
    assert target
    assert vectors
    assert database
    assert code


def item_names() -> list[str]:
    """The names that `precheck.ignore` can hold, in the order of the items."""
    register()
    return [entry.name for entry in ITEMS]


def blocks(result: PrecheckItemFinished) -> bool:
    """Whether the task cannot start because of this item."""
    if result.verdict == "failed":
        return True
    return result.verdict == "warning" and result.ignorable and not result.ignored


def _can_run(entry: Item, checkup: Checkup, results: list[PrecheckItemFinished], passed: Collection[str]) -> bool:
    """Whether what the item depends on was found; the reason why it was not is an item of its own."""
    if any(end in checkup.errors for end in entry.ends):
        return False
    sound = {result.item for result in results if result.verdict != "failed"} | set(passed)
    return sound.issuperset(entry.after)


def find(entry: Item, checkup: Checkup) -> Finding:
    """Runs the check. A statement that the server refuses is a finding; a lost connection is not."""
    try:
        return entry.check(checkup)
    except psycopg.Error as error:
        ours = as_ours(error, entry.ends[0] if entry.ends else "source", f"checking {entry.name}")
        if isinstance(ours, EndpointError):
            raise ours from error
        return failed(f"could not be checked: {ours.detail}", "give the account the right to see it")


def _finished(entry: Item, finding: Finding, context: Context) -> PrecheckItemFinished:
    accepted = finding.acceptance and context.spec.precheck.accepts(entry.name)
    return PrecheckItemFinished(
        item=entry.name,
        title=entry.title,
        verdict=finding.verdict,
        message=finding.message,
        remedy=finding.remedy,
        sql_end=_end_of_remedy(entry) if finding.remedy.statements else None,
        ignorable=finding.acceptance,
        ignored=accepted,
    )


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
