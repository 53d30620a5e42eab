"""Notes at the beginning of a run that filters, scripts or operations are others than in the run before."""

import msgspec

from syncwizard.postgres.catalog.selection import select_tables
from syncwizard.postgres.session.trouble import translated
from syncwizard.postgres.source.identity import has_usable_identity, identities_held, note_identities
from syncwizard.stages.capture.making import set_replica_identities
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
        if context.spec.precheck.accepts("replica-identity"):
            _complete_identities(context)
        context.record(RowRulesChanged(rules=rules, changes=changes))


def _complete_identities(context: Context) -> None:
    """Old rows come whole from here on where the rules need that. Of tables that could not publish an update at all
    those that are captured have what they need, and others are not to be touched."""
    with context.connect("source", "capture") as source, translated("source", "setting replica identities"):
        selection = select_tables(source, context.spec, sizes=False)
        usable = tuple(table for table in selection.tables if has_usable_identity(table))
        with identities_held(source):
            set_replica_identities(context, source, msgspec.structs.replace(selection, tables=usable))
            note_identities(source, context.spec.slot, context.state().identities_before)
