"""Tries missing definitions again, by order: beside the stream of a running task, or while it is paused."""

from collections.abc import Iterable

from syncwizard.errors import UsageError
from syncwizard.postgres.session.trouble import translated
from syncwizard.stages.context import Context
from syncwizard.stages.definitions.indexes import build
from syncwizard.stages.definitions.phases import leave_out, still_wanted
from syncwizard.stages.definitions.refused import settle
from syncwizard.stages.definitions.schema import read_plan
from syncwizard.structure.plan import Plan
from syncwizard.structure.planned import PlannedStatement
from syncwizard.task.events import DefinitionsRetried
from syncwizard.task.state import MissingDefinition


def run(context: Context) -> DefinitionsRetried:
    """Tries all that the destination refused; those that were left out for another reason stay as they are.

    Raises UsageError where nothing was refused.
    """
    plan = read_plan(context)
    todo = refused_before(plan, context.state().missing_definitions) if plan is not None else []
    if not todo:
        raise UsageError("no definition of this task was refused", remedy="see `syncwizard status` for what it lacks")
    with context.destination("definitions") as destination:
        with translated("destination", "preparing the session"):
            destination.definitions.prepare()
        left = leave_out(context, destination, todo)
        refused = still_wanted(context, destination, build(context, destination, left))
        settle(context, destination, refused)
    result = DefinitionsRetried(created=len(left) - len(refused), refused=len(refused))
    context.record(result)
    return result


def refused_before(plan: Plan, missing: Iterable[MissingDefinition]) -> list[PlannedStatement]:
    """The statements of the plan that make what is missing, in order, with those that validate a missing key."""
    texts = {text for each in missing for text in each.statements}
    found = [each for each in plan.statements if each.text in texts]
    validations = [each for each in plan.statements if any(each.validates(key) for key in found)]
    positions = {each.position for each in [*found, *validations]}
    return [each for each in plan.statements if each.position in positions]
