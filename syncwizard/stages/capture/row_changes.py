"""Notes at the beginning of a run that filters, scripts or operations are others than in the run before."""

from syncwizard.stages.context import Context
from syncwizard.task.events import RowRulesChanged
from syncwizard.task.row_facts import changed_rules, row_facts


def note(context: Context) -> None:
    """Records what changed since the task began, or since that was noted last. Before that nothing is in force yet; of
    a task that an older version has begun nothing is known."""
    before = context.state().row_rules
    if before is None:
        return
    rules = row_facts(context.spec)
    if changes := changed_rules(before, rules):
        context.record(RowRulesChanged(rules=rules, changes=changes))
