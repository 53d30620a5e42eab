"""Do destination and journal agree on what was copied, and on what is set aside? A destination that was set back to the
time of the copy has no copies, and changes of a table without a whole copy are left out."""

from syncwizard.errors import ChangesMissing
from syncwizard.postgres.destination.destination import Destination
from syncwizard.postgres.session.trouble import translated
from syncwizard.remedies import resync
from syncwizard.stages.context import Context
from syncwizard.stages.incremental.quarantined import tell_quarantined
from syncwizard.stages.relations import tell_aside, tell_followed

# Named in the message.
SHOWN_TABLES = 5


def check_copied(context: Context) -> None:
    """Compares before changes are followed; what was set aside is reported. Raises ChangesMissing."""
    with context.destination("comparing") as destination:
        tell_aside(context, destination)
        tell_followed(context, destination)
        tell_quarantined(context, destination)
        _check_copies(context, destination)


def _check_copies(context: Context, destination: Destination) -> None:
    state = context.state()
    known = {name for name, table in state.tables.items() if table.copied} - set(map(str, state.dropped))
    if not known:
        return
    with translated("destination", "reading what is copied"):
        copies = destination.copies.read()
    missing = sorted(known - {str(table) for table, copy in copies.items() if copy.complete})
    if missing:
        more = f" and {len(missing) - SHOWN_TABLES} more" if len(missing) > SHOWN_TABLES else ""
        raise ChangesMissing(
            "the destination was set back: tables that were copied are not there any more",
            detail=", ".join(missing[:SHOWN_TABLES]) + more,
            where="destination",
            remedy=resync(context.spec.name, everything=True),
        )
