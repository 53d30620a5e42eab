"""What helps where the destination refuses a definition, and how to try it again."""

import re
import shlex

from syncwizard.errors import EndpointError
from syncwizard.paths import TASK_FILE
from syncwizard.postgres.catalog.extensions import read_extensions
from syncwizard.postgres.destination.definitions import StatementRefused
from syncwizard.postgres.destination.destination import Destination
from syncwizard.postgres.session.trouble import translated
from syncwizard.postgres.source.violations import check_query, duplicates_query, orphans_query
from syncwizard.stages.context import Context
from syncwizard.structure.planned import VALIDATIONS, PlannedStatement
from syncwizard.task.names import quote

UNIQUE_VIOLATION = "23505"
FOREIGN_KEY_VIOLATION = "23503"
CHECK_VIOLATION = "23514"
# An undefined function, table or type: from within a function where the statement itself names none.
UNDEFINED = ("42883", "42P01", "42704")
NOT_IMMUTABLE = "42P17"
# What shows the rows that are wrong, by the kind of what they break; else a unique index.
QUERIES = {"foreign key": orphans_query, "check constraint": check_query}
# In the context of an error, which servers of other languages put into other words.
IN_FUNCTION = re.compile(r'(?:PL/\w+ function |SQL function ")(?P<name>[^"]*?(?:\([^)]*\))?)(?=" | line | during|")')


def advise(context: Context, destination: Destination, refused: StatementRefused) -> str:
    """What to do about a definition that the destination does not take; how to try it again stands at the end."""
    statement = refused.statement
    steps = [_correction(context, destination, refused)]
    if _can_be_excluded(context, statement):
        steps.append(f"to do without it, add its name to `exclude` in {context.folder / TASK_FILE}")
    steps.append(f"then run `syncwizard definitions {shlex.quote(context.spec.name)} --retry`")
    return "; ".join(filter(None, steps))


def _correction(context: Context, destination: Destination, refused: StatementRefused) -> str:
    statement, state = refused.statement, refused.sqlstate
    if state == UNIQUE_VIOLATION and statement.kind != "materialized view refresh":
        return f"{_rows(context, statement)}; correct them there: the changes are replicated"
    if state in (FOREIGN_KEY_VIOLATION, CHECK_VIOLATION):
        return f"{_rows(context, statement)}; correct them there: the changes are replicated"
    if state in UNDEFINED and (name := _function_of(refused)):
        return _find_what_it_uses(context, destination, name)
    if state == NOT_IMMUTABLE:
        return "run ALTER FUNCTION … IMMUTABLE at the destination for the functions it calls, as they are at the source"
    return "make the destination accept the statement, or run it there by hand"


def _find_what_it_uses(context: Context, destination: Destination, function: str) -> str:
    """For a function that does not find what its body names, which no catalogue knows of."""
    known = None if "." in function else destination.database.find_function(function.partition("(")[0])
    signature, schema = known or (function, function.partition(".")[0] if "." in function else "public")
    # As the application's sessions usually have it.
    path = ", ".join(dict.fromkeys([quote(schema), "public"]))
    steps = [
        f"function {signature} finds what it uses by the search_path, which is empty while definitions are made:"
        f" ALTER FUNCTION {signature} SET search_path = {path}; at the destination, and at the source for good"
    ]
    if lacking := _lacking_extensions(context, destination):
        steps.append(f"where it uses an extension that the destination lacks, before that: {'; '.join(lacking)}")
    return "; ".join(steps)


def _lacking_extensions(context: Context, destination: Destination) -> list[str]:
    """The statements that create what the source has."""
    try:
        with context.connect("source", "definitions") as source, translated("source", "reading the catalogue"):
            there = read_extensions(source)
    except EndpointError:
        return []
    here = destination.database.read_extensions()
    return [
        f"CREATE EXTENSION {quote(name)} SCHEMA {quote(schema)}" for name, schema in there.items() if name not in here
    ]


def _function_of(refused: StatementRefused) -> str:
    """The function in which the statement failed, as far as the server's message tells."""
    # The outermost comes last; the one that names what it cannot find is the first.
    found = IN_FUNCTION.search(refused.words.partition("CONTEXT:")[2])
    return found["name"] if found else ""


def _rows(context: Context, statement: PlannedStatement) -> str:
    """Where the rows are that a key or a unique index does not allow, with the query that shows them."""
    return rows_in_the_way(find_query(context, statement))


def rows_in_the_way(query: str) -> str:
    """Where they are, with the query that shows them, if there is one."""
    return "rows of the source break it" + (f", which this query shows there: {query}" if query else "")


def find_query(context: Context, statement: PlannedStatement) -> str:
    """What shows the rows of the source that a constraint or unique index does not allow; empty where there is none."""
    table, made = statement.source_table, statement.object
    if table is None or made is None:
        return ""
    find = QUERIES.get(VALIDATIONS.get(statement.kind, statement.kind), duplicates_query)
    try:
        with context.connect("source", "definitions") as source, translated("source", "reading the catalogue"):
            return find(source, table, statement.source_object or made.name)
    except EndpointError:
        # The definition is missing whether the source can be asked or not.
        return ""


def _can_be_excluded(context: Context, statement: PlannedStatement) -> bool:
    """Whether it makes an object of its own in a schema that is selected whole."""
    whole = [entry.schema for entry in context.spec.objects if entry.whole]
    return statement.table is None and any(statement.name.startswith(f"{schema}.") for schema in whole)
