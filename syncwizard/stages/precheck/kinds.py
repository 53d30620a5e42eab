"""Items about what is not a table: what of the selection cannot be created, and what would fire at the destination."""

from collections.abc import Collection

import msgspec

from syncwizard.postgres.catalog.objects import read_extensions, read_not_carried, read_special_functions
from syncwizard.postgres.catalog.triggers import read_always_firing
from syncwizard.stages.precheck.checkup import Checkup
from syncwizard.stages.precheck.registry import BOTH, Finding, failed, item, naming, passed, warning
from syncwizard.stages.precheck.selection import OBJECTS

# They stay in the journal: enough to see what it is about.
LINES_OF_A_KIND = 500


@item("object-kinds", "All selected objects are of a kind that can be created", ("source",), OBJECTS)
def object_kinds(checkup: Checkup) -> Finding:
    """What will be left out or changed on the way: a line for each object, with the reason."""
    if not checkup.synchronizes("schema"):
        return passed("definitions are not synchronized")
    whole = {entry.schema for entry in checkup.spec.objects if entry.whole}
    tables = [table.oid for table in checkup.selection.tables if table.name.schema in whole]
    firing = read_always_firing(checkup.source, tables)
    found = {
        "left out": [
            *map(str, checkup.needs.left_out),
            *(
                f"{each.name} (a rule ON UPDATE would keep changes from being applied)"
                for each in firing
                if each.on_update
            ),
        ],
        "tried, and left out if refused": [*map(str, checkup.needs.tried)],
        "created disabled": [
            f"{each.name} (it would fire while changes are applied)" for each in firing if not each.on_update
        ],
        "created without rows": [
            f"table {table} (a selected table inherits from it or uses its definition)"
            for table in sorted(checkup.needs.required_tables)
        ],
        "created with other rights or needs": _functions(checkup),
        "not carried over": _not_carried(checkup, sorted(whole)),
    }
    kept = rows_kept_by(read_extensions(checkup.source))
    counts = [f"{len(names)} {what}" for what, names in found.items() if names]
    if not counts and not kept:
        return passed()
    finding = warning("; ".join(counts) or kept[0], "select what is missed together with what it needs, or exclude it")
    lines = [*(line for what, names in found.items() for line in _lines(what, names)), *kept]
    return msgspec.structs.replace(finding, objects=tuple(lines))


def _lines(what: str, names: list[str]) -> list[str]:
    """A line for each object; of very many, such as large objects, the first."""
    more = len(names) - LINES_OF_A_KIND
    lines = [f"{what}: {name}" for name in names[:LINES_OF_A_KIND]]
    return [*lines, f"{what}: … and {more} more"] if more > 0 else lines


# What is not created at the destination, and why: it is created there by hand where it is needed.
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
    """What the source has around the selected objects and the destination will not get, each with the reason."""
    tables = [table.oid for table in checkup.selection.tables]
    found = read_not_carried(checkup.source, tables, whole)
    return [f"{kind} {name} ({NOT_CARRIED[kind]})" for kind, name in found]


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


# By language; a SECURITY DEFINER function in any other has none here.
SPECIAL_FUNCTIONS = {
    "c": "written in C and needed by tables: the destination must have its library",
    "internal": "LANGUAGE internal: only a superuser may create it, and its server must have what it calls",
    "": "SECURITY DEFINER: it will run with the rights of the task's account until a superuser gives it to its owner at"
    " the source, where the destination has that role",
}


def _functions(checkup: Checkup) -> list[str]:
    """What functions take that their definition does not bring: a library, an owner."""
    # A SECURITY DEFINER function will belong to the account that creates it.
    return [
        f"function {name} ({SPECIAL_FUNCTIONS[language]})"
        for name, language in read_special_functions(checkup.source, checkup.needs.functions)
    ]


@item("firing-triggers", "No trigger of an existing table fires while changes are applied", BOTH, OBJECTS)
def firing_triggers(checkup: Checkup) -> Finding:
    """ENABLE ALWAYS and ENABLE REPLICA fire under session_replication_role = replica; what fires changes rows twice."""
    if checkup.captured:
        return passed()
    oids = [table.oid for table in checkup.destination_tables.values()]
    firing = [each.name for each in read_always_firing(checkup.destination, oids)]
    if firing:
        return failed(
            naming("these would fire while changes are applied, or keep them from being applied: ", firing),
            "disable the triggers (ALTER TABLE ... DISABLE TRIGGER ...), and drop rules ON UPDATE, at the destination",
        )
    return passed()


ITEMS = (
    object_kinds,
    firing_triggers,
)
