"""Shows what a task's filter and scripts make of real rows, before anything is started."""

from syncwizard.errors import TaskFailed, UsageError
from syncwizard.postgres.catalog.row_rules import read_rules
from syncwizard.postgres.catalog.rule_checks import Judges
from syncwizard.postgres.catalog.rule_trial import try_projection
from syncwizard.postgres.catalog.selection import select_tables
from syncwizard.postgres.catalog.tables import database_of
from syncwizard.postgres.session.server import make_read_only
from syncwizard.postgres.session.trouble import translated
from syncwizard.stages.context import Context
from syncwizard.task.names import TableName
from syncwizard.task.text import did_you_mean
from syncwizard.task.trial import Trial


def run(context: Context, table: str, *, count: bool) -> Trial:
    """Tries a table of the task, by its name with or without its schema: plans its rows at both ends, and makes some.

    Raises UsageError for one that is not the task's or goes as it is; TaskFailed for a rule that cannot be used.
    """
    with context.connect("source", "trial") as source, translated("source", "trying filters and scripts"):
        make_read_only(source)
        selected = select_tables(source, context.spec, sizes=False).tables
        name = _find(table, [each.name for each in selected])
        found = next(each for each in selected if each.name == name)
        database = database_of(source)
        here = read_rules(source, database, [found], context.spec, context.mapping).get(name)
        if here is None:
            raise UsageError(f"rows of {name} travel as they are: it has no `where`, `etl` or `operations`")
        with context.connect("destination", "trial") as destination:
            with translated("destination", "trying filters and scripts"):
                there = read_rules(destination, database, [found], context.spec, context.mapping, there=True)[name]
            types_follow = "schema" in context.spec.synchronization.types
            problem = Judges(source, destination, types_follow=types_follow).obstacle(here.projection, there.projection)
        if problem:
            raise TaskFailed(f"filter or script of {name} cannot be used: {problem}")
        return try_projection(source, here.projection, count=count)


def _find(table: str, names: list[TableName]) -> TableName:
    found = [name for name in names if table in (str(name), name.name)]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"there are several tables {table}", remedy=f"name one: {', '.join(map(str, found))}")
    near = did_you_mean(table, [*map(str, names), *(name.name for name in names)])
    raise UsageError(f"there is no table {table} in this task", remedy=near)
