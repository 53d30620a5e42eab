"""Items about the selected objects at the source: there, readable, publishable, with an identity."""

from syncwizard.errors import TaskFailed
from syncwizard.postgres.catalog.objects import read_schemas, read_selectable
from syncwizard.postgres.dialect import features
from syncwizard.postgres.dump import able_to_reach, choose_program, find_programs, lack_of_program
from syncwizard.postgres.session.server import major
from syncwizard.postgres.source.heartbeat import has_mark, heartbeat_exists
from syncwizard.postgres.source.identity import expected_keys, why_full
from syncwizard.postgres.source.publication import published_tables
from syncwizard.postgres.source.slot import slot_exists
from syncwizard.rows.projection import RowRule
from syncwizard.stages.precheck.checkup import Checkup
from syncwizard.stages.precheck.registry import BOTH, Finding, failed, item, must_be_accepted, naming, passed, warning
from syncwizard.structure.table import Table
from syncwizard.task.names import TableName, quote
from syncwizard.task.text import did_you_mean, listed

OBJECTS = ("selected-objects",)


def quoted(table: TableName) -> str:
    """The table's name in a statement."""
    return f"{quote(table.schema)}.{quote(table.name)}"


@item("synchronization-types", "The synchronization types go together", ())
def synchronization_types(checkup: Checkup) -> Finding:
    """Changes are always followed; schema and rows may be there already."""
    if not checkup.synchronizes("incremental"):
        return failed(
            "incremental synchronization is not selected", "add incremental to synchronization.types in the task file"
        )
    if not checkup.synchronizes("full"):
        return warning(
            "rows are not copied: only what changes from the start on is carried over, and a change of a row that the "
            "destination does not have may stop the task",
            "make sure that the destination has the source's rows, or add full to synchronization.types",
        )
    return passed(", ".join(checkup.spec.synchronization.types))


@item("selected-objects", "The selected objects exist", ("source",), ("source-version",))
def selected_objects(checkup: Checkup) -> Finding:
    """Schemas and objects by name; relations that cannot be synchronized are named."""
    schemas = read_schemas(checkup.source)
    problems = []
    for entry in checkup.spec.objects:
        if entry.schema not in schemas:
            problems.append(f"schema {entry.schema}{_nearest(entry.schema, schemas)}")
            continue
        present = read_selectable(checkup.source, entry.schema)
        for kind, name in [("table", chosen.table) for chosen in entry.tables] + entry.named:
            if (kind, name) not in present:
                others = [other for other_kind, other in present if other_kind == kind]
                problems.append(f"{kind} {entry.schema}.{name}{_nearest(name, others)}")
    if problems:
        return failed([f"there is no {problem}" for problem in problems], "correct `objects` in the task file")
    if not checkup.selection.copied:
        return failed("no table is selected", "select at least one table that holds rows of its own")
    if checkup.selection.left_out:
        left = [f"{entry.table} ({entry.reason})" for entry in checkup.selection.left_out]
        return warning(naming("these will not be synchronized: ", left))
    return passed(f"{len(checkup.selection.copied)} tables")


def _nearest(name: str, names: list[str]) -> str:
    question = did_you_mean(name, names)
    return f" ({question})" if question else ""


@item("replica-identity", "Every table can publish UPDATE and DELETE", ("source",), OBJECTS)
def replica_identity(checkup: Checkup) -> Finding:
    """Without a usable identity the *user's* UPDATE would fail once the table is published (DESIGN rule 6)."""
    rules = _rules(checkup)
    reasons = {table.name: _why(table, rules) for table in checkup.selection.copied}
    without = [table for table in checkup.selection.copied if reasons[table.name]]
    full = [table for table in checkup.selection.copied if table.replica_identity == "f"]
    virtual = [
        table.name
        for table in (*without, *full)
        if major(checkup.source) >= 18 and any(column.generated == "v" for column in table.columns)
    ]
    if virtual:
        return failed(
            naming(
                "tables with virtual generated columns need a key, or their UPDATE would fail once published: ", virtual
            ),
            "add a primary key to these tables, or do not select them",
        )
    if not without:
        return passed()
    names = listed([f"{table.name} {reasons[table.name]}" for table in without])
    statements = [f"ALTER TABLE {quoted(table.name)} REPLICA IDENTITY FULL" for table in without]
    if any(not table.owned for table in without):
        return failed(
            f"{names}: only their owner can set REPLICA IDENTITY FULL",
            "add a primary key, or have the owner run these statements",
            statements,
        )
    return must_be_accepted(
        f"{names}: REPLICA IDENTITY FULL will be set at the start and taken back on release; each update and "
        "delete of these tables then writes the whole old row to the WAL",
        "add a primary key where you can; accept this item to have it set, off peak: each table is locked"
        " for a moment (ACCESS EXCLUSIVE), behind the transactions that use it",
        statements,
    )


def _why(table: Table, rules: dict[TableName, RowRule]) -> str:
    """Why FULL has to be set; empty where it need not, or is."""
    return "" if table.replica_identity == "f" else why_full(table, rules.get(table.name))


def _rules(checkup: Checkup) -> dict[TableName, RowRule]:
    """Filters and scripts; none where one of them cannot be used, which another item reports."""
    try:
        return checkup.rules
    except TaskFailed:
        return {}


@item("apply-key", "Rows can be addressed by a key at the destination", ("source",), OBJECTS)
def apply_key(checkup: Checkup) -> Finding:
    """A table without an immediate unique index over NOT NULL columns is matched by whole rows."""
    keys = expected_keys(checkup.selection.copied)
    keyless = [str(table.name) for table in checkup.selection.copied if table.name not in keys]
    if keyless:
        return warning(
            naming(
                "no unique, immediate, complete index over NOT NULL columns: changes find their rows by comparing "
                "whole rows, for which each batch reads the table: ",
                keyless,
            ),
            "add a primary key where updates and deletes are frequent",
        )
    return passed()


@item("local-values", "No column holds what only the source knows", ("source",), OBJECTS)
def local_values(checkup: Checkup) -> Finding:
    """Names of its objects, which the destination must have, and numbers of its own, which mean nothing elsewhere."""
    columns = [(table, column) for table in checkup.selection.copied for column in table.stored_columns]
    local = [f"{table.name}.{column.name} ({column.local})" for table, column in columns if column.local]
    textual = [f"{table.name}.{column.name}" for table, column in columns if column.textual]
    notes = []
    if local:
        notes.append(
            naming(
                "these columns name or count things of the source's own: names (reg*, aclitem) arrive as names, which "
                "the destination must know, numbers (oid, xid, tid, pg_lsn and the like) as they are: ",
                local,
            )
        )
    if textual:
        notes.append(naming("all changes of this task travel as text, which is slower, because of ", textual))
    return warning(notes, "exclude tables that mean nothing elsewhere") if notes else passed()


@item("later-partitions", "Partitions created later will be captured", ("source",), OBJECTS)
def later_partitions(checkup: Checkup) -> Finding:
    """Only a root with a primary key is published as such, and from 13 on."""
    published = set(published_tables(checkup.selection, features(checkup.source)))
    roots = [
        str(table.name)
        for table in checkup.selection.tables
        if table.partitioned and table.root == table.name and table.name not in published
    ]
    if roots and not features(checkup.source).partitioned_members:
        return warning(
            naming("partitions created after the start will not be captured before PostgreSQL 13: ", roots),
            "create the partitions that will be needed before the start",
        )
    if roots:
        return warning(
            naming(
                "partitions created after the start will not be captured, because the partitioned table has no "
                "immediate primary key or is not selected whole: ",
                roots,
            ),
            "create the partitions that will be needed before the start, or add a primary key",
        )
    return passed()


@item("slot", "The replication slot is free or known", ("source",))
def slot(checkup: Checkup) -> Finding:
    """A slot of this task that the journal does not know belongs to a run from somewhere else."""
    if checkup.spec.id is None or checkup.captured:
        return passed()
    name = checkup.spec.slot
    if slot_exists(checkup.source, name):
        return failed(
            f"slot {name} exists, but the journal here does not know it: is the task run from another machine?",
            "run the task where its journal is; or, when that is gone, drop the slot and start again",
            f"SELECT pg_drop_replication_slot('{name}')",
        )
    return passed()


@item("heartbeat-name", "Our names at the source are free or ours", ("source",))
def heartbeat_name(checkup: Checkup) -> Finding:
    """The heartbeat table carries our mark, so that one of another owner is never touched."""
    if heartbeat_exists(checkup.source) and not has_mark(checkup.source):
        return failed(
            "public.dts_postgres_heartbeat exists and does not belong to syncwizard",
            "rename or drop that table, then start again",
        )
    return passed()


@item("pg-dump", "A pg_dump that can read the source is on this machine", BOTH)
def pg_dump(checkup: Checkup) -> Finding:
    """As new as the source, or newer."""
    if not checkup.synchronizes("schema"):
        return passed("not needed")
    version = major(checkup.source)
    found = find_programs()
    able = able_to_reach(found, checkup.spec.source, checkup.source)
    program = choose_program(able, version, major(checkup.destination))
    if program is None:
        problem, remedy = lack_of_program(found, able, version)
        return failed(f"definitions are read with pg_dump {version} or newer, and {problem}", remedy)
    return passed(f"{program.path} ({program.version})")


ITEMS = (
    synchronization_types,
    selected_objects,
    replica_identity,
    apply_key,
    local_values,
    later_partitions,
    slot,
    heartbeat_name,
    pg_dump,
)
