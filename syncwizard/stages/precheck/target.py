"""Items about the destination: rights, what is there already, extensions, triggers."""

from syncwizard.errors import LayoutNewer
from syncwizard.postgres.catalog.objects import ExtensionState, has_schema, read_extension
from syncwizard.postgres.catalog.triggers import read_firing
from syncwizard.remedies import to_do
from syncwizard.stages.precheck.checkup import Checkup
from syncwizard.stages.precheck.registry import BOTH, Finding, failed, item, must_be_accepted, naming, passed, warning
from syncwizard.stages.precheck.selection import OBJECTS
from syncwizard.stages.precheck.shape import filled_tables, why_not_kept
from syncwizard.structure.needs import Extension
from syncwizard.task.names import quote
from syncwizard.task.text import listed

# The first version in which a superuser can grant the setting of a parameter.
PARAMETER_GRANTS = 15_00_00


@item("progress-schema", "Our names at the destination are free or ours", ("destination",))
def progress_schema(checkup: Checkup) -> Finding:
    """Schema syncwizard carries our mark; progress of this task is known to the journal."""
    match checkup.there.ledger.read_schema():
        case "missing" | "empty":
            return passed()
        case "foreign":
            return failed(
                "schema syncwizard exists and does not belong to syncwizard",
                "rename or drop that schema, then start again",
            )
        case "closed":
            return failed(
                "schema syncwizard belongs to another account, which runs tasks into this database",
                "use the same destination account for all tasks of this database",
            )
    try:
        checkup.there.ledger.check_layout()
    except LayoutNewer as error:
        return failed(error.title, error.remedy)
    if checkup.spec.id is None or checkup.captured:
        return passed()
    if checkup.there.ledger.exists():
        return failed(
            "the destination has progress of this task, but the journal here does not: is it run from another machine?",
            "run the task where its journal is, or release it there",
        )
    return passed()


@item("same-named-tables", "No table is in the way at the destination", BOTH, OBJECTS)
def same_named_tables(checkup: Checkup) -> Finding:
    """With `conflicts: report` nothing may be there; rows that were there before us are never removed."""
    if checkup.captured:
        return passed("the task has begun: they are its own")
    if not checkup.synchronizes("schema"):
        return _tables_without_schema(checkup)
    taken = [str(table) for table in sorted(checkup.existing.tables)]
    if not taken:
        # What is there then was made by extensions, and may hold rows of users.
        return _filled(checkup) or passed()
    if checkup.spec.synchronization.conflicts == "report":
        return failed(
            naming("the destination already has ", taken),
            "rename or drop them, deselect them, give the task's tables other names (`name`), or set"
            " synchronization.conflicts: ignore",
        )
    return _filled(checkup) or passed(naming("kept as they are: ", taken))


def _tables_without_schema(checkup: Checkup) -> Finding:
    missing = [
        str(checkup.mapping.table(table.name)) for table in checkup.selection.copied if checkup.target_of(table) is None
    ]
    if missing:
        return failed(
            naming("the destination does not have ", missing),
            "create these tables, or add schema to synchronization.types",
        )
    return _filled(checkup) or passed()


def _filled(checkup: Checkup) -> Finding | None:
    """The finding about tables that hold rows; None when there are none. Those rows are never truncated (rule 16)."""
    filled = filled_tables(checkup)
    if not filled:
        return None
    if not checkup.synchronizes("full"):
        # Nothing is copied into them: they are as the source's already, or are brought there by other means.
        return warning(
            naming("these hold rows already, which are taken for those of the source: ", filled),
            "compare both ends once the task is in step: syncwizard verify TASK --mode rows",
        )
    if checkup.spec.synchronization.conflicts == "report":
        return failed(
            naming("these hold rows already: ", filled),
            "empty these tables, deselect them, or set synchronization.conflicts: ignore",
        )
    refused = [reason for name in filled if (reason := why_not_kept(checkup, name))]
    if refused:
        return failed(
            naming("these hold rows already and cannot be copied into: ", refused),
            "empty these tables, or deselect them",
        )
    return warning(
        naming(
            "these hold rows already; a row of the source whose key or other unique value is there is not copied, "
            "and comes when it changes: ",
            filled,
        )
    )


@item("same-named-definitions", "No type or function is in the way at the destination", BOTH, OBJECTS)
def same_named_definitions(checkup: Checkup) -> Finding:
    """What has the name of something needed is used as it is: whether that is right has to be accepted."""
    if checkup.captured or not checkup.synchronizes("schema"):
        return passed()
    taken = sorted(map(str, checkup.existing.objects)) + sorted(map(str, checkup.existing.functions))
    if not taken:
        return passed()
    return must_be_accepted(
        naming(
            "the destination already has these types, sequences or functions, and they will be used as they are: ",
            taken,
        ),
        "make sure that they are the same as at the source and accept this item, or drop them",
    )


@item("extensions", "The extensions are available at the destination", BOTH, OBJECTS, run_by="administrator")
def extensions(checkup: Checkup) -> Finding:
    """Installed in the same schema, or available and within our rights to install."""
    if not checkup.synchronizes("schema"):
        return passed()
    found = [_judge_extension(checkup, extension) for extension in checkup.needs.extensions]
    problems = [finding for finding in found if finding.verdict == "failed"]
    notes = [finding.message for finding in found if finding.verdict == "warning"]
    if problems:
        return failed(
            [finding.message for finding in problems] + notes,
            to_do(*dict.fromkeys(step for finding in problems for step in finding.remedy.steps)),
            [statement for finding in problems for statement in finding.remedy.statements],
        )
    if notes:
        return warning(
            notes,
            "install what is missing; use the same versions where definitions or values differ between them",
        )
    return passed(", ".join(extension.name for extension in checkup.needs.extensions))


def _judge_extension(checkup: Checkup, extension: Extension) -> Finding:
    """One extension; what nothing selected is known to use is no more than a note."""
    found = read_extension(checkup.destination, extension.name)
    unused = "and nothing selected is known to use it"
    if found is None and not extension.required:
        return warning(f"{extension.name} is not available at the destination, {unused}")
    if found is None:
        return failed(
            f"extension {extension.name} is not available at the destination",
            f"install the package of {extension.name} {extension.version} or newer on the destination's server",
        )
    problem = _extension_problem(checkup, extension, found)
    if problem is not None:
        return problem if extension.required else warning(f"{problem.message}, {unused}")
    version = found.installed_version or found.default_version
    if version != extension.version:
        return warning(f"{extension.name} is {extension.version} at the source and {version} at the destination")
    return passed()


def _extension_problem(checkup: Checkup, extension: Extension, found: ExtensionState) -> Finding | None:
    if found.installed_version is None and not found.may_create:
        statements = [f"CREATE EXTENSION {quote(extension.name)} WITH SCHEMA {quote(extension.schema)}"]
        if not has_schema(checkup.destination, extension.schema):
            # The account has to create in it as well.
            user = quote(checkup.destination.info.user)
            statements.insert(0, f"CREATE SCHEMA IF NOT EXISTS {quote(extension.schema)} AUTHORIZATION {user}")
        return failed(
            f"extension {extension.name} can only be created by a superuser",
            "have a superuser create it in the destination database",
            statements,
        )
    if found.installed_version is not None and found.schema != extension.schema:
        return failed(
            f"extension {extension.name} is in schema {found.schema}, at the source in {extension.schema}: "
            "definitions name it with its schema",
            "move it to the same schema",
            f"ALTER EXTENSION {quote(extension.name)} SET SCHEMA {quote(extension.schema)}",
        )
    return None


@item(
    "triggers", "Triggers and foreign keys do not fire while changes are applied", BOTH, OBJECTS, run_by="administrator"
)
def triggers(checkup: Checkup) -> Finding:
    """session_replication_role = replica, which takes a right (DESIGN rule 15)."""
    if checkup.there.may_prepare_writing():
        return passed()
    database = checkup.there.database
    if database.fires_no_triggers():
        return passed("set as the role's default")
    user = quote(database.user)
    default = f"ALTER ROLE {user} SET session_replication_role = replica"
    if database.server_version >= PARAMETER_GRANTS:
        remedy = f"grant the right, or have a superuser set the role's default until the task is released: {default}"
        statement = f"GRANT SET ON PARAMETER session_replication_role TO {user}"
    else:
        remedy, statement = "have a superuser set the role's default until the task is released", default
    oids = [table.oid for table in checkup.destination_tables.values()]
    firing = read_firing(checkup.destination, oids)
    if firing and not checkup.captured:
        return failed(
            f"{user} may not set session_replication_role, and these would fire: {listed(firing)}", remedy, statement
        )
    return warning(
        f"{user} may not set session_replication_role: foreign keys will not be created at the destination, "
        "and triggers and rules will be created disabled",
        remedy,
        statement,
    )


ITEMS = (
    progress_schema,
    same_named_tables,
    same_named_definitions,
    extensions,
    triggers,
)
