"""Compares the definitions of both ends, as their catalogues describe them."""

from syncwizard.errors import UsageError
from syncwizard.postgres.catalog.compared import read_definitions
from syncwizard.postgres.catalog.dependencies import read_needs
from syncwizard.postgres.catalog.selection import select_tables
from syncwizard.postgres.session.trouble import translated
from syncwizard.remedies import to_do
from syncwizard.stages.context import Context
from syncwizard.structure.definitions import compare
from syncwizard.task.events import DefinitionsVerified, VerificationFinished, VerificationStarted
from syncwizard.task.verification import VerificationOrder


def run(context: Context, order: VerificationOrder) -> None:
    """Compares all that the task needs at the destination, and records what differs.

    Raises UsageError for a task that gives other names, Cancelled, EndpointError, TaskFailed.
    """
    if not context.mapping.same:
        raise UsageError(
            "definitions cannot be compared where the destination has other names",
            remedy=to_do("compare rows: verify without --mode schema"),
        )
    context.record(VerificationStarted(order=order, tables=[]))
    with context.connect("source", "verify") as source, context.destination("verify") as destination:
        with translated("source", "reading the catalogue"):
            needs = read_needs(source, context.spec, select_tables(source, context.spec, sizes=False))
            here = read_definitions(source, needs)
        with translated("destination", "reading the catalogue"):
            there = read_definitions(destination.connection, needs)
    context.record(DefinitionsVerified(id=order.id, compared=len(here), differences=compare(here, there)))
    context.record(VerificationFinished(id=order.id))
