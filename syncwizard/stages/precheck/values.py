"""Items about values that the destination's server may be unable to hold."""

from psycopg.errors import FeatureNotSupported

from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection
from syncwizard.stages.precheck.checkup import Checkup
from syncwizard.stages.precheck.registry import BOTH, Finding, failed, item, passed
from syncwizard.stages.precheck.selection import OBJECTS
from syncwizard.task.text import listed


@item("xml-support", "The destination's server can hold the XML of the source", BOTH, OBJECTS)
def xml_support(checkup: Checkup) -> Finding:
    """A server that was built without libxml has the type and refuses every value of it."""
    tables = [table.oid for table in checkup.selection.copied]
    columns = checkup.source.execute(query("xml_columns"), (tables,)).fetchall()
    if not columns:
        return passed()
    if _takes_xml(checkup.destination):
        return passed()
    names = listed([f"{schema}.{table}.{column}" for schema, table, column in columns])
    if not _takes_xml(checkup.source):
        return passed(f"neither server was built with libxml, so these columns hold no values: {names}")
    return failed(
        f"the destination's server was built without libxml and refuses every XML value, of {names}",
        "use a server that was built with libxml, or do not select these tables",
    )


def _takes_xml(connection: Connection) -> bool:
    try:
        connection.execute("SELECT '<a/>'::pg_catalog.xml")
    except FeatureNotSupported:
        return False
    return True


ITEMS = (xml_support,)
