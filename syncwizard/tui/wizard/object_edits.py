"""What the dialogs of the objects begin with, and what their answers make of the choice."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from textual.app import App

from syncwizard.rows.as_typed import shape_of
from syncwizard.rows.batch_edits import Edited, OfBatch
from syncwizard.task.drafting.catalogue import CatalogueObject, RelationName
from syncwizard.task.drafting.choice import ObjectChoice
from syncwizard.task.drafting.outline import Groups, Line, Node, objects_of
from syncwizard.task.drafting.renaming import arrivals
from syncwizard.task.drafting.schema_edit import SchemaEdit, rules_of, rules_text
from syncwizard.task.drafting.table_answers import edit_of, taken_beside, with_answer
from syncwizard.task.names import TableName
from syncwizard.task.objects import TableObject
from syncwizard.tui.dialogs.batch_edit import BatchDialog
from syncwizard.tui.dialogs.schema_edit import SchemaDialog
from syncwizard.tui.dialogs.table_edit import TableDialog
from syncwizard.tui.wizard.trying import Trials

Take = Callable[[ObjectChoice], None]


def can_edit(line: Line | None, choice: ObjectChoice) -> bool:
    """Whether what the line stands for has a dialog: tables, and schemas of which something is chosen."""
    if line is None:
        return False
    if line.object is None:
        return line.node.kind is None and line.node.schema in choice.schemas
    return line.object.kind == "table" and not line.object.obstacle


def edit(app: App[Any], line: Line, choice: ObjectChoice, take: Take, *, database: str, trials: Trials) -> None:
    """Opens the dialog for a line."""
    if line.object is not None:
        _edit_table(app, line.object, choice, take, database, trials)
    else:
        _edit_schema(app, line.node.schema, choice, take)


def edit_batch(app: App[Any], tables: Sequence[TableName], choice: ObjectChoice, take: Take) -> None:
    """Opens the dialog that edits many tables."""
    schemas = {table.schema for table in tables}

    def answered(answer: list[Edited] | None) -> None:
        if answer:
            take(choice.with_tables((each.table.schema, each.entry) for each in answer))

    before = {table: choice.names.table(table).name for table in tables}
    others = arrivals(choice, choice.names, [schema for schema in choice.schemas if schema in schemas])
    columns = choice.catalogue.columns_of
    batch = [
        OfBatch(
            entry=choice.table(table.schema, table.name),
            shape=shape_of(table, columns.get(RelationName(table.schema, table.name), ())),
        )
        for table in tables
    ]
    operations = {schema: choice.schemas[schema].operations for schema in schemas if schema in choice.schemas}
    app.push_screen(BatchDialog(batch, before=before, others=others, operations=operations), answered)


def tables_below(line: Line, groups: Groups, choice: ObjectChoice) -> list[TableName]:
    """The chosen tables that are shown at and below the line; of a single object, those of its schema. Where there are
    none, all that are shown."""
    node = Node(line.node.schema) if line.object is not None else line.node
    return _chosen_tables(objects_of(groups, node), choice) or _chosen_tables(objects_of(groups), choice)


def _chosen_tables(objects: Iterable[CatalogueObject], choice: ObjectChoice) -> list[TableName]:
    return [
        TableName(each.schema, each.name)
        for each in objects
        if each.kind == "table" and not each.obstacle and choice.has(each)
    ]


def _edit_schema(app: App[Any], schema: str, choice: ObjectChoice, take: Take) -> None:
    entry = choice.schemas[schema]
    begun = SchemaEdit(
        schema=schema,
        name=choice.names.schema(schema),
        rules=rules_text(entry.rename),
        operations=entry.operations,
    )

    def answered(answer: SchemaEdit | None) -> None:
        if answer is not None:
            # The name that capitalization makes is no name of its own.
            named = choice if answer.name == begun.name else choice.with_name(schema, answer.name)
            rules = rules_of(answer.rules)
            take(named.with_rules(schema, rules).with_operations(schema, answer.operations))

    tables = [each.name for each in choice.view(schema).chosen.get("table", ())]
    # Tables that are merged meet on purpose.
    named = {name: own.name for name, own in entry.edits.items() if own.name is not None and not own.merges}
    merged = {name for name, own in entry.edits.items() if own.merges}
    app.push_screen(SchemaDialog(begun, [name for name in tables if name not in merged], named), answered)


def _edit_table(
    app: App[Any], table: CatalogueObject, choice: ObjectChoice, take: Take, database: str, trials: Trials
) -> None:
    name = TableName(table.schema, table.name)

    def answered(answer: TableObject | None) -> None:
        if answer is not None:
            take(with_answer(choice, table, answer))

    dialog = TableDialog(
        name,
        edit_of(table, choice),
        taken=taken_beside(table, choice),
        database=database,
        attempt=lambda entry: trials.of_table(name, choice, entry),
    )
    app.push_screen(dialog, answered)
