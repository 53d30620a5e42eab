"""Is the source still the server that the slot was made at? For stages that go on where a run ended (rule 5)."""

from syncwizard.postgres.destination.destination import Destination
from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.session.trouble import translated
from syncwizard.postgres.source.continuity import check_server
from syncwizard.postgres.source.slot import snapshot_lives
from syncwizard.stages.context import Context


def check_source(context: Context, source: Connection, destination: Destination) -> None:
    """Nothing to compare while `source` can use the snapshot of the session that made the slot; a pair that has ended
    is held no longer. Raises SourceChanged, ChangesMissing.

    Before anything is read there: definitions and rows of another server would not be found out later.
    """
    if context.pair is not None:
        with translated("source", "looking for the snapshot"):
            if snapshot_lives(source, context.pair.snapshot):
                return
        context.held.close()
    with translated("destination", "reading the progress"):
        progress = destination.ledger.read()
    assert progress is not None
    with (
        context.connect("source", "comparing", replication=True) as holder,
        translated("source", "comparing the server"),
    ):
        check_server(holder, progress)
