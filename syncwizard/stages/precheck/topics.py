"""All items of the precheck, topic by topic, in the order in which they are reported."""

from syncwizard.stages.precheck import (
    abilities,
    code,
    database,
    ddl,
    functions,
    kinds,
    matching,
    names,
    rights,
    row_constraints,
    row_rules,
    selection,
    servers,
    shape,
    target,
    values,
    vectors,
)
from syncwizard.stages.precheck.registry import Item

ITEMS: tuple[Item, ...] = (
    *servers.ITEMS,
    *abilities.ITEMS,
    *selection.ITEMS,
    *rights.SOURCE_ITEMS,
    *ddl.ITEMS,
    *kinds.ITEMS,
    *functions.ITEMS,
    *row_rules.ITEMS,
    *shape.ITEMS,
    *matching.ITEMS,
    *rights.DESTINATION_ITEMS,
    *names.ITEMS,
    *row_constraints.ITEMS,
    *target.ITEMS,
    *values.ITEMS,
    *vectors.ITEMS,
    *database.ITEMS,
    *code.ITEMS,
)
