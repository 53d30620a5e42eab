"""Items about values that the destination's server may be unable to hold."""

from syncwizard.postgres.catalog.features import takes_xml
from syncwizard.postgres.catalog.objects import read_xml_columns
from syncwizard.stages.precheck.checkup import Checkup
from syncwizard.stages.precheck.registry import BOTH, Finding, failed, item, passed
from syncwizard.stages.precheck.selection import OBJECTS
from syncwizard.task.text import listed


@item("xml-support", "The destination's server can hold the XML of the source", BOTH, OBJECTS)
def xml_support(checkup: Checkup) -> Finding:
    """A server that was built without libxml has the type and refuses every value of it."""
    columns = read_xml_columns(checkup.source, [table.oid for table in checkup.selection.copied])
    if not columns:
        return passed()
    if takes_xml(checkup.destination):
        return passed()
    names = listed(columns)
    if not takes_xml(checkup.source):
        return passed(f"neither server was built with libxml, so these columns hold no values: {names}")
    return failed(
        f"the destination's server was built without libxml and refuses every XML value, of {names}",
        "use a server that was built with libxml, or do not select these tables",
    )


ITEMS = (xml_support,)
