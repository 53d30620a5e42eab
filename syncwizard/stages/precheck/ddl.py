"""Items about changes of definitions: which of the two ways this task has."""

from syncwizard.postgres.dialect import features
from syncwizard.postgres.source.ddl import foreign_names, may_capture
from syncwizard.remedies import or_else, to_do
from syncwizard.rows.following import followable
from syncwizard.stages.precheck.checkup import Checkup
from syncwizard.stages.precheck.registry import Finding, failed, item, passed, warning
from syncwizard.stages.precheck.selection import OBJECTS
from syncwizard.task.text import counted


@item("definition-changes", "Changes of definitions can be captured", ("source",), OBJECTS, run_by="administrator")
def definition_changes(checkup: Checkup) -> Finding:
    """With event triggers, or without them: then a change that does not fit the destination stops the task."""
    if checkup.spec.advanced.ddl == "off":
        return passed("they are not followed (advanced.ddl is off)")
    source = checkup.source
    off = to_do("set advanced.ddl to off: definitions are then brought in step by hand")
    if not features(source).definitions_followed:
        return failed("event triggers of this server do not say enough: PostgreSQL 12 or newer does", off)
    taken = foreign_names(source)
    if taken:
        return failed(f"{taken} exists and does not belong to syncwizard", to_do(f"rename or drop {taken}"))
    tables = checkup.selection.copied
    followed = {table.name for table in followable(checkup.spec, checkup.mapping, checkup.selection.tables)}
    number = sum(table.root in followed for table in tables)
    of = f"for {number} of {counted(len(tables), 'table')}"
    if not may_capture(source):
        return warning(
            f"the account may not create event triggers: without them, {of}, columns that are added or dropped and"
            " other names of tables and columns are followed once rows show them, and everything else stops the task or"
            " sets its table aside",
            or_else(to_do("use a superuser, or the role that the managed service gives for it"), off),
        )
    return passed(f"by event triggers, {of}")


ITEMS = (definition_changes,)
