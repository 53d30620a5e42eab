"""Keys that rows of the source do not allow: without one changes cannot be applied, so its table is set aside alone."""

from collections.abc import Sequence

from syncwizard.postgres.destination.definitions import StatementRefused
from syncwizard.postgres.destination.destination import Destination
from syncwizard.remedies import resync
from syncwizard.stages.context import Context
from syncwizard.stages.definitions.advice import UNIQUE_VIOLATION, find_query, rows_in_the_way
from syncwizard.stages.relations import OF_ROWS, is_redefined, set_aside, tree_of
from syncwizard.task.events import TableSetAside
from syncwizard.task.names import TableName


def set_aside_by_keys(
    context: Context, destination: Destination, refused: Sequence[StatementRefused]
) -> list[StatementRefused]:
    """Sets the tables aside whose rows do not allow a key; the refusals that have nothing to do with these."""
    keys = [
        each
        for each in refused
        if each.statement.phase == "keys" and each.statement.source_table and each.sqlstate.startswith(OF_ROWS)
    ]
    if not keys:
        return list(refused)
    found: dict[object, TableSetAside] = {}
    names: set[TableName] = set()
    for each in keys:
        event = _event(context, destination, each)
        found.setdefault(event.table, event)
        names |= event.names
    set_aside(context, destination, found.values())
    made = {each.statement.object for each in keys}
    return [
        each
        for each in refused
        if each.statement.phase != "keys" or not (each.statement.source_table in names or each.statement.object in made)
    ]


def _event(context: Context, destination: Destination, refused: StatementRefused) -> TableSetAside:
    statement = refused.statement
    assert statement.source_table is not None
    table, tables = tree_of(context, destination, statement.source_table)
    query = find_query(context, statement) if refused.sqlstate == UNIQUE_VIOLATION else ""
    steps = (rows_in_the_way(query), "correct them there") if query else ("correct its rows at the source",)
    return TableSetAside(
        table=table,
        tables=tables,
        redefined=is_redefined(context, destination, table),
        reason=f"the destination refused {statement.kind} {statement.name}",
        detail=refused.words,
        sqlstate=refused.sqlstate,
        statement=statement.text,
        query=query,
        remedy=resync(context.spec.name, [table], *steps),
    )
