"""Items about rows that may be refused on their way, or are large."""

from syncwizard.postgres.catalog.features import takes_xml
from syncwizard.postgres.catalog.objects import Unvalidated, read_unvalidated, read_wide_rows, read_xml_columns
from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.source.violations import check_query, orphans_query
from syncwizard.stages.precheck.checkup import Checkup
from syncwizard.stages.precheck.registry import BOTH, Finding, failed, item, naming, passed, warning
from syncwizard.stages.precheck.selection import OBJECTS
from syncwizard.task.text import describe_bytes, listed

# Rows below it are what every engine has memory for.
WIDE_BYTES = 32_000_000


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


@item("unvalidated-constraints", "Foreign keys and CHECKs of the source were checked there", ("source",), OBJECTS)
def unvalidated_constraints(checkup: Checkup) -> Finding:
    """What is NOT VALID at the source is NOT VALID at the destination: rows that violate it travel as they are."""
    if not checkup.synchronizes("schema"):
        return passed("not needed")
    found = read_unvalidated(checkup.source, [table.oid for table in checkup.selection.tables])
    if not found:
        return passed()
    return warning(
        naming(
            "never checked for the rows that were there before: ",
            [f"{'foreign key' if each.foreign else 'check'} {each.name} of {each.table}" for each in found],
        ),
        "they are created NOT VALID at the destination, too; these show the rows of the source that violate them",
        [text for each in found if (text := _violating_rows(checkup.source, each))],
    )


def _violating_rows(source: Connection, constraint: Unvalidated) -> str:
    show = orphans_query if constraint.foreign else check_query
    return show(source, constraint.table, constraint.name)


@item("wide-rows", "Rows fit the memory of an engine", ("source",), OBJECTS)
def wide_rows(checkup: Checkup) -> Finding:
    """A row is held in memory whole, some times over."""
    found = read_wide_rows(checkup.source, [table.oid for table in checkup.selection.tables], WIDE_BYTES)
    if not found:
        return passed()
    return warning(
        [f"a row of {table} has {describe_bytes(size)} on the average" for table, size in found.items()],
        "leave an engine about four times the size of the largest row as memory",
    )


ITEMS = (xml_support, unvalidated_constraints, wide_rows)
