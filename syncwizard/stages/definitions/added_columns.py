"""Columns that scripts add: made at the destination beside those of the source, by the type of their expression."""

from syncwizard.postgres.catalog.row_rules import read_rules
from syncwizard.postgres.catalog.selection import select_tables
from syncwizard.postgres.catalog.tables import database_of
from syncwizard.postgres.destination.destination import Destination
from syncwizard.postgres.session.trouble import translated
from syncwizard.rows.projection import TaskWishes
from syncwizard.stages.context import Context
from syncwizard.stages.targets import read_targets
from syncwizard.task.names import TableName


def add_columns(context: Context, destination: Destination) -> int:
    """Adds what is missing; how many. Safe to run again. Raises TaskFailed for a script that cannot be used."""
    if TaskWishes(context.spec).plain:
        return 0
    added: dict[tuple[TableName, str], str] = {}
    with context.connect("source", "schema") as source:
        with translated("source", "reading filters and scripts"):
            selected = select_tables(source, context.spec, sizes=False).tables
            rules = read_rules(source, database_of(source), selected, context.spec, context.mapping)
        with translated("destination", "reading the catalogue"):
            targets = read_targets(source, destination, selected, context.mapping)
    for table in selected:
        rule = rules.get(table.name)
        # A partition has the columns of its root.
        target = targets.find(table) if rule is not None and table.root == table.name else None
        if rule is None or target is None:
            continue
        present = {column.name for column in target.columns}
        for output in rule.projection.outputs:
            if output.name not in present:
                added[target.name, output.name] = output.type.name
    with translated("destination", "adding the columns of scripts"):
        for (table_name, column), kind in added.items():
            destination.definitions.add_column(table_name, column, kind)
    return len(added)
