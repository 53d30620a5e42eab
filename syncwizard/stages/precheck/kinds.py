"""Items about what is not a table: what of the selection cannot be created, and what would fire at the destination."""

from collections.abc import Collection

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
    if checkup.needs.tried:
        said.append("tried, and left out if refused: " + listed([str(entry) for entry in checkup.needs.tried]))
    always = [name for name, refused in loud if not refused]
    if always:
        said.append("created disabled, because they would fire while changes are applied: " + listed(always))
    if checkup.needs.required_tables:
        said.append(
            "created without rows, because selected tables inherit from them or use their definition: "
            + listed([str(table) for table in sorted(checkup.needs.required_tables)])
        )
    said += _functions(checkup)
    said += _not_carried(checkup, sorted(whole))
    said += rows_kept_by([name for (name,) in checkup.source.execute("SELECT extname FROM pg_catalog.pg_extension")])
    if said:
        return warning("; ".join(said), "select what is missed together with what it needs, or exclude it")
    return passed()


# What is not created at the destination, and why: whoever needs it creates it there by hand.
NOT_CARRIED = {
    "row security policy": "it names roles, which are the server's",
    "row security": "without its policies it would hide every row",
    "tablespace": "the destination's server has its own, and its default is used",
    "table access method": "the destination's default is used",
    "security label": "its provider belongs to the server",
    "default privileges": "they are for objects of the future",
    "text search parser": "it is written in C",
    "text search template": "it is written in C",
    "conversion": "it is written in C",
    "event trigger": "it would fire on what the task creates",
    "publication": "it would publish what arrives",
    "subscription": "its changes arrive by way of the source",
    "foreign server": "it has accounts and passwords of its own",
    "language": "it belongs to no schema",
    "large object": "its changes are not in the stream",
}


def _not_carried(checkup: Checkup, whole: list[str]) -> list[str]:
    """What the source has around the selected objects and the destination will not get, by kind, with the reason."""
    tables = [table.oid for table in checkup.selection.tables]
    found: dict[str, list[str]] = {}
    for kind, name in checkup.source.execute(query("not_carried"), {"tables": tables, "whole": whole}):
        found.setdefault(kind, []).append(name)
    return [f"{kind} not carried over ({NOT_CARRIED[kind]}): {listed(names)}" for kind, names in found.items()]


def rows_kept_by(extensions: Collection[str]) -> list[str]:
    """Extensions that keep rows where a task does not see them.

    >>> rows_kept_by(["plpgsql", "vector"])
    []
    >>> print(*rows_kept_by(["plpgsql", "timescaledb"]))
    TimescaleDB is installed at the source: the rows of a hypertable are in schemas of its own, and stay there
    """
    if "timescaledb" not in extensions:
        return []
    return [
        "TimescaleDB is installed at the source: the rows of a hypertable are in schemas of its own, and stay there"
    ]


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
            "owner (a superuser gives them to their owner at the source, where the destination has that role): "
            + listed(definer)
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
