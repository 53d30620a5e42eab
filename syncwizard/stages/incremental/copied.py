"""Has the destination the copies that the journal has? One that was set back to the time of the copy has not, and
changes of a table without a whole copy are left out."""

from syncwizard.errors import ChangesMissing
from syncwizard.postgres.session.trouble import translated
from syncwizard.remedies import resync
from syncwizard.stages.context import Context

# Named in the message.
SHOWN_TABLES = 5


def check_copied(context: Context) -> None:
    """Compares before changes are followed. Raises ChangesMissing."""
    state = context.state()
    known = {name for name, table in state.tables.items() if table.copied} - set(map(str, state.dropped))
    if not known:
        return
    with context.destination("comparing") as destination, translated("destination", "reading what is copied"):
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
