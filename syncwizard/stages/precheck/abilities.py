"""What an older source cannot do, and what helps instead."""

from syncwizard.postgres.dialect import features
from syncwizard.postgres.session.server import major
from syncwizard.stages.precheck.checkup import Checkup
from syncwizard.stages.precheck.registry import Finding, item, passed, warning


@item("source-abilities", "The source's version publishes and limits what it should", ("source",))
def source_abilities(checkup: Checkup) -> Finding:
    """TRUNCATE is published from 11 on, and the WAL that a slot holds can be limited from 13 on."""
    server = features(checkup.source)
    notes, remedies = [], []
    if not server.truncate_in_stream:
        notes.append(
            "TRUNCATE is not followed before PostgreSQL 11: a truncated table keeps its rows at the destination"
        )
        remedies.append("copy a table again that was truncated: syncwizard resync TASK --table SCHEMA.NAME")
    if not server.retention_limit:
        notes.append("the WAL that a paused or failed task holds cannot be limited before PostgreSQL 13")
        remedies.append("watch the space that is left for pg_wal")
    if notes:
        return warning("; ".join(notes), "; ".join(remedies))
    if not server.binary_stream:
        return passed(
            f"from PostgreSQL {major(checkup.source)} changes come as text, and each table is copied in one piece"
        )
    return passed()


ITEMS = (source_abilities,)
