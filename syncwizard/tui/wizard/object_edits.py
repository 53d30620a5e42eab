"""What the dialogs of the objects begin with, and what their answers make of the choice."""

from collections.abc import Callable
from typing import Any

from textual.app import App

from syncwizard.task.drafting.catalogue import CatalogueObject
from syncwizard.task.drafting.choice import ObjectChoice
from syncwizard.task.drafting.outline import Line
from syncwizard.task.drafting.renaming import arrivals
from syncwizard.task.drafting.table_edit import TableEdit
from syncwizard.task.names import TableName
from syncwizard.task.objects import TableObject
from syncwizard.tui.dialogs.table_edit import TableDialog

Take = Callable[[ObjectChoice], None]


def can_edit(line: Line | None, choice: ObjectChoice) -> bool:
    """Whether what the line stands for has a dialog."""
    return line is not None and line.object is not None and line.object.kind == "table" and not line.object.obstacle


def edit(app: App[Any], line: Line, choice: ObjectChoice, take: Take, *, database: str) -> None:
    """Opens the dialog for a line."""
    if line.object is not None:
        _edit_table(app, line.object, choice, take, database)


def _edit_table(app: App[Any], table: CatalogueObject, choice: ObjectChoice, take: Take, database: str) -> None:
    name = TableName(table.schema, table.name)

    def answered(answer: TableObject | None) -> None:
        if answer is not None:
            take(with_answer(choice, table, answer))

    app.push_screen(
        TableDialog(name, edit_of(table, choice), taken=taken_beside(table, choice), database=database), answered
    )


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
