"""Past the sync point: unique indexes beyond the key, exclusion constraints, unvalidated checks, foreign keys."""

from syncwizard.postgres.connection import translated
from syncwizard.postgres.destination.definitions import prepare
from syncwizard.postgres.destination.indexes import prepare_sorting, read_resources
from syncwizard.stages.context import Context
from syncwizard.stages.definitions import create_phase
from syncwizard.stages.schema import read_plan


def run(context: Context) -> str:
    """Creates what holds only when all tables are of one moment (DESIGN rule 10)."""
    plan = read_plan(context)
    if plan is None:
        return "not part of this task"
    with context.connect("destination", "constraints") as destination:
        with translated("destination", "preparing the session"):
            prepare(destination)
            prepare_sorting(destination, read_resources(destination))
        created = create_phase(context, destination, plan.of("constraints"))
    return f"{created} constraints created"
