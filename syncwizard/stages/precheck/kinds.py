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
    said += _functions(checkup)
    if scalar(checkup.source, "SELECT EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'timescaledb')"):
        said.append(
            "TimescaleDB is installed at the source: the rows of a hypertable are in schemas of its own, and stay there"
        )
    if said:
        return warning("; ".join(said), "select what is missed together with what it needs, or exclude it")
    return passed()


def _functions(checkup: Checkup) -> list[str]:
    """What functions take that their definition does not bring: a library, an owner."""
    wanted = sorted({(function.schema, function.name) for function in checkup.needs.functions})
    parameters = {"schemas": [schema for schema, _ in wanted], "names": [name for _, name in wanted]}
    found = checkup.source.execute(query("function_traits"), parameters).fetchall()
    in_c = [name for name, written_in_c in found if written_in_c]
    definer = [name for name, written_in_c in found if not written_in_c]
    said = []
    if in_c:
        said.append("written in C and needed by tables, so the destination must have the library: " + listed(in_c))
    if definer:
        # They will belong to the account that creates them.
        said.append(
            "SECURITY DEFINER: these will run with the rights of the account of the task, until given another "
            "owner: " + listed(definer)
        )
    return said


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
