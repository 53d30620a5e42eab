"""Schema before data, from the moment at which capture begins: where that has passed, capture begins anew first."""

from syncwizard.stages.capture.stage import begin_again
from syncwizard.stages.context import Context
from syncwizard.stages.definitions import schema


def run(context: Context) -> str:
    """Creates what copying needs; a summary."""
    if "schema" in context.spec.synchronization.types and schema.read_plan(context) is None:
        begin_again(context)
    return schema.run(context)
