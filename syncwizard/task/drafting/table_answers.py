"""What is answered for a table of the choice so far, what its answers must not meet, and what they make of it. Pure."""

from syncwizard.task.drafting.catalogue import CatalogueObject
from syncwizard.task.drafting.choice import ObjectChoice
from syncwizard.task.drafting.renaming import arrivals
from syncwizard.task.drafting.table_edit import TableEdit
from syncwizard.task.objects import TableObject


def edit_of(table: CatalogueObject, choice: ObjectChoice) -> TableEdit:
    """The answers there are for a table."""
    entry = choice.schemas.get(table.schema)
    return TableEdit.of(
        choice.table(table.schema, table.name),
        choice.catalogue.columns_of.get(table.relation, ()),
        schema=table.schema,
        names=choice.names_of_rules,
        inherited=None if entry is None else entry.operations,
    )


def taken_beside(table: CatalogueObject, choice: ObjectChoice) -> dict[str, str]:
    """What else of its schema is called what at the destination."""
    found = arrivals(choice, choice.names, [table.schema], without=table)
    return {name.name: what for name, what in found.items()}


def with_answer(choice: ObjectChoice, table: CatalogueObject, answer: TableObject) -> ObjectChoice:
    """The choice with another entry for a table, which is ticked by that where something is answered."""
    if not choice.has(table):
        choice = choice.with_objects([table], True)
    return choice.with_table(table.schema, answer)
