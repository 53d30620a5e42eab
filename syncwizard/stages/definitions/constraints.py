"""Past the sync point: unique indexes beyond the key, exclusion constraints, unvalidated checks, foreign keys,
views that need keys, rules, triggers, privileges; then the values of sequences."""

import msgspec

from syncwizard.postgres.session.trouble import translated
from syncwizard.stages.context import Context
from syncwizard.stages.definitions.phases import create_phase
from syncwizard.stages.definitions.schema import read_plan
from syncwizard.stages.definitions.sequences import copy_sequences
from syncwizard.stages.relations import note_dropped
from syncwizard.task.text import NAMES_SHOWN, counted


def run(context: Context) -> str:
    """Creates what holds only when all tables are of one moment (DESIGN rule 10)."""
    plan = read_plan(context)
    created = 0
    if plan is not None:
        with context.destination("constraints") as destination:
            with translated("destination", "preparing the session"):
                destination.definitions.prepare()
                destination.indexes.prepare_sorting(destination.indexes.read_resources())
            with context.connect("source", "constraints") as source:
                # A foreign key to a table that is gone would not hold, and changes are not followed here.
                note_dropped(context, source, destination)
            created = create_phase(context, destination, plan.of("constraints"))
    moved = 0
    if "full" in context.spec.synchronization.types:
        found = copy_sequences(context)
        moved = found.count
        context.record(msgspec.structs.replace(found, values=[], problems=found.problems[:NAMES_SHOWN]))
    return f"{counted(created, 'definition')} created, {counted(moved, 'sequence')} set"
