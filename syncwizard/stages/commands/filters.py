"""How many rows the filters and scripts of a task select, before anything is started."""

from collections.abc import Iterator

from syncwizard.postgres.catalog.row_rules import read_rules
from syncwizard.postgres.catalog.rule_checks import count_kept, judge_source
from syncwizard.postgres.catalog.selection import select_tables
from syncwizard.postgres.catalog.tables import database_of
from syncwizard.postgres.session.server import make_read_only
from syncwizard.postgres.session.trouble import translated
from syncwizard.stages.context import Context
from syncwizard.task.trial import KeptRows


def run(context: Context, *, count: bool) -> Iterator[KeptRows]:
    """Each table of which rows are selected, in the order of their names. Raises TaskFailed for a rule that cannot be
    used."""
    with context.connect("source", "filters") as source, translated("source", "asking how many rows filters keep"):
        make_read_only(source)
        tables = {table.name: table for table in select_tables(source, context.spec).copied}
        rules = read_rules(source, database_of(source), tables.values(), context.spec, context.mapping)
        for name, rule in sorted(rules.items()):
            projection, estimated = rule.projection, tables[name].estimated_rows
            if projection.kept is True:
                continue
            kept, total = count_kept(source, projection) if count else (None, None)
            yield KeptRows(
                table=name,
                where=projection.where,
                expected=round(judge_source(source, projection).rows or 0),
                estimated=estimated if estimated > 0 else None,
                kept=kept,
                total=total,
            )
