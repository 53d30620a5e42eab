"""Items about what is not a table: what of the selection cannot be created, and what would fire at the destination."""

from syncwizard.postgres.connection import scalar
from syncwizard.postgres.queries import query
from syncwizard.stages.precheck.checkup import (
    BOTH,
    Checkup,
    Finding,
    failed,
    item,
    listed,
    passed,
    warning,
)
from syncwizard.stages.precheck.selection import OBJECTS


@item("object-kinds", "All selected objects are of a kind that can be created", ("source",), OBJECTS)
def object_kinds(checkup: Checkup) -> Finding:
    """What will be left out or changed on the way, with the reason."""
    if not checkup.synchronizes("schema"):
        return passed("definitions are not synchronized")
    left_out = [str(entry) for entry in checkup.needs.left_out]
    whole = {entry.schema for entry in checkup.spec.objects if entry.whole}
    oids = [table.oid for table in checkup.selection.tables if table.name.schema in whole]
    loud = checkup.source.execute(query("loud_triggers"), {"tables": oids}).fetchall()
    left_out += [
        f"{name} (a rule ON UPDATE would keep changes from being applied)" for name, refused in loud if refused
    ]
    said = ["left out: " + listed(left_out)] if left_out else []
    always = [name for name, refused in loud if not refused]
    if always:
        said.append("created disabled, because they would fire while changes are applied: " + listed(always))
    if checkup.needs.required_tables:
        said.append(
            "created without rows, because selected tables inherit from them or use their definition: "
            + listed([str(table) for table in sorted(checkup.needs.required_tables)])
        )
    if scalar(checkup.source, "SELECT EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'timescaledb')"):
        said.append(
            "TimescaleDB is installed at the source: the rows of a hypertable are in schemas of its own, and stay there"
        )
    if said:
        return warning("; ".join(said), "select what is missed together with what it needs, or exclude it")
    return passed()


@item("loud-triggers", "No trigger of an existing table fires while changes are applied", BOTH, OBJECTS)
def loud_triggers(checkup: Checkup) -> Finding:
    """ENABLE ALWAYS and ENABLE REPLICA fire under session_replication_role = replica; what fires changes rows twice."""
    if checkup.captured:
        return passed()
    oids = [table.oid for table in checkup.destination_tables.values()]
    loud = [name for name, _ in checkup.destination.execute(query("loud_triggers"), {"tables": oids})]
    if loud:
        return failed(
            "these would fire while changes are applied, or keep them from being applied: " + listed(loud),
            "disable the triggers (ALTER TABLE ... DISABLE TRIGGER ...), and drop rules ON UPDATE, at the destination",
        )
    return passed()
